package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// progress shows how far some work is: as a bar on a terminal, as a line from time to time
// elsewhere, and not at all if the work ends within a second. If there are several, only the newest
// is shown, because it is a part of the others.
type progress struct {
	p        *program
	terminal bool
	what     string
	next     time.Time
	drawn    bool
}

// bars are the progresses that have not ended.
type bars struct {
	mu   sync.Mutex
	open []*progress
}

// progress begins to show the progress of some work.
func (p *program) progress(what string) *progress {
	b := &progress{p: p, what: what, next: time.Now().Add(time.Second)}
	_, b.terminal = terminal(p.err)
	p.bars.mu.Lock()
	defer p.bars.mu.Unlock()
	p.bars.open = append(p.bars.open, b)
	return b
}

// at shows how much of the work is done. total is 0 if unknown.
func (b *progress) at(done, total int64) {
	if total <= 0 {
		b.tell("", fmt.Sprint(done))
		return
	}
	done = min(done, total) // a file may grow while it is read
	const width = 30
	full := int(width * done / total)
	b.tell("["+strings.Repeat("#", full)+strings.Repeat(".", width-full)+"] ", fmt.Sprintf("%d%%", 100*done/total))
}

// tell shows words, and on a terminal a picture before them.
func (b *progress) tell(picture, words string) {
	b.p.bars.mu.Lock()
	defer b.p.bars.mu.Unlock()
	now, open := time.Now(), b.p.bars.open
	if now.Before(b.next) || len(open) == 0 || open[len(open)-1] != b {
		return
	}
	b.drawn = true
	if !b.terminal {
		b.next = now.Add(5 * time.Second)
		b.p.note("%s: %s", b.what, words)
		return
	}
	b.next = now.Add(100 * time.Millisecond)
	fmt.Fprintf(b.p.err, "\r\x1b[K%s: %s%s", b.what, picture, words)
}

// end removes the bar. It may be called more than once.
func (b *progress) end() {
	b.p.bars.mu.Lock()
	defer b.p.bars.mu.Unlock()
	b.p.bars.open = slices.DeleteFunc(b.p.bars.open, func(x *progress) bool { return x == b })
	if b.drawn && b.terminal {
		fmt.Fprint(b.p.err, "\r\x1b[K")
	}
	b.drawn = false
}

// waiting does work whose progress is unknown, and shows for how long it has been running.
func (p *program) waiting(what string, work func() error) error {
	bar, done := p.progress(what), make(chan error, 1)
	defer bar.end()
	began := time.Now()
	go func() { done <- work() }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(200 * time.Millisecond):
			bar.tell("", time.Since(began).Truncate(time.Second).String())
		}
	}
}

// reader shows how much of a stream of known size has been read.
func (b *progress) reader(r io.Reader, size int64) io.Reader {
	return &countingReader{r: r, size: size, bar: b}
}

type countingReader struct {
	r          io.Reader
	done, size int64
	bar        *progress
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	c.bar.at(c.done, c.size)
	return n, err
}

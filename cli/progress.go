package cli

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progress shows how far long work is: a bar on a terminal, a line now and then elsewhere, nothing when it is soon done.
type progress struct {
	w        io.Writer
	terminal bool
	what     string
	next     time.Time
	drawn    bool
}

// progress begins to show the progress of some work.
func (p *program) progress(what string) *progress {
	return &progress{w: p.err, what: what, terminal: isTerminal(p.err), next: time.Now().Add(time.Second)}
}

// at says how much of the work is done; total is 0 when nobody knows.
func (b *progress) at(done, total int64) {
	now := time.Now()
	if now.Before(b.next) {
		return
	}
	b.drawn = true
	part := fmt.Sprint(done)
	if total > 0 {
		part = fmt.Sprintf("%d%%", 100*done/total)
	}
	if !b.terminal {
		b.next = now.Add(5 * time.Second)
		fmt.Fprintf(b.w, "%s: %s\n", b.what, part)
		return
	}
	b.next = now.Add(100 * time.Millisecond)
	const width = 30
	bar := ""
	if total > 0 {
		full := int(width * done / total)
		bar = "[" + strings.Repeat("#", full) + strings.Repeat(".", width-full) + "] "
	}
	fmt.Fprintf(b.w, "\r\x1b[K%s: %s%s", b.what, bar, part)
}

// end takes the bar away.
func (b *progress) end() {
	if b.drawn && b.terminal {
		fmt.Fprint(b.w, "\r\x1b[K")
	}
}

// reader shows how much of a stream of a known size was read.
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

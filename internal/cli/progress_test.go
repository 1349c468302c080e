package cli

import (
	"errors"
	"regexp"
	"testing"
	"time"
)

// Work that takes its time is told of, with the newest of what is going on, and what came of it is
// returned; work that is soon done is not.
func TestProgress(t *testing.T) {
	t.Parallel()
	errs := new(said)
	p := &program{err: errs}
	bad := errors.New("it went wrong")
	if err := p.waiting("quick", func() error { return bad }); err != bad || errs.String() != "" {
		t.Errorf("%v, %q", err, errs)
	}
	grown := p.progress("a file that grows")
	grown.at(200, 100)
	grown.end()
	err := p.waiting("copying", func() error {
		inner := p.progress("verifying")
		for i := int64(0); i < 13; i++ {
			inner.at(i, 26)
			time.Sleep(100 * time.Millisecond)
		}
		inner.end()
		inner.end()
		inner.at(26, 26)
		time.Sleep(700 * time.Millisecond)
		return nil
	})
	if got := errs.String(); err != nil ||
		!regexp.MustCompile(`^(verifying: \d+%\n)+(copying: \d+s\n)+$`).MatchString(got) {
		t.Errorf("%v, %q", err, got)
	}
	if len(p.bars.open) != 0 {
		t.Errorf("%d bars never ended", len(p.bars.open))
	}
}

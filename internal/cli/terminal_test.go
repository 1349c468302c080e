package cli

import (
	"errors"
	"regexp"
	"testing"
	"time"
	"unicode"
)

// TestTerminal: no command prints control characters that come from names or files.
func TestTerminal(t *testing.T) {
	evil := "\x1b]0;owned\x07\x1b[2J\u009b31m\u202eevil"
	dir := t.TempDir()
	file := newFile(t)
	if r := call(t, "", "import", "targets",
		write(t, dir, "targets.csv",
			"name,ra,dec,name2,"+evil+"\nN"+evil+",1,1,a"+evil+","+evil+"\n"), "--db", file); r.status != 0 {
		t.Fatal(r.err)
	}
	bad := write(t, dir, "bad.csv", "target,data_type,mjd,"+evil+"\n")
	double := write(t, dir, "double.csv", "name,"+evil+","+evil+"\n")
	data := write(t, dir, "data.csv", "time,magnitude,"+evil+"\n60000,1,"+evil+"\n60001,x"+evil+",2\n")
	for _, args := range [][]string{{"target", "list"}, {"target", "share", "1", evil}, {"target", "remove", evil},
		{"log"}, {"import", "datums", bad}, {"import", "targets", double}, {"import", "targets", "no" + evil + ".csv"},
		{"import", "product", "--target", "1", "--type", "photometry", data}, {"inspect", data}, {"user", "add",
			evil}, {"group", "add", "G" + evil}, {"group", "list"}, {"group", "join", evil, evil}, {"user", "list"},
		{"log", "--user", evil},
		{"settings", "set", evil, evil}, {"token", "create", "admin", "--name", evil}, {"token", "list"}, {evil}} {
		r := call(t, "", append(args, "--db", file)...)
		for _, c := range r.out + r.err {
			if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c)) {
				t.Errorf("%q: the character %U in %q %q", args, c, r.out, r.err)
				break
			}
		}
		if r.out+r.err == "" && args[1] != "add" {
			t.Errorf("%q prints nothing", args)
		}
	}
}

// TestProgress: long work shows its progress, quick work does not, and of several only the newest
// is shown. The error of the work is returned.
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

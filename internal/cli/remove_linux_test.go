package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"
)

// TestRemoveAsks: on a terminal, target remove says what goes with the target, and deletes it only
// after a yes. With --yes, and where the input is no terminal, it does not ask.
func TestRemoveAsks(t *testing.T) {
	person, terminal := openTerminal(t)
	go io.Copy(io.Discard, person) // until the terminal is closed
	dir, file := t.TempDir(), newFile(t)
	curve := write(t, dir, "lc.csv", "time,magnitude,filter\n60000.1,15.5,r\n60000.2,15.6,r\n")
	for _, name := range []string{"NJ 1", "NJ 12", "NJ 3", "NJ 4"} {
		must(t, "target", "add", name, "--ra", "1", "--dec", "2", "--db", file)
	}
	for _, name := range []string{"NJ 1", "NJ 12"} {
		must(t, "import", "product", "--target", name, curve, "--db", file)
	}
	const question = "Delete it? [y/N] "
	run := func(ctx context.Context, in io.Reader, typed string, args ...string) result {
		t.Helper()
		var out, errs said
		p := &program{in: in, out: &out, err: &errs, getenv: func(string) string { return "" }, self: self(t)}
		ended := make(chan int, 1)
		go func() { ended <- p.run(ctx, append(args, "--db", file)) }()
		if typed != "" {
			for end := time.Now().Add(patience); !strings.HasSuffix(errs.String(), question); {
				if time.Now().After(end) {
					t.Fatalf("%v does not ask: %q", args, errs.String())
				}
				time.Sleep(time.Millisecond)
			}
			if _, err := person.WriteString(typed); err != nil {
				t.Fatal(err)
			}
		}
		return result{<-ended, out.String(), errs.String()}
	}
	has := func(name string) bool {
		t.Helper()
		return strings.Contains(must(t, "export", "targets", "--db", file), "\n"+name+",")
	}
	const says = "This deletes the target NJ 1 with 1 data product and 2 datums. It cannot be undone.\n" +
		question
	for _, no := range []string{"n\n", "\n", "never\n", "yess\n"} {
		run(t.Context(), terminal, no, "target", "remove", "NJ 1").wants(t, "remove", 1, nil,
			[]string{says, "nightjar: nothing was deleted"})
	}
	if !has("NJ 1") {
		t.Fatal("it was deleted without a yes")
	}
	run(t.Context(), terminal, "Yes\n", "target", "remove", "NJ 1").wants(t, "remove", 0, nil, []string{says})
	if has("NJ 1") || !has("NJ 12") {
		t.Error("NJ 1 is there, or NJ 12 is not")
	}
	if r := run(t.Context(), terminal, "", "target", "remove", "NJ 12", "--yes"); r.status != 0 || r.err != "" {
		t.Errorf("with --yes: %+v", r)
	}
	if r := run(t.Context(), terminal, "", "target", "remove", "-y", "NJ 3"); r.status != 0 || r.err != "" {
		t.Errorf("with -y: %+v", r)
	}
	ctx, interrupt := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer interrupt()
	if r := run(ctx, terminal, "", "target", "remove", "NJ 4"); r.status != 1 ||
		!strings.Contains(r.err, "with nothing on it") || !has("NJ 4") {
		t.Errorf("interrupted: %+v", r)
	}
	if r := run(t.Context(), new(bytes.Buffer), "", "target", "remove", "NJ 4"); r.status != 0 || r.err != "" ||
		has("NJ 4") {
		t.Errorf("not on a terminal: %+v", r)
	}
}

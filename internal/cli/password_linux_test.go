package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal opens a terminal. Writing to person types, and reading from it returns what the
// terminal shows.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("this system has no terminals: ", err)
	}
	t.Cleanup(func() { person.Close() })
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("this system has no terminals: ", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// shows reports whether a terminal shows what is typed.
func shows(t *testing.T, terminal *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// until waits until the terminal shows what is typed, or hides it.
func until(t *testing.T, terminal *os.File, shown bool) {
	t.Helper()
	for end := time.Now().Add(patience); shows(t, terminal) != shown; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the terminal shows what is typed: %v, want %v", !shown, shown)
		}
	}
}

// TestPasswordHidden: a terminal does not show a password, and shows what is typed again
// afterwards, also if the program was interrupted.
func TestPasswordHidden(t *testing.T) {
	person, terminal := openTerminal(t)
	shown := new(said)
	go io.Copy(shown, person) // until the terminal is closed
	file := newFile(t)
	run := func(ctx context.Context, args ...string) chan result {
		ended := make(chan result, 1)
		var out, errs said
		p := &program{in: terminal, out: &out, err: &errs, getenv: func(string) string { return "" }, self: self(t)}
		go func() { ended <- result{p.run(ctx, append(args, "--db", file)), out.String(), errs.String()} }()
		until(t, terminal, false)
		return ended
	}
	ended := run(t.Context(), "user", "add", "astro", "--password-stdin")
	if _, err := person.WriteString("short-lived-horse\n"); err != nil {
		t.Fatal(err)
	}
	(<-ended).wants(t, "add", 0, nil, []string{"password (it is not shown)"})
	until(t, terminal, true)
	ctx, interrupt := context.WithCancel(t.Context())
	ended = run(ctx, "user", "passwd", "astro", "--password-stdin")
	interrupt()
	(<-ended).wants(t, "passwd", 1, nil, []string{"nightjar: interrupted"})
	until(t, terminal, true)
	if _, err := person.WriteString("visible"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); !strings.Contains(shown.String(), "visible") && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if !strings.Contains(shown.String(), "visible") {
		t.Errorf("the terminal shows %q", shown.String())
	}
	if strings.Contains(shown.String(), "horse") {
		t.Errorf("the password is shown: %q", shown.String())
	}
}

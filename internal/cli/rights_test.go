//go:build unix

package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// asOther returns a function that runs the program as another user of the machine. That user may
// read the files of a folder, but not write them.
func asOther(t *testing.T, dir string) func(args ...string) result {
	t.Helper()
	const nobody = 65534
	program := filepath.Join(dir, "program")
	if err := exec.Command("cp", self(t), program).Run(); err != nil { // others cannot reach the test binary
		t.Fatal(err)
	}
	for path := dir; path != filepath.Dir(path) && path != os.TempDir(); path = filepath.Dir(path) {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return func(args ...string) result {
		t.Helper()
		var out, errs strings.Builder
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = "/", &out, &errs
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		status := 0
		if err := cmd.Run(); err != nil {
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Skip("cannot run the program as another user: ", err)
			}
			status = exit.ExitCode()
		}
		return result{status, out.String(), errs.String()}
	}
}

// TestRights runs commands as another user, who can read the file, or only its folder.
func TestRights(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	file := newFile(t)
	dir := filepath.Dir(file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	other := asOther(t, dir)

	other("target", "list", "--db", file).refused(t, "open "+file+": permission denied")
	other("verify", "--db", file).refused(t, file+": permission denied")
	other("serve", "--db", file, "--listen", "127.0.0.1:0").refused(t, "open "+file+": permission denied")
	other("serve", "--listen", "127.0.0.1:0", "--db", filepath.Join(dir, "x.db")).refused(t,
		"no file can be made in the folder "+dir+": permission denied")

	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if r := other("target", "list", "--db", file); r.status != 0 || !strings.Contains(r.out, "NJ 1") ||
		!strings.Contains(r.err, file+" is opened for reading only") {
		t.Errorf("%+v", r)
	}
	if r := other("verify", "--db", file); r.status != 0 || !strings.Contains(r.out, "is whole") {
		t.Errorf("%+v", r)
	}
	if r := other("target", "add", "NJ 2", "--ra", "1", "--dec", "2", "--db", file); r.status != 1 ||
		!strings.Contains(r.err, "for reading only") {
		t.Errorf("%+v", r)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed (%v)", err)
	}

	s := serveFile(t, file)
	for _, args := range [][]string{{"target", "list"}, {"verify"}, {"restore", file},
		{"serve", "--listen", "127.0.0.1:0"}} {
		other(append(args, "--db", file)...).refused(t)
	}
	other("stat", "--db", file).refused(t, "a server of another user runs on "+file)
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

// TestUnprinted: a command fails if it cannot print its result, for example to a full disk.
func TestUnprinted(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	defer full.Close()
	file := newFile(t)
	for _, args := range [][]string{{"help"}, {"version"}, {"user", "list"}, {"settings", "get", "permissions"},
		{"export", "targets"}, {"stat"}} {
		var errs strings.Builder
		p := &program{in: strings.NewReader(""), out: full, err: &errs,
			getenv: func(string) string { return "" }, self: self(t)}
		if status := p.run(t.Context(), append(args, "--db", file)); status != 1 ||
			!strings.Contains(errs.String(), "no space left") {
			t.Errorf("%v: status %d, %q", args, status, errs.String())
		}
	}
}

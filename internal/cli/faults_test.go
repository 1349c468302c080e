package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// health returns what /healthz answers.
func health(t *testing.T, base string) (status int, why string) {
	t.Helper()
	w, err := http.Get(base + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	var got struct{ Status, Why string }
	if err := json.NewDecoder(w.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	if (got.Status == "ok") != (w.StatusCode == http.StatusOK) {
		t.Errorf("status %q with %d", got.Status, w.StatusCode)
	}
	return w.StatusCode, got.Why
}

// TestFileTakenAway: a server whose file is deleted or replaced says so once and refuses writes. No
// other server can take the path, and commands still reach the first one, so that a backup can save
// the acknowledged writes.
func TestFileTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("this system cannot move or delete an open file")
	}
	for _, replaced := range []bool{false, true} {
		t.Run(map[bool]string{false: "deleted", true: "replaced"}[replaced], func(t *testing.T) {
			t.Parallel()
			file := newFile(t)
			other := write(t, t.TempDir(), "other.db", string(readFile(t, file)))
			s := serveFile(t, file)
			must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
			if status, why := health(t, s.base); status != http.StatusOK {
				t.Errorf("before: %d %s", status, why)
			}
			err := os.Remove(file)
			if replaced {
				err = os.Rename(other, file)
			}
			if err != nil {
				t.Fatal(err)
			}
			if status, why := health(t, s.base); status != http.StatusServiceUnavailable ||
				!strings.Contains(why, "moved, replaced, deleted or truncated") || strings.Contains(why, file) {
				t.Errorf("health: %d %q", status, why)
			}
			for range 2 {
				call(t, "", "target", "add", "NJ 2", "--ra", "1", "--dec", "2", "--db", file).refused(t,
					"Nothing was stored")
			}
			if n := strings.Count(s.errs.String(), "can still be saved"); n != 1 {
				t.Errorf("the operator was told %d times: %s", n, s.errs)
			}
			for _, flags := range [][]string{nil, {"--read-only"}} {
				r := call(t, "", append([]string{"serve", "--db", file, "--listen", "127.0.0.1:0"}, flags...)...)
				if replaced || flags == nil {
					r.refused(t, "a server already runs on")
				}
			}
			saved := filepath.Join(t.TempDir(), "saved.db")
			must(t, "backup", saved, "--db", file)
			if out := must(t, "target", "list", "--db", saved); !strings.Contains(out, "NJ 1") {
				t.Errorf("saved: %s", out)
			}
			s.stop()
			if _, err := os.Stat(file); (err == nil) != replaced {
				t.Errorf("the path after the server stopped: %v", err)
			}
		})
	}
}

// TestServeOnFullDisk starts a server on a disk without a free byte. It reads, says that it cannot
// write, and writes again when there is free space, without a restart.
func TestServeOnFullDisk(t *testing.T) {
	dir := t.TempDir()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can mount a small disk")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small disk, which needs root: %.100s", out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	file := filepath.Join(dir, "nightjar.db")
	s := serveFile(t, file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	s.stop()
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for b := make([]byte, 4096); err == nil; {
		_, err = ballast.Write(b)
	}
	s = serveFile(t, file)
	if out := must(t, "target", "list", "--db", file); !strings.Contains(out, "NJ 1") {
		t.Errorf("read on a full disk: %s", out)
	}
	call(t, "", "target", "add", "NJ 2", "--ra", "1", "--dec", "2", "--db", file).refused(t, "too little free space")
	if status, why := health(t, s.base); status != http.StatusServiceUnavailable ||
		!strings.Contains(why, "too little free space") {
		t.Errorf("health: %d %q", status, why)
	}
	if out := must(t, "stat", "--db", file); !strings.Contains(out, "disk") || !strings.Contains(out, "0 B free") {
		t.Errorf("stat: %s", out)
	}
	must(t, "target", "remove", "NJ 1", "--db", file)
	if err := errors.Join(ballast.Truncate(0), ballast.Sync()); err != nil {
		t.Fatal(err)
	}
	must(t, "target", "add", "NJ 2", "--ra", "1", "--dec", "2", "--db", file)
	if status, why := health(t, s.base); status != http.StatusOK {
		t.Errorf("health with free space: %d %q", status, why)
	}
	if s.stop() != 0 {
		t.Error(s.errs)
	}
	clean(t, file)
}

// TestFewDescriptors: more idle connections than the process may have open files hinder neither
// other connections nor compact and backup.
func TestFewDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux bounds the number of open files")
	}
	file := newFile(t)
	c := exec.Command("sh", "-c", `ulimit -n 128; exec "$0" serve --listen 127.0.0.1:0 --db "$1"`, self(t), file)
	out, errs := new(said), new(said)
	c.Stdout, c.Stderr = out, errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	base := signIn(t, out, errs)
	at, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		conn, err := net.Dial("tcp", at.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n", at.Host)
		w, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		io.Copy(io.Discard, w.Body)
		w.Body.Close()
	}
	must(t, "compact", "--db", file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	must(t, "backup", filepath.Join(t.TempDir(), "copy.db"), "--db", file)
	if status, why := health(t, base); status != http.StatusOK {
		t.Errorf("%d %s", status, why)
	}
	c.Process.Signal(os.Interrupt)
	if err := c.Wait(); err != nil {
		t.Errorf("%v: %s", err, errs)
	}
}

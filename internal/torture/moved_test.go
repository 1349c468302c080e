package torture_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// TestMovedFiles takes the file away from a running server in several ways. After that the server
// acknowledges no write, /healthz gives the reason, no second server starts at the path, no command
// harms the file that was put there, and every acknowledged write can be recovered.
func TestMovedFiles(t *testing.T) {
	parallel(t)
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be moved on Windows")
	}
	other := filepath.Join(t.TempDir(), "other.db")
	o := serve(t, other, "")
	o.shareTarget("PRECIOUS", "PRIVATE")
	o.stop()
	for i, x := range []struct {
		name string
		do   func(t *testing.T, path string)
		put  func(t *testing.T, path string) // puts the file back; nil: restore a backup taken through the socket
		lost bool                            // acknowledged writes are lost with the end of the file
	}{
		{name: "renamed", do: func(t *testing.T, path string) { check(t, os.Rename(path, path+".moved")) },
			put: func(t *testing.T, path string) { check(t, os.Rename(path+".moved", path)) }},
		{name: "deleted", do: func(t *testing.T, path string) { check(t, os.Remove(path)) }},
		{name: "replaced", do: func(t *testing.T, path string) {
			check(t, os.Rename(path, path+".moved"))
			copyFile(t, other, path)
		}, put: func(t *testing.T, path string) { check(t, os.Rename(path+".moved", path)) }},
		{name: "replaced at once", do: func(t *testing.T, path string) {
			check(t, os.Link(path, path+".moved"))
			copyFile(t, other, path+".new")
			check(t, os.Rename(path+".new", path))
		}, put: func(t *testing.T, path string) { check(t, os.Rename(path+".moved", path)) }},
		{name: "replaced by its copy", do: func(t *testing.T, path string) {
			check(t, os.Rename(path, path+".moved"))
			copyFile(t, path+".moved", path)
		}, put: func(t *testing.T, path string) { check(t, os.Rename(path+".moved", path)) }},
		{name: "folder renamed",
			do: func(t *testing.T, path string) {
				check(t, os.Rename(filepath.Dir(path), filepath.Dir(path)+".moved"))
			},
			put: func(t *testing.T, path string) {
				check(t, os.Rename(filepath.Dir(path)+".moved", filepath.Dir(path)))
			}},
		{name: "truncated", lost: true,
			do: func(t *testing.T, path string) { check(t, os.Truncate(path, sizeOf(t, path)/2)) }},
	} {
		if !testenv.Long() && (i == 2 || i == 4 || i == 5) { // further ways to replace and rename it
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "in", "test.db")
			check(t, os.Mkdir(filepath.Dir(path), 0o700))
			n := serve(t, path, "")
			ledger := new(torture.Ledger)
			n.writes(torture.Load{Posters: 2, Rows: []int{300}, Files: []int{100_000}}, ledger, 1, 30)
			n.whole(ledger)
			target := addTarget(t, n, "before")
			if x.lost { // so that everything else is in the first half
				upload(t, n, target, 16<<20)
			}
			x.do(t, path)
			var there [32]byte // hash of the file now at the path
			if b, err := os.ReadFile(path); err == nil {
				there = sha256.Sum256(b)
			}
			refusedWrites(t, n, target)
			unready(t, n)
			if _, err := os.Stat(filepath.Dir(path)); err == nil {
				noSecond(t, path)
			}
			if out, err := run(t, "--db", path, "compact"); err == nil {
				t.Errorf("compact succeeds: %s", out)
			}
			unready(t, n)
			refusedWrites(t, n, target)
			if b, err := os.ReadFile(path); !x.lost && (err == nil) != (there != [32]byte{}) || err == nil &&
				sha256.Sum256(b) != there {
				t.Errorf("the file at the path was changed or created (%v)", err)
			}
			backup := filepath.Join(t.TempDir(), "backup.db")
			if x.put == nil && !x.lost {
				if out, err := run(t, "--db", path, "backup", backup); err != nil {
					t.Errorf("backup through the socket: %v: %s", err, out)
				}
			}
			if err := n.Stop(); err != nil && !x.lost {
				t.Errorf("stopping: %v", err)
			}
			switch {
			case x.lost:
				return
			case x.put != nil:
				os.Remove(path)
				x.put(t, path)
			default:
				if _, err := os.Stat(backup); err != nil {
					return // reported above
				}
				check(t, os.Rename(backup, path))
			}
			again := serve(t, path, n.admin.Token)
			problems, err := ledger.Check(t.Context(), again.admin, torture.At(time.Now()), true, true)
			check(t, err)
			for _, p := range problems {
				t.Errorf("with the file back: %s", p)
			}
			addTarget(t, again, "afterwards")
			again.stop()
			must(t, "--db", path, "verify")
		})
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, b, 0o600))
}

// refusedWrites tries writes of all kinds and expects refusals.
func refusedWrites(t *testing.T, n *node, target int) {
	t.Helper()
	for _, x := range []struct {
		name string
		do   func() error
	}{
		{"a target", func() error {
			return n.admin.Call(t.Context(), http.MethodPost, "/api/targets/",
				map[string]any{"name": "too late", "type": "SIDEREAL", "ra": 1, "dec": 1}, nil)
		}},
		{"a datum", func() error {
			return n.admin.Call(t.Context(), http.MethodPost, "/api/reduceddatums/",
				map[string]any{"target": target, "data_type": "photometry",
					"value": map[string]any{"magnitude": 1}}, nil)
		}},
		{"lines", func() error {
			r, err := n.admin.Send(t.Context(), http.MethodPost, "/api/reduceddatums/", "application/x-ndjson",
				strings.NewReader(`{"target_name":"before","data_type":"photometry","timestamp":"2020-01-01",`+
					`"value":{"magnitude":3}}`+"\n"))
			if err == nil {
				r.Body.Close()
			}
			return err
		}},
		{"a file", func() error {
			_, err := postFile(t, n.admin, "", target, "too late", "photometry", "late.csv", lightCurve(50_000, 30))
			return err
		}},
		{"a deletion", func() error {
			return n.admin.Call(t.Context(), http.MethodDelete, "/api/targets/1/", nil, nil)
		}},
	} {
		err := x.do()
		refused := new(torture.Refused)
		switch {
		case err == nil:
			t.Errorf("%s was acknowledged without the file at its path", x.name)
		case !errors.As(err, &refused):
			t.Errorf("%s: %v", x.name, err)
		case refused.Status/100 != 5:
			t.Errorf("%s: %v; it is the node's fault", x.name, err)
		}
	}
}

// unready checks that /healthz says that the node is not ready, and why.
func unready(t *testing.T, n *node) {
	t.Helper()
	r, err := http.Get(n.URL + "/healthz")
	check(t, err)
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	check(t, err)
	var told map[string]any
	check(t, json.Unmarshal(b, &told))
	delete(told, "status")
	delete(told, "backup")
	why, _ := json.Marshal(told)
	if r.StatusCode != http.StatusServiceUnavailable || !bytes.Contains(why, []byte("file")) {
		t.Errorf("/healthz: status %d, %s; it should be 503 with the reason", r.StatusCode, b)
	}
}

// noSecond checks that no other server starts at the path.
func noSecond(t *testing.T, path string) {
	t.Helper()
	there, hadErr := os.Stat(path)
	ctx, cancel := context.WithTimeout(t.Context(), testenv.Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, nightjar, "--db", path, "serve", "--listen", "127.0.0.1:0")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	first := make([]byte, 1)
	if _, err := io.ReadAtLeast(out, first, 1); err == nil {
		t.Error("a second server starts at the path whose server is alive")
		cmd.Process.Kill()
	}
	io.Copy(io.Discard, out)
	cmd.Wait()
	if !strings.Contains(said.String(), "server") && !t.Failed() {
		t.Errorf("the refusal of a second server does not mention the first: %s", said.String())
	}
	if now, err := os.Stat(path); (err == nil) != (hadErr == nil) || err == nil && !os.SameFile(now, there) {
		t.Errorf("a second server changed the path (%v, before %v)", err, hadErr)
		if hadErr != nil {
			os.Remove(path)
		}
	}
}

package torture_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// smallDisk mounts a file system in memory of size MiB, and skips the test where that is not
// allowed.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux mounts a small disk: full disks are not tested")
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", size), "tmpfs",
		dir).CombinedOutput(); err != nil {
		t.Skipf("cannot mount a small disk (%.100s), which needs root: full disks are not tested", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// fill writes a file of this size, or as much of it as the disk takes.
func fill(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for b := make([]byte, 64<<10); size > 0; size -= int64(len(b)) {
		if _, err := f.Write(b[:min(size, int64(len(b)))]); err != nil {
			return
		}
	}
}

func isFull(err error) bool {
	var refused *torture.Refused
	return errors.As(err, &refused) && refused.Status == http.StatusInsufficientStorage &&
		strings.Contains(refused.Body, "too little free space")
}

var smallLoad = torture.Load{Posters: 4, Rows: []int{300}, Files: []int{200_000}}

// TestFullDisk: with less than 64 MiB of free space the program refuses writes with the reason, and
// goes on reading. With more free space it writes again.
func TestFullDisk(t *testing.T) {
	parallel(t)
	dir := smallDisk(t, 160)
	n := serve(t, filepath.Join(dir, "test.db"), "")
	ledger := new(torture.Ledger)
	ballast := filepath.Join(dir, "ballast")
	for round := 1; round <= testenv.Choose(1, 10); round++ {
		n.writes(smallLoad, ledger, round, 40)
		fill(t, ballast, 100<<20)
		if err := smallLoad.Run(t.Context(), n.admin, ledger, 100+round); !isFull(err) {
			t.Errorf("writing to a full disk: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
		n.whole(ledger)
		if out, err := run(t, "--db", n.file, "stat"); err != nil {
			t.Errorf("stat on a full disk: %v: %s", err, out)
		}
		backup := filepath.Join(dir, "backup.db")
		if out, err := run(t, "--db", n.file, "backup", backup); err == nil || !strings.Contains(out, "free space") {
			t.Errorf("a backup to a full disk: %v: %s", err, out)
		}
		if left, _ := filepath.Glob(backup + "*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		os.Remove(ballast)
	}
	n.writes(smallLoad, ledger, 1000, 5)
	n.whole(ledger)
	if err := torture.AwaitIndex(t.Context(), n.admin); err != nil {
		t.Error(err)
	}
	n.stop()
	must(t, "--db", n.file, "verify")
}

// TestLastByte: without that reserve, a write that fills the disk is refused with the same message
// and leaves nothing.
func TestLastByte(t *testing.T) {
	parallel(t)
	dir := smallDisk(t, 80)
	file := filepath.Join(dir, "test.db")
	a, err := archive.Open(file, archive.Options{MinFree: 1, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	client := inProcess(api.New(a, api.Options{}).Owner())
	// as serve creates one
	check(t, client.Call(t.Context(), http.MethodPost, "/api/users/",
		map[string]any{"username": "admin", "is_superuser": true}, nil))
	ledger := new(torture.Ledger)
	met := 0
	for round := 1; round <= testenv.Choose(3, 60); round++ {
		ballast := filepath.Join(dir, "ballast")
		fill(t, ballast, 100<<20)
		os.Truncate(ballast, sizeOf(t, ballast)-int64(round%7)*300_000)
		load := torture.Load{Posters: 4, Rows: []int{300}, Files: []int{1 << 20, 300_000}}
		err := load.Run(t.Context(), client, ledger, round)
		if !isFull(err) {
			t.Fatalf("round %d: %v", round, err)
		}
		acknowledged, _ := ledger.Count(round)
		met += acknowledged
		check := func(when string) {
			problems, err := ledger.Check(t.Context(), client, torture.At(time.Now()), true, true)
			if err != nil {
				t.Fatalf("round %d, %s: %v", round, when, err)
			}
			for _, p := range problems {
				t.Errorf("round %d, %s: %s", round, when, p)
			}
		}
		check("on a full disk")
		os.Remove(ballast)
		if err := ledger.Clear(t.Context(), client); err != nil { // frees pages of the file too
			t.Fatalf("round %d, with free space: %v", round, err)
		}
		if err := a.Ready(); err != nil { // because a write succeeded
			t.Fatalf("round %d: %v", round, err)
		}
		if round%testenv.Choose(2, 5) == 0 {
			if err := client.Call(t.Context(), http.MethodPost, "/api/node/compact/", nil, nil); err != nil {
				t.Fatalf("round %d, compact: %v", round, err)
			}
		}
		check("with free space")
		if t.Failed() {
			break
		}
	}
	t.Logf("%d writes were acknowledged before the disk was full", met)
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	must(t, "--db", file, "verify")
	// a node starts on a full disk too, so that its user can look at it and free space
	serve(t, file, "none").stop() // the first start stores settings
	ballast := filepath.Join(dir, "ballast")
	fill(t, ballast, 100<<20)
	n := serve(t, file, "none")
	must(t, "--db", file, "stat")
	n.stop()
	serve(t, file, "none", "--read-only").stop()
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestFilledByUploads: an upload larger than the disk is refused, and others can use its space.
// When the disk is full of files that are kept, deleting some frees space. All of this works
// through the node and without a restart.
func TestFilledByUploads(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(smallDisk(t, 240), "test.db"), "")
	target, count := addTarget(t, n, "M 31"), 0
	post := func() error {
		count++
		return n.admin.Call(t.Context(), http.MethodPost, "/api/targets/",
			map[string]any{"name": fmt.Sprint("T ", count), "type": "SIDEREAL", "ra": 1, "dec": 1}, nil)
	}
	postSoon := func(when string) { // once deleted rows are purged
		t.Helper()
		for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			err := post()
			if err == nil {
				return
			}
			if !isFull(err) || time.Since(began) > testenv.Patience {
				t.Fatalf("%s: %v", when, err)
			}
		}
	}
	for round := range testenv.Choose(1, 10) {
		if _, _, _, err := tryUpload(t, n, target, 300<<20); !isFull(err) {
			t.Fatalf("round %d: an upload larger than the disk: %v", round, err)
		}
		postSoon("after a refused upload")
		var kept []int
		for began := time.Now(); ; {
			id, _, _, err := tryUpload(t, n, target, 4<<20+len(kept))
			if isFull(err) && len(kept) < 20 && time.Since(began) < testenv.Patience { // still being purged
				time.Sleep(20 * time.Millisecond)
				continue
			}
			if isFull(err) {
				break
			}
			check(t, err)
			kept = append(kept, id)
		}
		if err := post(); !isFull(err) || len(kept) < 20 {
			t.Fatalf("round %d: with %d files on a full disk: %v", round, len(kept), err)
		}
		for _, id := range kept {
			check(t, n.admin.Call(t.Context(), http.MethodDelete, fmt.Sprintf("/api/dataproducts/%d/", id), nil, nil))
		}
		postSoon("with free pages")
		if round%2 == 1 {
			must(t, "--db", n.file, "compact")
			if size := sizeOf(t, n.file); size > 4<<20 {
				t.Errorf("round %d: after compact it has %d bytes", round, size)
			}
		}
	}
	n.stop()
	must(t, "--db", n.file, "verify")
}

package torture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// holds opens a copy as a server does and compares it with the ledger at the moment of the copy. It
// returns how often the copy was verified, and the error of a refused copy.
func holds(t *testing.T, ledger *torture.Ledger, path string, at torture.Moment) (checked int, refused error) {
	t.Helper()
	a, err := archive.Open(path, archive.Options{NoSync: true, MustExist: true, CheckCopy: func(path string) error {
		checked++
		r, err := archive.Check(t.Context(), path, archive.VerifyOptions{})
		if err != nil {
			return err
		}
		return r.Err()
	}})
	if err != nil {
		return checked, err
	}
	defer a.Close()
	problems, err := ledger.Check(t.Context(), inProcess(api.New(a, api.Options{}).Owner()), at, true, false)
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", filepath.Base(path), p)
	}
	return checked, nil
}

// TestCopies copies the file of a server under load, with cp and with backups. A copy by cp is
// noticed and verified; it either holds an earlier state or is refused with advice. A backup is
// always good.
func TestCopies(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	n := serve(t, filepath.Join(dir, "test.db"), "")
	ledger := new(torture.Ledger)
	done := n.load(torture.Load{Posters: 4, Rows: []int{300}, Files: []int{2 << 20}}, ledger, 1)
	time.Sleep(500 * time.Millisecond)
	opened, refused, since := 0, 0,
		func(from time.Time) torture.Moment { return torture.Moment{From: from, To: time.Now()} }
	for i := range testenv.Choose(4, 100) {
		copied := filepath.Join(dir, fmt.Sprintf("cp%d.db", i))
		from := time.Now()
		if out, err := exec.Command("cp", n.file, copied).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		moment := since(from)
		switch checked, err := holds(t, ledger, copied, moment); {
		case err == nil:
			if opened++; checked != 1 {
				t.Errorf("a copy by cp was verified %d times", checked)
			}
		case strings.Contains(err.Error(), "backup FILE"):
			refused++
			if out, err := run(t, "--db", copied, "serve", "--listen", "127.0.0.1:0"); err == nil ||
				!strings.Contains(out, "backup FILE") || strings.Contains(out, "\n") {
				t.Errorf("a torn copy is served: %v: %.500s", err, out)
			}
		default:
			t.Errorf("a copy is refused without advice: %v", err)
		}
		os.Remove(copied)
		os.RemoveAll(copied + ".index")
	}
	t.Logf("cp: %d copies were intact and opened, %d were torn and refused", opened, refused)
	for i := range testenv.Choose(2, 20) {
		path := filepath.Join(dir, fmt.Sprintf("backup%d.db", i))
		from := time.Now()
		if i%2 == 0 {
			must(t, "--db", n.file, "backup", path)
		} else {
			download(t, n, path)
		}
		moment := since(from)
		must(t, "--db", path, "verify")
		if checked, err := holds(t, ledger, path, moment); err != nil || checked != 0 {
			t.Errorf("a backup is refused, or taken for a copy (verified %d times): %v", checked, err)
		}
		os.Remove(path)
		os.RemoveAll(path + ".index")
	}
	done()
	n.stop()
	if left, _ := filepath.Glob(n.file + "?*"); len(left) != 1 || filepath.Ext(left[0]) != ".index" {
		t.Errorf("left behind: %v", left)
	}
}

// download downloads a backup.
func download(t *testing.T, n *node, path string) {
	t.Helper()
	r, err := n.admin.Send(t.Context(), http.MethodGet, "/api/backup/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil {
		err = os.WriteFile(path, b, 0o600)
	}
	if err != nil || int64(len(b)) != r.ContentLength || r.Header.Get("Nightjar-Head") == "" {
		t.Fatalf("%d bytes of %d, %v, %v", len(b), r.ContentLength, r.Header, err)
	}
}

// TestRestore: restore needs a stopped server and a free path, verifies the backup first, and makes
// a new node.
func TestRestore(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	n := serve(t, filepath.Join(dir, "test.db"), "")
	ledger := new(torture.Ledger)
	n.writes(smallLoad, ledger, 1, 40)
	n.whole(ledger)
	backup := filepath.Join(dir, "backup.db")
	must(t, "--db", n.file, "backup", backup)
	identity := func(file string) string {
		for line := range strings.Lines(must(t, "--db", file, "stat")) {
			if rest, ok := strings.CutPrefix(line, "node "); ok {
				return strings.TrimSpace(rest)
			}
		}
		t.Fatal("stat names no node")
		return ""
	}
	first := identity(n.file)
	refuse := func(why, want string, args ...string) {
		t.Helper()
		out, err := run(t, args...)
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "\n") {
			t.Errorf("%s: %v: %q", why, err, out)
		}
	}
	refuse("a server runs", "stop the server", "--db", n.file, "restore", backup)
	n.stop()
	before, err := os.ReadFile(n.file)
	if err != nil {
		t.Fatal(err)
	}
	refuse("a file is there", "never overwrites", "--db", n.file, "restore", backup)
	if after, err := os.ReadFile(n.file); err != nil || !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(whole)
	places := live(t, bad)
	p := places[len(places)/2]
	bad[(p[0]+p[1])/2] ^= 4
	other := filepath.Join(dir, "bad.db")
	if err := os.WriteFile(other, bad, 0o600); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(dir, "restored.db")
	refuse("a damaged backup", "is not good", "--db", restored, "restore", other)
	if left, _ := filepath.Glob(restored + "*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	must(t, "--db", restored, "restore", backup)
	if second := identity(restored); second == first {
		t.Errorf("the restored node is %s too", first)
	}
	serve(t, restored, n.admin.Token).whole(ledger)
}

// TestReadOnly: serving a backup for reading only changes no byte of it.
func TestReadOnly(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	n := serve(t, filepath.Join(dir, "test.db"), "")
	ledger := new(torture.Ledger)
	n.writes(smallLoad, ledger, 1, 40)
	n.whole(ledger)
	backup := filepath.Join(dir, "backup.db")
	must(t, "--db", n.file, "backup", backup)
	before, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, backup, n.admin.Token, "--read-only")
	r.whole(ledger)
	for _, x := range []struct {
		method, path string
		in           any
	}{
		{http.MethodPost, "/api/targets/", map[string]any{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1}},
		{http.MethodPatch, "/api/targets/1/", map[string]string{"name": "x"}},
		{http.MethodDelete, "/api/targets/1/", nil},
		{http.MethodPost, "/api/token-auth/", map[string]string{"username": "admin", "password": n.Password}},
		{http.MethodPost, "/api/node/compact/", nil},
	} {
		refused := new(torture.Refused)
		if err := r.admin.Call(t.Context(), x.method, x.path, x.in, nil); !errors.As(err, &refused) ||
			refused.Status != http.StatusForbidden || !strings.Contains(refused.Body, "for reading only") {
			t.Errorf("%s %s: %v", x.method, x.path, err)
		}
	}
	if out := must(t, "--db", backup, "export", "targets"); !strings.Contains(out, "torture 1") {
		t.Errorf("export: %.200s", out)
	}
	again := filepath.Join(dir, "again.db")
	must(t, "--db", backup, "backup", again)
	r.stop()
	if after, err := os.ReadFile(backup); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
	if left, _ := filepath.Glob(backup + "?*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if out, err := run(t, "--db", filepath.Join(dir, "none.db"), "serve", "--read-only"); err == nil {
		t.Errorf("a missing file: %s", out)
	}
}

// TestBackupDir: the server takes backups by itself, keeps the newest, takes none when nothing was
// written, and reports failures.
func TestBackupDir(t *testing.T) {
	parallel(t)
	dir := t.TempDir()
	copies := filepath.Join(dir, "copies")
	if err := os.Mkdir(copies, 0o700); err != nil {
		t.Fatal(err)
	}
	n := serve(t, filepath.Join(dir, "test.db"), "", "--backup-dir", copies, "--backup-every", "1s",
		"--backup-keep", "3")
	list := func() []string {
		list, err := filepath.Glob(filepath.Join(copies, "test-*.db"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	health := func() (age *int, failed bool) {
		t.Helper()
		var got struct {
			Status string
			Backup struct {
				Age    *int `json:"age_seconds"`
				Failed bool
			}
		}
		if err := n.Client("").Call(t.Context(), http.MethodGet, "/healthz", nil, &got); err != nil ||
			got.Status != map[bool]string{false: "ok", true: "backup failed"}[got.Backup.Failed] {
			t.Fatalf("%+v, %v", got, err)
		}
		return got.Backup.Age, got.Backup.Failed
	}
	wait := func(what string, done func() bool) {
		t.Helper()
		for began := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
			if time.Since(began) > testenv.Patience {
				t.Fatalf("%s: not within %v; the backups are %v", what, testenv.Patience, list())
			}
		}
	}
	post := func(i int) {
		t.Helper()
		if err := n.admin.Call(t.Context(), http.MethodPost, "/api/targets/",
			map[string]any{"name": fmt.Sprint("t", i), "type": "SIDEREAL", "ra": 1, "dec": 1}, nil); err != nil {
			t.Fatal(err)
		}
	}
	wait("the first backup", func() bool { age, failed := health(); return age != nil && !failed })
	seen := map[string]bool{}
	for i := 0; len(seen) < 6; i++ {
		post(i)
		for _, path := range list() {
			seen[path] = true
		}
		time.Sleep(200 * time.Millisecond)
	}
	wait("the oldest are deleted", func() bool { return len(list()) == 3 })
	var st struct{ Sequence uint64 }
	check(t, n.admin.Call(t.Context(), http.MethodGet, "/api/node/", nil, &st))
	wait("a backup of the last state", func() bool {
		list := list()
		return strings.HasSuffix(list[len(list)-1], fmt.Sprintf("-%d.db", st.Sequence)) && len(list) == 3
	})
	rested := list()
	time.Sleep(2500 * time.Millisecond)
	if now := list(); fmt.Sprint(now) != fmt.Sprint(rested) {
		t.Errorf("new backups without a write: %v, before %v", now, rested)
	}
	for _, path := range rested {
		must(t, "--db", path, "verify")
	}
	if out := must(t, "--db", n.file, "stat"); !strings.Contains(out, rested[2]) {
		t.Errorf("stat does not name %s: %s", rested[2], out)
	}
	// the server finds its backups after a restart
	n.stop()
	n = serve(t, n.file, n.admin.Token, "--backup-dir", copies, "--backup-every", "1s", "--backup-keep", "3")
	if age, _ := health(); age == nil {
		t.Error("after a restart no backup is known")
	}
	// without the folder it reports a failure
	if err := os.Rename(copies, copies+"-away"); err != nil {
		t.Fatal(err)
	}
	post(1000)
	wait("a failure", func() bool { _, failed := health(); return failed })
	if out := must(t, "--db", n.file, "stat"); !strings.Contains(out, "FAILED") {
		t.Errorf("stat does not report the failure: %s", out)
	}
	if err := os.Rename(copies+"-away", copies); err != nil {
		t.Fatal(err)
	}
	wait("the end of the failure", func() bool { _, failed := health(); return !failed })
	var body map[string]json.RawMessage
	if err := n.Client("").Call(t.Context(), http.MethodGet, "/healthz", nil, &body); err != nil ||
		bytes.Contains(body["backup"], []byte("/")) {
		t.Errorf("/healthz reveals a path: %s, %v", body["backup"], err)
	}
	n.stop()
}

// TestBackupWithoutRoom: a backup without enough free space is not begun, the old ones remain, and
// the server reports it.
func TestBackupWithoutRoom(t *testing.T) {
	parallel(t)
	copies := smallDisk(t, 40)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "", "--backup-dir", copies, "--backup-every", "1s")
	for began := time.Now(); !strings.Contains(must(t, "--db", n.file, "stat"),
		"too little free space"); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > testenv.Patience {
			t.Fatal("stat does not report it")
		}
	}
	n.stop() // so that no attempt is under way; a backup that was begun would be complete by now
	if list, err := os.ReadDir(copies); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	if !strings.Contains(n.Said(), "too little free space") {
		t.Errorf("the server said %q", n.Said())
	}
}

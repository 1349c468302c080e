package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child is a server in a child process.
type child struct {
	t         testing.TB
	cmd       *exec.Cmd
	base      string // URL without a final slash
	out, errs *said
	ended     chan error
}

// startChild serves a file in a child process, which is killed when the test ends.
func startChild(t testing.TB, file string, flags ...string) *child {
	t.Helper()
	c := &child{t: t, out: new(said), errs: new(said), ended: make(chan error, 1)}
	c.cmd = exec.Command(self(t), append([]string{"serve", "--db", file, "--listen", "127.0.0.1:0"}, flags...)...)
	c.cmd.Stdout, c.cmd.Stderr = c.out, c.errs
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { c.ended <- c.cmd.Wait() }()
	t.Cleanup(func() { c.cmd.Process.Kill() })
	c.base = signIn(t, c.out, c.errs)
	return c
}

// end sends a signal and waits until the server ends.
func (c *child) end(s os.Signal) error {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
	select {
	case err := <-c.ended:
		return err
	case <-time.After(patience):
		c.t.Fatal("the server does not end")
		return nil
	}
}

// clean checks that no file but the index is left beside a file.
func clean(t testing.TB, file string) {
	t.Helper()
	left, err := filepath.Glob(file + ".*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range left {
		if path != file+".index" {
			t.Errorf("left behind: %s", path)
		}
	}
}

var passwordLine = regexp.MustCompile(`(?m)^admin password: (\S+)$`)

func TestFirstStart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nightjar.db")
	first := startChild(t, file)
	found := passwordLine.FindAllStringSubmatch(first.out.String(), -1)
	if len(found) != 1 || strings.Contains(first.errs.String(), found[0][1]) {
		t.Fatalf("want one password: %s %s", first.out, first.errs)
	}
	for password, want := range map[string]int{found[0][1]: 200, "guess": 401} {
		r, _ := http.NewRequest(http.MethodGet, first.base+"/api/users/", nil)
		r.SetBasicAuth("admin", password)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, w.Body)
		w.Body.Close()
		if w.StatusCode != want {
			t.Errorf("status %d, not %d", w.StatusCode, want)
		}
	}
	if out := must(t, "group", "list", "--db", file); !strings.Contains(out, "Public") {
		t.Error(out)
	}
	if info, err := os.Stat(file + ".sock"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("control socket: %v %v", info, err)
	}
	if err := first.end(syscall.SIGTERM); err != nil {
		t.Errorf("%v: %s", err, first.errs)
	}
	clean(t, file)
	second := startChild(t, file)
	if err := second.end(os.Interrupt); err != nil {
		t.Errorf("%v: %s", err, second.errs)
	}
	if strings.Contains(second.out.String(), "password") {
		t.Errorf("the password was shown twice: %s", second.out)
	}
	clean(t, file)
}

// TestServeRefusesOtherSettings: serve refuses flags that contradict the settings in the file.
func TestServeRefusesOtherSettings(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	serve := []string{"serve", "--db", file, "--listen", "127.0.0.1:0"}
	call(t, "", append(serve, "--permissions", "objects")...).refused(t, "permissions = targets",
		"nightjar settings set permissions objects")
	call(t, "", append(serve, "--auth-strategy", "locked")...).refused(t, "auth_strategy = read-only",
		"nightjar settings set auth_strategy locked")
	call(t, "", append(serve, "--permissions", "some")...).refused(t, "permissions")
	must(t, "settings", "set", "permissions", "objects", "--db", file)
	if status := serveFile(t, file, "--permissions", "objects", "--auth-strategy", "read-only").stop(); status != 0 {
		t.Errorf("status %d", status)
	}
	if out := must(t, "settings", "get", "permissions", "--db", file); out != "objects\n" {
		t.Error(out)
	}
}

// TestServeTwice: a second server on the same file or address is refused, and creates no file.
func TestServeTwice(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	s := serveFile(t, file)
	call(t, "", "serve", "--db", file, "--listen", "127.0.0.1:0").refused(t,
		"a server already runs on "+file+", at "+s.base+"/")
	call(t, "", "serve", "--db", file, "--listen", strings.TrimPrefix(s.base, "http://")).refused(t,
		"a server already runs on "+file+", at "+s.base+"/")
	second := filepath.Join(t.TempDir(), "second.db")
	call(t, "", "serve", "--db", second, "--listen", strings.TrimPrefix(s.base, "http://")).refused(t,
		"another program already listens on "+strings.TrimPrefix(s.base, "http://")+": ", "--listen 127.0.0.1:0")
	if _, err := os.Stat(second); err == nil {
		t.Error("a server that cannot listen created a file")
	}
	for _, flags := range [][]string{{"--permissions", "some"}, {"--auth-strategy", "open"},
		{"--backup-dir", "nowhere"}} {
		call(t, "", append([]string{"serve", "--db", second, "--listen", "127.0.0.1:0"}, flags...)...).refused(t,
			flags[0]+": ", flags[1])
		if _, err := os.Stat(second); err == nil {
			t.Errorf("%v: a file was created", flags)
		}
	}
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

// TestLink: a symbolic link to a file names the same archive.
func TestLink(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	s := serveFile(t, file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", link)
	call(t, "", "serve", "--db", link, "--listen", "127.0.0.1:0").refused(t, "a server already runs on "+file+", at ")
	if s.stop() != 0 {
		t.Error(s.errs)
	}
	second := serveFile(t, link)
	if out := must(t, "target", "list", "--db", file); !strings.Contains(out, "NJ 1") {
		t.Error(out)
	}
	if second.stop() != 0 {
		t.Error(second.errs)
	}
	if left, err := filepath.Glob(link + ".*"); err != nil || len(left) > 0 {
		t.Errorf("beside the link: %v %v", left, err)
	}
	clean(t, file)
}

// TestEndsInTime: a server stops in time in spite of idle connections, connections without a
// request, and an upload that never ends.
func TestEndsInTime(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--permissions", "open", "--db", file)
	secret := strings.TrimSpace(must(t, "token", "create", "admin", "--db", file))
	c := startChild(t, file)
	connect := func(text string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(c.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	idle := connect("GET /api/targets/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
	w, err := http.ReadResponse(bufio.NewReader(idle), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(w.Body); err != nil || !strings.Contains(string(body), "NJ 1") {
		t.Fatalf("%s %v", body, err)
	}
	connect("")
	upload := connect("POST /api/dataproducts/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token " + secret +
		"\r\nExpect: 100-continue\r\n" +
		"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 10000000\r\n\r\n")
	if line, err := bufio.NewReader(upload).ReadString('\n'); err != nil || !strings.Contains(line, " 100 ") {
		t.Fatalf("%q %v", line, err)
	}
	io.WriteString(upload, "--x\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\n1\r\n"+
		"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"+
		strings.Repeat("time,magnitude\n", 10_000))
	began := time.Now()
	err = c.end(syscall.SIGTERM)
	if took := time.Since(began); err != nil || took > 25*time.Second {
		t.Errorf("the server stopped after %s: %v %s", took, err, c.errs)
	}
	if said := c.errs.String(); !strings.Contains(said, "shutting down: ") {
		t.Errorf("the server did not say why it waits: %q", said)
	}
	clean(t, file)
	if out := must(t, "stat", "--db", file); !strings.Contains(out, "dataproducts    0") {
		t.Error(out)
	}
	must(t, "verify", "--db", file)
}

// TestKilledIdle: the next server takes over the socket, the session mark and the lock of a killed
// one.
func TestKilledIdle(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	c := startChild(t, file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	var status *exec.ExitError
	if err := c.end(os.Kill); !errors.As(err, &status) {
		t.Fatal(err)
	}
	if _, err := os.Stat(file + ".session"); err != nil {
		t.Error(err)
	}
	if out := must(t, "target", "list", "--db", file); !strings.Contains(out, "NJ 1") {
		t.Error(out)
	}
	again := startChild(t, file)
	if out := must(t, "target", "list", "--db", file); !strings.Contains(out, "NJ 1") {
		t.Error(out)
	}
	if err := again.end(syscall.SIGTERM); err != nil {
		t.Errorf("%v: %s", err, again.errs)
	}
	clean(t, file)
}

// TestCopyOfRunning: a copy of a running server's file is verified before it is served.
func TestCopyOfRunning(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	s := serveFile(t, file)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	whole := write(t, dir, "whole.db", string(content))
	if out := must(t, "target", "list", "--db", whole); !strings.Contains(out, "NJ 1") {
		t.Error(out)
	}
	for i := 2 * os.Getpagesize(); i < len(content); i++ { // after the two meta pages of bbolt
		content[i] = 0x5a
	}
	broken := write(t, dir, "broken.db", string(content))
	call(t, "", "target", "list", "--db", broken).refused(t, "a good one with: nightjar --db ORIGINAL backup FILE")
	call(t, "", "serve", "--listen", "127.0.0.1:0", "--db", broken).refused(t,
		"a good one with: nightjar --db ORIGINAL backup FILE")
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

// TestSignInAddress: the printed address is that of --base-url.
func TestSignInAddress(t *testing.T) {
	s := serveFile(t, newFile(t), "--base-url", "https://node.example.org/")
	if s.base != "https://node.example.org" {
		t.Error(s.base)
	}
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

// TestSocketElsewhere: a server starts although the path is too long for a socket beside the file.
func TestSocketElsewhere(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "nightjar.db")
	s := serveFile(t, file)
	if _, err := os.Stat(file + ".sock"); err == nil {
		t.Error("there is a socket beside the file")
	}
	if out := must(t, "user", "list", "--db", file); !strings.Contains(out, "admin") {
		t.Error(out)
	}
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "demo.db")
	s := serveFile(t, file, "--demo")
	if !strings.Contains(s.out.String(), "admin password: ") {
		t.Error(s.out)
	}
	data := must(t, "export", "datums", "--db", file)
	targets := regexp.MustCompile(`"target_name":"[^"]*"`)
	seen := map[string]map[string]bool{"light curve": {}, "limit": {}, "spectrum": {}, "band": {}}
	for line := range strings.Lines(data) {
		at := targets.FindString(line)
		switch {
		case strings.Contains(line, `"spectroscopy"`):
			seen["spectrum"][at] = true
		case strings.Contains(line, `"magnitude"`):
			seen["light curve"][at] = true
			seen["band"][regexp.MustCompile(`"filter":"\w+"`).FindString(line)] = true
		case strings.Contains(line, `"limit"`):
			seen["limit"][at] = true
		}
	}
	for what, least := range map[string]int{"light curve": 12, "limit": 4, "spectrum": 5, "band": 3} {
		if len(seen[what]) < least {
			t.Errorf("%s: only %d", what, len(seen[what]))
		}
	}
	if guest := get(t, s.base+"/api/targets/", ""); !strings.Contains(guest, "NJ24aab") ||
		strings.Contains(guest, "NJ24aem") {
		t.Errorf("guests see %s", guest)
	}
	secret := strings.TrimSpace(must(t, "token", "create", "admin", "--db", file))
	for path, least := range map[string]int{"/api/observations/?facility=Mirador&status=COMPLETED": 13,
		"/api/groups/?all=true&name=Transients": 1, "/api/dataproducts/?facility=Mirador": 13} {
		var list struct{ Count int }
		if err := json.Unmarshal([]byte(get(t, s.base+path, secret)), &list); err != nil || list.Count < least {
			t.Errorf("%s: %d (%v)", path, list.Count, err)
		}
	}
	images := 0
	var products struct {
		Results []struct {
			Data string
			Type string `json:"data_product_type"`
		}
	}
	if err := json.Unmarshal([]byte(get(t, s.base+"/api/dataproducts/", secret)), &products); err != nil {
		t.Error(err)
	}
	for _, product := range products.Results {
		if file := get(t, product.Data, secret); product.Type == "fits_file" {
			images++
			if len(file)%2880 != 0 || !strings.HasPrefix(file, "SIMPLE  =                    T") ||
				!strings.Contains(file, fmt.Sprintf("NAXIS2  = %20d", 240)) {
				t.Errorf("%s is not an image", product.Data)
			}
		}
	}
	if images != 2 {
		t.Errorf("%d images", images)
	}
	before := must(t, "stat", "--db", file)
	if s.stop() != 0 {
		t.Error(s.errs)
	}
	again := serveFile(t, file, "--demo")
	if !strings.Contains(again.errs.String(),
		fmt.Sprintf("the demo adds nothing, because the file has %d targets", 12)) ||
		strings.Contains(again.out.String(), "password") {
		t.Errorf("%s %s", again.out, again.errs)
	}
	line := regexp.MustCompile(`(?m)^(head|targets|reduceddatums) .*$`)
	if a, b := line.FindAllString(before, -1), line.FindAllString(must(t, "stat", "--db", file), -1); len(a) != 3 ||
		strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("the second start changed %v to %v", a, b)
	}
}

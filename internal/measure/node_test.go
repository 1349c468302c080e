package measure

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/internal/dataset"
	"nightjar/internal/testenv"
)

// lab measures nodes in one folder.
type lab struct {
	*sheet
	dir, bin string
	rows     int
	runs     int
	scale    int
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

// build builds the program, and the test binary of a package for its benchmarks.
func (l *lab) build() {
	l.bin = l.path("nightjar")
	for _, args := range [][]string{{"build", "-o", l.bin, "nightjar"},
		{"test", "-c", "-o", l.path("kv.test"), "nightjar/kv"}} {
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			l.t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
}

// rawCommit is the median time of a bbolt commit on the measured disk, in a file of 0 or 1,000,000
// rows.
func (l *lab) rawCommit(rows, turns int) time.Duration {
	l.t.Helper()
	dir := l.path("raw")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		l.t.Fatal(err)
	}
	c := exec.Command(l.path("kv.test"), "-test.run", "-", "-test.bench",
		fmt.Sprintf("^BenchmarkRawCommit$/^%d$", rows), "-test.benchtime", strconv.Itoa(turns)+"x")
	c.Env = append(os.Environ(), "NIGHTJAR_RAW="+dir)
	out, err := c.Output()
	m := regexp.MustCompile(`([0-9.]+) median-ns`).FindSubmatch(out)
	if err != nil || m == nil {
		l.t.Fatalf("BenchmarkRawCommit: %v\n%s", err, out)
	}
	ns, _ := strconv.ParseFloat(string(m[1]), 64)
	return time.Duration(ns)
}

// write makes a file of datums, unless it exists.
func (l *lab) write(name string, fn func(io.Writer) error) string {
	l.t.Helper()
	path := l.path(name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	f, err := os.Create(path)
	if err == nil {
		err = fn(f)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		l.t.Fatal(err)
	}
	return path
}

// node is a server on a file of its own.
type node struct {
	l     *lab
	db    string
	cmd   *exec.Cmd
	host  string
	admin string // Authorization header of the superuser
	half  string // and of the user who sees every second target
	peak  atomic.Int64
	done  chan struct{}
}

// newNode starts a node on a new file with the users and targets of the measurements.
func (l *lab) newNode(name string, targets int) *node {
	l.t.Helper()
	n := &node{l: l, db: l.path(name)}
	n.remove()
	n.start()
	n.cli("group", "add", "readers")
	n.cli("user", "add", "--superuser", "chief")
	n.cli("user", "add", "--group", "readers", "half")
	n.admin, n.half = "Token "+n.cli("token", "create", "chief"), "Token "+n.cli("token", "create", "half")
	n.cli("import", "targets",
		l.write(fmt.Sprintf("targets-%d.csv", targets),
			func(w io.Writer) error { return dataset.WriteTargets(w, targets) }))
	return n
}

func (n *node) remove() {
	os.Remove(n.db)
	os.Remove(n.db + ".session")
	os.RemoveAll(n.db + ".index")
}

// cli runs a command on the node's file and returns the last word of its output.
func (n *node) cli(args ...string) string {
	n.l.t.Helper()
	var diag bytes.Buffer
	c := exec.Command(n.l.bin, append([]string{"--db", n.db}, args...)...)
	c.Stderr = &diag
	out, err := c.Output()
	if err != nil {
		n.l.t.Fatalf("nightjar %v: %v\n%s", args, err, diag.Bytes())
	}
	words := strings.Fields(string(out))
	if len(words) == 0 {
		return ""
	}
	return words[len(words)-1]
}

var signIn = regexp.MustCompile(`http://(\S+?)/`)

// start starts the server and returns the time to its first answer.
func (n *node) start() time.Duration {
	n.l.t.Helper()
	began := time.Now()
	n.cmd = exec.Command(n.l.bin, "--db", n.db, "serve", "--listen", "127.0.0.1:0")
	out, err := n.cmd.StdoutPipe()
	if err == nil {
		err = n.cmd.Start()
	}
	if err != nil {
		n.l.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if m := signIn.FindStringSubmatch(lines.Text()); m != nil {
			n.host = m[1]
			break
		}
	}
	if n.host == "" {
		n.l.t.Fatal("the server does not print its address")
	}
	go io.Copy(io.Discard, out)
	if n.admin != "" {
		once(n.l.t, n.host, n.request("GET", "/api/reduceddatums/?limit=1", n.admin, "", nil), 1)
	}
	took := time.Since(began)
	n.done = make(chan struct{})
	n.peak.Store(0)
	go n.watch(n.cmd.Process.Pid, n.done)
	return took
}

// stop stops the server cleanly, kill with SIGKILL.
func (n *node) stop() { n.end(os.Interrupt) }
func (n *node) kill() { n.end(os.Kill) }

func (n *node) end(s os.Signal) {
	close(n.done)
	n.cmd.Process.Signal(s)
	n.cmd.Wait()
}

// private is the server's own memory in bytes, without the mapped file.
func (n *node) private() int64 { return private(n.cmd.Process.Pid) }

func private(pid int) int64 {
	n, _ := testenv.RssAnon(pid) // 0 for a server that has ended
	return n
}

// watch keeps the largest private memory.
func (n *node) watch(pid int, done chan struct{}) {
	for {
		if p := private(pid); p > n.peak.Load() {
			n.peak.Store(p)
		}
		select {
		case <-done:
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// peakOf is the largest private memory while fn runs.
func (n *node) peakOf(fn func()) int64 {
	n.peak.Store(n.private())
	fn()
	return max(n.peak.Load(), n.private())
}

func (n *node) url(path string) string { return "http://" + n.host + path }

// request is a request as sent over the connection.
func (n *node) request(method, path, authorization, kind string, body []byte) []byte {
	b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\n", method, path, n.host, authorization)
	if body != nil {
		b = fmt.Appendf(b, "Content-Type: %s\r\nContent-Length: %d\r\n", kind, len(body))
	}
	return append(append(b, "\r\n"...), body...)
}

// do sends a request as the superuser. The answer must have a status of success; into takes its
// JSON unless it is nil.
func (n *node) do(method, path, kind string, body io.Reader, into any) {
	n.l.t.Helper()
	r, err := http.NewRequest(method, n.url(path), body)
	if err != nil {
		n.l.t.Fatal(err)
	}
	r.Header.Set("Authorization", n.admin)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		n.l.t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode >= 300 {
		text, _ := io.ReadAll(io.LimitReader(w.Body, 500))
		n.l.t.Fatalf("%s %s: %s: %s", method, path, w.Status, text)
	}
	if into == nil {
		_, err = io.Copy(io.Discard, w.Body)
	} else {
		err = json.NewDecoder(w.Body).Decode(into)
	}
	if err != nil {
		n.l.t.Fatal(err)
	}
}

// importRows posts datums as lines of JSON and returns the time from request to answer.
func (n *node) importRows(file string, rows int) time.Duration {
	n.l.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		n.l.t.Fatal(err)
	}
	defer f.Close()
	var got struct{ Created int }
	began := time.Now()
	n.do("POST", "/api/reduceddatums/", "application/x-ndjson", f, &got)
	if got.Created != rows {
		n.l.t.Fatalf("%d of %d rows were created", got.Created, rows)
	}
	return time.Since(began)
}

// upload uploads a file as a data product, and returns the product and the time it took.
func (n *node) upload(target int, kind, name string, size int64, write func(io.Writer) error) (id int, file string,
	took time.Duration) {
	n.l.t.Helper()
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		err := form.WriteField("target", strconv.Itoa(target))
		if err == nil {
			err = form.WriteField("data_product_type", kind)
		}
		var part io.Writer
		if err == nil {
			part, err = form.CreateFormFile("file", name)
		}
		if err == nil {
			err = write(part)
		}
		if err == nil {
			err = form.Close()
		}
		pw.CloseWithError(err)
	}()
	var got struct {
		ID   int
		Data string
	}
	began := time.Now()
	n.do("POST", "/api/dataproducts/", form.FormDataContentType(), pr, &got)
	took = time.Since(began)
	u, err := url.Parse(got.Data)
	if err != nil {
		n.l.t.Fatal(err)
	}
	return got.ID, u.Path, took
}

// size is the size of the node's file.
func (n *node) size() int64 {
	info, err := os.Stat(n.db)
	if err != nil {
		n.l.t.Fatal(err)
	}
	return info.Size()
}

// machine describes this machine.
func machine() string {
	cpu := "unknown processor"
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "model name"); ok {
			cpu = strings.Trim(rest, "\t :\n")
			break
		}
	}
	return fmt.Sprintf("%d cores (%s), %s/%s, %s", runtime.NumCPU(), cpu, runtime.GOOS, runtime.GOARCH,
		runtime.Version())
}

// number reads a number from the environment.
func number(t testing.TB, name string, other int) int {
	s := os.Getenv(name)
	if s == "" {
		return other
	}
	n, err := strconv.Atoi(strings.ReplaceAll(s, ",", ""))
	if err != nil || n <= 0 {
		t.Fatalf("%s=%q is not a positive number", name, s)
	}
	return n
}

package cli

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// asProgram is an environment variable that makes the test binary behave as the program. All child
// processes of the tests have it, and so has the child in which the program verifies a file.
const asProgram = "NIGHTJAR_TEST_IS_THE_PROGRAM"

func TestMain(m *testing.M) {
	worker := slices.Contains(os.Args, "-test.fuzzworker") // a child of the fuzzer, not of a test
	if os.Getenv(asProgram) != "" && !worker {
		os.Exit(Main())
	}
	os.Setenv(asProgram, "yes")
	os.Unsetenv("NIGHTJAR_DB")
	flag.Parse()
	flag.Set("test.parallel", "8") // most parallel tests only wait for timeouts
	os.Exit(m.Run())
}

const patience = testenv.Patience

// said collects what a program prints.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// result is the outcome of one run of the program.
type result struct {
	status   int
	out, err string
}

// wants checks the status, and that standard output and error have the texts out and err.
func (r result) wants(t testing.TB, what any, status int, out, err []string) {
	t.Helper()
	if r.status != status {
		t.Errorf("%q: status %d, %s", what, r.status, r.err)
	}
	for _, part := range out {
		if !strings.Contains(r.out, part) {
			t.Errorf("%q: %q is not in\n%s", what, part, r.out)
		}
	}
	for _, part := range err {
		if !strings.Contains(r.err, part) {
			t.Errorf("%q: %q is not in\n%s", what, part, r.err)
		}
	}
}

// call runs a command in this process.
func call(t testing.TB, stdin string, args ...string) result {
	t.Helper()
	return callWith(t, strings.NewReader(stdin), func(string) string { return "" }, args...)
}

func callWith(t testing.TB, in io.Reader, getenv func(string) string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, errs said
	p := &program{in: in, out: &out, err: &errs, getenv: getenv, self: self(t)}
	return result{p.run(ctx, args), out.String(), errs.String()}
}

func self(t testing.TB) string {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// must runs a command that must succeed, and returns its standard output.
func must(t testing.TB, args ...string) string {
	t.Helper()
	r := call(t, "", args...)
	if r.status != 0 {
		t.Fatalf("nightjar %s: status %d: %s", strings.Join(args, " "), r.status, r.err)
	}
	return r.out
}

// refused checks that a run failed with one line on standard error, which has all texts, and
// printed nothing on standard output. A note is allowed before the line: a command that ends before
// the index of a new file is complete leaves it to the next one, which says so.
func (r result) refused(t testing.TB, texts ...string) {
	t.Helper()
	if note, rest, found := strings.Cut(r.err, "\n"); found && strings.HasPrefix(note, "the index in ") {
		r.err = rest
	}
	if r.status != 1 || r.out != "" || !strings.HasPrefix(r.err, "nightjar: ") || strings.Count(r.err, "\n") != 1 {
		t.Errorf("status %d, out %q, err %q; want status 1 and one line on standard error", r.status, r.out, r.err)
	}
	for _, text := range texts {
		if !strings.Contains(r.err, text) {
			t.Errorf("%q is not in %q", text, r.err)
		}
	}
}

// server is a server in this process.
type server struct {
	base      string // URL without a final slash
	out, errs *said
	stop      func() int // ends the server and returns its exit status
}

// serveFile serves a file until the test or stop ends it.
func serveFile(t testing.TB, file string, flags ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &server{out: new(said), errs: new(said)}
	p := &program{in: strings.NewReader(""), out: s.out, err: s.errs,
		getenv: func(string) string { return "" }, self: self(t)}
	ended := make(chan int, 1)
	go func() {
		ended <- p.run(ctx, append([]string{"serve", "--db", file, "--listen", "127.0.0.1:0"}, flags...))
	}()
	s.stop = sync.OnceValue(func() int {
		cancel()
		select {
		case status := <-ended:
			return status
		case <-time.After(patience):
			t.Error("the server does not end")
			return -1
		}
	})
	t.Cleanup(func() { s.stop() })
	s.base = signIn(t, s.out, s.errs)
	return s
}

var signInLine = regexp.MustCompile(`(?m)^sign in: (https?://\S+)/$`)

// signIn waits until a server prints its URL, and returns it.
func signIn(t testing.TB, out, errs *said) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if m := signInLine.FindStringSubmatch(out.String()); m != nil {
			return m[1]
		}
		if strings.Contains(errs.String(), "nightjar: ") {
			break
		}
	}
	t.Fatalf("no server: %s %s", out, errs)
	return ""
}

// get returns the body of an answer. The request has a token unless that is "".
func get(t testing.TB, url, token string) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Token "+token)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	b, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %d %s", url, w.StatusCode, b)
	}
	return string(b)
}

// served is a file with an administrator, as the first start makes it. Tests share it, because
// hashing a password takes time.
var served struct {
	once sync.Once
	file []byte
}

// newFile returns the path of a new file with an administrator.
func newFile(t testing.TB) string {
	t.Helper()
	served.once.Do(func() {
		file := filepath.Join(t.TempDir(), "first.db")
		if status := serveFile(t, file).stop(); status != 0 {
			t.Fatalf("status %d", status)
		}
		served.file = readFile(t, file)
	})
	return write(t, t.TempDir(), "nightjar.db", string(served.file))
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// write writes a file in a folder and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

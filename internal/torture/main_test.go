package torture_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

// nightjar is the path of the program.
var nightjar string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "nightjar-torture-")
	if err != nil {
		panic(err)
	}
	nightjar = filepath.Join(dir, "nightjar")
	if err := testenv.Build(nightjar); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	flag.Parse()
	if !testenv.Long() {
		flag.Set("test.parallel", "4") // the tests mostly wait
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// parallel runs a test beside others, except in the long form, which measures one test at a time.
func parallel(t *testing.T) {
	if !testenv.Long() {
		t.Parallel()
	}
}

// run runs the program and returns its output.
func run(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), nightjar, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// must is run for a command that must succeed.
func must(t testing.TB, args ...string) string {
	t.Helper()
	out, err := run(t, args...)
	if err != nil {
		t.Fatalf("nightjar %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

// node is a server under test.
type node struct {
	*torture.Node
	t     testing.TB
	file  string
	admin *torture.Client
}

// crashed matches the start of a Go crash report.
var crashed = regexp.MustCompile(`(?m)^(fatal error|panic|unexpected fault|SIG[A-Z]+):? `)

// serve starts a server on a file and stops it when the test ends. The token is that of an earlier
// server on the same file, "" for a new file.
func serve(t testing.TB, file, token string, flags ...string) *node {
	t.Helper()
	return serveBy(t, []string{nightjar}, file, token, flags...)
}

func serveBy(t testing.TB, program []string, file, token string, flags ...string) *node {
	t.Helper()
	n, err := torture.Start(t.Context(), program, file, flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Kill()
		if said := n.Said(); t.Failed() && said != "" {
			crash := max(0, len(said)-1000)
			if at := crashed.FindStringIndex(said); at != nil {
				crash = at[0]
			}
			t.Logf("standard error of a server:\n%s", said[crash:min(crash+4000, len(said))])
		}
	})
	c := n.Client(token)
	if token == "" {
		if err := c.SignIn(t.Context(), "admin", n.Password); err != nil {
			t.Fatal(err)
		}
	}
	return &node{n, t, file, c}
}

// stop stops a server cleanly.
func (n *node) stop() {
	n.t.Helper()
	if err := n.Stop(); err != nil {
		n.t.Fatal(err)
	}
}

// load starts the clients; done stops them and waits. They also stop when the test ends.
func (n *node) load(l torture.Load, ledger *torture.Ledger, round int) (done func()) {
	ctx, cancel := context.WithCancel(n.t.Context())
	end := make(chan error, 1)
	client := n.Client(n.admin.Token)
	go func() { end <- l.Run(ctx, client, ledger, round) }()
	return func() {
		n.t.Helper()
		cancel()
		if err := <-end; err != nil {
			n.t.Error(err)
		}
	}
}

// writes lets clients write until the node has acknowledged count writes of the round. It then
// stops them, and waits for the requests that this breaks off.
func (n *node) writes(l torture.Load, ledger *torture.Ledger, round, count int) {
	n.t.Helper()
	done := n.load(l, ledger, round)
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		acknowledged, _ := ledger.Count(round)
		if acknowledged >= count {
			break
		}
		if time.Since(began) > testenv.Patience {
			n.t.Fatalf("only %d of %d writes were acknowledged", acknowledged, count)
		}
	}
	done()
	time.Sleep(100 * time.Millisecond)
}

// whole compares an idle node with a ledger.
func (n *node) whole(ledger *torture.Ledger) {
	n.t.Helper()
	problems, err := ledger.Check(n.t.Context(), n.admin, torture.At(time.Now()), true, true)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, p := range problems {
		n.t.Error(p)
	}
}

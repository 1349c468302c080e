// Package testenv tells tests in which form they run, and which tools the machine has.
//
// go test runs the short form: fewer rows, one seed, fewer rounds. Environment variables change
// that:
//
//	NIGHTJAR_LONG=1  runs the long form, whose figures are in docs/run
//	NIGHTJAR_CI=1    fails tests that lack a tool, instead of skipping them
package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Patience is how long a test waits for something that must happen: long enough for a busy or slow
// machine, but shorter than the timeout of go test.
const Patience = 3 * time.Minute

// Long reports whether tests run in their long form.
func Long() bool { return on("NIGHTJAR_LONG") }

// CI reports whether tests fail if they lack a tool.
func CI() bool { return on("NIGHTJAR_CI") }

func on(name string) bool {
	s := os.Getenv(name)
	return s != "" && s != "0"
}

// Choose returns short in the short form of tests, and long in the long form.
func Choose[T any](short, long T) T {
	if Long() {
		return long
	}
	return short
}

// OnlyLong skips a test in the short form.
func OnlyLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("only in the long form: NIGHTJAR_LONG=1")
	}
}

// Lacks skips a test for which the machine lacks something, or fails it with NIGHTJAR_CI=1.
func Lacks(t testing.TB, format string, args ...any) {
	t.Helper()
	if CI() {
		t.Fatalf("NIGHTJAR_CI is set, and "+format, args...)
	}
	t.Skipf(format, args...)
}

// Need returns the path of the first of these programs that is installed.
func Need(t testing.TB, programs ...string) string {
	t.Helper()
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	Lacks(t, "%s is not installed", strings.Join(programs, " or "))
	return ""
}

// Build builds the program to a file.
func Build(file string) error {
	if out, err := exec.Command("go", "build", "-o", file, "nightjar").CombinedOutput(); err != nil {
		return fmt.Errorf("building nightjar: %w\n%s", err, out)
	}
	return nil
}

// RssAnon returns the anonymous memory of a process in bytes, which excludes mapped files.
func RssAnon(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nRssAnon:")
	number, _, found := strings.Cut(rest, " kB\n")
	if !found {
		return 0, fmt.Errorf("the kernel does not report the anonymous memory of process %d", pid)
	}
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	return kilobytes << 10, err
}

// Memory is RssAnon for tests, which it skips on systems without that figure.
func Memory(t testing.TB, pid int) int64 {
	t.Helper()
	n, err := RssAnon(pid)
	if err != nil {
		Lacks(t, "%v", err)
	}
	return n
}

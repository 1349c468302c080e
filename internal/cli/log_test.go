package cli

import (
	"strings"
	"testing"
)

// The log names who did what, and is asked in the same way with and without a server.
func TestLogCommand(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	must(t, "target", "add", "NJ 1", "--ra", "1", "--dec", "2", "--db", file)
	must(t, "settings", "set", "tom_name", "Hill", "--db", file)
	out := must(t, "log", "--table", "targets", "--id", "1", "--db", file)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.Contains(lines[1], "owner") || !strings.Contains(lines[1], "POST /api/targets/") || !strings.Contains(lines[1], "targets created 1") {
		t.Error(out)
	}
	serveFile(t, file)
	r := call(t, "", "log", "--limit", "1", "--db", file)
	if r.status != 0 || strings.Count(r.out, "\n") != 2 || !strings.Contains(r.out, "setting tom_name") || !strings.Contains(r.err, "--limit shows more") {
		t.Errorf("%+v", r)
	}
	if out := must(t, "log", "--user", "nobody", "--db", file); strings.Count(out, "\n") != 1 {
		t.Error(out)
	}
	call(t, "", "log", "--limit", "0", "--db", file).refused(t, "--limit")
	call(t, "", "log", "--since", "yesterday", "--db", file).refused(t, "since", "date/time")
	call(t, "", "log", "--id", "7", "--db", file).refused(t, "An id needs the table")
}

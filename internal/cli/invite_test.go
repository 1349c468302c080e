package cli

import (
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestInvite: an invitation is a user without a password, a token, and a script to paste.
func TestInvite(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	must(t, "group", "add", "Observers", "--db", file)
	s := serveFile(t, file, "--lan")
	r := call(t, "", "user", "invite", "dora", "--group", "Observers", "--read-only", "--expires", "30d", "--db", file)
	m := regexp.MustCompile(`(?s)^URL: (https://\S+)/\ntoken: ([0-9a-f]{40})\n` +
		`certificate, SHA-256: \S+\n\n(import requests\n.*)$`).FindStringSubmatch(r.out)
	if r.status != 0 || m == nil {
		t.Fatalf("%+v", r)
	}
	client := trusting(t, must(t, "cert", "--db", file))
	ask := func(method, path string) (int, string) {
		q, err := http.NewRequest(method, m[1]+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Token "+m[2])
		q.Header.Set("Content-Type", "application/json")
		w, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		body, _ := io.ReadAll(w.Body)
		return w.StatusCode, string(body)
	}
	if status, body := ask("GET", "/api/groups/"); status != 200 || !strings.Contains(body, "Observers") {
		t.Error(status, body)
	}
	if status, body := ask("POST", "/api/targets/"); status != 403 || !strings.Contains(body, "may only read") {
		t.Error(status, body)
	}
	if out := must(t, "user", "list", "--db",
		file); !regexp.MustCompile(`dora +Observers +without a password`).MatchString(out) {
		t.Error(out)
	}
	var tokens []token
	for line := range strings.Lines(must(t, "token", "list", "--db", file)) {
		if strings.Contains(line, "dora") && strings.Contains(line, "invitation") && !strings.Contains(line, "never") &&
			strings.Contains(line, "read only") {
			tokens = append(tokens, token{})
		}
	}
	if len(tokens) != 1 {
		t.Error(must(t, "token", "list", "--db", file))
	}
	runPython(t, m[3], "0\n")
	// A refused invitation leaves no user.
	call(t, "", "user", "invite", "dora", "--db", file).refused(t, "username")
	call(t, "", "user", "invite", "emil", "--group", "Nobodies", "--db", file).refused(t, "there is no group Nobodies")
	call(t, "", "user", "invite", "emil", "--expires", "2001-01-01", "--db", file).refused(t, "is in the past")
	if s.stop() != 0 {
		t.Error(s.errs)
	}
	if out := must(t, "user", "list", "--db", file); strings.Contains(out, "emil") {
		t.Error(out)
	}
	alone := call(t, "", "user", "invite", "frida", "--db", file)
	if alone.status != 0 || !strings.Contains(alone.err, "no server runs") ||
		strings.Contains(alone.out, "nightjar.pem") {
		t.Errorf("%+v", alone)
	}
	plain := serveFile(t, file)
	if here := call(t, "", "user", "invite", "gerd", "--db", file); here.status != 0 ||
		!strings.Contains(here.err, "only on this machine") || !strings.Contains(here.out, "URL: "+plain.base+"/") {
		t.Errorf("%+v", here)
	}
}

// runPython runs a script if there is a Python with the modules that it imports.
func runPython(t *testing.T, script, want string) {
	t.Helper()
	bin := t.TempDir()
	if pythonFor(t, bin) == "" {
		t.Log("not run: there is no python3 with requests and astropy")
		return
	}
	cmd := exec.Command(filepath.Join(bin, "python3"), "-")
	cmd.Dir, cmd.Stdin = bin, strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != want {
		t.Errorf("%v: %s\n%s", err, out, script)
	}
}

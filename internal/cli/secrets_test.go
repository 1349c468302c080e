package cli

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestNoSecretFlags: no command takes a password or a token as a flag or an argument, because all
// users of a machine can read these in the list of processes.
func TestNoSecretFlags(t *testing.T) {
	var look func(name string, list []*cli.Command)
	look = func(name string, list []*cli.Command) {
		for _, c := range list {
			for _, f := range c.Flags {
				if _, yes := f.(*cli.BoolFlag); !yes &&
					slices.ContainsFunc(f.Names(),
						func(s string) bool { return regexp.MustCompile(`pass|secret|token`).MatchString(s) }) {
					t.Errorf("%s %s has a flag %v", name, c.Name, f.Names())
				}
			}
			if regexp.MustCompile(`(?i)password|secret`).MatchString(c.ArgsUsage) {
				t.Errorf("%s %s takes %s", name, c.Name, c.ArgsUsage)
			}
			look(name+" "+c.Name, c.Subcommands)
		}
	}
	look("nightjar", (&program{getenv: func(string) string { return "" }}).app().Commands)
}

// TestSecretsStayInside: passwords and tokens, right or wrong, appear neither in logs, nor in
// arguments of processes, nor in any file. The archive has only their hashes.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nightjar.db")
	c := startChild(t, file)
	token := strings.TrimSpace(must(t, "token", "create", "admin", "--db", file))
	if r := call(t, "secret-horse-1\n", "user", "passwd", "admin", "--password-stdin", "--db", file); r.status != 0 {
		t.Fatal(r.err)
	}
	secrets := []string{token, "secret-horse-1", "guess-horse-2", strings.Repeat("ab", 20)}
	ask := func(method, path, body string, auth func(r *http.Request)) {
		r, err := http.NewRequest(method, c.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		auth(r)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		if location := w.Header.Get("Location"); slices.ContainsFunc(secrets,
			func(s string) bool { return strings.Contains(location, s) }) {
			t.Errorf("%s %s leads to %s", method, path, location)
		}
	}
	for _, secret := range secrets {
		for _, path := range []string{"/api/targets/", "/api/nothing/", "/api/targets", "/data/x"} {
			ask("POST", path, `{"name": 1`, func(r *http.Request) { r.Header.Set("Authorization", "Token "+secret) })
			ask("GET", path, "", func(r *http.Request) { r.SetBasicAuth("admin", secret) })
			ask("GET", path, "", func(r *http.Request) {
				r.AddCookie(&http.Cookie{Name: "nightjar_session", Value: secret})
			})
		}
		ask("POST", "/api/session/", fmt.Sprintf(`{"username": "admin", "password": %q}`, secret),
			func(*http.Request) {})
		ask("POST", "/api/token-auth/", fmt.Sprintf(`{"username": "admin", "password": %q}`, secret),
			func(*http.Request) {})
	}
	kept := map[string]string{"the log": c.errs.String(),
		"the output": strings.ReplaceAll(c.out.String(), "admin password: ", "")}
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.cmd.Process.Pid)); err == nil {
		kept["the arguments"] = string(b)
	}
	if err := c.end(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Dir(file), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			var b []byte
			b, err = os.ReadFile(path)
			kept[path] = string(b)
		}
		return err
	})
	if err != nil || len(kept) < 3 {
		t.Fatalf("only %d places: %v", len(kept), err)
	}
	for place, text := range kept {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q", place, secret)
			}
		}
	}
}

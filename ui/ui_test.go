package ui

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"nightjar/internal/testenv"
)

// TestPaths checks which paths have a page, which redirect to another, and which do not exist.
func TestPaths(t *testing.T) {
	handler := Handler()
	for _, x := range []struct {
		path   string
		status int
		part   string // of the body, or of Location
	}{
		{"/", 200, "main.js"}, {"/targets/", 200, "main.js"}, {"/targets", 302, "/targets/"}, {"/targets/5/", 200,
			"main.js"}, {"/targets/5/update/", 200, "main.js"}, {"/targets/name/M%2031/", 200, "main.js"},
		{"/targets/name/M%2031", 302, "/targets/name/M%2031/"},
		{"/targets/name/C%2F2023%20A3", 302, "/targets/name/C%2F2023%20A3/"}, {"/targets/name/C/2023%20A3/", 200,
			"main.js"}, {"/targets/name/", 404, "no such page"}, {"/targets/name//", 404, "no such page"},
		{"//evil.example/targets", 404, "no such page"},
		{"/dataproducts/data/", 200, "main.js"}, {"/users/", 200, "main.js"}, {"/observations/", 302,
			"/observations/list/"}, {"/dataproducts?target_name=x", 302, "/dataproducts/data/?target_name=x"},
		{"/targets/five/", 404, "no such page"}, {"/targets//", 404, "no such page"}, {"/nowhere", 404,
			"no such page"}, {"/static/page.html", 404, "no such page"}, {"/static/", 404, "no such page"},
		{"/static/../ui.go", 404, "no such page"},
		{"/static/main.js", 200, "import"}, {"/static/pages/target.js", 200,
			"import"}, {"/static/nightjar.css", 200, "--ground"},
	} {
		r := httptest.NewRequest("GET", "http://node"+x.path, nil)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		text := w.Body.String() + w.Header().Get("Location")
		if w.Code != x.status || !strings.Contains(text, x.part) {
			t.Errorf("%s: %d, without %q", x.path, w.Code, x.part)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; script-src 'self';") {
			t.Errorf("%s has the policy %q", x.path, w.Header().Get("Content-Security-Policy"))
		}
		if tag := w.Header().Get("ETag"); x.status == 200 {
			r.Header.Set("If-None-Match", tag)
			w := httptest.NewRecorder()
			if handler.ServeHTTP(w, r); w.Code != http.StatusNotModified {
				t.Errorf("%s again: %d", x.path, w.Code)
			}
		}
	}
	w := httptest.NewRecorder()
	if handler.ServeHTTP(w, httptest.NewRequest("POST", "/targets/", nil)); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

// TestEveryPageHasItsModule compares the served paths with those that main.js knows.
func TestEveryPageHasItsModule(t *testing.T) {
	main, err := os.ReadFile("static/main.js")
	if err != nil {
		t.Fatal(err)
	}
	routes := regexp.MustCompile(`\[/\^(.*)\$/, "(\w+)"\]`).FindAllStringSubmatch(string(main), -1)
	used := map[string]bool{}
	for _, path := range paths {
		example := strings.NewReplacer("#", "5", "*", "M 31").Replace(path)
		found := false
		for _, r := range routes {
			pattern := strings.ReplaceAll(strings.ReplaceAll(r[1], `\/`, "/"), "(?<", "(?P<")
			if regexp.MustCompile("^" + pattern + "$").MatchString(example) {
				found, used[r[2]] = true, true
			}
		}
		if !found {
			t.Errorf("main.js has no module for %s", path)
		}
	}
	modules, err := filepath.Glob("static/pages/*.js")
	if err != nil || len(modules) == 0 {
		t.Fatal(err)
	}
	for _, m := range modules {
		if name := strings.TrimSuffix(filepath.Base(m), ".js"); !used[name] {
			t.Errorf("no path uses %s", m)
		}
	}
}

// TestNothingFromElsewhere checks that the pages have no inline scripts or styles, no markup made
// from strings, and no addresses of other sites.
func TestNothingFromElsewhere(t *testing.T) {
	bad := regexp.MustCompile(
		`innerHTML|outerHTML|insertAdjacentHTML|document\.write|` +
			`\beval\(|new Function|\sstyle="|\sonclick="|` +
			`<style|<script>|(?:src|href)="?https?:|\burl\(|(?m:^import .*from "[^.]|^import\("[^.])`)
	for name, f := range load() {
		if m := bad.Find(f.content); m != nil {
			t.Errorf("%s holds %s", name, m)
		}
	}
}

// TestSize adds up the compressed sizes of all files of the pages: together less than two
// megabytes.
func TestSize(t *testing.T) {
	total, whole, count := 0, 0, 0
	for name, f := range load() {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		z.Write(f.content)
		if err := z.Close(); err != nil {
			t.Fatal(name, err)
		}
		total, whole, count = total+out.Len(), whole+len(f.content), count+1
	}
	t.Logf("%d files of %d bytes are %d bytes compressed", count, whole, total)
	if total > 2e6 {
		t.Errorf("the compressed pages have %d bytes", total)
	}
}

// TestPure runs the tests of the code that needs no document.
func TestPure(t *testing.T) {
	node := testenv.Need(t, "node")
	// all versions of node can write TAP
	out, err := exec.Command(node, "--test", "--test-reporter=tap", "pure/pure.test.mjs").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if m := regexp.MustCompile(`(?m)^# pass (\d+)$`).FindSubmatch(out); m == nil || string(m[1]) == "0" {
		t.Fatalf("no test was run:\n%s", out)
	}
}

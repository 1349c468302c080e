package api

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPageIsWhole: docs/use/api.md, whose examples another test runs, has a section for each route, each with an example for curl and one for Python, and names each parameter.
func TestPageIsWhole(t *testing.T) {
	text, err := os.ReadFile("../docs/use/api.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	word := regexp.MustCompile(`[A-Z]+|:[a-z]+`) // how the page and the routes write what differs from one path to the next
	described := map[string]bool{}
	for _, section := range strings.Split(page, "\n### ")[1:] {
		section, _, _ = strings.Cut(section, "\n## ")
		heading, body, _ := strings.Cut(section, "\n")
		for _, path := range regexp.MustCompile(`/[^\s,]+`).FindAllString(heading, -1) {
			described[word.ReplaceAllString(path, "ID")] = true
			if !strings.Contains(body, "\n```sh\n") || !strings.Contains(body, "\n```python\n") {
				t.Errorf("%s lacks an example", path)
			}
		}
	}
	n := start(t, Options{})
	for _, rt := range n.api.routes {
		if path := word.ReplaceAllString(rt.path, "ID"); !described[path] {
			t.Errorf("%s is not there", path)
		}
		for name := range rt.knownWrite {
			if !regexp.MustCompile("`" + name + "[`=]|[?&]" + name + "=").MatchString(page) {
				t.Errorf("the parameter %s of %s is not there", name, rt.path)
			}
		}
	}
}

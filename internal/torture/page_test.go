package torture_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPage: every test that docs/run/reliability.md names exists, and the page names every test of
// this folder that checks a promise.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/run/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, dir := range []string{".", "../../kv", "../cli", "../../archive", "../../index"} {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(t `).FindAllStringSubmatch(string(source), -1) {
				there[m[1]] = true
				if dir == "." && m[1] != "TestPage" && m[1] != "TestLedgerSees" && m[1] != "TestKillSeesNoStart" &&
					!strings.Contains(string(page), m[1]) {
					t.Errorf("docs/run/reliability.md does not name %s", m[1])
				}
			}
		}
	}
	for _, name := range regexp.MustCompile("`?(Test[A-Z]\\w+)").FindAllStringSubmatch(string(page), -1) {
		if !there[name[1]] {
			t.Errorf("docs/run/reliability.md names %s, which does not exist", name[1])
		}
	}
}

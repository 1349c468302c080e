package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	pathNamed = regexp.MustCompile("`((?:[a-z]+/)+[a-z_0-9]+\\.[a-z]+)`") // a file of this repository
	testNamed = regexp.MustCompile("`(Test[A-Z]\\w*)`")
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	testFunc  = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestLinks checks that the Markdown pages' links to pages, sections and files work, and that the
// files and tests they name exist.
func TestLinks(t *testing.T) {
	tests := map[string]bool{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			for _, m := range testFunc.FindAllStringSubmatch(read(t, filepath.Join("..", file)), -1) {
				tests[m[1]] = true
			}
		}
	}
	pages := 0
	err := filepath.WalkDir("..", func(page string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && page != ".." && strings.HasPrefix(d.Name(), "."):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(page) != ".md":
			return nil
		}
		pages++
		text := read(t, page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to, section, _ := strings.Cut(m[1], "#")
			target := page
			if to != "" {
				target = filepath.Join(filepath.Dir(page), filepath.FromSlash(to))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if section != "" && !hasSection(read(t, target), section) {
				t.Errorf("%s links to %s, which has no section %s", page, target, section)
			}
		}
		for _, m := range pathNamed.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names a file: %v", page, err)
			}
		}
		for _, m := range testNamed.FindAllStringSubmatch(text, -1) {
			if !tests[m[1]] {
				t.Errorf("%s names %s, which no package has", page, m[1])
			}
		}
		return nil
	})
	if err != nil || pages < 5 {
		t.Errorf("%d pages were read: %v", pages, err)
	}
}

// hasSection reports whether a page has a heading with this anchor, made as GitHub makes it.
func hasSection(page, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(name, " ", "-") == anchor {
			return true
		}
	}
	return false
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

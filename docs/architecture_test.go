package docs

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// TestArchitecture holds docs/build/architecture.md to the source: the files that it names are there, and it tells of every module that go.mod asks for.
func TestArchitecture(t *testing.T) {
	text, err := os.ReadFile("build/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`([a-z]+/)*[a-z_0-9]+\\.go`").FindAllString(string(text), -1) {
		file := strings.Trim(m, "`")
		named[file] = true
		if _, err := os.Stat("../" + file); err != nil && file != "doc.go" {
			t.Error(err)
		}
	}
	for room, may := range house {
		if room != "." && room != "ui" && room != "docs" && !strings.HasPrefix(room, "internal/") { // the rooms that have their manual
			b, err := os.ReadFile("../" + room + "/doc.go")
			if err != nil || !strings.HasPrefix(string(b), "// Package "+path.Base(room)+" ") {
				t.Errorf("%s has no manual: %v", room, err)
			}
		}
		some := room == "." || room == "docs"
		for file := range named {
			some = some || strings.HasPrefix(file, room+"/")
		}
		if !some {
			t.Errorf("no file of %s is named", room)
		}
		for _, module := range may.modules {
			if !strings.Contains(string(text), "| `"+module+"` | "+room+" | ") {
				t.Errorf("it is not said why %s needs %s", room, module)
			}
		}
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, line := range strings.Split(string(mod), "\n") {
		module := regexp.MustCompile(`^(?:\t|tool |require )([a-z]\S*\.\S*/\S+)`).FindStringSubmatch(line)
		if module == nil || strings.HasSuffix(line, "// indirect") {
			continue
		}
		if rows++; !strings.Contains(string(text), "| `"+module[1]+"` | ") {
			t.Errorf("it is not said why %s is there", module[1])
		}
	}
	if rows != strings.Count(string(text), "\n| `") {
		t.Errorf("%d modules in go.mod, %d in the table", rows, strings.Count(string(text), "\n| `"))
	}
}

package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// room says what the Go files of a folder may import beside the standard library: which rooms of this house, and which modules of others.
type room struct{ rooms, modules []string }

// house is the plan of the house. Imports point down only, and each module has one room, so that a reader who knows which library is
// concerned knows where to look; docs/build/architecture.md says of each module why it is there.
var house = map[string]room{
	".": {rooms: []string{"internal/cli"}},
	"internal/cli": {rooms: []string{"api", "ui", "archive", "auth", "ingest", "internal/instant", "internal/problem", "internal/torture"},
		modules: []string{"github.com/urfave/cli/v2"}},
	"api":                  {rooms: []string{"archive", "auth", "ingest", "ingest/table", "internal/instant", "internal/problem"}, modules: []string{"github.com/julienschmidt/httprouter"}},
	"ui":                   {},
	"archive":              {rooms: []string{"auth", "index", "ingest", "ingest/fits", "ingest/table", "internal/problem", "kv"}, modules: []string{"golang.org/x/text"}},
	"auth":                 {rooms: []string{"internal/problem", "kv"}, modules: []string{"golang.org/x/crypto"}},
	"index":                {modules: []string{"github.com/blevesearch/bleve/v2", "github.com/blevesearch/bleve_index_api"}},
	"ingest":               {rooms: []string{"ingest/bounded", "ingest/fits", "ingest/table", "internal/instant", "internal/jsontext", "internal/problem"}},
	"ingest/bounded":       {rooms: []string{"internal/problem"}},
	"ingest/fits":          {rooms: []string{"ingest/bounded", "internal/instant", "internal/jsontext", "internal/problem"}},
	"ingest/fits/fitstest": {rooms: []string{"ingest/bounded"}}, // files for tests
	"ingest/table":         {rooms: []string{"ingest/bounded", "internal/instant", "internal/jsontext", "internal/problem"}},
	"kv":                   {modules: []string{"go.etcd.io/bbolt", "golang.org/x/sys"}},
	"docs":                 {}, // tests alone
	// beside the house: who treats a node badly from outside, and the data that benchmarks are run on
	"internal/torture":  {},
	"internal/dataset":  {},
	"internal/instant":  {rooms: []string{"internal/problem"}},
	"internal/jsontext": {},
	"internal/problem":  {},
	"internal/measure":  {rooms: []string{"internal/dataset"}},
}

// TestImports reads the imports of every Go file, whatever system it is for. Tests may import what they like.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range goFiles(t) {
		dir := path.Dir(file)
		may, known := house[dir]
		if !known {
			t.Errorf("%s: %s is no room of the house", file, dir)
			continue
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		seen[dir] = true
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", file), nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if !may.imports(name) {
				t.Errorf("%s imports %s, which %s may not", file, name, dir)
			}
		}
	}
	for dir := range house {
		if !seen[dir] && dir != "docs" {
			t.Errorf("the room %s is empty", dir)
		}
	}
}

func (r room) imports(path string) bool {
	if name, ours := strings.CutPrefix(path, "nightjar/"); ours {
		return slices.Contains(r.rooms, name)
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return path != "nightjar" && path != "C" // the standard library has no dot in its first part; and no cgo
	}
	return slices.ContainsFunc(r.modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// goFiles lists the Go files of this module.
func goFiles(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != ".." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(path, ".go"):
			files = append(files, filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator))))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestRules has the rules refuse what they are there to refuse.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		room, path string
		ok         bool
	}{
		{"kv", "go.etcd.io/bbolt/errors", true},
		{"archive", "go.etcd.io/bbolt", false},
		{"archive", "nightjar/kv", true},
		{"kv", "nightjar/archive", false},
		{"api", "nightjar/kv", false},
		{"api", "nightjar/index", false},
		{"internal/cli", "nightjar/kv", false},
		{"ui", "nightjar/auth", false},
		{"ui", "net/http", true},
		{"index", "github.com/blevesearch/bleve/v2/mapping", true},
		{"index", "github.com/blevesearch/bleve/v22", false},
		{"ingest", "github.com/astrogo/fitsio", false},
		{"kv", "C", false},
	} {
		if got := house[c.room].imports(c.path); got != c.ok {
			t.Errorf("%s imports %s: %v", c.room, c.path, got)
		}
	}
}

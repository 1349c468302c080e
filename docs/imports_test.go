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

// A layer lists what a package may import besides the standard library: packages of this module,
// and other modules.
type layer struct{ packages, modules []string }

// layers lists the packages and what each may import. Imports only point down, and only one package
// imports each module, so the library tells a reader where to look. docs/build/architecture.md
// gives the reason for each module.
var layers = readLayers(`
	.                     internal/cli
	internal/cli          archive auth ingest sky internal/client internal/demo internal/node internal/problem internal/torture github.com/urfave/cli/v2 github.com/xrash/smetrics golang.org/x/term
	internal/node         api archive auth ui internal/client internal/control internal/selfcert
	api                   api/transport api/wire archive auth ingest ingest/table sky internal/instant internal/jsontext internal/problem github.com/julienschmidt/httprouter
	api/wire              internal/jsontext internal/problem
	ui
	archive               auth index ingest ingest/fits kv sky internal/cache internal/jsontext internal/problem golang.org/x/text
	auth                  kv internal/cache internal/problem golang.org/x/crypto
	index                 github.com/blevesearch/bleve/v2 github.com/blevesearch/bleve_index_api
	ingest                ingest/bounded ingest/fits ingest/table ingest/table/fixed ingest/units internal/instant internal/jsontext internal/problem
	ingest/fits           ingest/bounded ingest/units internal/instant internal/jsontext internal/problem
	ingest/table          ingest/bounded internal/instant internal/jsontext internal/problem go.yaml.in/yaml/v4
	kv                    internal/boltfile internal/cache internal/disk github.com/RoaringBitmap/roaring/v2 go.etcd.io/bbolt
	sky
	api/transport
	docs
	ingest/bounded        internal/problem
	ingest/fits/fitstest  ingest/bounded internal/testenv
	ingest/table/fixed    ingest/bounded ingest/table internal/instant internal/problem
	ingest/units          internal/jsontext
	internal/boltfile
	internal/cache
	internal/client       internal/control
	internal/control
	internal/dataset
	internal/demo
	internal/disk         golang.org/x/sys
	internal/instant      internal/problem
	internal/jsontext
	internal/measure
	internal/problem
	internal/selfcert
	internal/testenv
	internal/torture
`)

// readLayers reads the table of layers. A module has a dot in the first part of its path.
func readLayers(table string) map[string]layer {
	all := map[string]layer{}
	for line := range strings.Lines(table) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		var l layer
		for _, w := range words[1:] {
			if first, _, _ := strings.Cut(w, "/"); strings.Contains(first, ".") {
				l.modules = append(l.modules, w)
			} else {
				l.packages = append(l.packages, w)
			}
		}
		all[words[0]] = l
	}
	return all
}

// TestImports checks the imports of every Go file, for all systems. Tests may import anything.
func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range goFiles(t) {
		dir := path.Dir(file)
		may, known := layers[dir]
		if !known {
			t.Errorf("%s: %s is not in the table of layers", file, dir)
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
				t.Errorf("%s imports %s, but %s may not", file, name, dir)
			}
		}
	}
	for dir := range layers {
		if !seen[dir] && dir != "docs" {
			t.Errorf("the package %s is empty", dir)
		}
	}
}

func (l layer) imports(path string) bool {
	if name, ours := strings.CutPrefix(path, "nightjar/"); ours {
		return slices.Contains(l.packages, name)
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return path != "nightjar" && path != "C" // the standard library has no dot in its first part; and no cgo
	}
	return slices.ContainsFunc(l.modules, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
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

// TestRules checks that the rules refuse forbidden imports.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, path string
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
		if got := layers[c.from].imports(c.path); got != c.ok {
			t.Errorf("%s imports %s: %v", c.from, c.path, got)
		}
	}
}

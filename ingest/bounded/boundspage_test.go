package bounded

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of limits")

// TestBoundsPage compares the table of limits in docs/use/formats.md with Bounds; -update writes
// it.
func TestBoundsPage(t *testing.T) {
	const page = "../../docs/use/formats.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| What | At most | Beyond |\n|---|---|---|\n")
	for _, l := range Bounds() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", l.What, l.Most, l.Beyond)
	}
	const begin, end = "<!-- limits -->\n", "<!-- end of limits -->\n"
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	switch {
	case !ok1 || !ok2:
		t.Fatalf("%s has no place for the limits", page)
	case *update:
		if err := os.WriteFile(page, []byte(before+begin+b.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case got != b.String():
		t.Errorf("%s: the table of limits differs from Bounds; go test ./ingest/bounded -run BoundsPage -update "+
			"writes it",
			page)
	}
}

// TestEveryBoundIsListed: Bounds lists each constant of bounds.go.
func TestEveryBoundIsListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "bounds.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	used := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				if v, ok := s.(*ast.ValueSpec); ok && d.Tok == token.CONST {
					for _, n := range v.Names {
						names = append(names, n.Name)
					}
				}
			}
		case *ast.FuncDecl:
			if d.Name.Name == "Bounds" {
				ast.Inspect(d.Body, func(n ast.Node) bool {
					if id, ok := n.(*ast.Ident); ok {
						used[id.Name] = true
					}
					return true
				})
			}
		}
	}
	if len(names) < 30 {
		t.Fatalf("bounds.go has %d constants", len(names))
	}
	for _, name := range names {
		if !used[name] {
			t.Errorf("Bounds does not list %s", name)
		}
	}
}

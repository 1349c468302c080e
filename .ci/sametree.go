//go:build ignore

// Sametree compares the Go files of two commits. It ignores comments, positions, the order of
// imports and how a string constant is split. It lists every identifier and string that differs;
// any other difference is an error.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

func git(args ...string) string {
	out, err := exec.Command("git", args...).Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "git", args, err)
		os.Exit(2)
	}
	return string(out)
}

var (
	renames = map[string]int{}
	strs    = map[string]int{}
	bad     int
)

func main() {
	old, new := os.Args[1], os.Args[2]
	for _, line := range strings.Split(git("diff", "--name-status", "-M", old, new, "--", "*.go"), "\n") {
		f := strings.Split(line, "\t")
		if len(f) < 2 {
			continue
		}
		a, b := f[1], f[len(f)-1]
		if f[0] == "A" || f[0] == "D" {
			fmt.Println("FILE", line)
			bad++
			continue
		}
		compare(b, git("show", old+":"+a), git("show", new+":"+b))
	}
	print := func(what string, m map[string]int) {
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		fmt.Printf("== %d %s\n", len(keys), what)
		if len(os.Args) > 3 {
			for _, k := range keys {
				fmt.Println(k)
			}
		}
	}
	print("renames", renames)
	print("changed strings", strs)
	fmt.Printf("== %d other differences\n", bad)
	if bad > 0 {
		os.Exit(1)
	}
}

func compare(name, a, b string) {
	fs := token.NewFileSet()
	x, err := parser.ParseFile(fs, name, a, parser.ParseComments)
	y, err2 := parser.ParseFile(fs, name, b, parser.ParseComments)
	if err != nil || err2 != nil {
		fmt.Println(name, err, err2)
		bad++
		return
	}
	// Directives are code: they must be equal.
	if p, q := directives(x), directives(y); p != q {
		fmt.Printf("%s: directives differ\n%s\n%s\n", name, p, q)
		bad++
	}
	sortImports(x)
	sortImports(y)
	c := &cmp{fs: fs, name: name}
	c.values(reflect.ValueOf(x.Name), reflect.ValueOf(y.Name))
	c.values(reflect.ValueOf(x.Decls), reflect.ValueOf(y.Decls))
}

func directives(f *ast.File) string {
	var all []string
	for _, g := range f.Comments {
		for _, c := range g.List {
			if strings.HasPrefix(c.Text, "//go:") || strings.HasPrefix(c.Text, "//nolint") {
				all = append(all, c.Text)
			}
		}
	}
	return strings.Join(all, "\n")
}

func sortImports(f *ast.File) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			sort.SliceStable(g.Specs, func(i, j int) bool {
				return g.Specs[i].(*ast.ImportSpec).Path.Value < g.Specs[j].(*ast.ImportSpec).Path.Value
			})
		}
	}
}

type cmp struct {
	fs   *token.FileSet
	name string
	pos  token.Pos
	done bool
}

func (c *cmp) differ(what string) {
	if c.done {
		return
	}
	c.done = true
	bad++
	fmt.Printf("%s: %s\n", c.fs.Position(c.pos), what)
}

// text returns the value of a constant string, joined when it is a sum of literals.
func text(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind == token.STRING {
			s, err := strconv.Unquote(e.Value)
			return s, err == nil
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			a, ok := text(e.X)
			b, ok2 := text(e.Y)
			return a + b, ok && ok2
		}
	}
	return "", false
}

func chain(e ast.Expr, to []ast.Expr) []ast.Expr {
	if b, ok := e.(*ast.BinaryExpr); ok && b.Op == token.ADD {
		return chain(b.Y, chain(b.X, to))
	}
	return append(to, e)
}

// folded joins neighbouring string literals of a sum.
func folded(e ast.Expr) []any {
	var out []any
	for _, p := range chain(e, nil) {
		if s, ok := text(p); ok {
			if n := len(out); n > 0 {
				if t, ok := out[n-1].(string); ok {
					out[n-1] = t + s
					continue
				}
			}
			out = append(out, s)
			continue
		}
		out = append(out, p)
	}
	return out
}

func (c *cmp) str(a, b string) {
	if a != b {
		strs[fmt.Sprintf("%q\n\t-> %q", a, b)]++
	}
}

func (c *cmp) values(a, b reflect.Value) {
	if c.done {
		return
	}
	if a.Kind() == reflect.Interface {
		if a.IsNil() != b.IsNil() {
			c.differ("one is missing")
			return
		}
		if a.IsNil() {
			return
		}
		x, xe := a.Interface().(ast.Expr)
		y, ye := b.Interface().(ast.Expr)
		if xe && ye {
			if s, ok := text(x); ok {
				if t, ok := text(y); ok {
					c.pos = x.Pos()
					c.str(s, t)
					return
				}
			}
			_, p := x.(*ast.BinaryExpr)
			_, q := y.(*ast.BinaryExpr)
			if p || q {
				f, g := folded(x), folded(y)
				if len(f) > 1 || len(g) > 1 {
					if len(f) != len(g) {
						c.pos = x.Pos()
						c.differ("a sum of other length")
						return
					}
					for i := range f {
						s, sok := f[i].(string)
						t, tok := g[i].(string)
						if sok && tok {
							c.str(s, t)
							continue
						}
						c.values(reflect.ValueOf(f[i]), reflect.ValueOf(g[i]))
					}
					return
				}
			}
		}
		a, b = a.Elem(), b.Elem()
	}
	if a.IsValid() != b.IsValid() {
		c.differ("one is missing")
		return
	}
	if !a.IsValid() {
		return
	}
	if a.Type() != b.Type() {
		c.differ(fmt.Sprintf("%s became %s", a.Type(), b.Type()))
		return
	}
	switch a.Kind() {
	case reflect.Pointer:
		if _, comment := a.Interface().(*ast.CommentGroup); comment {
			return
		}
		if a.IsNil() != b.IsNil() {
			c.differ("one is missing")
			return
		}
		if a.IsNil() {
			return
		}
		switch x := a.Interface().(type) {
		case *ast.Object, *ast.Scope:
			return
		case *ast.Ident:
			y := b.Interface().(*ast.Ident)
			c.pos = x.Pos()
			if x.Name != y.Name {
				renames[x.Name+" -> "+y.Name]++
			}
			return
		case *ast.BasicLit:
			y := b.Interface().(*ast.BasicLit)
			c.pos = x.Pos()
			if x.Kind != y.Kind {
				c.differ("another kind of literal")
			} else if x.Kind == token.STRING {
				s, _ := text(x)
				t, _ := text(y)
				c.str(s, t)
			} else if x.Value != y.Value {
				c.differ(x.Value + " became " + y.Value)
			}
			return
		}
		if n, ok := a.Interface().(ast.Node); ok {
			c.pos = n.Pos()
		}
		c.values(a.Elem(), b.Elem())
	case reflect.Struct:
		for i := 0; i < a.NumField(); i++ {
			f := a.Type().Field(i)
			if f.Type == reflect.TypeOf(token.Pos(0)) {
				// A valid position means that there is an ellipsis.
				if (f.Name == "Ellipsis" || f.Name == "Assign" || f.Name == "Arrow") &&
					(a.Field(i).Int() == 0) != (b.Field(i).Int() == 0) {
					c.differ("an ellipsis or alias")
				}
				continue
			}
			c.values(a.Field(i), b.Field(i))
		}
	case reflect.Slice:
		if a.Len() != b.Len() {
			c.differ(fmt.Sprintf("%d parts became %d", a.Len(), b.Len()))
			return
		}
		for i := 0; i < a.Len(); i++ {
			c.values(a.Index(i), b.Index(i))
		}
	case reflect.Bool, reflect.Int, reflect.String:
		if a.Interface() != b.Interface() {
			c.differ("another operator or word")
		}
	default:
		c.differ("unknown " + a.Kind().String())
	}
}

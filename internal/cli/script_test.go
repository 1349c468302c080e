package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
)

// TestScripts runs testdata/script without a server and with one: the results must be the same. The
// file is $NIGHTJAR_DB, with an administrator. Scripts have two more commands than those of
// testscript:
//
//	nightjar ARGS [< FILE]  runs the program; after "!" it must print one line "nightjar: ..."
//	keep NAME REGEXP        sets $NAME to the first group of REGEXP in the last standard output
func TestScripts(t *testing.T) {
	for _, served := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "served"}[served], func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir: filepath.Join("testdata", "script"),
				Setup: func(e *testscript.Env) error {
					file := newFile(t)
					e.Setenv("NIGHTJAR_DB", file)
					e.Defer(func() { clean(t, file) })
					if served {
						s := serveFile(t, file)
						e.Defer(func() {
							if status := s.stop(); status != 0 {
								t.Errorf("the server ended with status %d: %s", status, s.errs)
							}
						})
					}
					return nil
				},
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
					"nightjar": runNightjar, "keep": keep},
			})
		})
	}
}

func runNightjar(ts *testscript.TestScript, fails bool, args []string) {
	var in io.Reader = strings.NewReader("")
	if n := len(args); n > 1 && args[n-2] == "<" {
		in, args = strings.NewReader(ts.ReadFile(args[n-1])), args[:n-2]
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	self, err := os.Executable()
	ts.Check(err)
	var errs said
	p := &program{in: in, out: ts.Stdout(), err: io.MultiWriter(&errs, ts.Stderr()), getenv: ts.Getenv, self: self}
	status, own := p.run(ctx, args), 0
	for line := range strings.Lines(errs.String()) {
		if strings.HasPrefix(line, "nightjar: ") {
			own++
		}
	}
	if want := map[bool]int{true: 1}[fails]; status != want || own != want {
		ts.Fatalf("status %d, %d lines of its own:\n%s", status, own, errs.String())
	}
}

func keep(ts *testscript.TestScript, _ bool, args []string) {
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("keep: no match in %q", ts.ReadFile("stdout"))
	}
	ts.Setenv(args[0], m[1])
}

// TestScriptsAll: the scripts run every command.
func TestScriptsAll(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, file := range files {
		text.Write(readFile(t, file))
	}
	var look func(name string, list []*cli.Command)
	look = func(name string, list []*cli.Command) {
		for _, c := range list {
			if name := name + " " + c.Name; len(c.Subcommands) > 0 {
				look(name, c.Subcommands)
			} else if !regexp.MustCompile(`(?m)^(! )?` + name + `\b`).MatchString(text.String()) {
				t.Errorf("no script runs %s", name)
			}
		}
	}
	look("nightjar", (&program{getenv: func(string) string { return "" }}).app().Commands)
}

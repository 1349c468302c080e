package cli

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// words matches the words of a line. Words with blanks are in quotes.
var words = regexp.MustCompile(`'[^']*'|\S+`)

// TestHelp: every command has help that fits a terminal. Commands with arguments or flags have
// examples, which the program accepts.
func TestHelp(t *testing.T) {
	app := (&program{getenv: func(string) string { return "" }}).app()
	pages := 0
	var look func(path []string, list []*cli.Command)
	look = func(path []string, list []*cli.Command) {
		for _, c := range list {
			if c.Hidden {
				continue
			}
			path := append(slices.Clone(path), c.Name)
			name := "nightjar " + strings.Join(path, " ")
			text := must(t, append([]string{"help"}, path...)...)
			pages++
			for line := range strings.Lines(text) {
				// Examples are not broken.
				if utf8.RuneCountInString(strings.TrimRight(line, "\n")) > helpWidth &&
					!strings.Contains(line, "nightjar ") {
					t.Errorf("%s: a line is too long: %s", name, line)
				}
			}
			for _, f := range c.Flags {
				if !strings.Contains(text, "--"+f.Names()[0]) {
					t.Errorf("%s: the help lacks --%s", name, f.Names()[0])
				}
				if d := f.(cli.DocGenerationFlag); d.TakesValue() && strings.Count(d.GetUsage(), "`") != 2 {
					t.Errorf("%s: --%s does not name its value", name, f.Names()[0])
				}
			}
			if (c.ArgsUsage != "" || len(c.Flags) > 0) && c.Description == "" {
				t.Errorf("%s has no example", name)
			}
			for _, example := range parseExamples(c.Description) {
				line := strings.TrimSuffix(example.left[strings.Index(example.left, "nightjar"):], ")")
				line, _, _ = strings.Cut(strings.ReplaceAll(line, "<", ">"), ">")
				var args []string
				for _, word := range words.FindAllString(line, -1) {
					args = append(args, strings.Trim(word, "'"))
				}
				got, err := flagsFirst(app, args[1:])
				if err != nil || !slices.Equal(args[1:1+len(path)], path) || c.ArgsUsage != "" &&
					c.ArgsUsage[0] != '[' && !slices.Contains(got, "--") {
					t.Errorf("%s: the example %q is parsed as %q (%v)", name, example.left, got, err)
				}
			}
			look(path, c.Subcommands)
		}
	}
	look(nil, app.Commands)
	if pages < 30 {
		t.Errorf("only %d commands", pages)
	}
}

// TestVersion: the version is the newest in CHANGELOG.md, and the linker can set the commit.
func TestVersion(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^## (\S+)`).FindSubmatch(text)
	if newest == nil || string(newest[1]) != version {
		t.Errorf("CHANGELOG.md begins with %s, the version is %s", newest, version)
	}
	defer func() { commit = "" }()
	for _, commit = range []string{"", "0123abc-dirty"} {
		out := must(t, "version")
		m := regexp.MustCompile(
			`^nightjar \d+\.\d+\.\d+\ncommit (unknown|[0-9a-f]{7,40}(?:-dirty)?)\ngo\d\S*\n$`).FindStringSubmatch(out)
		if m == nil || commit != "" && m[1] != commit {
			t.Errorf("%q with commit %q", out, commit)
		}
	}
}

package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// helpWidth is the width of help in columns.
const helpWidth = 100

// help prints the help of a command, or of the program if path is empty. A command's Description
// has its examples, one a line; three blanks separate an example from its explanation.
func help(w io.Writer, app *cli.App, path []string) error {
	name, usage, synopsis, examples := app.Name, app.Usage, "COMMAND [flags]", app.Description
	commands, flags := app.Commands, []cli.Flag(nil)
	for _, word := range path {
		c := findCommand(commands, word)
		if c == nil {
			return noCommand(name, word, commands)
		}
		name, usage, synopsis, examples = name+" "+word, c.Usage,
			strings.TrimSpace(c.ArgsUsage+" [flags]"), c.Description
		commands = c.Subcommands
		if len(commands) > 0 {
			synopsis = "COMMAND [flags]"
		}
		flags = c.Flags
	}
	p := new(page)
	p.wrapped("", name+": "+usage)
	p.section("USAGE", []entry{{name + " " + synopsis, ""}})
	p.section("EXAMPLES", parseExamples(examples))
	var list []entry
	for _, c := range commands {
		if !c.Hidden {
			list = append(list, entry{c.Name, c.Usage})
		}
	}
	p.section("COMMANDS", list)
	// The order of the flags, and of their groups, is that of the command.
	var groups []string
	byGroup := map[string][]entry{}
	for _, f := range slices.Concat(flags, app.Flags) {
		group := "FLAGS"
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != "" {
			group = "FLAGS: " + c.GetCategory()
		}
		if !slices.Contains(groups, group) {
			groups = append(groups, group)
		}
		byGroup[group] = append(byGroup[group], flagEntry(f))
	}
	for _, group := range groups {
		p.section(group, byGroup[group])
	}
	if len(commands) > 0 {
		p.WriteString("\n" + name + " COMMAND --help shows the help of a command.\n")
	}
	_, err := io.WriteString(w, strings.ReplaceAll(p.String(), noBreak, " "))
	return err
}

// noBreak is a blank at which no line ends.
const noBreak = "\u00a0"

// entry is a line of help: what to type, and its explanation.
type entry struct{ left, right string }

// parseExamples reads examples. An explanation becomes a shell comment, so that users can copy the
// whole line.
func parseExamples(examples string) (list []entry) {
	for line := range strings.Lines(examples) {
		left, right, said := strings.Cut(strings.TrimSpace(line), "   ")
		if said {
			right = "# " + right
		}
		list = append(list, entry{left, right})
	}
	return list
}

// flagEntry describes a flag. Backquotes in its usage mark the name of its value.
func flagEntry(f cli.Flag) entry {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return entry{left: "--" + f.Names()[0]}
	}
	left, text := "--"+f.Names()[0], d.GetUsage()
	for _, short := range f.Names()[1:] {
		left = "-" + short + ", " + left
	}
	if d.TakesValue() {
		value := "VALUE"
		if before, rest, ok := strings.Cut(text, "`"); ok {
			var after string
			value, after, _ = strings.Cut(rest, "`")
			text = before + value + after
		}
		left += " " + value
	}
	if s := defaultText(f); s != "" {
		text += " (default" + noBreak + s + ")"
	}
	return entry{left, text}
}

// defaultText returns the default of a flag, "" if there is none.
func defaultText(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.DurationFlag:
		return duration(f.Value)
	case *cli.StringFlag:
		return f.Value
	case *cli.IntFlag:
		return fmt.Sprint(f.Value)
	}
	return ""
}

// duration formats 1h, 5m or 10s, where Go writes 1h0m0s.
func duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// page is the help of a command.
type page struct{ strings.Builder }

// section writes entries below a heading in two columns. The second column begins on a new line
// after a very wide first one.
func (p *page) section(heading string, list []entry) {
	if len(list) == 0 {
		return
	}
	p.WriteString("\n" + heading + "\n")
	const widest = 55
	column := 0
	for _, e := range list {
		if n := len(e.left); n <= widest {
			column = max(column, n)
		}
	}
	for _, e := range list {
		if e.right == "" {
			p.WriteString("  " + e.left + "\n")
			continue
		}
		indent := strings.Repeat(" ", 2+column+2)
		if len(e.left) > column {
			p.WriteString("  " + e.left + "\n")
			p.wrapped(indent, indent+e.right)
			continue
		}
		p.wrapped(indent, fmt.Sprintf("  %-*s  %s", column, e.left, e.right))
	}
}

// wrapped writes a text in lines of helpWidth, and indents all but the first. It keeps the blanks
// at the beginning.
func (p *page) wrapped(indent, text string) {
	for len(text) > helpWidth {
		at := strings.LastIndexByte(text[:helpWidth+1], ' ')
		if at <= len(indent) {
			break
		}
		p.WriteString(strings.TrimRight(text[:at], " ") + "\n")
		text = indent + strings.TrimLeft(text[at:], " ")
	}
	p.WriteString(text + "\n")
}

// helpCommand prints help. A line with --help anywhere calls it, too.
func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "print the help of a command", ArgsUsage: "[COMMAND]...",
		Description: "nightjar help user add",
		Action:      func(c *cli.Context) error { return help(p.out, c.App, c.Args().Slice()) },
	}
}

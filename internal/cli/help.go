package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// helpWidth is how many columns a page of help may have, as narrow terminals do.
const helpWidth = 100

// help prints the page of a command, or of the program when path names none. A command's
// Description holds its examples, one a line; blanks part an example from what is said about it.
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
	p.section("EXAMPLES", pairs(examples))
	var list []entry
	for _, c := range commands {
		if !c.Hidden {
			list = append(list, entry{c.Name, c.Usage})
		}
	}
	p.section("COMMANDS", list)
	// flags in the groups in which they were given
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
		p.WriteString("\n" + name + " COMMAND --help says more of a command.\n")
	}
	_, err := io.WriteString(w, strings.ReplaceAll(p.String(), together, " "))
	return err
}

// together is a blank at which no line ends.
const together = "\u00a0"

// entry is a line of help: what is written, and what is said about it.
type entry struct{ left, right string }

// pairs reads examples. What is said about one is a comment of the shell's, so that the whole line
// can be copied.
func pairs(examples string) (list []entry) {
	for line := range strings.Lines(examples) {
		left, right, said := strings.Cut(strings.TrimSpace(line), "   ")
		if said {
			right = "# " + right
		}
		list = append(list, entry{left, right})
	}
	return list
}

// flagEntry describes a flag. What its usage has in backquotes is the name of its value.
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
	if s := standard(f); s != "" {
		text += " (default" + together + s + ")"
	}
	return entry{left, text}
}

// standard is the value of a flag that is not given, as people write it.
func standard(f cli.Flag) string {
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

// duration writes 1h, 5m or 10s, where Go has 1h0m0s.
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

// page is a page of help that is being written.
type page struct{ strings.Builder }

// section writes entries beneath a heading, in two columns; where the first is very wide the second
// follows on a line of its own.
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

// wrapped writes a text in lines of helpWidth, those after the first indented. Blanks at its
// beginning stay.
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

// helpCommand prints pages of help; --help anywhere on the line comes to it as well.
func (p *program) helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "say more of a command", ArgsUsage: "[COMMAND]...", Description: "nightjar help user add",
		Action: func(c *cli.Context) error { return help(p.out, c.App, c.Args().Slice()) },
	}
}

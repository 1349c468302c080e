package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// flagsFirst moves every flag to where urfave/cli looks for it: the program's before the command, a
// command's before its arguments. It refuses unknown flags, and flags without their value.
func flagsFirst(app *cli.App, args []string) ([]string, error) {
	name := app.Name
	commands, flags := app.Commands, []cli.Flag(nil)
	var global, path, own, rest []string
	for i := 0; i < len(args); i++ {
		word := args[i]
		if word == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(word) < 2 || word[0] != '-' {
			if len(commands) == 0 {
				rest = append(rest, word)
				continue
			}
			c := findCommand(commands, word)
			if c == nil && word == "help" {
				return helpFor(app, path), nil
			}
			if c == nil {
				return nil, noCommand(name, word, commands)
			}
			name += " " + word
			path = append(path, word)
			flags, commands = c.Flags, c.Subcommands
			continue
		}
		flag, value, joined := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(word, "-"), "-"), "=")
		to := &own
		f := findFlag(flags, flag)
		if f == nil {
			if f = findFlag(app.Flags, flag); f != nil {
				to = &global
			}
		}
		switch {
		case flag == "help" || flag == "h":
			return helpFor(app, path), nil
		case flag == "version" && len(path) == 0:
			return []string{app.Name, "version"}, nil
		case f == nil:
			return nil, noFlag(name, strings.SplitN(word, "=", 2)[0], flags, app.Flags)
		case joined:
			*to = append(*to, "--"+flag+"="+value)
			continue
		}
		*to = append(*to, "--"+flag)
		if _, yes := f.(*cli.BoolFlag); yes {
			continue
		}
		if i++; i == len(args) {
			return nil, fmt.Errorf("%s needs a value (see: %s --help)", word, name)
		}
		*to = append(*to, args[i])
	}
	out := slices.Concat([]string{app.Name}, global, path, own)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

// helpFor returns the arguments that print the help of a command.
func helpFor(app *cli.App, path []string) []string {
	return append([]string{app.Name, "help", "--"}, path...)
}

func findCommand(list []*cli.Command, name string) *cli.Command {
	for _, c := range list {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

func findFlag(list []cli.Flag, name string) cli.Flag {
	for _, f := range list {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// noCommand returns the error for an unknown command.
func noCommand(name, word string, list []*cli.Command) error {
	var names []string
	for _, c := range list {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return fmt.Errorf("there is no command %q%s (see: %s --help)", name+" "+word, didYouMean(word, names), name)
}

// noFlag returns the error for an unknown flag.
func noFlag(name, flag string, lists ...[]cli.Flag) error {
	var names []string
	for _, f := range slices.Concat(lists...) {
		names = append(names, "--"+f.Names()[0])
	}
	return fmt.Errorf("there is no flag %s%s (see: %s --help)", flag, didYouMean(flag, names), name)
}

// didYouMean suggests the name that is closest to a word. It returns "" if more than two letters
// are missing, extra or different in each name, or as many as the name has.
func didYouMean(word string, names []string) string {
	closest, least := "", 3
	for _, name := range names {
		if d := smetrics.WagnerFischer(word, name, 1, 1, 1); d < least && d < len(strings.TrimLeft(name, "-")) {
			closest, least = name, d
		}
	}
	if closest == "" {
		return ""
	}
	return fmt.Sprintf(". "+cli.SuggestDidYouMeanTemplate, closest)
}

// arguments returns the arguments of a command after checking their number, and that required flags
// are given. Names that begin with dashes are the required flags; they come last. The name of the
// last argument may end in "..." for one or more, or have brackets if it is optional.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	var missing []string
	for len(names) > 0 && strings.HasPrefix(names[len(names)-1], "--") {
		last := len(names) - 1
		if flag := names[last]; c.String(flag[2:]) == "" {
			missing = append([]string{flag}, missing...)
		}
		names = names[:last]
	}
	if len(missing) > 0 {
		verb := "is"
		if len(missing) > 1 {
			verb = "are"
		}
		return nil, usageError(c, "%s %s missing", strings.Join(missing, " and "), verb)
	}
	given := c.Args().Slice()
	for i, name := range names {
		if i < len(given) && given[i] == "" {
			return nil, usageError(c, "%s is empty", name)
		}
		if i >= len(given) && !strings.HasPrefix(name, "[") {
			return nil, usageError(c, "%s is missing", strings.TrimSuffix(name, "..."))
		}
	}
	many := len(names) > 0 && strings.HasSuffix(names[len(names)-1], "...")
	if len(given) > len(names) && !many {
		return nil, usageError(c, "too many arguments: %q", given[len(names)])
	}
	return given, nil
}

// usageError returns an error for wrong usage, which points to the help of the command.
func usageError(c *cli.Context, format string, args ...any) error {
	return fmt.Errorf("%s (see: %s --help)", fmt.Sprintf(format, args...), c.Command.HelpName)
}

package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts every flag where urfave/cli looks for it: the program's before the command, a
// command's before its arguments. A flag that the command does not know is refused, as is one that
// lacks its value.
func arrange(app *cli.App, args []string) ([]string, error) {
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
			return nil, fmt.Errorf("%s is without a value (see: %s --help)", word, name)
		}
		*to = append(*to, args[i])
	}
	out := slices.Concat([]string{app.Name}, global, path, own)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

// helpFor is the line that asks for the page of a command.
func helpFor(app *cli.App, path []string) []string {
	return append([]string{app.Name, "help", "--"}, path...)
}

func findFlag(list []cli.Flag, name string) cli.Flag {
	for _, f := range list {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

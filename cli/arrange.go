package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts every flag where urfave/cli looks for it: the program's before the command, a command's before its arguments. A flag that
// the command does not know is refused, as is one that lacks its value.
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
			at := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(word) })
			if at < 0 {
				return nil, fmt.Errorf("there is no command %q (see: %s --help)", name+" "+word, name)
			}
			name += " " + word
			path = append(path, word)
			flags, commands = append(flags, commands[at].Flags...), commands[at].Subcommands
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
			return append(append([]string{app.Name}, path...), "--help"), nil
		case f == nil:
			return nil, fmt.Errorf("there is no flag %s (see: %s --help)", strings.SplitN(word, "=", 2)[0], name)
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

func findFlag(list []cli.Flag, name string) cli.Flag {
	for _, f := range list {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

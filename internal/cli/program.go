package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

// program is one call of the program.
type program struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	self     string // the path of the program itself, for what is done in a process of its own
	bars     bars

	file string // of --db
	as   string // of --as
}

// remembering remembers that something could not be written, so that what prints need not ask each
// time.
type remembering struct {
	w   io.Writer
	err error
}

func (r *remembering) Write(b []byte) (int, error) {
	n, err := r.w.Write(b)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// usageError is a command that was called in a way that it does not know.
func usageError(c *cli.Context, format string, args ...any) error {
	return fmt.Errorf("%s (see: %s --help)", fmt.Sprintf(format, args...), c.Command.HelpName)
}

// arguments checks that a command was given as many arguments as it wants, and the flags that it
// cannot do without, which are the names that begin with dashes and stand last. The last argument's
// name may end in "..." for one or more, and be put in brackets when it may be left out.
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
		return nil, usageError(c, "%q is one argument too many", given[len(names)])
	}
	return given, nil
}

func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p *program) note(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

func size(n int64) string {
	const unit = 1024
	f, units := float64(n), []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for f >= unit && i < len(units)-1 {
		f /= unit
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}

// table prints rows of equally many cells in columns.
func (p *program) table(rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		p.say("%s", strings.TrimRight(line, " \n"))
	}
	return nil
}

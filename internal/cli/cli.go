package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

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

// Main runs the program with the process's arguments and returns its exit status.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, self: self}
	return p.run(ctx, os.Args[1:])
}

// run runs one command. Its errors are one line each.
func (p *program) run(ctx context.Context, args []string) int {
	out := &remembering{w: p.out}
	p.out = out
	app := p.app()
	args, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		err = out.err
	}
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = errors.New("interrupted")
	}
	fmt.Fprintln(p.err, "nightjar: "+printable(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))) // which may quote a file, or what others wrote
	return 1
}

// remembering remembers that something could not be written, so that what prints need not ask each time.
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

// defaultFile is the file when none is named.
const defaultFile = "nightjar.db"

func (p *program) app() *cli.App {
	p.file = defaultFile
	if env := p.getenv("NIGHTJAR_DB"); env != "" {
		p.file = env
	}
	app := &cli.App{
		Name:        "nightjar",
		Usage:       "a follow-up archive for astronomers in one file",
		Description: "nightjar serve --demo   look at an archive of invented targets\nnightjar serve   make nightjar.db in this folder, and serve it\nnightjar user add astro   while it is served or not",
		HideVersion: true, HideHelp: true,
		Action: func(c *cli.Context) error { return help(p.out, c.App, nil) },
		Writer: p.out, ErrWriter: p.err, Reader: p.in,
		ExitErrHandler: func(*cli.Context, error) {},
		Before:         p.followLink,
		Flags:          []cli.Flag{textFlag(&p.file, "db", "the archive's `FILE`; also as NIGHTJAR_DB in the environment"), &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this"}},
		Commands: []*cli.Command{
			p.serveCommand(), p.settingsCommand(), p.userCommand(), p.groupCommand(), p.tokenCommand(), p.targetCommand(),
			p.importCommand(), p.exportCommand(), p.inspectCommand(), p.logCommand(), p.certCommand(),
			p.backupCommand(), p.restoreCommand(), p.verifyCommand(), p.compactCommand(), p.reindexCommand(), p.statCommand(), p.tortureCommand(), p.versionCommand(), p.helpCommand(),
			p.checkFileCommand(),
		},
	}
	plain(app.Commands)
	return app
}

// followLink takes the file that a symbolic link leads to, so that the socket and the session mark beside it are found under either name.
func (p *program) followLink(*cli.Context) error {
	info, err := os.Lstat(p.file)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return nil // what is wrong with the file is for the command to say
	}
	if file, err := filepath.EvalSymlinks(p.file); err == nil {
		p.file = file
	}
	return nil
}

// plain has usage errors returned instead of being printed with pages of help, and help printed by us.
func plain(list []*cli.Command) {
	for _, c := range list {
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return err }
		c.HideHelp = true
		if c.Action == nil {
			c.Action = needsSubcommand
		}
		plain(c.Subcommands)
	}
}

// needsSubcommand is the action of a group of commands.
func needsSubcommand(c *cli.Context) error {
	var names []string
	for _, sub := range c.Command.VisibleCommands() {
		names = append(names, sub.Name)
	}
	return usageError(c, "one of %s is missing", strings.Join(names, ", "))
}

// usageError is a command that was called in a way that it does not know.
func usageError(c *cli.Context, format string, args ...any) error {
	return fmt.Errorf("%s (see: %s --help)", fmt.Sprintf(format, args...), c.Command.HelpName)
}

// arguments checks that a command was given as many arguments as it wants, and the flags that it cannot do without, which are the names that begin with
// dashes and stand last. The last argument's name may end in "..." for one or more, and be put in brackets when it may be left out.
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

func (p *program) say(format string, args ...any)  { fmt.Fprintf(p.out, format+"\n", args...) }
func (p *program) note(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

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
	// which may quote a file, or what others wrote
	fmt.Fprintln(p.err, "nightjar: "+printable(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")))
	return 1
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
		Flags: []cli.Flag{textFlag(&p.file, "db",
			"the archive's `FILE`; also as NIGHTJAR_DB in the environment"),
			&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this"}},
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

// followLink takes the file that a symbolic link leads to, so that the socket and the session mark
// beside it are found under either name.
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

// plain has usage errors returned instead of being printed with pages of help, and help printed by
// us.
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

// version is the newest one of CHANGELOG.md.
const version = "0.9.0"

// commit is set by builds that leave out what the version control says:
// go build -ldflags "-X nightjar/internal/cli.commit=..."
var commit string

// builtFrom is the commit that the program was built from, with -dirty if the files differed from
// it.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	revision, dirty := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
	}
	return revision + dirty
}

func (p *program) versionCommand() *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version, the commit that it was built from, and the version of Go",
		Action: func(c *cli.Context) error {
			p.say("nightjar %s\ncommit %s\n%s", version, builtFrom(), runtime.Version())
			return nil
		},
	}
}

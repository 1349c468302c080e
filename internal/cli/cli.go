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
	context.AfterFunc(ctx, stop) // so that a second signal kills the process
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	p := &program{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, self: self}
	return p.run(ctx, os.Args[1:])
}

// program is one run of the program.
type program struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	self     string // path of the executable, to start child processes
	bars     bars

	file string // the value of --db
	as   string // the value of --as
}

// run runs one command and returns the exit status. It prints an error as one line.
func (p *program) run(ctx context.Context, args []string) int {
	out := &stickyWriter{w: p.out}
	p.out = out
	app := p.app()
	args, err := flagsFirst(app, args)
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
	// The error may quote a file, or text that other users wrote.
	fmt.Fprintln(p.err, "nightjar: "+printable(strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ")))
	return 1
}

// stickyWriter remembers the first error of a writer, so that printing code need not check each
// call.
type stickyWriter struct {
	w   io.Writer
	err error
}

func (r *stickyWriter) Write(b []byte) (int, error) {
	n, err := r.w.Write(b)
	if r.err == nil {
		r.err = err
	}
	return n, err
}

// defaultFile is the archive if neither --db nor NIGHTJAR_DB names one.
const defaultFile = "nightjar.db"

func (p *program) app() *cli.App {
	p.file = defaultFile
	if env := p.getenv("NIGHTJAR_DB"); env != "" {
		p.file = env
	}
	app := &cli.App{
		Name:  "nightjar",
		Usage: "a follow-up archive for astronomers in one file",
		Description: "nightjar serve --demo   try it with invented targets\n" +
			"nightjar serve   create nightjar.db in this folder and serve it\n" +
			"nightjar user add astro   while the server runs, or when it does not",
		HideVersion: true, HideHelp: true,
		DisableSliceFlagSeparator: true, // a name may contain a comma
		Action:                    func(c *cli.Context) error { return help(p.out, c.App, nil) },
		Writer:                    p.out, ErrWriter: p.err, Reader: p.in,
		ExitErrHandler: func(*cli.Context, error) {},
		Before:         p.followLink,
		Flags: []cli.Flag{textFlag(&p.file, "db",
			"`FILE` of the archive; NIGHTJAR_DB in the environment sets another default"),
			&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help"}},
		Commands: []*cli.Command{
			p.serveCommand(), p.settingsCommand(), p.userCommand(), p.groupCommand(), p.tokenCommand(),
			p.targetCommand(), p.importCommand(), p.exportCommand(), p.inspectCommand(), p.logCommand(),
			p.certCommand(), p.backupCommand(), p.restoreCommand(), p.verifyCommand(), p.compactCommand(),
			p.reindexCommand(), p.statCommand(), p.tortureCommand(), p.versionCommand(), p.helpCommand(),
			p.checkFileCommand(),
		},
	}
	returnUsageErrors(app.Commands)
	return app
}

// followLink resolves a symbolic link, so that commands find the socket and the session mark beside
// the file under either name.
func (p *program) followLink(*cli.Context) error {
	info, err := os.Lstat(p.file)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return nil // the command reports what is wrong with the file
	}
	if file, err := filepath.EvalSymlinks(p.file); err == nil {
		p.file = file
	}
	return nil
}

// returnUsageErrors makes urfave/cli return usage errors, instead of printing them with the help,
// and disables its own help.
func returnUsageErrors(list []*cli.Command) {
	for _, c := range list {
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error { return err }
		c.HideHelp = true
		if c.Action == nil {
			c.Action = needsSubcommand
		}
		returnUsageErrors(c.Subcommands)
	}
}

// needsSubcommand is the action of a command that has subcommands.
func needsSubcommand(c *cli.Context) error {
	var names []string
	for _, sub := range c.Command.VisibleCommands() {
		names = append(names, sub.Name)
	}
	return usageError(c, "one of %s is missing", strings.Join(names, ", "))
}

// version is the newest version in CHANGELOG.md.
const version = "0.9.0"

// commit is set by builds without version control information:
// go build -ldflags "-X nightjar/internal/cli.commit=..."
var commit string

// builtFrom returns the commit that the program was built from, with -dirty if files had been
// changed since.
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
		Name: "version", Usage: "print the version, the commit and the Go version",
		Action: func(c *cli.Context) error {
			p.say("nightjar %s\ncommit %s\n%s", version, builtFrom(), runtime.Version())
			return nil
		},
	}
}

package cli

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"nightjar/auth"
	"nightjar/internal/demo"
	"nightjar/internal/node"
)

func (p *program) serveCommand() *cli.Command {
	o := &serveOptions{Options: node.Defaults()}
	return &cli.Command{
		Name: "serve", Usage: "serve the archive; a new file is made with a group Public and an administrator",
		Description: "nightjar serve   nightjar.db in this folder, on 127.0.0.1:8000\n" +
			"nightjar serve --demo --db demo.db   look at an archive of invented targets\n" +
			"nightjar serve --lan   let the machines of this network in, with TLS\n" +
			"nightjar serve --listen 127.0.0.1:0 --read-only --db monday.db   look into a backup\n" +
			"nightjar serve --backup-dir /mnt/stick/copies   take a copy every hour",
		Flags:  o.flags(),
		Action: func(c *cli.Context) error { return p.serve(c, o) },
	}
}

// tuneCollector has the garbage collector run less often while the heap is the few megabytes that a
// node keeps, where it would run all the time when many write: 4,800 posts by 8 clients took 15
// runs with 13 MB in use, and 56 with 9 MB without. It runs more often where the heap comes near to
// what the limits let live at once: what many large bodies leave behind would otherwise double
// that. Sixteen lines of 16 MiB at once took 188 MiB with it, and 353 MiB without. GOGC and
// GOMEMLIMIT in the environment count instead.
func tuneCollector(bodies int64) {
	const besides = 128 << 20 // of all but the bodies
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(besides + bodies)
	}
}

// serve runs a node until the context ends.
func (p *program) serve(c *cli.Context, o *serveOptions) (err error) {
	if _, err := arguments(c); err != nil {
		return err
	}
	if err := checkBackups(c, o); err != nil {
		return err
	}
	if o.ReadOnly && (o.demo || o.permissions != "" || o.strategy != "") {
		return usageError(c, "--read-only: nothing can be written then")
	}
	tuneCollector(o.Limits.BodyMemory)
	o.File, o.Version, o.Note, o.CheckCopy = p.file, version, p.note, p.checkCopy(c.Context)
	o.Log = slog.New(slog.NewTextHandler(p.err, nil))
	n, err := node.Open(c.Context, o.Options)
	if wrong := new(node.Misuse); errors.As(err, &wrong) {
		return usageError(c, "%v", wrong)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.Close()) }()
	if !o.ReadOnly {
		if err := p.firstStart(c.Context, n, o); err != nil {
			return err
		}
	}
	return n.Serve(c.Context, func() {
		p.say("nightjar %s serves %s", version, n.Path())
		n.Tell(p.say)
	})
}

// firstStart prepares a new file, and refuses flags that an old one contradicts.
func (p *program) firstStart(ctx context.Context, n *node.Node, o *serveOptions) error {
	err := n.Archive.FirstSettings(ctx,
		map[string]string{auth.SettingMode: o.permissions, auth.SettingStrategy: o.strategy})
	if err != nil {
		return err
	}
	users, err := n.Archive.Auth().UserCount()
	if err != nil {
		return err
	}
	owner := n.Client()
	if users == 0 {
		if err := addGroup(ctx, owner, "Public"); err != nil {
			return err
		}
		password := randomPassword()
		if err := owner.Call(ctx, http.MethodPost, "/api/users/",
			map[string]any{"username": "admin", "password": password, "is_superuser": true}, nil); err != nil {
			return err
		}
		p.say("admin password: %s", password)
	}
	if !o.demo {
		return nil
	}
	made, there, err := demo.Fill(ctx, owner)
	switch {
	case err != nil:
		return err
	case there > 0:
		p.note("the file holds %d targets: the demo adds nothing to it", there)
	default:
		p.note("the demo: %d invented targets with light curves, spectra and images", made)
	}
	return nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strings"

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

// serveOptions are those of a node, and of its first start.
type serveOptions struct {
	node.Options
	permissions, strategy string // kept in the file; "" for the defaults, or for what it keeps
	demo                  bool
}

func (o *serveOptions) flags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		parsedFlag(&o.permissions, "permissions",
			"what the visibility of data follows, `MODE`: targets (the target) or objects (each upload); "+
				"kept in the file at the first start", auth.ParseMode),
		parsedFlag(&o.strategy, "auth-strategy",
			"what guests may do, `STRATEGY`: read-only (see what is open) or locked (nothing); "+
				"kept in the file at the first start", auth.ParseStrategy),
		boolFlag(&o.demo, "demo", "fill a new file with a dozen targets, light curves and spectra"),
		boolFlag(&o.ReadOnly, "read-only", "look inside a file, such as a backup, and leave every byte of it as it is"),
	}, listenFlags(&o.Listen), networkFlags(&o.Network), backupFlags(&o.Backups), limitFlags(&o.Limits))
}

// listenFlags say where a node listens and how it keeps what is said from being overheard.
func listenFlags(o *node.Listen) []cli.Flag {
	return grouped("where it listens",
		textFlag(&o.Address, "listen", "`ADDRESS` and port; port 0 for any that is free"),
		boolFlag(&o.LAN, "lan", "listen on all interfaces, with a certificate that is kept in the file; --listen then gives the port alone"),
		textFlag(&o.Certificate, "tls-cert",
			"`FILE` of the certificate, PEM, with those that lead to its issuer; it is read again when it changes"),
		textFlag(&o.Key, "tls-key", "`FILE` of the certificate's key, PEM"),
		boolFlag(&o.Insecure, "insecure",
			"listen beyond this machine without TLS, as behind a proxy that has it: anybody on the way can "+
				"read passwords and data"),
	)
}

// networkFlags say what the node believes of its clients, and which it answers.
func networkFlags(o *node.Network) []cli.Flag {
	return grouped("who is answered",
		parsedFlag(&o.BaseURL, "base-url",
			"`URL` under which others reach the node, for the links in answers", parseBaseURL),
		parsedListFlag(&o.Hosts, "allow-host",
			"answer only requests for this `NAME`, addresses, and the host of --base-url; may be repeated. "+
				"A node that listens on this machine alone answers to localhost, and to what is named here", parseHost),
		parsedListFlag(&o.Proxies, "trusted-proxy",
			"believe the X-Forwarded headers of this `ADDRESS` or network; may be repeated", parseProxy),
		parsedListFlag(&o.Origins, "cors-origin",
			"let pages of this `ORIGIN`, such as https://pages.example.org, or * for all, use the API "+
				"with a token; may be repeated", parseOrigin),
	)
}

func parseBaseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" ||
		u.Fragment != "") {
		return nil, fmt.Errorf("%q is no URL such as https://node.example.org", s)
	}
	return u, nil
}

func parseHost(s string) (string, error) {
	if s == "" || strings.ContainsAny(s, "/:@ ") {
		return "", fmt.Errorf("%q is no name of a host, such as node.example.org", s)
	}
	return s, nil
}

func parseProxy(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if addr, failed := netip.ParseAddr(s); failed == nil {
		prefix, err = addr.Prefix(addr.BitLen())
	}
	if err != nil {
		return prefix, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", s)
	}
	return prefix.Masked(), nil
}

func parseOrigin(s string) (string, error) {
	u, err := url.Parse(s)
	if s != "*" && (err != nil || u.Host == "" || u.Scheme == "" || s != u.Scheme+"://"+u.Host) {
		return "", fmt.Errorf("%q is no origin such as https://pages.example.org", s)
	}
	return s, nil
}

func backupFlags(o *node.Backups) []cli.Flag {
	return grouped("copies",
		textFlag(&o.Dir, "backup-dir",
			"a `FOLDER` into which the server puts verified copies of the file by itself, best on another disk"),
		timeFlag(&o.Every, "backup-every", "`TIME` after which the next copy is taken, if anything was written"),
		&cli.IntFlag{Name: "backup-keep", Usage: "`NUMBER` of copies that are kept", Value: o.Keep,
			Destination: &o.Keep},
	)
}

// checkBackups looks at the backupFlags before the file is opened, or made.
func checkBackups(c *cli.Context, o *serveOptions) error {
	dir := o.Backups.Dir
	switch {
	case dir == "" && (c.IsSet("backup-every") || c.IsSet("backup-keep")):
		return usageError(c, "--backup-every and --backup-keep need --backup-dir")
	case dir == "":
		return nil
	case o.ReadOnly:
		return usageError(c, "--backup-dir: a file that is open for reading only does not change")
	case o.Backups.Every <= 0:
		return usageError(c, "--backup-every: %v is no time", o.Backups.Every)
	case o.Backups.Keep < 1:
		return usageError(c, "--backup-keep: at least one copy is kept")
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--backup-dir: there is no folder %s", dir)
	case err != nil:
		return fmt.Errorf("--backup-dir: %w", err)
	case !info.IsDir():
		return fmt.Errorf("--backup-dir: %s is no folder", dir)
	}
	return nil
}

// limitFlags bound what clients can take of the node.
func limitFlags(o *node.Limits) []cli.Flag {
	return grouped("limits",
		sizeFlag(&o.MaxBody, 1024, "max-body", "`SIZE` of a body that is neither a file nor a stream of data"),
		sizeFlag(&o.MaxLine, 1024, "max-line", "`SIZE` of a line of a stream of data"),
		sizeFlag(&o.BodyMemory, 1<<20, "body-memory",
			"`SIZE` of the memory for all bodies and lines that are being read, about four bytes "+
				"for each byte that is sent; others wait a minute"),
		sizeFlag(&o.MaxUpload, 1024, "max-upload", "`SIZE` of a file, or of a stream of data"),
		numberFlag(&o.Uploads, "max-uploads",
			"`NUMBER` of files, streams and other bodies of more than 1 MiB taken in at once, of which "+
				"one user may send half; others wait a minute"),
		sizeFlag(&o.Header, 4096, "max-header", "`SIZE` of a request's header"),
		waitFlag(&o.HeaderTimeout, "header-timeout", "`TIME` in which a header must come"),
		waitFlag(&o.BodyStall, "body-timeout", "refuse a body of which nothing comes for `TIME`"),
		sizeFlag(&o.BodyRate, 1, "min-body-rate",
			"refuse a body that brings less than `SIZE` a second, over any 30 seconds that the node "+
				"waits for it"),
		waitFlag(&o.SendStall, "send-timeout", "close a connection that takes less than 16 KiB of an answer in `TIME`"),
		waitFlag(&o.IdleTimeout, "idle-timeout", "`TIME` for which a connection may stay without a request"),
		numberFlag(&o.FailedLogins, "max-failed-logins",
			"`NUMBER` of times that an account's password may be wrong from one address within "+
				"five minutes; fifteen times that whatever the account"),
	)
}

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
	"nightjar/internal/client"
	"nightjar/internal/demo"
	"nightjar/internal/node"
	"nightjar/internal/problem"
)

func (p *program) serveCommand() *cli.Command {
	o := &serveOptions{Options: node.Defaults()}
	return &cli.Command{
		Name: "serve", Usage: "serve the archive; the first start creates the file and a user admin",
		Description: "nightjar serve   nightjar.db in this folder, on 127.0.0.1:8000\n" +
			"nightjar serve --demo --db demo.db   try it with invented targets\n" +
			"nightjar serve --lan   serve this network, with TLS\n" +
			"nightjar serve --listen 127.0.0.1:0 --read-only --db monday.db   read a backup\n" +
			"nightjar serve --backup-dir /mnt/stick/copies   back up every hour",
		Flags:  o.flags(),
		Action: func(c *cli.Context) error { return p.serve(c, o) },
	}
}

// tuneCollector sets the garbage collector for a node, unless GOGC and GOMEMLIMIT do.
//
// The heap of a node is a few megabytes, for which the collector would run all the time when many
// clients write: 4,800 posts by 8 clients took 15 collections with 13 MB in use, and 56 with 9 MB
// without this. Near the memory that the limits allow for bodies, which is bodies bytes, it runs
// more often, because the garbage of large bodies would double the heap: 16 lines of 16 MiB at once
// took 188 MiB with this, and 353 MiB without.
func tuneCollector(bodies int64) {
	const besides = 128 << 20 // bytes for everything but bodies
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(besides + bodies)
	}
}

// serve runs a server until the context ends.
func (p *program) serve(c *cli.Context, o *serveOptions) (err error) {
	if _, err := arguments(c); err != nil {
		return err
	}
	if err := checkBackups(c, o); err != nil {
		return err
	}
	if o.ReadOnly && (o.demo || o.permissions != "" || o.strategy != "") {
		return usageError(c, "--read-only excludes --demo, --permissions and --auth-strategy, which write")
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

// firstStart prepares a new file, and refuses flags that contradict an existing one.
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
	} else if err := p.noteNoSuperuser(ctx, owner); err != nil {
		return err
	}
	if !o.demo {
		return nil
	}
	made, existing, err := demo.Fill(ctx, owner)
	switch {
	case err != nil:
		return err
	case existing > 0:
		p.note("the demo adds nothing, because the file has %s", problem.Plural(existing, "target"))
	default:
		p.note("the demo has %d invented targets with light curves, spectra and images", made)
	}
	return nil
}

// noteNoSuperuser tells how to make an administrator for a file that has none.
func (p *program) noteNoSuperuser(ctx context.Context, owner *client.Client) error {
	found := false
	err := client.Each(ctx, owner, "/api/users/", nil, func(u *user) error {
		found = found || u.Superuser
		return nil
	})
	if err == nil && !found {
		p.note("no user is an administrator: nightjar user add NAME --superuser makes one")
	}
	return err
}

// serveOptions are the flags of serve: the options of a node, and those of its first start.
type serveOptions struct {
	node.Options
	permissions, strategy string // stored in the file; "" keeps what it has, or the defaults
	demo                  bool
}

func (o *serveOptions) flags() []cli.Flag {
	return slices.Concat([]cli.Flag{
		parsedFlag(&o.permissions, "permissions",
			"`MODE` of permissions: targets (datums are as visible as their target) or objects "+
				"(each upload has permissions of its own); stored in the file at the first start", auth.ParseMode),
		parsedFlag(&o.strategy, "auth-strategy",
			"`STRATEGY` for guests: read-only (they see what is open) or locked (they see nothing); "+
				"stored in the file at the first start", auth.ParseStrategy),
		boolFlag(&o.demo, "demo", "add a dozen invented targets with light curves and spectra to a file without "+
			"targets"),
		boolFlag(&o.ReadOnly, "read-only", "serve a file, such as a backup, without changing a byte of it"),
	}, listenFlags(&o.Listen), networkFlags(&o.Network), backupFlags(&o.Backups), limitFlags(&o.Limits))
}

// listenFlags say where a node listens, and with which certificate.
func listenFlags(o *node.Listen) []cli.Flag {
	return grouped("address and TLS",
		textFlag(&o.Address, "listen", "listen on `ADDRESS` and port; port 0 takes a free one"),
		boolFlag(&o.LAN, "lan", "listen on all interfaces, with a certificate that is stored in the file; "+
			"of --listen only the port counts"),
		textFlag(&o.Certificate, "tls-cert",
			"`FILE` of the certificate chain, PEM; it is read again when it changes"),
		textFlag(&o.Key, "tls-key", "`FILE` of the certificate's key, PEM"),
		boolFlag(&o.Insecure, "insecure",
			"allow to listen beyond this machine without TLS, for example behind a proxy that has it: "+
				"anybody on the network can read passwords and data"),
	)
}

// networkFlags say which requests the node answers, and which headers it trusts.
func networkFlags(o *node.Network) []cli.Flag {
	return grouped("names and clients",
		parsedFlag(&o.BaseURL, "base-url",
			"`URL` of the node as its users see it, for links in answers", parseBaseURL),
		parsedListFlag(&o.Hosts, "allow-host",
			"answer only requests for this host `NAME`, IP addresses and the host of --base-url; may be "+
				"repeated; default: any name, but only localhost if the node listens on this machine alone", parseHost),
		parsedListFlag(&o.Proxies, "trusted-proxy",
			"trust the X-Forwarded headers of this `ADDRESS` or network; may be repeated", parseProxy),
		parsedListFlag(&o.Origins, "cors-origin",
			"let web pages of this `ORIGIN`, such as https://pages.example.org, or * for all, use the "+
				"API with a token; may be repeated", parseOrigin),
	)
}

func parseBaseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" ||
		u.Fragment != "") {
		return nil, fmt.Errorf("%q is not a URL such as https://node.example.org", s)
	}
	return u, nil
}

func parseHost(s string) (string, error) {
	if s == "" || strings.ContainsAny(s, "/:@ ") {
		return "", fmt.Errorf("%q is not a host name such as node.example.org", s)
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
		return "", fmt.Errorf("%q is not an origin such as https://pages.example.org", s)
	}
	return s, nil
}

func backupFlags(o *node.Backups) []cli.Flag {
	return grouped("backups",
		textFlag(&o.Dir, "backup-dir",
			"put verified copies of the file into `FOLDER`, preferably on another disk"),
		timeFlag(&o.Every, "backup-every", "`TIME` between copies; none is taken if nothing was written"),
		&cli.IntFlag{Name: "backup-keep", Usage: "keep the newest `NUMBER` of copies", Value: o.Keep,
			Destination: &o.Keep},
	)
}

// checkBackups checks the backupFlags before the file is opened or created.
func checkBackups(c *cli.Context, o *serveOptions) error {
	dir := o.Backups.Dir
	switch {
	case dir == "" && (c.IsSet("backup-every") || c.IsSet("backup-keep")):
		return usageError(c, "--backup-every and --backup-keep need --backup-dir")
	case dir == "":
		return nil
	case o.ReadOnly:
		return usageError(c, "--backup-dir is of no use with --read-only: the file does not change")
	case o.Backups.Every <= 0:
		return usageError(c, "--backup-every must be more than 0, not %v", o.Backups.Every)
	case o.Backups.Keep < 1:
		return usageError(c, "--backup-keep must be 1 or more")
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--backup-dir: there is no folder %s", dir)
	case err != nil:
		return fmt.Errorf("--backup-dir: %w", err)
	case !info.IsDir():
		return fmt.Errorf("--backup-dir: %s is not a folder", dir)
	}
	return nil
}

// limitFlags bound what clients can take from the node.
func limitFlags(o *node.Limits) []cli.Flag {
	return grouped("limits",
		sizeFlag(&o.MaxBody, 1024, "max-body", "largest `SIZE` of a body that is neither a file nor a stream of rows"),
		sizeFlag(&o.MaxLine, 1024, "max-line", "largest `SIZE` of a line in a stream of rows"),
		sizeFlag(&o.BodyMemory, 1<<20, "body-memory",
			"`SIZE` of the memory for all bodies and lines that are being read, about four bytes "+
				"for each byte sent; further requests wait up to a minute"),
		sizeFlag(&o.MaxUpload, 1024, "max-upload", "largest `SIZE` of a file or a stream of rows"),
		numberFlag(&o.Uploads, "max-uploads",
			"`NUMBER` of files, streams and other bodies over 1 MiB that are received at once, half of "+
				"them for one user; further requests wait up to a minute"),
		sizeFlag(&o.Header, 4096, "max-header", "largest `SIZE` of a request's header"),
		waitFlag(&o.HeaderTimeout, "header-timeout", "close a connection whose header takes longer than `TIME`"),
		waitFlag(&o.BodyStall, "body-timeout", "refuse a body that sends nothing for `TIME`"),
		sizeFlag(&o.BodyRate, 1, "min-body-rate",
			"refuse a body that sends less than `SIZE` a second, averaged over 30 seconds that the node "+
				"waits for it"),
		waitFlag(&o.SendStall, "send-timeout", "close a connection that takes less than 16 KiB of an answer in `TIME`"),
		waitFlag(&o.IdleTimeout, "idle-timeout", "close a connection that sends no request for `TIME`"),
		numberFlag(&o.FailedLogins, "max-failed-logins",
			"`NUMBER` of wrong passwords for one account from one address within five minutes; "+
				"15 times as many from one address for all accounts"),
	)
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/client"
	"nightjar/internal/control"
	"nightjar/internal/demo"
	"nightjar/ui"
)

const (
	stopWithin    = 8 * time.Second // what may still be answered after a signal to end
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "serve the archive; a new file is made with a group Public and an administrator",
		Description: "nightjar serve   nightjar.db in this folder, on 127.0.0.1:8000\n" +
			"nightjar serve --demo --db demo.db   look at an archive of invented targets\n" +
			"nightjar serve --lan   let the machines of this network in, with TLS\n" +
			"nightjar serve --listen 127.0.0.1:0 --read-only --db monday.db   look into a backup\n" +
			"nightjar serve --backup-dir /mnt/stick/copies   take a copy every hour",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "permissions", Usage: "what the visibility of data follows, `MODE`: targets (the target) or objects (each upload); kept in the file at the first start"},
			&cli.StringFlag{Name: "auth-strategy", Usage: "what guests may do, `STRATEGY`: read-only (see what is open) or locked (nothing); kept in the file at the first start"},
			&cli.BoolFlag{Name: "demo", Usage: "fill a new file with a dozen targets, light curves and spectra"},
			&cli.BoolFlag{Name: "read-only", Usage: "look inside a file, such as a backup, and leave every byte of it as it is"},
		}, grouped("where it listens", doorFlags()), grouped("who is answered", networkFlags()), grouped("copies", backupFlags()), grouped("limits", limitFlags())),
		Action: p.serve,
	}
}

// ballast is how much memory a server asks for and never touches, so that the machine need not give it. The garbage collector lets the heap double before it runs: with the
// few megabytes that a node keeps it would run all the time where many write.
const ballast = 8 << 20

// boundMemory has the garbage collector run more often where a server's heap comes near to what its
// limits let live at once: what many large bodies leave behind would otherwise double that. Sixteen
// lines of 16 MiB at once took 188 MiB with it, and 353 MiB without. GOMEMLIMIT in the environment
// counts instead.
func boundMemory(o *api.Limits) {
	const besides = 128 << 20 // of all but the bodies
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(besides + o.BodyMemory)
	}
}

// serve runs a node until the context ends.
func (p *program) serve(c *cli.Context) (err error) {
	if _, err := arguments(c); err != nil {
		return err
	}
	if err := errors.Join(checkPolicy(c), checkBackups(c)); err != nil {
		return err
	}
	door, err := open(c, p.note)
	if err != nil {
		return err
	}
	defer func() { door.Close() }()
	defer runtime.KeepAlive(make([]byte, ballast))
	o := api.Options{Log: slog.New(slog.NewTextHandler(p.err, nil)), Pages: ui.Handler(), Version: version}
	if err := network(c, door.Addr(), &o); err != nil {
		return err
	}
	limits, err := readLimits(c, &o.Limits)
	if err != nil {
		return err
	}
	boundMemory(&o.Limits)
	file, readOnly := c.String("db"), c.Bool("read-only")
	if readOnly && (c.Bool("demo") || c.String("permissions") != "" || c.String("auth-strategy") != "") {
		return usageError(c, "--read-only: nothing can be written then")
	}
	a, err := archive.Open(file, archive.Options{ReadOnly: readOnly, FailedLogins: limits.failedLogins, CheckCopy: p.checkCopy(c.Context), Logf: p.note})
	if errors.Is(err, archive.ErrLocked) {
		return servedAlready(c.Context, file)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	if err := p.secure(c, door, a); err != nil {
		return err
	}
	o.URL, o.Fingerprint = door.url, door.fingerprint
	copies, err := p.newBackups(c, a)
	if err != nil {
		return err
	}
	if copies != nil {
		o.Backups = copies.current
	}
	handler := api.New(a, o)
	if !readOnly {
		if err := p.firstStart(c, a, handler); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.Context)) // of the requests
	defer cancel()
	server := limits.bound(newServer(ctx, handler, p))
	door.Listener = boundConnections(door.Listener, server, connectionsAtOnce())
	server.RegisterOnShutdown(handler.Stop)
	owner := newServer(ctx, handler.Owner(), p)
	ended := make(chan error, 2)
	serving := 1
	control, err := control.Listen(file, !readOnly)
	if err != nil {
		p.note("no command reaches this server: %v", err)
	} else {
		serving++
		go func() { ended <- owner.Serve(control) }()
	}
	go func() { ended <- server.Serve(door) }()
	if copies != nil {
		done := make(chan struct{})
		copying, stop := context.WithCancel(ctx)
		go func() {
			defer close(done)
			copies.run(copying)
		}()
		defer func() { stop(); <-done }()
	}
	full, err := filepath.Abs(file)
	if err != nil {
		full = file
	}
	p.say("nightjar %s serves %s", version, full)
	door.tell(p.say)
	select {
	case <-c.Context.Done():
	case err = <-ended:
		serving--
	}
	err = errors.Join(err, p.shutDown(cancel, server, owner))
	for range serving { // so that neither door is open when the file is closed
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// checkPolicy looks at the flags that are kept in the file at the first start, before there is one.
func checkPolicy(c *cli.Context) error {
	if s := c.String("permissions"); s != "" {
		if _, err := auth.ParseMode(s); err != nil {
			return usageError(c, "--permissions: %v", err)
		}
	}
	if s := c.String("auth-strategy"); s != "" {
		if _, err := auth.ParseStrategy(s); err != nil {
			return usageError(c, "--auth-strategy: %v", err)
		}
	}
	return nil
}

// servedAlready says who has the file of a second server.
func servedAlready(ctx context.Context, file string) error {
	n, err := client.Dial(file)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("another program has %s open", file)
	}
	var node struct{ URL string }
	err = n.Call(ctx, http.MethodGet, "/api/node/", nil, &node)
	if err = errors.Join(err, n.Close()); err != nil {
		return fmt.Errorf("a server runs on %s already, and does not answer: %w", file, err)
	}
	return fmt.Errorf("a server runs on %s already, at %s/", file, node.URL)
}

// reachable is an address at which a browser on this machine finds a listener: one that listens everywhere is at localhost, too.
func reachable(a net.Addr) string {
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return a.String()
}

func newServer(ctx context.Context, h http.Handler, p *program) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(quiet{p}, "", 0)}
}

// shutDown lets what has begun be answered, for a while, and then breaks it off.
func (p *program) shutDown(cancel func(), servers ...*http.Server) error {
	ctx, stop := context.WithTimeout(context.Background(), stopWithin)
	defer stop()
	slow := time.AfterFunc(time.Second, func() {
		p.note("ending: what has begun is given %v to be answered; a second signal ends at once", stopWithin)
	})
	defer slow.Stop()
	var all error
	for _, s := range servers {
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			cancel()
			err = s.Close()
		}
		all = errors.Join(all, err)
	}
	return all
}

// firstStart prepares a new file, and refuses flags that an old one contradicts.
func (p *program) firstStart(c *cli.Context, a *archive.Archive, h *api.API) error {
	ctx := c.Context
	err := a.FirstSettings(ctx, map[string]string{auth.SettingMode: c.String("permissions"), auth.SettingStrategy: c.String("auth-strategy")})
	if err != nil {
		return err
	}
	users, err := a.Auth().UserCount()
	if err != nil {
		return err
	}
	n := client.New(h.Owner(), nil)
	if users == 0 {
		if err := addGroup(ctx, n, "Public"); err != nil {
			return err
		}
		password := randomPassword()
		if err := n.Call(ctx, http.MethodPost, "/api/users/", map[string]any{"username": "admin", "password": password, "is_superuser": true}, nil); err != nil {
			return err
		}
		p.say("admin password: %s", password)
	}
	if c.Bool("demo") {
		made, there, err := demo.Fill(ctx, n)
		if err != nil {
			return err
		}
		if there > 0 {
			p.note("the file holds %d targets: the demo adds nothing to it", there)
			return nil
		}
		p.note("the demo: %d invented targets with light curves, spectra and images", made)
	}
	return nil
}

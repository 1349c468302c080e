package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/internal/selfcert"
)

// doorFlags say where a node listens and how it keeps what is said from being overheard.
func doorFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "listen", Usage: "`ADDRESS` and port; port 0 for any that is free", Value: "127.0.0.1:8000"},
		&cli.BoolFlag{Name: "lan", Usage: "listen on all interfaces, with a certificate that is kept in the file; --listen then gives the port alone"},
		&cli.StringFlag{Name: "tls-cert", Usage: "`FILE` of the certificate, PEM, with those that lead to its issuer; it is read again when it changes"},
		&cli.StringFlag{Name: "tls-key", Usage: "`FILE` of the certificate's key, PEM"},
		&cli.BoolFlag{Name: "insecure", Usage: "listen beyond this machine without TLS, as behind a proxy that has it: anybody on the way can read passwords and data"},
	}
}

// door is where a node listens.
type door struct {
	net.Listener
	url         string   // at which it is reached
	others      []string // other URLs of it
	fingerprint string   // of a certificate that its clients have no other way to trust
	tls         *tls.Config
}

// open listens as the doorFlags say. Nothing is answered yet.
func open(c *cli.Context, note func(string, ...any)) (*door, error) {
	address := c.String("listen")
	withTLS := c.Bool("lan") || c.String("tls-cert") != ""
	switch {
	case (c.String("tls-cert") == "") != (c.String("tls-key") == ""):
		return nil, usageError(c, "--tls-cert and --tls-key belong together")
	case c.Bool("insecure") && withTLS:
		return nil, usageError(c, "--insecure is for a node without TLS")
	case c.Bool("lan"):
		if _, port, err := net.SplitHostPort(address); err == nil {
			address = ":" + port
		}
	}
	d := new(door)
	if withTLS {
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	if c.String("tls-cert") != "" {
		f, err := selfcert.ReadFiles(c.String("tls-cert"), c.String("tls-key"), note)
		if err != nil {
			return nil, err
		}
		d.tls.GetCertificate = f.Get
	}
	listener, err := net.Listen("tcp", address)
	var wrong *net.AddrError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &wrong), errors.As(err, &unknown):
		return nil, usageError(c, "--listen: %q is no address and port of this machine, such as 127.0.0.1:8000", c.String("listen"))
	case errors.Is(err, errAddressInUse):
		// most likely the same command in another terminal
		if n, err := client.Dial(c.String("db")); err == nil && n != nil {
			return nil, errors.Join(servedAlready(c.Context, c.String("db")), n.Close())
		}
		return nil, fmt.Errorf("another program listens on %s already: --listen 127.0.0.1:0 takes a port that is free", address)
	case err != nil:
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); !withTLS && !c.Bool("insecure") && (!ok || !tcp.IP.IsLoopback()) {
		listener.Close()
		return nil, usageError(c, "without TLS a node listens on this machine alone, and %s is beyond it: --lan makes a certificate, --tls-cert and --tls-key name one, and --insecure goes without, as behind a proxy", c.String("listen"))
	}
	d.Listener, d.url = listener, "http://"+reachable(listener.Addr())
	if withTLS {
		d.url = "https" + strings.TrimPrefix(d.url, "http")
	}
	return d, nil
}

// secure puts TLS before the door, if the flags say so, with the file's own certificate if they name none, and finds out by which URL it is reached.
func (p *program) secure(c *cli.Context, d *door, a *archive.Archive) error {
	if d.tls != nil && d.tls.GetCertificate == nil {
		names := c.StringSlice("allow-host")
		if u, err := url.Parse(c.String("base-url")); err == nil {
			names = append(names, u.Hostname())
		}
		_, hosts := localHosts(names...)
		own, err := p.ownCertificate(c.Context, a, hosts, time.Now())
		if err != nil {
			return err
		}
		d.tls.Certificates = []tls.Certificate{*own}
		d.fingerprint = api.Fingerprint(own.Leaf.Raw)
	}
	if d.tls != nil {
		d.Listener = tls.NewListener(d.Listener, d.tls)
	}
	if c.Bool("lan") {
		port := strconv.Itoa(d.Addr().(*net.TCPAddr).Port)
		addresses, _ := localHosts()
		for _, host := range addresses {
			d.others = append(d.others, "https://"+net.JoinHostPort(host, port))
		}
		if len(d.others) > 0 {
			d.url, d.others = d.others[0], append(d.others[1:], d.url)
		}
	}
	if s := c.String("base-url"); s != "" {
		d.url, d.others = strings.TrimSuffix(s, "/"), nil
	}
	return nil
}

// ownCertificate is the certificate that the file keeps for its node, made, or made anew, when it does not fit.
func (p *program) ownCertificate(ctx context.Context, a *archive.Archive, hosts []string, now time.Time) (*tls.Certificate, error) {
	certificate, key, err := a.Certificate()
	if err != nil {
		return nil, err
	}
	old := selfcert.Pair{Certificate: certificate, Key: key}
	pair, why, err := selfcert.Renew(old, "nightjar "+a.NodeID(), hosts, now)
	if err != nil {
		return nil, fmt.Errorf("the certificate in the file: %w", err)
	}
	if why != "" {
		p.note("the certificate is made anew (%s): who has the old one takes it again with nightjar cert", why)
	}
	if pair != old {
		if err := a.SetCertificate(ctx, pair.Certificate, pair.Key); errors.Is(err, archive.ErrReadOnly) {
			p.note("the certificate is not kept, since the file is only read")
		} else if err != nil {
			return nil, err
		}
	}
	read, err := tls.X509KeyPair([]byte(pair.Certificate), []byte(pair.Key))
	return &read, err
}

// tell says where the node is reached.
func (d *door) tell(say func(format string, args ...any)) {
	say("sign in: %s/", d.url)
	for _, u := range d.others {
		say("also at: %s/", u)
	}
	if d.fingerprint != "" {
		say("certificate, SHA-256: %s", d.fingerprint)
	}
}

// quiet leaves out of what an http.Server says what anybody who knocks can make it say: clients that do not trust a certificate, and such as speak no TLS.
type quiet struct{ p *program }

func (q quiet) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "TLS handshake error") {
		return len(b), nil
	}
	return fmt.Fprint(q.p.err, string(b))
}

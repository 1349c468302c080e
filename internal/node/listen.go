package node

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

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/internal/selfcert"
)

// Listen says where a node listens, and how it keeps what is said from being overheard.
type Listen struct {
	Address string // and port; "" for nowhere
	// on all interfaces, with a certificate that is kept in the file; of Address the port counts
	LAN              bool
	Certificate, Key string // files, PEM
	Insecure         bool   // beyond this machine without TLS
}

// listener is where a node listens.
type listener struct {
	net.Listener
	url         string   // at which it is reached
	others      []string // other URLs of it
	fingerprint string   // of a certificate that its clients have no other way to trust
	tls         *tls.Config
}

// listen opens the listener. Nothing is answered yet.
func listen(ctx context.Context, o Options) (*listener, error) {
	address := o.Listen.Address
	withTLS := o.Listen.LAN || o.Listen.Certificate != ""
	switch {
	case (o.Listen.Certificate == "") != (o.Listen.Key == ""):
		return nil, misuse("--tls-cert and --tls-key belong together")
	case o.Listen.Insecure && withTLS:
		return nil, misuse("--insecure is for a node without TLS")
	case o.Listen.LAN:
		if _, port, err := net.SplitHostPort(address); err == nil {
			address = ":" + port
		}
	}
	l := new(listener)
	if withTLS {
		l.tls = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	}
	if o.Listen.Certificate != "" {
		f, err := selfcert.ReadFiles(o.Listen.Certificate, o.Listen.Key, o.Note)
		if err != nil {
			return nil, err
		}
		l.tls.GetCertificate = f.Get
	}
	var err error
	l.Listener, err = net.Listen("tcp", address)
	var wrong *net.AddrError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &wrong), errors.As(err, &unknown):
		return nil, misuse("--listen: %q is no address and port of this machine, such as 127.0.0.1:8000",
			o.Listen.Address)
	case errors.Is(err, errAddressInUse):
		// most likely the same command in another terminal
		if n, err := client.Dial(o.File); err == nil && n != nil {
			return nil, errors.Join(servedAlready(ctx, o.File), n.Close())
		}
		return nil, fmt.Errorf("another program listens on %s already: --listen 127.0.0.1:0 takes a port that is free",
			address)
	case err != nil:
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if !withTLS && !o.Listen.Insecure && !loopback(l.Addr()) {
		l.Close()
		return nil, misuse("without TLS a node listens on this machine alone, and %s is beyond it: --lan makes a certificate, "+
			"--tls-cert and --tls-key name one, and --insecure goes without, as behind a proxy", o.Listen.Address)
	}
	l.url = "http://" + reachable(l.Addr())
	if withTLS {
		l.url = "https" + strings.TrimPrefix(l.url, "http")
	}
	return l, nil
}

// secure puts TLS before the listener, if the options say so, with the file's own certificate if
// they name none, and finds out by which URL the node is reached.
func (l *listener) secure(ctx context.Context, a *archive.Archive, o Options) error {
	if l.tls != nil && l.tls.GetCertificate == nil {
		names := o.Network.Hosts
		if u, err := url.Parse(o.Network.BaseURL); err == nil {
			names = append(names[:len(names):len(names)], u.Hostname())
		}
		_, hosts := localHosts(names...)
		own, err := ownCertificate(ctx, a, hosts, time.Now(), o.Note)
		if err != nil {
			return err
		}
		l.tls.Certificates = []tls.Certificate{*own}
		l.fingerprint = api.Fingerprint(own.Leaf.Raw)
	}
	if l.tls != nil {
		l.Listener = tls.NewListener(l.Listener, l.tls)
	}
	if o.Listen.LAN {
		port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		addresses, _ := localHosts()
		for _, host := range addresses {
			l.others = append(l.others, "https://"+net.JoinHostPort(host, port))
		}
		if len(l.others) > 0 {
			l.url, l.others = l.others[0], append(l.others[1:], l.url)
		}
	}
	if o.Network.BaseURL != "" {
		l.url, l.others = strings.TrimSuffix(o.Network.BaseURL, "/"), nil
	}
	return nil
}

// ownCertificate is the certificate that the file keeps for its node, made, or made anew, when it
// does not fit.
func ownCertificate(ctx context.Context, a *archive.Archive, hosts []string, now time.Time,
	note func(string, ...any)) (*tls.Certificate, error) {
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
		note("new certificate (%s); clients that trust the old one need the new one: nightjar cert", why)
	}
	if pair != old {
		if err := a.SetCertificate(ctx, pair.Certificate, pair.Key); errors.Is(err, archive.ErrReadOnly) {
			note("the certificate is not kept, since the file is only read")
		} else if err != nil {
			return nil, err
		}
	}
	read, err := tls.X509KeyPair([]byte(pair.Certificate), []byte(pair.Key))
	return &read, err
}

// Tell says where the node is reached.
func (n *Node) Tell(say func(format string, args ...any)) {
	say("sign in: %s/", n.listener.url)
	for _, u := range n.listener.others {
		say("also at: %s/", u)
	}
	if n.listener.fingerprint != "" {
		say("certificate, SHA-256: %s", n.listener.fingerprint)
	}
}

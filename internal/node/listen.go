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

// Listen are the options for the address of a node, and for TLS.
type Listen struct {
	Address string // host:port; "" for none
	// LAN listens on all interfaces with the certificate of the file. Of Address only the port
	// counts.
	LAN              bool
	Certificate, Key string // paths of PEM files
	Insecure         bool   // listen beyond this machine without TLS
}

// listener is the TCP listener of a node.
type listener struct {
	net.Listener
	url         string   // how users reach it
	others      []string // more URLs
	fingerprint string   // of the certificate of the file, if it is used
	tls         *tls.Config
}

// listen opens the listener. It accepts no connection yet.
func listen(ctx context.Context, o Options) (*listener, error) {
	address := o.Listen.Address
	withTLS := o.Listen.LAN || o.Listen.Certificate != ""
	switch {
	case (o.Listen.Certificate == "") != (o.Listen.Key == ""):
		return nil, misuse("--tls-cert and --tls-key need each other")
	case o.Listen.Insecure && withTLS:
		return nil, misuse("--insecure is for a node without TLS, and excludes --lan and --tls-cert")
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
		return nil, misuse("--listen: %q is not an address and port of this machine, such as 127.0.0.1:8000",
			o.Listen.Address)
	case errors.Is(err, errAddressInUse):
		// Most likely the same command runs in another terminal.
		if n, err := client.Dial(o.File); err == nil && n != nil {
			return nil, errors.Join(servedAlready(ctx, o.File), n.Close())
		}
		return nil, fmt.Errorf("another program already listens on %s: --listen 127.0.0.1:0 takes a free port",
			address)
	case err != nil:
		return nil, fmt.Errorf("--listen: %w", err)
	}
	if !withTLS && !o.Listen.Insecure && !loopback(l.Addr()) {
		l.Close()
		return nil, misuse("without TLS a node listens only on this machine, and %s is beyond it: use --lan, which "+
			"makes a certificate, or --tls-cert and --tls-key, or --insecure, for example behind a proxy",
			o.Listen.Address)
	}
	l.url = "http://" + reachable(l.Addr())
	if withTLS {
		l.url = "https" + strings.TrimPrefix(l.url, "http")
	}
	return l, nil
}

// secure adds TLS if the options ask for it, with the certificate of the file if they name no
// other. It also sets the URLs.
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

// ownCertificate returns the certificate of the file. It creates one if there is none, and renews
// one that expires or lacks a host.
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
			note("the certificate is not stored, because the file is open for reading only")
		} else if err != nil {
			return nil, err
		}
	}
	read, err := tls.X509KeyPair([]byte(pair.Certificate), []byte(pair.Key))
	return &read, err
}

// Tell prints the URLs of the node, and the fingerprint of its certificate, line by line with say.
func (n *Node) Tell(say func(format string, args ...any)) {
	say("sign in: %s/", n.listener.url)
	for _, u := range n.listener.others {
		say("also at: %s/", u)
	}
	if n.listener.fingerprint != "" {
		say("certificate, SHA-256: %s", n.listener.fingerprint)
	}
}

package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
)

const (
	certificateFor = 10 * 365 * 24 * time.Hour // clients know it by heart: it is no use that it ends soon
	renewBefore    = 30 * 24 * time.Hour
)

// ownCertificate is the certificate that the file keeps for its node, made, or made anew with the same key, when it does not fit: it must name all hosts, which are
// names and addresses, and be valid for a while. Names that it had stay in it, so that a machine that moves between two networks keeps its certificate.
func (p *program) ownCertificate(ctx context.Context, a *archive.Archive, hosts []string, now time.Time) (*tls.Certificate, error) {
	certificate, key, err := a.Certificate()
	if err != nil {
		return nil, err
	}
	var private *ecdsa.PrivateKey
	if certificate != "" {
		pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
		if err != nil {
			return nil, fmt.Errorf("the certificate in the file: %w", err)
		}
		old := pair.Leaf
		missing := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return old.VerifyHostname(h) == nil })
		if len(missing) == 0 && now.After(old.NotBefore) && now.Before(old.NotAfter.Add(-renewBefore)) {
			return &pair, nil
		}
		private, _ = pair.PrivateKey.(*ecdsa.PrivateKey)
		hosts = append(certified(old), missing...)
		why := "it ends, or has not begun"
		if len(missing) > 0 {
			why = "it did not name " + strings.Join(missing, ", ")
		}
		p.note("the certificate is made anew (%s): who has the old one takes it again with nightjar cert", why)
	}
	if certificate, key, err = newCertificate(private, "nightjar "+a.NodeID(), hosts, now); err != nil {
		return nil, err
	}
	if err := a.SetCertificate(ctx, certificate, key); errors.Is(err, archive.ErrReadOnly) {
		p.note("the certificate is not kept, since the file is only read")
	} else if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	return &pair, err
}

// certified lists the names and addresses of a certificate.
func certified(c *x509.Certificate) []string {
	list := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

// newCertificate makes a certificate that signs itself and may sign no other, with a new key if none is given. Both are PEM.
func newCertificate(private *ecdsa.PrivateKey, name string, hosts []string, now time.Time) (certificate, key string, err error) {
	if private == nil {
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return "", "", err
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return "", "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return "", "", err
	}
	id := sha256.Sum256(public) // its first 160 bits name the key (RFC 7093, 2)
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateFor), SubjectKeyId: id[:20],
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", secret), nil
}

// localHosts are the IPv4 addresses of this machine, the one by which others most likely reach it first, and all that its certificate names: these, and its names, to which
// more may be given. Addresses of IPv6 change too often, and those of bridges between programs on this machine are not reached from outside.
func localHosts(names ...string) (addresses, all []string) {
	add := func(ip net.IP) {
		if s := ip.String(); ip.To4() != nil && ip.IsGlobalUnicast() && !slices.Contains(addresses, s) {
			addresses = append(addresses, s)
		}
	}
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil { // sends nothing: it asks which way packets would go
		add(conn.LocalAddr().(*net.UDPAddr).IP)
		conn.Close()
	}
	list, err := net.Interfaces()
	if err != nil {
		list = nil
	}
	for _, i := range list {
		within, err := i.Addrs()
		if err != nil || i.Flags&net.FlagUp == 0 || slices.ContainsFunc([]string{"docker", "br-", "veth", "virbr"}, func(s string) bool { return strings.HasPrefix(i.Name, s) }) {
			continue
		}
		for _, a := range within {
			if n, ok := a.(*net.IPNet); ok {
				add(n.IP)
			}
		}
	}
	all = []string{"localhost", "127.0.0.1", "::1"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
		if !strings.Contains(host, ".") {
			names = append(names, host+".local")
		}
	}
	for _, name := range names {
		if name = strings.ToLower(name); validHost(name) && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return addresses, append(all, addresses...)
}

// validHost says whether a name can stand in a certificate.
func validHost(s string) bool {
	return s != "" && len(s) < 254 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" && s[0] != '-' && s[0] != '.' && net.ParseIP(s) == nil
}

// fileCertificate is a certificate in two files, which are read again when they have changed.
type fileCertificate struct {
	certificate, key string
	note             func(format string, args ...any)
	turn             chan *readCertificate // holds what was read last
}

type readCertificate struct {
	pair  *tls.Certificate
	stamp string // of the files
}

func readCertificateFiles(certificate, key string, note func(string, ...any)) (*fileCertificate, error) {
	f := &fileCertificate{certificate, key, note, make(chan *readCertificate, 1)}
	pair, err := f.read()
	if err != nil {
		return nil, err
	}
	f.turn <- &readCertificate{pair, f.stamp()}
	return f, nil
}

func (f *fileCertificate) read() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		var path *os.PathError
		if !errors.As(err, &path) {
			err = fmt.Errorf("%s and %s: %w", f.certificate, f.key, err)
		}
		return nil, err
	}
	return &pair, nil
}

func (f *fileCertificate) stamp() (s string) {
	for _, path := range []string{f.certificate, f.key} {
		if info, err := os.Stat(path); err == nil {
			s += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), " ")
		}
	}
	return s
}

// get is the certificate as it is now. Files that cannot be used are told of once, and what was there before goes on.
func (f *fileCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	last := <-f.turn
	defer func() { f.turn <- last }()
	stamp := f.stamp()
	if stamp == last.stamp {
		return last.pair, nil
	}
	pair, err := f.read()
	if err != nil {
		f.note("the certificate was not read anew: %v", err)
		pair = last.pair
	}
	last = &readCertificate{pair, stamp}
	return last.pair, nil
}

func (p *program) certCommand() *cli.Command {
	return &cli.Command{
		Name: "cert", Usage: "print the certificate that serve --lan made, for clients that are to trust it",
		Description: "nightjar cert > nightjar.pem",
		Action: p.asking(false, nil, func(ctx context.Context, _ *cli.Context, n *client, _ []string) error {
			var got struct{ Certificate, Fingerprint string }
			if err := n.call(ctx, http.MethodGet, "/api/node/certificate/", nil, &got); err != nil {
				return err
			}
			p.note("SHA-256 %s", got.Fingerprint)
			p.say("%s", strings.TrimSpace(got.Certificate))
			return nil
		}),
	}
}

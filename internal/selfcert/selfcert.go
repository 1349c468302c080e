// Package selfcert makes the certificates of nodes that no authority knows: they sign themselves,
// may sign no other, and are trusted by clients that were given them. It also reads certificates
// from files that change.
package selfcert

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	// Lifetime is long, because every client has to be given a new certificate.
	Lifetime = 10 * 365 * 24 * time.Hour
	// RenewBefore is how long before its end a certificate is replaced.
	RenewBefore = 30 * 24 * time.Hour
)

// Pair is a certificate and its key, both PEM.
type Pair struct{ Certificate, Key string }

// Renew returns a pair for hosts, which are names and addresses: old if it names them all and is
// valid for a while, else a new one, and why it does not fit, "" where there is none. The new one
// has the key and the names of the old one, so that a machine that moves between two networks keeps
// its certificate. name is the certificate's subject.
func Renew(old Pair, name string, hosts []string, now time.Time) (p Pair, why string, err error) {
	if old.Certificate == "" {
		p, err = New(nil, name, hosts, now)
		return p, "", err
	}
	pair, err := tls.X509KeyPair([]byte(old.Certificate), []byte(old.Key))
	if err != nil {
		return p, "", err
	}
	missing := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return pair.Leaf.VerifyHostname(h) == nil })
	if len(missing) > 0 {
		why = "it did not name " + strings.Join(missing, ", ")
	} else if !now.After(pair.Leaf.NotBefore) || !now.Before(pair.Leaf.NotAfter.Add(-RenewBefore)) {
		why = "it ends, or has not begun"
	} else {
		return old, "", nil
	}
	private, _ := pair.PrivateKey.(*ecdsa.PrivateKey)
	p, err = New(private, name, append(namesOf(pair.Leaf), missing...), now)
	return p, why, err
}

// namesOf lists the names and addresses of a certificate.
func namesOf(c *x509.Certificate) []string {
	list := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

// New makes a pair for hosts, with a new key if none is given. name is the certificate's subject.
func New(private *ecdsa.PrivateKey, name string, hosts []string, now time.Time) (p Pair, err error) {
	if private == nil {
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return p, err
		}
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return p, err
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return p, err
	}
	id := sha256.Sum256(public) // its first 160 bits name the key (RFC 7093, 2)
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(Lifetime),
		SubjectKeyId: id[:20], KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
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
		return p, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return p, err
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return Pair{block("CERTIFICATE", der), block("PRIVATE KEY", secret)}, nil
}

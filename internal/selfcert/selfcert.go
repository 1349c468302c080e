// Package selfcert creates self-signed certificates for nodes, for clients that are told to trust
// them. They cannot sign others. It also reads certificates from files that change.
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
	// Lifetime is long, because every client needs each new certificate.
	Lifetime = 10 * 365 * 24 * time.Hour
	// RenewBefore is how long before it expires a certificate is replaced.
	RenewBefore = 30 * 24 * time.Hour
)

// Pair is a certificate and its key, both in PEM.
type Pair struct{ Certificate, Key string }

// Renew returns a pair for hosts, which are names and addresses. It returns old if that has all of
// them and does not expire soon. Otherwise it returns a new pair and why old does not do; why is ""
// if old is empty. A new pair keeps the key and the names of old, so that a machine that moves
// between two networks keeps its certificate. name is the subject of the certificate.
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
		why = "the old one lacks " + strings.Join(missing, ", ")
	} else if !now.After(pair.Leaf.NotBefore) || !now.Before(pair.Leaf.NotAfter.Add(-RenewBefore)) {
		why = "the old one expires soon, or is not valid yet"
	} else {
		return old, "", nil
	}
	private, _ := pair.PrivateKey.(*ecdsa.PrivateKey)
	p, err = New(private, name, append(namesOf(pair.Leaf), missing...), now)
	return p, why, err
}

// namesOf returns the names and addresses of a certificate.
func namesOf(c *x509.Certificate) []string {
	list := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	return list
}

// New creates a pair for hosts, with a new key if private is nil. name is the subject of the
// certificate.
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
	id := sha256.Sum256(public) // the first 160 bits identify the key (RFC 7093, section 2)
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(Lifetime),
		SubjectKeyId: id[:20], KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
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

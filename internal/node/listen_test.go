package node

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/internal/selfcert"
)

// TestCertificateEnds: a certificate is renewed before it expires, with its key and all its names.
func TestCertificateEnds(t *testing.T) {
	n, err := Open(t.Context(), Options{File: filepath.Join(t.TempDir(), "n.db"), NoIndex: true})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	now := time.Now()
	leaf := func(at time.Time, hosts ...string) *x509.Certificate {
		t.Helper()
		pair, err := ownCertificate(t.Context(), n.Archive, hosts, at, t.Logf)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	first := leaf(now, "localhost", "192.0.2.1")
	if err := first.CheckSignature(first.SignatureAlgorithm, first.RawTBSCertificate,
		first.Signature); err != nil || first.IsCA {
		t.Errorf("%v, CA %v", err, first.IsCA)
	}
	same := leaf(now.Add(selfcert.Lifetime-2*selfcert.RenewBefore), "192.0.2.1")
	if !same.Equal(first) {
		t.Error("renewed without need")
	}
	late := leaf(now.Add(selfcert.Lifetime), "192.0.2.2")
	if late.Equal(first) || string(late.RawSubjectPublicKeyInfo) != string(first.RawSubjectPublicKeyInfo) {
		t.Error("want a new certificate with the old key")
	}
	for _, host := range []string{"localhost", "192.0.2.1", "192.0.2.2"} {
		if err := late.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	early := leaf(now.Add(-48*time.Hour), "localhost") // the clock was set back
	if early.Equal(late) {
		t.Error("a certificate that is not valid yet is used")
	}
}

// TestReachable: the printed address works also if a server listens on all interfaces.
func TestReachable(t *testing.T) {
	for text, want := range map[string]string{"127.0.0.1:8000": "127.0.0.1:8000", "0.0.0.0:8000": "localhost:8000",
		"[::]:80": "localhost:80", "[::1]:80": "[::1]:80"} {
		if got := reachable(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(text))); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}

// TestHosts: the host names for which a node answers.
func TestHosts(t *testing.T) {
	for _, c := range []struct {
		listen, base, names, hosts string
	}{
		{"127.0.0.1:8000", "", "", "localhost"}, {"[::1]:8000", "", "", "localhost"}, {"0.0.0.0:8000", "", "", ""},
		{"127.0.0.1:8000", "https://node.example.org/", "", "localhost node.example.org"},
		{"0.0.0.0:8000", "", "node node.example.org", "node node.example.org localhost"},
	} {
		at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.listen))
		if got := strings.Join(hosts(at, Network{BaseURL: c.base, Hosts: strings.Fields(c.names)}),
			" "); got != c.hosts {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// TestNode opens and serves a node. A second node on the same file is refused, and so is a bad
// address.
func TestNode(t *testing.T) {
	o := Options{File: filepath.Join(t.TempDir(), "n.db"), Listen: Listen{Address: "127.0.0.1:0"},
		Limits: Defaults().Limits}
	n, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Client().Call(t.Context(), "POST", "/api/groups/?all=true", map[string]string{"name": "Observers"},
		nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = n.Serve(ctx, func() {
		defer cancel()
		w, err := http.Get(n.listener.url + "/healthz")
		if err != nil || w.StatusCode != http.StatusOK {
			t.Errorf("%v %v", w, err)
			return
		}
		w.Body.Close()
		_, err = Open(t.Context(), o)
		if want := "a server already runs on " + o.File + ", at " + n.listener.url + "/"; err == nil ||
			err.Error() != want {
			t.Errorf("a second node: %v, want %s", err, want)
		}
	})
	if err := errors.Join(err, n.Close()); err != nil {
		t.Error(err)
	}
	o.File, o.Listen.Address = filepath.Join(t.TempDir(), "second.db"), "nowhere"
	_, err = Open(t.Context(), o)
	if !errors.As(err, new(*Misuse)) {
		t.Error(err)
	}
	if _, err := os.Stat(o.File); err == nil {
		t.Error("a node that cannot listen created a file")
	}
}

package cli

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"nightjar/internal/client"
	"nightjar/internal/selfcert"
)

// TestListenFlags: without TLS a node listens only on this machine, unless --insecure is given.
func TestListenFlags(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "nightjar.db")
	for _, c := range []struct {
		args string
		want []string
	}{
		{"--listen 0.0.0.0:0", []string{"without TLS", "--lan", "--tls-cert", "--insecure"}},
		{"--listen :0", []string{"--insecure"}},
		{"--listen :0 --trusted-proxy 10.0.0.0/8", []string{"--insecure", "behind a proxy"}},
		{"--tls-cert x.pem", []string{"need each other"}},
		{"--tls-key x.pem --listen 127.0.0.1:0", []string{"need each other"}},
		{"--lan --insecure", []string{"--insecure is for a node without TLS"}},
		{"--tls-cert none.pem --tls-key none.key --listen 127.0.0.1:0", []string{"none.pem", "no such file"}},
		{"--lan --listen nowhere", []string{"nowhere"}},
	} {
		call(t, "", append([]string{"serve", "--db", file}, strings.Fields(c.args)...)...).refused(t, c.want...)
	}
	bad := write(t, dir, "bad.pem", "nothing")
	call(t, "", "serve", "--db", file, "--listen", "127.0.0.1:0", "--tls-cert", bad, "--tls-key",
		bad).refused(t, "bad.pem")
	if _, err := os.Stat(file); err == nil {
		t.Error("a server that cannot listen created a file")
	}
	s := serveFile(t, file, "--listen", "0.0.0.0:0", "--insecure")
	if !strings.HasPrefix(s.base, "http://localhost:") {
		t.Error(s.base)
	}
	get(t, s.base+"/api/", "")
}

// trusting returns a client that trusts only one certificate.
func trusting(t *testing.T, certificate string) *http.Client {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(certificate)) {
		t.Fatalf("no certificate: %q", certificate)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func statusOver(t *testing.T, c *http.Client, url string) int {
	t.Helper()
	w, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, w.Body)
	w.Body.Close()
	return w.StatusCode
}

// TestLAN: with --lan a node has the certificate of its file, at every address that it prints and
// also at the next start. Clients that do not know the certificate refuse it.
func TestLAN(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	call(t, "", "cert", "--db", file).refused(t, "serve --lan makes one")
	s := serveFile(t, file, "--lan")
	certificate := must(t, "cert", "--db", file)
	client := trusting(t, certificate)
	found := regexp.MustCompile(`(?m)^(?:sign in|also at): (https://\S+/)$`).FindAllStringSubmatch(s.out.String(), -1)
	if len(found) == 0 {
		t.Fatal(s.out)
	}
	for _, m := range found {
		if status := statusOver(t, client, m[1]+"api/"); status != 200 {
			t.Errorf("%s: %d", m[1], status)
		}
	}
	if _, err := http.Get(found[0][1] + "api/"); err == nil {
		t.Error("a client that does not know the certificate accepts it")
	}
	plain, err := http.Get(strings.Replace(found[0][1], "https", "http", 1))
	if err != nil || plain.StatusCode != 400 {
		t.Errorf("without TLS: %v %v", plain, err)
	}
	r := call(t, "", "cert", "--db", file)
	m := regexp.MustCompile(
		`certificate, SHA-256: ((?:[0-9A-F]{2}:){31}[0-9A-F]{2})\n`).FindStringSubmatch(s.out.String())
	if m == nil || !strings.Contains(r.err, m[1]) {
		t.Errorf("the fingerprint: %s %s", s.out, r.err)
	}
	for _, command := range [][]string{{"settings", "get"}, {"log", "--limit", "100"}, {"stat"}} {
		if out := must(t, append(command, "--db", file)...); strings.Contains(out, "PRIVATE KEY") ||
			strings.Contains(out, "tls_key = ") {
			t.Errorf("%s shows the key: %s", command, out)
		}
	}
	call(t, "", "settings", "get", "tls_key", "--db", file).refused(t)
	if s.stop() != 0 || strings.Contains(s.errs.String(), "handshake") {
		t.Error(s.errs)
	}
	again := serveFile(t, file, "--lan")
	if must(t, "cert", "--db", file) != certificate || !strings.Contains(again.out.String(), m[1]) {
		t.Error("another certificate at the next start")
	}
	if again.stop() != 0 {
		t.Error(again.errs)
	}
	// Another name needs a new certificate, and the server says so.
	named := serveFile(t, file, "--lan", "--allow-host", "node.example.org")
	other := must(t, "cert", "--db", file)
	if other == certificate || !strings.Contains(named.errs.String(), "new certificate") ||
		!strings.Contains(named.errs.String(), "node.example.org") {
		t.Errorf("%s", named.errs)
	}
	if named.stop() != 0 {
		t.Error(named.errs)
	}
	must(t, "verify", "--db", file)
}

// TestCertificateFiles: a server reads certificate files again when they change. If it cannot read
// them, it keeps the old certificate.
func TestCertificateFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pair := func(name string) string {
		pair, err := selfcert.New(nil, name, []string{"127.0.0.1"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "cert.pem", pair.Certificate)
		write(t, dir, "key.pem", pair.Key)
		return pair.Certificate
	}
	first := pair("one")
	s := serveFile(t, filepath.Join(dir, "nightjar.db"), "--tls-cert", filepath.Join(dir, "cert.pem"), "--tls-key",
		filepath.Join(dir, "key.pem"))
	if !strings.HasPrefix(s.base, "https://127.0.0.1:") {
		t.Fatal(s.base)
	}
	statusOver(t, trusting(t, first), s.base+"/api/")
	second := pair("a second one")
	statusOver(t, trusting(t, second), s.base+"/api/")
	write(t, dir, "cert.pem", "nothing")
	statusOver(t, trusting(t, second), s.base+"/api/")
	statusOver(t, trusting(t, second), s.base+"/healthz")
	if n := strings.Count(s.errs.String(), "the old one stays"); n == 0 {
		t.Error(s.errs)
	}
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

// TestNodeSaysURL: the node tells its owner by which URL users reach it.
func TestNodeSaysURL(t *testing.T) {
	file := newFile(t)
	s := serveFile(t, file, "--base-url", "https://node.example.org")
	n, err := client.Dial(file)
	if err != nil || n == nil {
		t.Fatal(err)
	}
	defer n.Close()
	var node struct{ URL, Fingerprint string }
	if err := n.Call(t.Context(), "GET", "/api/node/", nil, &node); err != nil ||
		node.URL != "https://node.example.org" || node.Fingerprint != "" {
		t.Errorf("%+v, %v", node, err)
	}
	if s.stop() != 0 {
		t.Error(s.errs)
	}
}

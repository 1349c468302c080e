package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/testenv"
)

// node is a served archive with the users admin (a superuser), astro and carol (in Observers), bob
// and eve. It does not use internal/node, which imports this package.
type node struct {
	t testing.TB
	*httptest.Server
	archive *archive.Archive
	api     *API
	path    string
	tokens  map[string]string
	log     *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func password(user string) string { return user + "-pass-1" }

// start serves a new archive. When the test ends, start verifies the file and checks that no
// internal error was logged.
func start(t testing.TB, o Options) *node {
	t.Helper()
	made, err := people()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, path: filepath.Join(t.TempDir(), "test.db"), tokens: maps.Clone(made.tokens),
		log: new(lockedBuffer)}
	if err := os.WriteFile(n.path, made.file, 0o600); err != nil {
		t.Fatal(err)
	}
	if n.archive, err = archive.Open(n.path, archive.Options{NoSync: true, Logf: t.Logf}); err != nil {
		t.Fatal(err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(n.log, nil))
	}
	n.api = New(n.archive, o)
	n.Server = httptest.NewServer(n.api)
	t.Cleanup(func() {
		n.Server.Close()
		if err := n.archive.Close(); err != nil {
			t.Error(err)
		}
		r, err := archive.Check(context.Background(), n.path, archive.VerifyOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range r.Problems {
			t.Error("verify:", p)
		}
		if s := n.log.String(); s != "" && !t.Failed() {
			t.Error("the log is not empty:", s)
		}
	})
	return n
}

// people returns a file with the groups and users of start. It is built once, since hashing
// passwords takes longer than most tests.
var people = sync.OnceValues(func() (made struct {
	file   []byte
	tokens map[string]string
}, err error) {
	dir, err := os.MkdirTemp("", "nightjar-api-")
	if err != nil {
		return made, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "people.db")
	arch, err := archive.Open(path, archive.Options{NoSync: true})
	if err != nil {
		return made, err
	}
	defer arch.Close()
	owner, a := auth.FileOwner(), arch.Auth()
	ctx := context.Background()
	for _, g := range []string{"Public", "Observers"} {
		if _, err := a.CreateGroup(ctx, owner, g); err != nil {
			return made, err
		}
	}
	made.tokens = map[string]string{}
	for _, name := range []string{"admin", "astro", "carol", "bob", "eve"} {
		super, pass := name == "admin", password(name)
		in := auth.UserChange{Name: &name, Superuser: &super, Password: &pass}
		if name == "astro" || name == "carol" {
			in.Groups = &[]auth.GroupRef{{Name: "Observers"}}
		}
		u, err := a.CreateUser(ctx, owner, in)
		if err != nil {
			return made, err
		}
		token, err := a.CreateToken(ctx, owner, auth.NewToken{User: u.ID})
		if err != nil {
			return made, err
		}
		made.tokens[name] = token.Secret
	}
	if err := arch.Close(); err != nil {
		return made, err
	}
	made.file, err = os.ReadFile(path)
	return made, err
})

// mode sets the permission mode and the strategy.
func (n *node) mode(m auth.Mode, s auth.Strategy) {
	n.t.Helper()
	for name, value := range map[string]string{auth.SettingMode: string(m), auth.SettingStrategy: string(s)} {
		n.ask("admin", "PUT", "/api/settings/"+name+"/", map[string]string{"value": value}).want(n.t, 200)
	}
}

// await polls until a condition holds, and fails the test after testenv.Patience.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(testenv.Patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain for %s", testenv.Patience, what)
		}
	}
}

// reply is an answer with its whole body.
type reply struct {
	status int
	header http.Header
	body   []byte
	what   string
}

// ask sends a request as a user ("" for a guest). The body is nil, raw, *form, url.Values, or a
// value that is sent as JSON. The last arguments are pairs of a header and its value.
func (n *node) ask(user, method, path string, body any, header ...string) *reply {
	n.t.Helper()
	var b io.Reader
	kind := ""
	switch v := body.(type) {
	case nil:
	case raw:
		b, kind = strings.NewReader(v.text), v.kind
	case *form:
		b, kind = v.body(), v.w.FormDataContentType()
	case url.Values:
		b, kind = strings.NewReader(v.Encode()), typeForm
	default:
		text, err := json.Marshal(v)
		if err != nil {
			n.t.Fatal(err)
		}
		b, kind = bytes.NewReader(text), typeJSON
	}
	r, err := http.NewRequest(method, n.URL+path, b)
	if err != nil {
		n.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if user != "" {
		r.Header.Set("Authorization", "Token "+n.tokens[user])
	}
	for i := 0; i+1 < len(header); i += 2 {
		if r.Header.Del(header[i]); header[i+1] != "" {
			r.Header.Set(header[i], header[i+1])
		}
	}
	client := *n.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w, err := client.Do(r)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		n.t.Fatalf("%s %s: %v", method, path, err)
	}
	return &reply{w.StatusCode, w.Header, text, fmt.Sprintf("%s %s as %q", method, path, user)}
}

type raw struct{ kind, text string }

func jsonText(text string) raw { return raw{typeJSON, text} }

// form is a multipart body.
type form struct {
	b bytes.Buffer
	w *multipart.Writer
}

func newForm(fields ...string) *form {
	f := new(form)
	f.w = multipart.NewWriter(&f.b)
	for i := 0; i+1 < len(fields); i += 2 {
		f.w.WriteField(fields[i], fields[i+1])
	}
	return f
}

// file adds a file as the part "file".
func (f *form) file(name string, content []byte) *form {
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", `form-data; name="file"; filename="`+name+`"`)
	h.Set("Content-Type", "application/octet-stream")
	part, err := f.w.CreatePart(h)
	if err != nil {
		panic(err)
	}
	part.Write(content)
	return f
}

func (f *form) body() io.Reader {
	f.w.Close()
	return &f.b
}

// want checks the status.
func (r *reply) want(t testing.TB, status int) *reply {
	t.Helper()
	if r.status != status {
		t.Fatalf("%s: status %d, want %d: %.600s", r.what, r.status, status, r.body)
	}
	return r
}

// json decodes the answer.
func (r *reply) json(t testing.TB) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v: %.300s", r.what, err, r.body)
	}
	return v
}

// id returns the id in the answer.
func (r *reply) id(t testing.TB) string {
	t.Helper()
	id, ok := r.json(t)["id"].(json.Number)
	if !ok {
		t.Fatalf("%s: no id: %.300s", r.what, r.body)
	}
	return id.String()
}

// rows returns the results of a list, and checks their count if the list has one page.
func (r *reply) rows(t testing.TB) []map[string]any {
	t.Helper()
	r.want(t, 200)
	v := r.json(t)
	list, ok := v["results"].([]any)
	if !ok {
		t.Fatalf("%s: no results: %.300s", r.what, r.body)
	}
	rows := []map[string]any{}
	for _, x := range list {
		rows = append(rows, x.(map[string]any))
	}
	if v["next"] == nil && v["previous"] == nil && fmt.Sprint(v["count"]) != fmt.Sprint(len(rows)) {
		t.Errorf("%s: count %v of %d rows", r.what, v["count"], len(rows))
	}
	return rows
}

// members returns one member of each row.
func members(rows []map[string]any, key string) []string {
	out := []string{}
	for _, r := range rows {
		out = append(out, fmt.Sprint(r[key]))
	}
	return out
}

// target creates a target as a user; the groups get all rights on it.
func (n *node) target(user, name string, groups ...string) string {
	n.t.Helper()
	in := map[string]any{"name": name, "type": "SIDEREAL", "ra": 10.5, "dec": -20.25}
	list := []map[string]string{}
	for _, g := range groups {
		list = append(list, map[string]string{"name": g})
	}
	in["groups"] = list
	return n.ask(user, "POST", "/api/targets/", in).want(n.t, 201).id(n.t)
}

// datum posts a photometric point and returns its id.
func (n *node) datum(user, target string, second int, more ...string) string {
	n.t.Helper()
	in := map[string]any{"target": target, "data_type": "photometry",
		"timestamp": fmt.Sprintf("2026-01-02T03:%02d:%02dZ", second/60, second%60),
		"value":     map[string]any{"magnitude": 15.5, "filter": "g"}}
	for i := 0; i+1 < len(more); i += 2 {
		in[more[i]] = more[i+1]
	}
	return n.ask(user, "POST", "/api/reduceddatums/", in).want(n.t, 201).id(n.t)
}

// upload sends a file as a data product.
func (n *node) upload(user, target, kind, name string, content []byte, fields ...string) *reply {
	n.t.Helper()
	f := newForm(slices.Concat([]string{"target", target, "data_product_type", kind}, fields)...)
	return n.ask(user, "POST", "/api/dataproducts/", f.file(name, content))
}

// rowCounts returns the node's number of rows of each kind.
func (n *node) rowCounts() map[string]any {
	n.t.Helper()
	return n.ask("admin", "GET", "/api/node/", nil).want(n.t, 200).json(n.t)["counts"].(map[string]any)
}

// sample returns a file that was uploaded to a TOM while its answers were recorded.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "ingest", "testdata", "golden", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

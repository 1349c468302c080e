package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightjar/api/wire"
	"nightjar/internal/testenv"
)

// dice make choices from bytes. When no bytes are left, every choice is the first one.
type dice struct{ b []byte }

func (d *dice) roll(n int) int {
	if len(d.b) == 0 || n < 2 {
		return 0
	}
	c := int(d.b[0])
	d.b = d.b[1:]
	if n > 256 && len(d.b) > 0 {
		c, d.b = c<<8|int(d.b[0]), d.b[1:]
	}
	return c % n
}

// seldom is true once in n times, and false when no bytes are left.
func (d *dice) seldom(n int) bool { return d.roll(n) == n-1 }

func draw[T any](d *dice, list []T) T { return list[d.roll(len(list))] }

// Bad values of a JSON field.
var hostileJSON = []string{`null`, `true`, `0`, `-0`, `-1`, `1`, `2`, `1.5`, `1e400`, `-1e400`, `1e-400`,
	`9007199254740993`, `99999999999999999999999999`, `1e9999999999999999999`, `NaN`, `-Infinity`, `01`, `0x10`, `1.`,
	`""`, `" "`, `"\u0000"`,
	`"\ud800"`, `"\udfff\ud800"`, "\"\xff\xfe\"", "\"\x00\"", `"\x"`, `"<script>alert(1)</script>"`, `"=1+1"`,
	`"../../etc/passwd"`, `"9999-12-31T23:59:59.999999999Z"`, `"0000-00-00T00:00:00Z"`, `"-9999-01-01"`, `"1e400"`,
	`"nan"`,
	`"2016-12-31T23:59:60Z"`, `[]`, `[[]]`, `[null]`, `[1,"a",{}]`, `{}`, `{"":null}`, `{"id":1}`,
	`{"id":-1,"name":null}`, `[{"id":1},{"name":"Observers"}]`, `[{"name":["x"]}]`, `{"a":1,"a":2}`, `'x'`,
	`undefined`, `[1,]`, `{,}`, `"` + strings.Repeat("x", 70_000) + `"`,
	strings.Repeat("9", 5000), "1." + strings.Repeat("0", 5000) +
		"1", strings.Repeat("[", 10_000), strings.Repeat("[", 10_000) +
		strings.Repeat("]", 10_000), strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), `"` +
		strings.Repeat("\\u0000", 100) + `"`}

// Bad values of a parameter, of a form's field, of a header, and of a part of a path.
var hostileText = []string{"", "1", "2", "-1", "0", "1.0", "1e400", "99999999999999999999", "nan", "inf", "abc", "M",
	"%00", "\x00", "\xff\xfe", "é", "\u202e", "a,b,,c", ",", "..", "../..", "..%2f..", ".", "/", "//", "\\", "%",
	"%zz", "1,2,3", "361,91,-1", "0,90,180", "nan,nan,nan", "1,2",
	"'; DROP TABLE", "<b>", "true", "x=1;y=2", "2026-01-01", "2026-13-45", "9999-12-31T23:59:59.999999Z", "-1e308",
	"*", "[", "(?i)", strings.Repeat("x", 5000), strings.Repeat("a,", 2000), "csv", "ecsv", "votable", "ndjson", "api",
	"json", "id", "-created", "cursor", "LSBhZnRlciAwIDk5", "zzzz"}

// Good fields by path, from which hostile bodies are built.
var goodBodies = map[string][]string{
	"/api/targets/": {"name", `"T %d"`, "type", `"SIDEREAL"`, "ra", `1.5`, "dec", `-2`, "aliases",
		`[{"name":"alias %d"}]`, "targetextra_set", `[{"key":"k","value":"v"}]`, "groups", `[{"name":"Observers"}]`,
		"target_lists", `[{"name":"l"}]`, "permissions", `"OPEN"`, "epoch", `2000`, "scheme", `""`, "abs_mag", `null`},
	"/api/reduceddatums/": {"target", `1`, "data_type", `"photometry"`, "source_name", `"s"`, "source_location",
		`"l"`, "timestamp", `"2026-01-01T00:00:%02dZ"`, "value", `{"magnitude":%d}`, "data_product", `null`, "groups",
		`[]`},
	"/api/dataproducts/": {"target", `1`, "data_product_type", `"photometry"`, "product_id", `"p %d"`,
		"observation_record", `""`, "extra_data", `"x"`, "groups", `"[]"`, "date_obs", `"60000"`, "flux_scale", `"1"`,
		"groups[0]id", `2`, "dry_run", `"false"`},
	"/api/observations/": {"target_id", `1`, "facility", `"LCO"`, "observation_type", `"IMAGING"`,
		"observing_parameters", `{"a":1}`, "observation_id", `"o %d"`, "status", `"PENDING"`, "scheduled_start",
		`"2026-01-01T00:00:00Z"`, "groups", `[]`},
	"/api/tokens/": {"name", `"t %d"`, "username", `""`, "read_only", `true`, "expires",
		`"2030-01-01T00:00:00Z"`},
	"/api/users/": {"username", `"u %d"`, "password", `null`, "is_superuser", `false`, "groups", `[]`,
		"current_password", `""`},
	"/api/groups/":             {"name", `"g %d"`},
	"/api/groups/:id/members/": {"username", `"eve"`},
	"/api/settings/:id/":       {"value", `"x"`},
	"/api/session/":            {"username", `"nobody"`, "password", `"x"`},
	"/api/token-auth/":         {"username", `"nobody"`, "password", `"x"`},
	"/api/node/backup/":        {"path", `"/nowhere/x"`},
	"/api/node/verify/":        {"head", `"x"`},
}

var hostileFiles = []string{"", "time,magnitude,error,filter\n60000.1,15.1,0.1,r\n", "time,magnitude\n1e400,nan\n",
	"\x00\x01\x02", "SIMPLE  =                    T", "<html><script>alert(1)</script></html>",
	"mjd;mag\n60000,1;18\n", "\xff\xfet\x00i\x00m\x00e\x00", "wavelength flux\n4000 1\n4001 2\n", "# %ECSV 1.0\n",
	strings.Repeat(",", 70_000), "time,magnitude\n" +
		strings.Repeat("60000.5,1\n", 3000), "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "PK\x03\x04"}

// hostileRequest returns a request that may be wrong in any way, and sometimes is not. n makes its
// names unique.
func hostileRequest(d *dice, routes []*route, n int) (user string, r *http.Request) {
	rt := draw(d, routes)
	if d.seldom(3) { // routes that read the most
		rt = draw(d, slices.DeleteFunc(slices.Clone(routes),
			func(rt *route) bool { return !rt.cursors || rt.handle["POST"] == nil }))
	}
	user = draw(d, []string{"astro", "astro", "astro", "carol", "bob", "admin", "admin", ""})
	method := draw(d, []string{"GET", "POST", "PATCH", "PUT", "DELETE", "POST", "GET", "OPTIONS",
		"HEAD", "TRACE", "BREW"})
	if handled := rt.methods(); !d.seldom(6) {
		if method = draw(d, handled); rt.handle["POST"] != nil && d.seldom(2) {
			method = "POST"
		}
	}
	if strings.HasPrefix(rt.path, "/api/node/") && method == "POST" && !d.seldom(20) {
		method = "GET" // these are slow
	}
	if user == "admin" && (strings.HasPrefix(rt.path, "/api/users/:id") ||
		strings.HasPrefix(rt.path, "/api/tokens/:id") || rt.path == "/api/settings/:id/") && method != "GET" {
		user = "astro" // the users of this test must stay
	}
	if rt.path == "/api/tokens/:id/" && method == "DELETE" {
		method = "GET" // their tokens must stay
	}
	path := rt.path
	for _, name := range []string{":id", ":user", ":group"} {
		id := strconv.Itoa(1 + d.roll(12))
		if d.seldom(5) {
			id = url.PathEscape(draw(d, hostileText))
		}
		path = strings.Replace(path, name, id, 1)
	}
	switch d.roll(24) {
	case 21:
		path = "/data/" + draw(d, hostileText) + "/none/" + draw(d, hostileText)
	case 22:
		path += draw(d, hostileText)
	case 23:
		path = strings.TrimSuffix(path, "/") + draw(d, []string{".json", ".api", "", "//", "/.", "/../"})
	}
	query := url.Values{}
	for range d.roll(6) - 2 {
		name := draw(d, hostileText)
		if known := rt.parameters(method == "GET"); !d.seldom(6) {
			name = draw(d, known).Name
		}
		value := draw(d, hostileText)
		if name == "format" && !d.seldom(6) {
			if value = draw(d, []string{"json", "api"}); rt.export != nil {
				value = draw(d, exportFormats)
			}
		}
		query.Add(name, value)
	}
	raw := query.Encode()
	if d.seldom(12) {
		raw += "&" + draw(d, hostileText)
	}
	kind, body := hostileBody(d, rt, n)
	r = &http.Request{Method: method, URL: &url.URL{Path: path, RawQuery: raw}, Host: "node", Header: http.Header{},
		RemoteAddr: "192.0.2.1:1", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody}
	if u, err := url.ParseRequestURI(path); err == nil {
		r.URL.Path, r.URL.RawPath = u.Path, u.RawPath
	}
	if method != "GET" && method != "HEAD" {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", kind)
		if d.seldom(10) {
			r.ContentLength = -1
		}
	}
	for range d.roll(4) - 1 {
		name := draw(d, []string{"Accept", "Content-Type", "Range", "If-None-Match", "If-Range", "Prefer", "Cookie",
			"Origin", "X-Forwarded-For", "X-Forwarded-Host", "Accept-Encoding", "Nightjar-As", "Host", "Expect",
			"Content-Encoding", "If-Modified-Since", "Authorization"})
		value := draw(d, []string{"application/json", "text/html", "*/*", "bytes=0-0", "bytes=5-2",
			"bytes=-99999999999999999999", "bytes=0-0,1-1,2-2,3-3", `"x"`, "W/", "handling=strict",
			"nightjar_session=x", "https://evil.example", "gzip", "gzip;q=nan", "deflate", "Basic x", "Basic Og==",
			"Token", "Bearer " + strings.Repeat("a", 5000), "multipart/form-data", "multipart/form-data; boundary=",
			"text/csv; header=\"", "application/json; charset=utf-16"})
		switch {
		case name == "Accept" && !d.seldom(6):
			value = draw(d, []string{"application/json", "text/html", "*/*", "text/html,*/*;q=0.8"})
		case name == "Content-Type" && !d.seldom(6):
			continue
		case d.seldom(4):
			value = draw(d, hostileText)
		}
		r.Header.Add(name, value)
	}
	return user, r
}

func hostileBody(d *dice, rt *route, n int) (kind string, body []byte) {
	good := goodBodies[rt.path]
	if good == nil {
		good = goodBodies[strings.TrimSuffix(rt.path, ":id/")]
	}
	fields := slices.Clone(good)
	for i := 1; i < len(fields); i += 2 {
		switch {
		case strings.Contains(fields[i], "%02d"):
			fields[i] = fmt.Sprintf(fields[i], n%60)
		case strings.Contains(fields[i], "%"):
			fields[i] = fmt.Sprintf(fields[i], n)
		}
	}
	for range d.roll(6) - 2 { // half of the bodies stay good
		switch at := d.roll(max(len(fields)/2, 1)) * 2; {
		case len(fields) == 0 || d.seldom(6):
			fields = append(fields, draw(d, hostileText), draw(d, hostileJSON))
		case d.seldom(4):
			fields = slices.Delete(fields, at, at+2)
		default:
			fields[at+1] = draw(d, hostileJSON)
		}
	}
	var b bytes.Buffer
	object := func() {
		b.WriteByte('{')
		for i := 0; i+1 < len(fields); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			b.Write(wire.AppendText(nil, fields[i]))
			b.WriteByte(':')
			b.WriteString(fields[i+1])
		}
		b.WriteByte('}')
	}
	text := func(i int) string { return strings.Trim(fields[i], `"`) }
	form := d.roll(8)
	if slices.Equal(rt.parses, []string{typeMultipart}) && !d.seldom(6) {
		form = 4
	}
	switch form {
	case 0, 1, 2, 3:
		kind = typeJSON
		object()
		if d.seldom(6) {
			whole := bytes.Clone(b.Bytes())
			b.Reset()
			b.WriteByte('[')
			for i := range d.roll(5) {
				if i > 0 {
					b.WriteByte(',')
				}
				b.Write(whole)
			}
			b.WriteString(draw(d, []string{"]", "", ",]"}))
		}
	case 7:
		kind = typeNDJSON
		for range 1 + d.roll(4) {
			object()
			b.WriteString(draw(d, []string{"\n", "\r\n", "", "\n\n", "\x00"}))
		}
	case 4, 5:
		kind = typeMultipart + "; boundary=" +
			draw(d, []string{"x", "x", "x", "x", `"x"`, "xx", strings.Repeat("x", 300), "\"x y\""})
		for i := 0; i+1 < len(fields); i += 2 {
			fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", fields[i], text(i+1))
		}
		for range 1 + d.roll(6)/5 {
			name := draw(d, []string{"a.csv", "a.fits", "../../../etc/passwd", `..\..\boot.ini`, "", "x\x00.csv",
				strings.Repeat("n", 400) + ".csv", "a.html", "a/b.svg", ".", "CON", "é\u202e.csv"})
			disposition := `form-data; name="file"; filename="` + name + `"`
			if d.seldom(5) {
				disposition = draw(d, []string{"form-data", "attachment; filename=x",
					`form-data; name="file"; filename*=utf-8''%00`, "form-data; name=file; filename",
					`form-data; name=""; filename="x"`, "", strings.Repeat("x", 20_000)})
			}
			fmt.Fprintf(&b, "--x\r\nContent-Disposition: %s\r\nContent-Type: %s\r\n%s\r\n%s\r\n", disposition,
				draw(d, []string{"text/csv", "text/html", "image/svg+xml", "x", ""}), draw(d,
					[]string{"", "", "", "Content-Transfer-Encoding: base64\r\n", strings.Repeat("X-Y: z\r\n", 5000)}),
				draw(d, hostileFiles))
		}
		b.WriteString(draw(d, []string{"--x--\r\n", "--x--\r\n", "--x--\r\n", "", "--x", "--y--\r\n",
			"\r\n--x\r\n--x--"}))
	case 6:
		kind = typeForm
		v := url.Values{}
		for i := 0; i+1 < len(fields); i += 2 {
			v.Add(fields[i], text(i+1))
		}
		b.WriteString(v.Encode() +
			draw(d, []string{"", "&%zz=1", "&;&=&", "&groups[99999999]id=1", "&aliases[0]name=z&aliases[0][name]=y",
				"&a[" + strings.Repeat("[", 2000)}))
	}
	body = b.Bytes()
	if len(body) > 0 && d.seldom(10) {
		body = body[:d.roll(len(body))]
	}
	if len(body) > 0 && d.seldom(10) {
		body[d.roll(len(body))] ^= byte(1 << d.roll(8))
	}
	if d.seldom(15) {
		kind = draw(d, []string{typeJSON, typeForm, typeMultipart, typeNDJSON, "", "text/plain", ";",
			"application/json;"})
	}
	return kind, body
}

// hostility sends hostile requests to a node and checks their effects.
type hostility struct {
	*node
	count    int
	statuses map[int]int
}

func newHostility(t testing.TB) *hostility {
	h := &hostility{node: start(t, Options{Limits: Limits{MaxBody: 1 << 20, MaxUpload: 1 << 20}}),
		statuses: map[int]int{}}
	h.target("astro", "M 31", "Observers")
	h.target("bob", "M 32")
	h.datum("astro", "1", 1)
	h.upload("astro", "1", "photometry", "a.csv",
		[]byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n")).want(t, 201)
	return h
}

// play sends the requests that the bytes encode, and reports every bad answer as an error of the
// test.
func (h *hostility) play(t testing.TB, b []byte) {
	t.Helper()
	d := &dice{b}
	for len(d.b) > 0 {
		h.count++
		user, r := hostileRequest(d, h.api.routes, h.count)
		if user != "" && r.Header.Get("Authorization") == "" {
			r.Header.Set("Authorization", "Token "+h.tokens[user])
		}
		what := fmt.Sprintf("%s %q?%s as %q with %v", r.Method, r.URL.Path, r.URL.RawQuery, user, r.Header)
		var sent bytes.Buffer
		r.Body = io.NopCloser(io.TeeReader(r.Body, &sent))
		before := h.archive.Head()
		w := httptest.NewRecorder()
		cancel := func() {}
		if strings.HasPrefix(r.URL.Path, "/api/events") { // these last until the client goes away
			var ctx context.Context
			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
			r = r.WithContext(ctx)
		}
		func() {
			defer cancel()
			defer func() {
				if p := recover(); p != nil && (p != http.ErrAbortHandler || r.Context().Err() == nil) {
					t.Errorf("%s: panic %v\n%s", what, p, debug.Stack())
				}
			}()
			h.api.ServeHTTP(w, r)
		}()
		h.statuses[w.Code]++
		if w.Code >= 500 {
			t.Errorf("%.600s: status %d: %s\nbody %.2000q\n%s", what, w.Code, w.Body, sent.String(), h.log)
		}
		if after := h.archive.Head(); w.Code >= 400 && after != before {
			t.Errorf("%.600s: status %d: %.300s, but it changed something\nbody %.2000q", what, w.Code,
				w.Body, sent.String())
		}
		if t.Failed() {
			return
		}
	}
}

// TestHostile sends random bad requests. None causes an internal error, no refused one changes
// anything, and memory does not grow. NIGHTJAR_HOSTILE sets their number.
func TestHostile(t *testing.T) {
	most := testenv.Choose(1000, 20_000)
	if s := os.Getenv("NIGHTJAR_HOSTILE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		most = n
	} else {
		t.Parallel()
	}
	seed := rand.Uint64()
	if s := os.Getenv("NIGHTJAR_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	h := newHostility(t)
	r := rand.New(rand.NewPCG(seed, 1))
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early uint64
	for h.count < most && !t.Failed() {
		b := make([]byte, 2000)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		h.play(t, b)
		if early == 0 && h.count > most/10 {
			early = heap()
		}
	}
	t.Logf("seed %d: %d requests, %v; heap %d MiB after a tenth, %d MiB at the end", seed, h.count, h.statuses,
		early>>20, heap()>>20)
	if t.Failed() {
		t.Logf("run it again with NIGHTJAR_SEED=%d", seed)
		return
	}
	if h.statuses[200] == 0 || h.statuses[201] == 0 || h.statuses[400] == 0 || h.statuses[404] == 0 {
		t.Errorf("the requests are too much alike: %v", h.statuses)
	}
	if late := heap(); late > early+(256<<20) {
		t.Errorf("the heap grew from %d MiB to %d MiB", early>>20, late>>20)
	}
}

// FuzzAPI sends the requests that the bytes encode.
func FuzzAPI(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		b := make([]byte, 300)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	h := newHostility(f)
	f.Fuzz(func(t *testing.T, b []byte) { h.play(t, b[:min(len(b), 1000)]) })
}

// TestHostileWire: requests that are broken below the level of the API get an error, or their
// connection is closed. Then other requests still work.
func TestHostileWire(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{BodyStall: 2 * time.Second}})
	n.target("astro", "M 31")
	auth := "Host: x\r\nConnection: close\r\nAuthorization: Token " + n.tokens["astro"] + "\r\n"
	long := strings.Repeat("x", 2<<20)
	for name, text := range map[string]string{
		"nonsense":  "nonsense\r\n\r\n",
		"binary":    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"no host":   "GET /api/ HTTP/1.1\r\n\r\n",
		"two hosts": "GET /api/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"two lengths": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
		"length and chunks": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Content-Type: application/json\r\nContent-Length: 3\r\nTransfer-Encoding: " +
			"chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"negative length": "POST /api/targets/ HTTP/1.1\r\n" + auth + "Content-Length: -1\r\n\r\n",
		"huge length": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Content-Length: 99999999999999999999\r\n\r\n",
		"bad chunks": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"bad chunks of a form": "POST /api/dataproducts/ HTTP/1.1\r\n" + auth +
			"Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"bad chunks of a stream": "POST /api/reduceddatums/ HTTP/1.1\r\n" + auth +
			"Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"a huge chunk": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{}",
		"NUL in a header":         "GET /api/ HTTP/1.1\r\nHost: x\r\nX-A: \x00\r\n\r\n",
		"a header without a name": "GET /api/ HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
		"a long header":           "GET /api/ HTTP/1.1\r\nHost: x\r\nX-A: " + long + "\r\n\r\n",
		"a long path":             "GET /api/" + long + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"many headers": "GET /api/ HTTP/1.1\r\nHost: x\r\n" +
			strings.Repeat("X-A: b\r\n", 200_000) + "\r\n",
		"another transfer": "POST /api/targets/ HTTP/1.1\r\n" + auth + "Transfer-Encoding: gzip\r\n\r\n",
		"a body in gzip": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Content-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
		"another version": "GET /api/ HTTP/3.7\r\nHost: x\r\n\r\n",
		"a full URL": "GET http://evil.example/api/nothing/ HTTP/1.1\r\nHost: x\r\nConnection: " +
			"close\r\n\r\n",
		"a star":                   "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"a tunnel":                 "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"a path out of the folder": "GET /data/../../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"a coded one": "GET /data/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: " +
			"close\r\n\r\n",
		"a coded NUL": "GET /data/a%00b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"an expectation": "POST /api/targets/ HTTP/1.1\r\n" + auth +
			"Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(testenv.Patience))
		go func() { // the node may answer before it has read everything
			io.WriteString(conn, text)
			conn.(*net.TCPConn).CloseWrite()
		}()
		answer, err := io.ReadAll(conn)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open after %.300s", name, answer)
		}
		conn.Close()
		status := 0
		fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status)
		if len(answer) > 0 && (status < 400 || status >= 500 && status != 501 && status != 505) ||
			strings.Contains(string(answer), "root:") {
			t.Errorf("%s: %.300s", name, answer)
		}
	}
	n.ask("astro", "GET", "/api/targets/", nil).want(t, 200)
	if c := n.rowCounts(); fmt.Sprint(c["targets"]) != "1" {
		t.Errorf("targets: %v", c)
	}
}

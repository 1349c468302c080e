package torture_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/internal/testenv"
	"nightjar/internal/torture"
)

func unmarshal(b []byte, out any) error { return json.Unmarshal(b, out) }

// bodyFixture is a user and what the user sends bodies for.
type bodyFixture struct {
	n               *node
	user            *person
	group           string
	groupID         int
	target, product int
	mark            string // unique to these bodies
}

// A withdrawal ends a right to write.
type withdrawal struct {
	name    string
	super   bool // the user is a superuser, and in no group
	basic   bool // the user signs in with a password
	expires time.Duration
	// the user keeps the right; the bodies must be stored
	kept bool
	// only bodies that name the data product are refused
	product bool
	// bodies not for the target are accepted as before, except those that create superusers
	target bool
	large  bool // the record of the target is stored apart from the others
	do     func(w *bodyFixture)
	undo   func(w *bodyFixture)
}

var bodyWithdrawals = []withdrawal{
	{name: "nothing", kept: true, do: func(w *bodyFixture) {}},
	{name: "user deleted", do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/users/%d/", w.user.ID), nil, nil)
	}},
	{name: "group left", target: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/groups/%d/members/%d/?all=true", w.groupID, w.user.ID), nil, nil)
	}},
	{name: "group deleted", target: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/groups/%d/?all=true", w.groupID), nil, nil)
	}},
	{name: "password changed", basic: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodPatch, fmt.Sprintf("/api/users/%d/", w.user.ID),
			map[string]string{"password": "another-long-one-7"}, nil)
	}},
	{name: "token revoked", do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/tokens/%d/", w.user.tokenID), nil, nil)
	}},
	{name: "token expired", expires: 3 * time.Second, do: func(w *bodyFixture) {
		for { // until it has expired
			err := w.user.client(w.n).Call(w.n.t.Context(), http.MethodGet, "/api/targets/?limit=1", nil, nil)
			if refused := new(torture.Refused); errors.As(err, &refused) && refused.Status == http.StatusUnauthorized {
				return
			}
			check(w.n.t, err)
			time.Sleep(20 * time.Millisecond)
		}
	}},
	{name: "superuser demoted", super: true, target: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodPatch, fmt.Sprintf("/api/users/%d/", w.user.ID), map[string]any{"is_superuser": false}, nil)
	}},
	{name: "superuser deleted", super: true,
		do: func(w *bodyFixture) { w.n.ask(http.MethodDelete, fmt.Sprintf("/api/users/%d/", w.user.ID), nil, nil) }},
	{name: "group withdrawn", target: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/targets/%d/groups/%d/", w.target, w.groupID), nil, nil)
	}},
	{name: "group withdrawn from a large target", target: true, large: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/targets/%d/groups/%d/", w.target, w.groupID), nil, nil)
	}},
	{name: "made private and withdrawn", target: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodPatch, fmt.Sprintf("/api/targets/%d/", w.target),
			map[string]any{"permissions": "PRIVATE"}, nil)
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/targets/%d/groups/%d/", w.target, w.groupID), nil, nil)
	}},
	{name: "target deleted", target: true,
		do: func(w *bodyFixture) { w.n.ask(http.MethodDelete, fmt.Sprintf("/api/targets/%d/", w.target), nil, nil) }},
	{name: "product deleted", product: true, do: func(w *bodyFixture) {
		w.n.ask(http.MethodDelete, fmt.Sprintf("/api/dataproducts/%d/", w.product), nil, nil)
	}},
	{name: "strategy locked", kept: true, do: func(w *bodyFixture) { w.n.set("auth_strategy", "locked") },
		undo: func(w *bodyFixture) { w.n.set("auth_strategy", "read-only") }},
}

// A body is the body of a request.
type body struct {
	name        string
	method      string
	path        string
	contentType string
	content     []byte
	first       int  // number of bytes sent first; 0 for half
	product     bool // it names the data product
	target      bool // it is for the target
	super       bool // only superusers may send it
	stored      func(n *node) int
}

// bodies returns one body of each kind. The name of a body is the source of its lines, so that the
// stored ones can be counted.
func (w *bodyFixture) bodies(staged int) []body {
	source := func(name string) (string, func(n *node) int) {
		s := w.mark + " " + name
		return s, func(n *node) int {
			return n.count("/api/reduceddatums/?source_name=" + strings.ReplaceAll(s, " ", "+"))
		}
	}
	kinds := 0
	datum := func(source string, i int, product bool) string {
		of := ""
		if product {
			of = fmt.Sprintf(`"data_product":%d,`, w.product)
		}
		return fmt.Sprintf(`{"target":%d,%s"data_type":"photometry","source_name":%q,"timestamp":"%s",`+
			`"value":{"magnitude":%d.5,"filter":"r"}}`,
			w.target, of, source, time.Unix(1_700_000_000+int64(i), 0).UTC().Format(time.RFC3339), 1_000_000*kinds+i)
	}
	var list []body
	for _, product := range []bool{false, true} {
		suffix := ""
		if product {
			suffix = " of product"
		}
		kinds++
		s, stored := source("datum" + suffix)
		list = append(list, body{name: "JSON datum" + suffix, method: http.MethodPost, path: "/api/reduceddatums/",
			contentType: "application/json",
			content:     []byte(datum(s, 0, product)), product: product, target: true, stored: stored})
		for _, rows := range []int{200, staged} {
			if rows == 0 || rows == staged && !product && !testenv.Long() {
				continue
			}
			kinds++
			s, stored := source(fmt.Sprint(rows, " lines", suffix))
			var b bytes.Buffer
			first := 0
			for i := range rows {
				b.WriteString(datum(s, i, product))
				b.WriteByte('\n')
				if i == 52_000 {
					first = b.Len()
				}
			}
			list = append(list, body{name: fmt.Sprint(rows, " lines", suffix), method: http.MethodPost,
				path: "/api/reduceddatums/", contentType: "application/x-ndjson",
				content: b.Bytes(), first: first, product: product, target: true, stored: stored})
		}
	}
	kind, form := productForm(w.target, w.mark+" file", "photometry", "upload.csv", lightCurve(55_000, 3000))
	list = append(list, body{name: "file", method: http.MethodPost, path: "/api/dataproducts/", contentType: kind,
		content: form, target: true,
		stored: func(n *node) int {
			var page struct {
				Results []struct {
					ProductID string `json:"product_id"`
				}
			}
			n.ask(http.MethodGet, "/api/dataproducts/?limit=1000&fields=product_id", nil, &page)
			found := 0
			for _, p := range page.Results {
				if p.ProductID == w.mark+" file" {
					found++
				}
			}
			return found
		}})
	target := fmt.Sprintf(`{"name":"%s by JSON","type":"SIDEREAL","ra":1,"dec":1}`, w.mark)
	list = append(list, body{name: "JSON target", method: http.MethodPost, path: "/api/targets/",
		contentType: "application/json", content: []byte(target),
		stored: func(n *node) int {
			return n.count("/api/targets/?name=" + strings.ReplaceAll(w.mark+" by JSON", " ", "+"))
		}})
	lines := ""
	for i := range 20 {
		lines += fmt.Sprintf(`{"name":"%s line %d","type":"SIDEREAL","ra":1,"dec":1}`, w.mark, i) + "\n"
	}
	list = append(list, body{name: "lines of targets", method: http.MethodPost, path: "/api/targets/",
		contentType: "application/x-ndjson", content: []byte(lines),
		stored: func(n *node) int {
			return n.count("/api/targets/?name=" + strings.ReplaceAll(w.mark+" line", " ", "+"))
		}})
	name := strings.ReplaceAll(w.mark, " ", "-") + "-made"
	list = append(list, body{name: "superuser", method: http.MethodPost, path: "/api/users/",
		contentType: "application/json", super: true,
		content: []byte(fmt.Sprintf(`{"username":%q,"password":"long-enough-1","is_superuser":true}`, name)),
		stored:  func(n *node) int { return n.count("/api/users/?username=" + name) }})
	return list
}

// TestWithdrawnInBodies sends the first half of a body, withdraws the right to send it, and then
// sends the rest: nothing of it may be stored. A body whose right remains must be stored. All kinds
// of bodies are sent at once.
func TestWithdrawnInBodies(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	tried := 0
	for i, x := range bodyWithdrawals {
		if !testenv.Long() && i%2 == 1 {
			continue
		}
		staged := 0 // enough lines to be stored in pieces before the stream ends
		if testenv.Long() || x.name == "group left" || x.name == "target deleted" {
			staged = 12_000
		}
		t.Run(x.name, func(t *testing.T) {
			n := &node{n.Node, t, n.file, n.admin}
			w := &bodyFixture{n: n, group: fmt.Sprint("group ", i), mark: fmt.Sprint("withdrawn ", i)}
			w.groupID = n.addGroup(w.group)
			w.target = n.shareTarget(fmt.Sprint("target ", i), "PRIVATE", w.group)
			if x.large {
				n.ask(http.MethodPatch, fmt.Sprintf("/api/targets/%d/", w.target),
					map[string]any{"targetextra_set": []map[string]string{{"key": "notes",
						"value": strings.Repeat("x", 3000)}}}, nil)
			}
			made, err := postFile(t, n.admin, "", w.target, fmt.Sprint("product ", i), "photometry", "before.csv",
				lightCurve(50_000+float64(i), 3))
			check(t, err)
			w.product = made.ID
			groups := []string{w.group}
			if x.super {
				groups = nil
			}
			w.user = n.addUser(fmt.Sprint("user", i), x.super, time.Time{}, groups...)
			if x.expires > 0 {
				n.addToken(w.user, time.Now().Add(x.expires))
			}
			as := w.user.withToken()
			if x.basic {
				as = w.user.withPassword()
			}
			// fill the node's caches of the target and the user
			check(t, w.user.client(n).Call(t.Context(), http.MethodPost, "/api/reduceddatums/",
				map[string]any{"target": w.target, "data_type": "photometry",
					"source_name": "before", "timestamp": "2020-01-01T00:00:00Z", "value": map[string]any{
						"magnitude": i}}, nil))
			var sent []body
			var calls []*slowRequest
			for _, b := range w.bodies(staged) {
				if b.super && !x.super {
					continue
				}
				sent, calls = append(sent, b),
					append(calls, begin(t, n, as, b.method, b.path, b.contentType, b.content, b.first))
			}
			time.Sleep(100 * time.Millisecond) // until the halves are read
			if staged > 0 {
				time.Sleep(time.Second) // and stored
			}
			x.do(w)
			for i, c := range calls {
				b := sent[i]
				taken := x.kept || x.product && !b.product || x.target && !b.target && !b.super
				status, answer := c.end()
				tried++
				stored := b.stored(n)
				var got struct {
					Created  *int
					Rejected int
				}
				none := false // a stream whose lines were all refused
				if status/100 == 2 && b.contentType == "application/x-ndjson" {
					check(t, unmarshal([]byte(answer), &got))
					none = *got.Created == 0
				}
				switch {
				case taken && (status/100 != 2 || stored == 0 || none):
					t.Errorf("%s: its right remains, but: status %d, %d stored: %.300s", b.name,
						status, stored, answer)
				case !taken && status/100 == 2 && !none:
					t.Errorf("%s: acknowledged after the right was withdrawn: status %d, %d stored: %.300s", b.name,
						status, stored, answer)
				case !taken && status >= 500:
					t.Errorf("%s: status %d: %.300s", b.name, status, answer)
				case !taken && stored > 0:
					t.Errorf("%s: status %d, but %d stored", b.name, status, stored)
				}
			}
			if x.undo != nil {
				x.undo(w)
			}
		})
	}
	t.Logf("%d bodies", tried)
	n.stop()
	must(t, "--db", n.file, "verify")
}

// A slowAnswer is an answer of which a slow client has read a little.
type slowAnswer struct {
	conn net.Conn
	r    *http.Response
}

// slowly sends a request and reads a little of the answer.
func slowly(t testing.TB, n *node, authorization, path string) *slowAnswer {
	t.Helper()
	c := &slowRequest{conn: dial(t, n), method: http.MethodGet}
	c.conn.(*net.TCPConn).SetReadBuffer(64 << 10)
	head := ""
	if authorization != "" {
		head = "Authorization: " + authorization + "\r\n"
	}
	_, err := fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path,
		strings.TrimPrefix(n.URL, "http://"), head)
	check(t, err)
	r, err := http.ReadResponse(bufio.NewReaderSize(c.conn, 4096), &http.Request{Method: http.MethodGet})
	check(t, err)
	if r.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(r.Body)
		t.Fatalf("GET %s: status %d: %.300s", path, r.StatusCode, b)
	}
	if _, err := io.CopyN(io.Discard, r.Body, 50_000); err != nil {
		t.Fatalf("GET %s: the start of the answer: %v", path, err)
	}
	return &slowAnswer{c.conn, r}
}

// finish reads the rest, and reports whether it contains a text and whether it ended like a
// complete answer.
func (r *slowAnswer) finish(mark string) (size int, found, complete bool) {
	defer r.conn.Close()
	r.conn.(*net.TCPConn).SetReadBuffer(1 << 20) // a small window would take hours for the rest
	b, err := io.ReadAll(r.r.Body)
	return len(b), bytes.Contains(b, []byte(mark)), err == nil
}

// readFixture is what clients read slowly: two targets, one with many datums, and many targets with
// large records.
type readFixture struct {
	n       *node
	groupID int
	target  int
	tail    int // the target whose datums come last
	last    int // the id of the last of the many targets
	user    *person
}

// TestWithdrawnInAnswers lets a client read a little of a long answer, ends its right to read that,
// and writes something. The client must not get the write, and its answer must break off rather
// than end like a complete one.
func TestWithdrawnInAnswers(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	w := &readFixture{n: n}
	w.groupID = n.addGroup("readers")
	w.target = n.shareTarget("bulk", "PRIVATE", "readers")
	w.tail = n.shareTarget("tail", "PRIVATE", "readers")
	w.load(t, testenv.Choose(24<<20, 60<<20))
	paths := []struct{ name, path string }{
		{"list", "/api/targets/?limit=100000"},
		{"ndjson", "/api/reduceddatums/?source_name=bulk&format=ndjson"},
		{"csv", "/api/reduceddatums/?source_name=bulk&format=csv"},
	}
	both := []int{w.target, w.tail}
	permissions := func(p string) {
		for _, id := range both {
			n.ask(http.MethodPatch, fmt.Sprintf("/api/targets/%d/", id), map[string]string{"permissions": p}, nil)
		}
	}
	for i, x := range []struct {
		name    string
		as      string // member, superuser, stranger or guest
		open    string // the permissions of the target
		basic   bool
		expires bool
		one     bool // only this target is withdrawn
		do      func()
		undo    func()
	}{
		{name: "user deleted", as: "member",
			do: func() { n.ask(http.MethodDelete, fmt.Sprintf("/api/users/%d/", w.user.ID), nil, nil) }},
		{name: "group left", as: "member", do: func() {
			n.ask(http.MethodDelete, fmt.Sprintf("/api/groups/%d/members/%d/?all=true", w.groupID, w.user.ID), nil, nil)
		}},
		{name: "password changed", as: "member", basic: true, do: func() {
			n.ask(http.MethodPatch, fmt.Sprintf("/api/users/%d/", w.user.ID),
				map[string]string{"password": "another-long-one-7"}, nil)
		}},
		{name: "token revoked", as: "member",
			do: func() { n.ask(http.MethodDelete, fmt.Sprintf("/api/tokens/%d/", w.user.tokenID), nil, nil) }},
		{name: "token expired", as: "member", expires: true, do: func() { time.Sleep(3100 * time.Millisecond) }},
		{name: "superuser demoted", as: "superuser", do: func() {
			n.ask(http.MethodPatch, fmt.Sprintf("/api/users/%d/", w.user.ID),
				map[string]any{"is_superuser": false}, nil)
		}},
		{name: "group withdrawn", as: "member", one: true, do: func() {
			for _, id := range both {
				n.ask(http.MethodDelete, fmt.Sprintf("/api/targets/%d/groups/%d/", id, w.groupID), nil, nil)
			}
		}, undo: func() {
			for _, id := range both {
				n.ask(http.MethodPatch, fmt.Sprintf("/api/targets/%d/", id),
					map[string]any{"groups": []map[string]string{{"name": "readers"}}}, nil)
			}
		}},
		{name: "made private, for a user", as: "stranger", open: "PUBLIC", one: true,
			do: func() { permissions("PRIVATE") }},
		{name: "made private, for a guest", as: "guest", open: "OPEN", one: true,
			do: func() { permissions("PRIVATE") }},
		{name: "strategy locked", as: "guest", open: "OPEN", one: true, do: func() { n.set("auth_strategy", "locked") },
			undo: func() { n.set("auth_strategy", "read-only") }},
		{name: "target deleted", as: "member", one: true, do: func() {
			for _, id := range both {
				n.ask(http.MethodDelete, fmt.Sprintf("/api/targets/%d/", id), nil, nil)
			}
		}},
	} {
		if !testenv.Long() && i%2 == 1 {
			continue
		}
		t.Run(x.name, func(t *testing.T) {
			var which []int
			switch { // in the short form one kind of answer each
			case x.name == "target deleted":
				which = []int{1}
			case testenv.Long() && x.one:
				which = []int{1, 2}
			case testenv.Long():
				which = []int{0, 1, 2}
			case x.one:
				which = []int{1 + i/2%2}
			default:
				which = []int{i % 3}
			}
			for _, k := range which {
				p := paths[k]
				if x.open != "" {
					permissions(x.open)
				}
				as := ""
				if x.as != "guest" {
					groups := []string{"readers"}
					if x.as != "member" {
						groups = nil
					}
					w.user = n.addUser(fmt.Sprintf("reader-%d-%d", i, k), x.as == "superuser", time.Time{}, groups...)
					if x.expires {
						n.addToken(w.user, time.Now().Add(3*time.Second))
					}
					if as = w.user.withToken(); x.basic {
						as = w.user.withPassword()
					}
				}
				r := slowly(t, n, as, p.path)
				x.do()
				mark := fmt.Sprintf("WRITTEN AFTERWARDS %d %d", i, k)
				if x.name != "target deleted" {
					n.ask(http.MethodPatch, fmt.Sprintf("/api/targets/%d/", w.tail),
						map[string]string{"name": mark}, nil)
					n.ask(http.MethodPatch, fmt.Sprintf("/api/targets/%d/", w.last),
						map[string]string{"name": mark + " last"}, nil)
					n.ask(http.MethodPost, "/api/reduceddatums/",
						map[string]any{"target": w.tail, "data_type": "photometry", "source_name": "bulk",
							"timestamp": "2029-01-01T00:00:00Z", "value": map[string]any{"magnitude": i,
								"note": mark}}, nil)
				}
				size, found, complete := r.finish(mark)
				if found {
					t.Errorf("%s: the answer has a write from after the withdrawal", p.name)
				}
				if complete && x.name != "target deleted" { // the answer leaves it out
					t.Errorf("%s: after the withdrawal the answer ends like a complete one, "+
						"after %d more bytes", p.name, size)
				}
				if x.undo != nil {
					x.undo()
				}
				if x.open != "" {
					permissions("PRIVATE")
				}
			}
		})
	}
	// an answer whose right remains arrives completely
	user := n.addUser("reader", false, time.Time{}, "readers")
	r := slowly(t, n, user.withToken(), paths[0].path)
	if size, _, complete := r.finish("none"); !complete {
		t.Errorf("an answer whose right remains breaks off after %d bytes", size)
	}
}

// load adds datums to the target, and many targets, until both lists have about size bytes.
func (w *readFixture) load(t *testing.T, size int) {
	t.Helper()
	const each = 8000
	filler := strings.Repeat("abcdefghi ", each/10)
	var b bytes.Buffer
	for i := range size / each {
		fmt.Fprintf(&b, `{"target":%d,"data_type":"photometry","source_name":"bulk","timestamp":"%s",`+
			`"value":{"magnitude":%d.5,"note":"%s"}}`+"\n",
			w.target, time.Unix(1_700_000_000+int64(i), 0).UTC().Format(time.RFC3339), i, filler)
	}
	for i := range 3 {
		fmt.Fprintf(&b, `{"target":%d,"data_type":"photometry","source_name":"bulk","timestamp":"%s",`+
			`"value":{"magnitude":%d.5,"note":"tail"}}`+"\n",
			w.tail, time.Unix(1_700_000_000+int64(i), 0).UTC().Format(time.RFC3339), i)
	}
	w.lines(t, "/api/reduceddatums/", &b)
	b.Reset()
	for i := range size / each {
		fmt.Fprintf(&b, `{"name":"many %06d","type":"SIDEREAL","ra":1,"dec":1,"groups":[{"name":"readers"}],`+
			`"targetextra_set":[{"key":"a","value":%q},{"key":"b","value":%q}]}`+"\n",
			i, filler[:each/2], filler[:each/2])
	}
	w.lines(t, "/api/targets/", &b)
	var page struct{ Results []struct{ ID int } }
	w.n.ask(http.MethodGet, fmt.Sprintf("/api/targets/?name=many+%06d&fields=id", size/each-1), nil, &page)
	if len(page.Results) != 1 {
		t.Fatalf("the last target exists %d times", len(page.Results))
	}
	w.last = page.Results[0].ID
}

// lines posts lines, all of which must be stored.
func (w *readFixture) lines(t *testing.T, path string, body io.Reader) {
	postLines(t, w.n.admin, path, body)
}

func postLines(t testing.TB, c *torture.Client, path string, body io.Reader) {
	t.Helper()
	r, err := c.Send(t.Context(), http.MethodPost, path, "application/x-ndjson", body)
	check(t, err)
	defer r.Body.Close()
	var got struct {
		Created, Rejected int
		Problems          json.RawMessage
	}
	check(t, json.NewDecoder(r.Body).Decode(&got))
	if got.Rejected > 0 || got.Created == 0 {
		t.Fatalf("%d lines were stored, %d refused: %.300s", got.Created, got.Rejected, got.Problems)
	}
}

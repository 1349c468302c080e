package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// A slowWrite is a request with half of its body sent.
type slowWrite struct {
	n      *node
	rest   string
	body   *io.PipeWriter
	answer chan *http.Response
}

// begin sends the first half of a body and waits until the node reads it.
func (n *node) begin(method, path, kind, body string, header ...string) *slowWrite {
	n.t.Helper()
	r, w := io.Pipe()
	q, err := http.NewRequest(method, n.URL+path, r)
	if err != nil {
		n.t.Fatal(err)
	}
	q.Header.Set("Content-Type", kind)
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	s := &slowWrite{n, body[len(body)/2:], w, make(chan *http.Response, 1)}
	go func() {
		a, err := n.Client().Do(q)
		if err != nil {
			n.t.Error(err)
		}
		s.answer <- a
	}()
	if _, err := io.WriteString(w, body[:len(body)/2]); err != nil { // returns when the client has read it
		n.t.Error(err)
	}
	time.Sleep(20 * time.Millisecond) // lets the node identify the user, which it does before it reads
	return s
}

// end sends the other half and returns the answer.
func (s *slowWrite) end() (status int, body string) {
	s.n.t.Helper()
	io.WriteString(s.body, s.rest)
	s.body.Close()
	a := <-s.answer
	if a == nil {
		return 0, ""
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		s.n.t.Error(err)
	}
	return a.StatusCode, string(b)
}

// withdrawals are the ways in which carol loses her rights on target 1, which she has through her
// group. Each has taken effect when it returns.
var withdrawals = map[string]func(n *node, carol string){
	"the user is deleted": func(n *node, carol string) {
		n.ask("admin", "DELETE", "/api/users/"+carol+"/", nil).want(n.t, 204)
	},
	"the group is left": func(n *node, carol string) { n.change(carol, `{"groups": []}`) },
	"the group is deleted": func(n *node, carol string) {
		n.ask("admin", "DELETE", "/api/groups/2/?all=true", nil).want(n.t, 204)
	},
	"a new password and no token": func(n *node, carol string) {
		n.change(carol, `{"password": "quite-another-1"}`)
		n.revoke("carol")
	},
	"the group is withdrawn": func(n *node, carol string) {
		n.ask("astro", "DELETE", "/api/targets/1/groups/2/", nil).want(n.t, 204)
	},
	"the target is deleted": func(n *node, carol string) {
		n.ask("astro", "DELETE", "/api/targets/1/", nil).want(n.t, 204)
	},
}

// revoke deletes all tokens of a user.
func (n *node) revoke(user string) {
	n.t.Helper()
	for _, r := range n.ask("admin", "GET", "/api/tokens/?limit=1000", nil).rows(n.t) {
		if r["username"] == user {
			n.ask("admin", "DELETE", fmt.Sprintf("/api/tokens/%v/", r["id"]), nil).want(n.t, 204)
		}
	}
}

// TestWithdrawnInTheMiddle: a write that carol began while she had the right, and finishes after
// she lost it, is refused as a whole, with every credential.
func TestWithdrawnInTheMiddle(t *testing.T) {
	t.Parallel()
	datum := `{"target": 1, "data_type": "photometry", "timestamp": "2026-01-0%dT00:00:00Z", ` +
		`"value": {"magnitude": 15.5}}`
	var lines strings.Builder
	for i := range 9 {
		fmt.Fprintf(&lines, datum+"\n", i+1)
	}
	file := newForm("target", "1", "data_product_type", "photometry").file("night.csv",
		[]byte("time,magnitude\n60000.0,15.5\n60001.0,15.6\n"))
	upload := file.body().(*bytes.Buffer).String()
	writes := map[string][3]string{ // path, type of the body, body
		"a datum": {"/api/reduceddatums/", typeJSON, fmt.Sprintf(datum, 1)},
		"a list": {"/api/reduceddatums/", typeJSON,
			"[" + fmt.Sprintf(datum, 1) + "," + fmt.Sprintf(datum, 2) + "]"},
		"lines":  {"/api/reduceddatums/", typeNDJSON, lines.String()},
		"a file": {"/api/dataproducts/", file.w.FormDataContentType(), upload},
		"an observation": {"/api/observations/", typeJSON,
			`{"target_id": 1, "facility": "LCO", "observation_id": "x", "status": "PENDING", ` +
				`"observing_parameters": {"a": 1}}`},
		"another's group": {"/api/targets/", typeJSON,
			`{"name": "T", "type": "SIDEREAL", "ra": 1, "dec": 2, "groups": [{"name": "Observers"}]}`},
	}
	ways := map[string]func(n *node) [2]string{
		"a token": func(n *node) [2]string { return [2]string{"Authorization", "Token " + n.tokens["carol"]} },
		"a password": func(n *node) [2]string {
			r, _ := http.NewRequest("GET", "/", nil)
			r.SetBasicAuth("carol", password("carol"))
			return [2]string{"Authorization", r.Header.Get("Authorization")}
		},
	}
	for i, why := range sortedKeys(withdrawals) {
		for j, what := range sortedKeys(writes) {
			withdraw, w := withdrawals[why], writes[what]
			if !testenv.Long() && (i+j)%3 > 0 || what == "another's group" && strings.HasPrefix(why, "the target") ||
				what == "another's group" && why == "the group is withdrawn" {
				continue // it does not affect new targets
			}
			for with, way := range ways {
				if with == "a password" && what != "a datum" {
					continue
				}
				t.Run(why+", "+what+", with "+with, func(t *testing.T) {
					n := start(t, Options{})
					n.target("astro", "M 31", "Observers")
					carol := members(n.ask("carol", "GET", "/api/users/", nil).rows(t), "id")[0]
					before := fmt.Sprint(n.rowCounts())
					header := way(n)
					s := n.begin("POST", w[0], w[1], w[2], header[0], header[1])
					withdraw(n, carol)
					if why == "the target is deleted" {
						before = fmt.Sprint(n.rowCounts())
					}
					status, body := s.end()
					created := status == 201 && !(w[1] == typeNDJSON && strings.Contains(body, `"created":0,`))
					if created || status >= 500 {
						t.Errorf("%d %.300s", status, body)
					}
					if after := fmt.Sprint(n.rowCounts()); after != before {
						t.Errorf("the node has %s, want %s", after, before)
					}
				})
			}
		}
	}
}

// TestDemotedInTheMiddle: a write of a superuser is refused if they are demoted, deleted or signed
// out before it is finished.
func TestDemotedInTheMiddle(t *testing.T) {
	t.Parallel()
	ends := map[string]func(n *node, bob string){
		"demoted": func(n *node, bob string) { n.change(bob, `{"is_superuser": false}`) },
		"deleted": func(n *node, bob string) { n.ask("admin", "DELETE", "/api/users/"+bob+"/", nil).want(n.t, 204) },
		"revoked": func(n *node, bob string) { n.revoke("bob") },
	}
	writes := map[string][3]string{
		"a user": {"POST", "/api/users/",
			`{"username": "mallory", "password": "mallory-pass-1", "is_superuser": true}`},
		"a promotion":  {"PATCH", "/api/users/5/", `{"is_superuser":                                       true}`},
		"a password":   {"PATCH", "/api/users/1/", `{"password":                                "stolen-pass-1"}`},
		"a group":      {"POST", "/api/groups/", `{"name":                                              "Mine"}`},
		"a member":     {"POST", "/api/groups/2/users/", `{"username":                                   "eve"}`},
		"a token":      {"POST", "/api/tokens/", `{"username":                                        "admin"}`},
		"a setting":    {"PUT", "/api/settings/auth_strategy/", `{"value":                              "locked"}`},
		"another name": {"PATCH", "/api/groups/2/", `{"name":                                         "Others"}`},
	}
	for i, why := range sortedKeys(ends) {
		for j, what := range sortedKeys(writes) {
			withdraw, w := ends[why], writes[what]
			if !testenv.Long() && (i+j)%3 > 0 {
				continue
			}
			t.Run(why+", "+what, func(t *testing.T) {
				n := start(t, Options{})
				bob := members(n.ask("bob", "GET", "/api/users/", nil).rows(t), "id")[0]
				n.change(bob, `{"is_superuser": true}`)
				state := func() string {
					var all strings.Builder
					for _, path := range []string{"/api/users/", "/api/groups/?all=true", "/api/settings/",
						"/api/groups/2/users/"} {
						all.Write(n.ask("admin", "GET", path, nil).body)
					}
					return all.String()
				}
				s := n.begin(w[0], w[1], typeJSON, w[2], "Authorization", "Token "+n.tokens["bob"])
				withdraw(n, bob)
				before := state()
				status, body := s.end()
				if status < 400 || status >= 500 {
					t.Errorf("%d %.300s", status, body)
				}
				if after := state(); after != before {
					t.Errorf("the node has %s, want %s", after, before)
				}
				if why == "demoted" {
					n.ask("bob", "GET", "/api/log/", nil).want(t, 403)
				}
			})
		}
	}
}

// TestAnswersBreakOff: a list, an export or a file that is being sent breaks off when its reader
// loses the rights, and contains nothing that was written later.
func TestAnswersBreakOff(t *testing.T) {
	t.Parallel()
	filler := strings.Repeat("x", 4000)
	const rows = 5000 // some 20 MB: more than the buffers of the sockets hold
	answers := map[string]string{
		"a list":         "/api/reduceddatums/?limit=1000000",
		"lines":          "/api/reduceddatums/?format=ndjson",
		"a table":        "/api/reduceddatums/?format=csv",
		"a data product": "/api/dataproducts/1/",
		"a file":         "/data/%s",
	}
	for i, what := range sortedKeys(answers) {
		path := answers[what]
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			n := start(t, Options{})
			n.target("astro", "M 31", "Observers")
			f := newForm("target", "1", "data_product_type", "fits_file").file("big.bin",
				bytes.Repeat([]byte("0123456789abcdef"), 5<<18))
			product := n.ask("astro", "POST", "/api/dataproducts/", f).want(t, 201).json(t)
			var lines bytes.Buffer
			for i := range rows {
				fmt.Fprintf(&lines, `{"target": 1, "data_type": "photometry", "data_product": 1, `+
					`"timestamp": "2026-01-02T03:04:05.%06dZ", "value": {"magnitude": %d, "note": "%s"}}`+"\n", i, i,
					filler)
			}
			n.ask("astro", "POST", "/api/reduceddatums/", raw{typeNDJSON, lines.String()}).want(t, 201)
			carol := members(n.ask("carol", "GET", "/api/users/", nil).rows(t), "id")[0]
			for j, why := range sortedKeys(withdrawals) {
				withdraw := withdrawals[why]
				if !testenv.Long() && (i+j)%3 > 0 {
					continue
				}
				if why == "the target is deleted" || why == "a new password and no token" ||
					why == "the user is deleted" || why == "the group is deleted" {
					continue // see below; deleted objects are not sent anyway
				}
				t.Run(why, func(t *testing.T) { n.readOn(t, path, product, func() { withdraw(n, carol) }) })
				n.change(carol, `{"groups": [{"name": "Observers"}]}`)
				n.ask("astro", "PATCH", "/api/targets/1/", jsonText(`{"groups": [{"name": "Observers"}]}`)).want(t, 200)
			}
			t.Run("the node is in another mode", func(t *testing.T) {
				n.readOn(t, path, product, func() { n.mode(auth.ModeObjects, auth.ReadOnly) })
				n.mode(auth.ModeTargets, auth.ReadOnly)
			})
			t.Run("the user is deleted", func(t *testing.T) {
				n.readOn(t, path, product, func() { withdrawals["the user is deleted"](n, carol) })
			})
		})
	}
}

// readOn reads the beginning of an answer as carol, and the rest after she has lost her rights.
func (n *node) readOn(t *testing.T, path string, product map[string]any, withdraw func()) {
	if strings.HasPrefix(path, "/data/") {
		_, name, _ := strings.Cut(fmt.Sprint(product["data"]), "/data/")
		path = "/data/" + name
	}
	r, err := http.NewRequest("GET", n.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+n.tokens["carol"])
	r.Header.Set("Accept-Encoding", "identity")
	a, err := n.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body := bufio.NewReader(a.Body)
	if _, err := io.ReadFull(body, make([]byte, 10_000)); err != nil {
		t.Fatalf("%d: the answer was short: %v", a.StatusCode, err)
	}
	withdraw()
	marker := "AFTERWARDS " + t.Name()[len(t.Name())-10:]
	n.ask("astro", "PATCH", "/api/targets/1/",
		map[string]any{"name": marker,
			"targetextra_set": []any{map[string]string{"key": "k", "value": marker}}}).want(t, 200)
	rest, err := io.ReadAll(body)
	if err == nil {
		t.Errorf("the answer ended normally after %d more bytes", len(rest))
	}
	if bytes.Contains(rest, []byte(marker)) {
		t.Error("the answer contains what was written later")
	}
}

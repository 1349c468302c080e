package api

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
)

// TestTagOfState: the tag of a list changes with the viewer, the viewer's groups and rights, the
// policy and the head of the log, and with nothing else.
func TestTagOfState(t *testing.T) {
	n := start(t, Options{})
	r := n.api.request(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/targets/", nil), &route{})
	policy := auth.Policy{Mode: auth.ModeTargets, Strategy: auth.ReadOnly}
	state := func(change func(*archive.State)) archive.State {
		s := archive.State{Viewer: auth.Viewer{ID: 7, Groups: []uint64{2}}, Policy: policy,
			Head: n.archive.Head()}
		change(&s)
		return s
	}
	tags := map[string]bool{}
	changes := []func(*archive.State){
		func(*archive.State) {},
		func(s *archive.State) { s.Viewer.ID = 8 },
		func(s *archive.State) { s.Viewer.Groups = nil },
		func(s *archive.State) { s.Viewer.Superuser = true },
		func(s *archive.State) { s.Policy.Mode = auth.ModeObjects },
		func(s *archive.State) { s.Policy.Strategy = auth.Locked },
		func(s *archive.State) { s.Head.Seq++ },
		func(s *archive.State) { s.Head.Hash[0]++ },
	}
	for _, change := range changes {
		s := state(change)
		tags[r.stateTag(&s)] = true
	}
	if len(tags) != len(changes) {
		t.Errorf("%d different tags, want %d", len(tags), len(changes))
	}
	if s := state(func(s *archive.State) { s.Viewer.Name = "renamed" }); !tags[r.stateTag(&s)] {
		t.Error("the same answer has another tag")
	}
}

// TestETags: nothing is sent again to a client that has it, and a changed answer is always sent.
func TestETags(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	id := n.datum("astro", target, 1)
	tags := map[string]string{}
	for _, path := range []string{"/api/", "/api/targets/", "/api/targets/" + target + "/", "/api/reduceddatums/",
		"/api/reduceddatums/?limit=5", "/api/reduceddatums/" + id + "/", "/api/dataproducts/", "/api/observations/",
		"/api/groups/", "/api/session/", "/api/schema/", "/api/tokens/"} {
		r := n.ask("astro", "GET", path, nil).want(t, 200)
		tag := r.header.Get("ETag")
		if tag == "" {
			t.Errorf("%s has no ETag", path)
			continue
		}
		if old, ok := tags[tag]; ok {
			t.Errorf("%s and %s have the same tag", path, old)
		}
		tags[tag] = path
		if path == "/api/tokens/" {
			continue // it contains the time of last use
		}
		// its policy would replace that of the stored page
		if again := n.ask("astro", "GET", path, nil, "If-None-Match", `"x", `+tag); again.status != 304 ||
			len(again.body) > 0 || again.header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s asked again: %d", path, again.status)
		}
		if page := n.ask("astro", "GET", path, nil, "If-None-Match", tag, "Accept",
			"text/html"); path != "/api/schema/" &&
			(page.status != 200 || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html")) {
			t.Errorf("%s as a page, with the tag of the JSON: %d", path, page.status)
		}
		if head := n.ask("astro", "HEAD", path, nil, "If-None-Match", tag); head.status != 304 {
			t.Errorf("HEAD of %s asked again: %d", path, head.status)
		}
		// a record that both see in the same way has the same tag
		if other := n.ask("carol", "GET", path, nil, "If-None-Match", tag); other.status == 304 &&
			!bytes.Equal(n.ask("carol", "GET", path, nil).body, r.body) {
			t.Errorf("%s asked by another user: %d", path, other.status)
		}
	}
	// every other answer has a tag, too
	product := n.upload("astro", target, "image_file", "a.png", []byte("x")).want(t, 201).json(t)
	n.ask("astro", "PATCH", "/api/targets/"+target+"/",
		jsonText(`{"aliases": [{"name": "a"}], "targetextra_set": [{"key": "k", "value": "v"}], `+
			`"target_lists": [{"name": "l"}]}`)).want(t, 200)
	n.ask("astro", "POST", "/api/observations/",
		jsonText(`{"target_id": `+target+`, "facility": "LCO", "observation_type": "", `+
			`"observing_parameters": {"a": 1}}`)).want(t, 201)
	paths := []string{strings.TrimPrefix(fmt.Sprint(product["data"]), n.URL), "/api/targets/?format=csv",
		"/api/reduceddatums/?format=votable", "/api/reduceddatums/?format=api"}
	for _, rt := range n.api.routes {
		if rt.handle["GET"] != nil && !strings.HasSuffix(rt.path, "/events/") &&
			!strings.HasSuffix(rt.path, "/backup/") && !strings.HasSuffix(rt.path, "/certificate/") {
			paths = append(paths, strings.NewReplacer("settings/:id", "settings/"+auth.SettingMode, ":id", "1",
				":group", "2").Replace(rt.path)+"?all=true&q=M")
		}
	}
	for _, path := range paths {
		r := n.ask("admin", "GET", path, nil).want(t, 200)
		if tag := r.header.Get("ETag"); tag == "" {
			t.Errorf("%s has no ETag", path)
		}
	}
	tag := n.ask("carol", "GET", "/api/reduceddatums/", nil).header.Get("ETag")
	n.ask("admin", "DELETE", "/api/targets/"+target+"/groups/2/", nil).want(t, 204)
	if r := n.ask("carol", "GET", "/api/reduceddatums/", nil, "If-None-Match", tag).want(t,
		200); r.json(t)["count"].(json.Number) != "0" {
		t.Errorf("after the grant is withdrawn: %s", r.body)
	}
	tag = n.ask("astro", "GET", "/api/reduceddatums/", nil).header.Get("ETag")
	n.mode(auth.ModeObjects, auth.ReadOnly)
	n.ask("astro", "GET", "/api/reduceddatums/", nil, "If-None-Match", tag).want(t, 200)
	n.ask("astro", "GET", "/api/targets/999/", nil, "If-None-Match", tag).want(t, 404)
}

// TestTransport: compression, HEAD, chunked bodies, 100-continue, and many requests on one
// connection.
func TestTransport(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	for i := range 30 {
		n.datum("astro", target, i)
	}
	plain := n.ask("astro", "GET", "/api/reduceddatums/", nil, "Accept-Encoding", "identity").want(t, 200)
	zipped := n.ask("astro", "GET", "/api/reduceddatums/", nil, "Accept-Encoding", "br, gzip;q=0.5").want(t, 200)
	z, err := gzip.NewReader(bytes.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(text, plain.body) {
		t.Errorf("compressed and plain differ: %v", err)
	}
	if zipped.header.Get("Content-Encoding") != "gzip" || len(zipped.body) > len(plain.body)/3 ||
		!strings.Contains(strings.Join(zipped.header.Values("Vary"), ","), "Accept-Encoding") {
		t.Errorf("%d bytes compressed of %d, %v", len(zipped.body), len(plain.body), zipped.header)
	}
	for name, r := range map[string]*reply{
		"a short one":  n.ask("astro", "GET", "/api/reduceddatums/1/", nil, "Accept-Encoding", "gzip"),
		"not wanted":   n.ask("astro", "GET", "/api/reduceddatums/", nil, "Accept-Encoding", "gzip;q=0, identity"),
		"a head alone": n.ask("astro", "HEAD", "/api/reduceddatums/", nil, "Accept-Encoding", "gzip"),
	} {
		if r.status != 200 || r.header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", name, r.status, r.header)
		}
	}
	head := n.ask("astro", "HEAD", "/api/reduceddatums/", nil, "Accept-Encoding", "identity")
	if head.header.Get("Content-Length") != fmt.Sprint(len(plain.body)) || len(head.body) > 0 ||
		head.header.Get("ETag") != plain.header.Get("ETag") {
		t.Errorf("HEAD: %v", head.header)
	}
	// one connection serves many requests, even refused ones
	for i, path := range []string{"/api/targets/", "/api/none/", "/api/targets/999/", "/api/targets/?strict=true&x=1"} {
		reused := false
		trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused }}
		r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", n.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		w, err := n.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, w.Body)
		if w.Body.Close(); i > 0 && !reused {
			t.Errorf("%s took a connection of its own", path)
		}
	}
	// a chunked body, sent after 100-continue
	pr, pw := io.Pipe()
	go func() {
		for i := range 50 {
			fmt.Fprintf(pw, `{"target": %s, "data_type": "photometry", "timestamp": "2026-02-01T00:00:%02dZ", `+
				`"value": {"magnitude": %d}}`+"\n", target, i, i)
		}
		pw.Close()
	}()
	r, err := http.NewRequest("POST", n.URL+"/api/reduceddatums/", pr)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+n.tokens["astro"])
	r.Header.Set("Content-Type", typeNDJSON)
	r.Header.Set("Expect", "100-continue")
	w, err := n.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if text, err := io.ReadAll(w.Body); err != nil || w.StatusCode != 201 ||
		!bytes.Contains(text, []byte(`"created":50`)) {
		t.Errorf("a chunked body: %d %s %v", w.StatusCode, text, err)
	}
}

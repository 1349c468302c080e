package api

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// events opens a stream of events. next returns the name and the data of the next event, both empty
// at the end.
func (n *node) events(t *testing.T, user, target string) (next func() (event, data string)) {
	t.Helper()
	r, err := http.NewRequest("GET", n.URL+"/api/events/?target__id="+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", typeEvents)
	if user != "" {
		r.Header.Set("Authorization", "Token "+n.tokens[user])
	}
	w, err := n.Client().Do(r.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Body.Close() })
	if w.StatusCode != 200 || w.Header.Get("Content-Type") != typeEvents {
		t.Fatalf("%d %v", w.StatusCode, w.Header)
	}
	lines := bufio.NewScanner(w.Body)
	return func() (event, data string) {
		for lines.Scan() {
			line := lines.Text()
			if line == "" && event != "" {
				return event, data
			}
			if name, ok := strings.CutPrefix(line, "event: "); ok {
				event = name
			}
			if text, ok := strings.CutPrefix(line, "data: "); ok {
				data = text
			}
		}
		return "", ""
	}
}

// TestEvents: a client that watches a target gets events about what it may see of that target, and
// about no other.
func TestEvents(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	other := n.target("astro", "M 32", "Observers")
	n.play(t, []scenario{
		{name: "no target", as: "astro", method: "GET", path: "/api/events/", status: 400,
			has: []string{`"target__id":["This field is required."]`}},
		{name: "a bad target", as: "astro", method: "GET", path: "/api/events/?target__id=x", status: 400},
		{name: "a hidden target", as: "eve", method: "GET", path: "/api/events/?target__id=" + target, status: 404,
			has: []string{"No Target matches"}},
		{name: "another media type", as: "astro", method: "GET", path: "/api/events/?target__id=" + target,
			header: []string{"Accept", "application/xml"}, status: 406},
	})
	next := n.events(t, "carol", target)
	want := func(event, part string) {
		t.Helper()
		if e, data := next(); e != event || !strings.Contains(data, part) {
			t.Fatalf("event %q %s, want %q with %s", e, data, event, part)
		}
	}
	want("change", `"reduceddatums":{"count":0,"last":null},"dataproducts":{"count":0,"last":null}`)
	n.datum("astro", other, 1)
	id := n.datum("astro", target, 2)
	want("change", fmt.Sprintf(`"reduceddatums":{"count":1,"last":%s}`, id))
	n.upload("astro", target, "photometry", "a.csv",
		[]byte("time,magnitude\n60000.1,15.1\n60000.2,15.2\n")).want(t, 201)
	want("change", `"reduceddatums":{"count":3,`)
	n.ask("astro", "PATCH", "/api/targets/"+target+"/", jsonText(`{"epoch": 2000}`)).want(t, 200)
	want("change", `"count":3,`)
	n.ask("admin", "DELETE", "/api/targets/"+target+"/groups/2/", nil).want(t, 204)
	want("gone", "{}")
	if e, _ := next(); e != "" {
		t.Errorf("event %q after the end", e)
	}
	mine := n.events(t, "astro", target)
	mine()
	n.api.Stop()
	if e, _ := mine(); e != "" {
		t.Errorf("event %q after the node stopped", e)
	}
	if open := n.api.streams.all + len(n.api.streams.of); open != 0 {
		t.Errorf("%d streams are still counted", open)
	}
}

// TestEventsArePushed: an event comes with the commit and not by polling, since in this test no
// timer fires by itself. Commits during the pause after an event become one event.
func TestEventsArePushed(t *testing.T) {
	n := start(t, Options{})
	pauses := make(chan time.Time)
	n.api.after = func(d time.Duration) <-chan time.Time {
		if d == lookPause {
			return pauses
		}
		return nil
	}
	target := n.target("astro", "M 31", "Observers")
	next := n.events(t, "carol", target)
	want := func(part string) {
		t.Helper()
		if e, data := next(); e != "change" || !strings.Contains(data, part) {
			t.Fatalf("event %q %s, want a change with %s", e, data, part)
		}
	}
	want(`"reduceddatums":{"count":0,`)
	n.datum("astro", target, 1)
	want(`"reduceddatums":{"count":1,`)
	n.datum("astro", target, 2)
	n.datum("astro", target, 3)
	pauses <- time.Time{}
	want(`"reduceddatums":{"count":3,`)
}

// TestWatchers: no user and no address can take all streams of events.
func TestWatchers(t *testing.T) {
	n := start(t, Options{})
	target := n.ask("astro", "POST", "/api/targets/",
		jsonText(`{"name": "M 31", "type": "SIDEREAL", "ra": 1, "dec": 1, "permissions": "OPEN"}`)).want(t, 201).id(t)
	path := "/api/events/?target__id=" + target
	n.events(t, "astro", target)()
	astro, guest := "user 2", "guest at 127.0.0.1"
	for range ownStreams - 1 {
		if err := n.api.streams.begin(astro); err != nil {
			t.Fatal(err)
		}
	}
	if r := n.ask("astro", "GET", path, nil).want(t, 429); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	n.events(t, "carol", target)()
	for range ownStreams {
		if err := n.api.streams.begin(guest); err != nil {
			t.Fatal(err)
		}
	}
	n.ask("", "GET", path, nil).want(t, 429)
	for i := 0; n.api.streams.all < maxStreams; i++ {
		if err := n.api.streams.begin(fmt.Sprint("guest at ", i)); err != nil {
			t.Fatal(err)
		}
	}
	n.ask("bob", "GET", path, nil).want(t, 503)
	n.api.streams.end(guest)
	n.events(t, "bob", target)()
}

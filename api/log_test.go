package api

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLog: the log says who did what, when, with which token and from which address, and has a
// filter for each.
func TestLog(t *testing.T) {
	n := start(t, Options{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	before := len(n.ask("admin", "GET", "/api/log/?limit=1000", nil).want(t, 200).rows(t))
	since := time.Now().UTC().Format(time.RFC3339Nano)
	target := n.ask("astro", "POST", "/api/targets/",
		jsonText(`{"name": "M 31", "type": "SIDEREAL", "ra": 1, "dec": 1}`), "X-Forwarded-For", "192.0.2.7").want(t,
		201).id(t)
	n.ask("bob", "POST", "/api/targets/",
		jsonText(`{"name": "M 32", "type": "SIDEREAL", "ra": 1, "dec": 1}`)).want(t, 201)
	// a refused request is not logged
	n.ask("bob", "POST", "/api/targets/",
		jsonText(`{"name": "M 31", "type": "SIDEREAL", "ra": 1, "dec": 1}`)).want(t, 400)
	lines := ""
	for i := range 150 {
		lines += fmt.Sprintf(`{"target": %s, "data_type": "photometry", "timestamp": "2026-01-01T00:00:%02d.%02dZ", `+
			`"value": {"magnitude": 1}}`+"\n", target, i%60, i/60)
	}
	n.ask("astro", "POST", "/api/reduceddatums/", raw{typeNDJSON, lines}).want(t, 201)
	until := time.Now().UTC().Format(time.RFC3339Nano)
	n.ask("astro", "DELETE", "/api/targets/"+target+"/", nil).want(t, 204)
	n.ask("admin", "PUT", "/api/settings/tom_name/", map[string]string{"value": "Hill"}).want(t, 200)
	n.ask("admin", "PUT", "/api/settings/tom_name/", map[string]string{"value": "Valley"}).want(t, 200)

	all := n.ask("admin", "GET", "/api/log/?limit=1000", nil).rows(t)
	if len(all) != before+6 {
		t.Fatalf("%d entries after six writes, and %d before", len(all), before)
	}
	var shown []string
	for _, e := range all[:6] {
		shown = append(shown, fmt.Sprint(e["user"], " ", e["action"], " ", e["address"]))
	}
	want := []string{
		"admin PUT /api/settings/tom_name/ 127.0.0.1", "admin PUT /api/settings/tom_name/ 127.0.0.1",
		"astro DELETE /api/targets/" + target + "/ 127.0.0.1",
		"astro POST /api/reduceddatums/ 127.0.0.1", "bob POST /api/targets/ 127.0.0.1",
		"astro POST /api/targets/ 192.0.2.7",
	}
	if !slices.Equal(shown, want) {
		t.Errorf("the log says\n%s\nwant\n%s", strings.Join(shown, "\n"), strings.Join(want, "\n"))
	}
	for i := range all[1:] {
		if all[i]["previous"] != all[i+1]["hash"] || fmt.Sprint(all[i+1]["sequence"]) != fmt.Sprint(len(all)-1-i) {
			t.Errorf("entry %v does not follow entry %v", all[i]["sequence"], all[i+1]["sequence"])
		}
	}
	if head := n.ask("admin", "GET", "/api/node/", nil).json(t)["head"]; head != fmt.Sprintf("%v-%v",
		all[0]["sequence"], all[0]["hash"]) {
		t.Errorf("the head is %v, and the newest entry is %v", head, all[0])
	}
	if s := fmt.Sprint(all[0]["settings"]); s != "[map[before:Hill name:tom_name]]" {
		t.Errorf("the setting: %s", s)
	}
	if c := fmt.Sprint(all[5]["changes"]); !strings.Contains(c,
		"count:1 ids:["+target+"] operation:created table:targets") {
		t.Errorf("a new target: %s", c)
	}
	stream := n.ask("admin", "GET", "/api/log/?table=reduceddatums&action=POST", nil).rows(t)
	if len(stream) != 1 {
		t.Fatalf("%d entries of a stream", len(stream))
	}
	for _, c := range stream[0]["changes"].([]any) {
		if c := c.(map[string]any); c["table"] == "reduceddatums" &&
			(fmt.Sprint(c["count"]) != "150" || len(c["ids"].([]any)) != 100) {
			t.Errorf("a stream of 150 datums: %v", c)
		}
	}
	for query, want := range map[string]int{
		"since=" + since: 6, "since=" + since + "&until=" + until: 3, "user=bob&since=" +
			since: 1, "user=nobody": 0, "address=192.0.2.7": 1, "address=192.0.2": 0,
		"action=DELETE": 1, "table=targets": 3, "table=targets&id=" +
			target: 2, "table=targets&id=999": 0, "table=reduceddatums&id=77": 2, "table=reduceddatums&id=151": 0,
		"user=astro&table=targets&action=POST": 1, "table=observations": 0, "user=owner&table=groups": 2,
	} {
		r := n.ask("admin", "GET", "/api/log/?strict=true&"+strings.ReplaceAll(query, "+", "%2B"), nil).want(t, 200)
		if got := len(r.rows(t)); got != want || fmt.Sprint(r.json(t)["count"]) != fmt.Sprint(want) {
			t.Errorf("%s: %d entries, count %v, want %d", query, got, r.json(t)["count"], want)
		}
	}
	// pages, with and without a filter
	for _, filter := range []string{"", "action=" + url.QueryEscape("T") + "&"} {
		whole := members(n.ask("admin", "GET", "/api/log/?"+filter+"limit=1000", nil).rows(t), "sequence")
		var pages []string
		for path := "/api/log/?" + filter + "limit=4"; path != ""; {
			r := n.ask("admin", "GET", path, nil).want(t, 200)
			pages = append(pages, members(r.rows(t), "sequence")...)
			next, _ := r.json(t)["next"].(string)
			path = strings.TrimPrefix(next, n.URL)
		}
		if !slices.Equal(pages, whole) {
			t.Errorf("%q in pages: %v, at once: %v", filter, pages, whole)
		}
		if r := n.ask("admin", "GET", "/api/log/?"+filter+"offset=100000", nil).want(t, 200); len(r.rows(t)) != 0 ||
			fmt.Sprint(r.json(t)["count"]) != fmt.Sprint(len(whole)) {
			t.Errorf("%q beyond the end: %s", filter, r.body)
		}
	}
	n.ask("admin", "GET", "/api/log/?table=secrets", nil).want(t, 400)
	n.ask("admin", "GET", "/api/log/?id=1", nil).want(t, 400)
	n.ask("admin", "GET", "/api/log/?since=yesterday", nil).want(t, 400)
	// it contains no secrets
	text := string(n.ask("admin", "GET", "/api/log/?limit=1000", nil).body)
	for _, secret := range []string{"argon2", n.tokens["astro"], password("astro")} {
		if strings.Contains(text, secret) {
			t.Errorf("the log shows %q", secret)
		}
	}
	if r := n.ask("admin", "GET", "/api/log/?fields=user&limit=1", nil); fmt.Sprint(r.rows(t)[0]) != "map[user:admin]" {
		t.Errorf("fields: %s", r.body)
	}
}

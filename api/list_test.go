package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// TestTimesAndCursors reads a list in every order, with limits of time, and by cursor in both
// directions.
func TestTimesAndCursors(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	for _, second := range []int{50, 10, 40, 20, 30} {
		n.datum("astro", target, second)
	}
	ids := func(query string) string {
		return strings.Join(members(n.ask("astro", "GET", "/api/reduceddatums/?strict=true&"+query,
			nil).rows(t), "id"), " ")
	}
	for query, want := range map[string]string{
		"ordering=id": "1 2 3 4 5", "ordering=-id": "5 4 3 2 1", "ordering=created": "1 2 3 4 5",
		"ordering=-created": "5 4 3 2 1", "ordering=timestamp": "2 4 5 3 1", "ordering=-timestamp": "1 3 5 4 2",
		"timestamp_after=2026-01-02T03:00:30Z": "1 3 5", "timestamp_before=2026-01-02T03:00:30Z": "2 4 5",
		"timestamp_after=2026-01-02T03:00:20&timestamp_before=2026-01-02T03:00:40&ordering=timestamp": "4 5 3",
		"mjd_min=61042.1253473": "1 3", "mjd_max=61042.1252": "2",
		"mjd_min=61042.125&mjd_max=61042.1254&timestamp_before=2026-01-02T03:00:10Z": "2",
		"target_name=m&ordering=-timestamp&limit=5":                                  "1 3 5 4 2",
	} {
		if got := ids(url.PathEscape(query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, order := range []string{"id", "-id", "timestamp", "-timestamp"} {
		var forth, back []string
		next := "/api/reduceddatums/?pagination_style=cursor&limit=2&ordering=" + order
		var previous any
		for pages := 0; next != "" && pages < 9; pages++ {
			r := n.ask("astro", "GET", next, nil).want(t, 200)
			v := r.json(t)
			forth = append(forth, members(r.rows(t), "id")...)
			previous, next = v["previous"], ""
			if s, ok := v["next"].(string); ok {
				next = strings.TrimPrefix(s, n.URL)
			}
		}
		for pages := 0; previous != nil && pages < 9; pages++ {
			r := n.ask("astro", "GET", strings.TrimPrefix(previous.(string), n.URL), nil).want(t, 200)
			back = append(members(r.rows(t), "id"), back...)
			previous = r.json(t)["previous"]
		}
		want := ids("ordering=" + order)
		if got := strings.Join(forth, " "); got != want {
			t.Errorf("by cursor, %s: %s, want %s", order, got, want)
		}
		if got := strings.Join(back, " "); !strings.HasPrefix(want, got) || len(back) < 3 {
			t.Errorf("back by cursor, %s: %s of %s", order, got, want)
		}
	}
	byID := n.ask("astro", "GET", "/api/reduceddatums/?pagination_style=cursor&limit=2", nil).json(t)["next"].(string)
	u, err := url.Parse(byID)
	if err != nil {
		t.Fatal(err)
	}
	cursor := u.Query().Get("cursor")
	n.play(t, []scenario{
		{name: "bad order", as: "astro", method: "GET", path: "/api/reduceddatums/?ordering=value", status: 400,
			has: []string{`"ordering":["Select a valid choice.`}},
		{name: "bad time", as: "astro", method: "GET", path: "/api/reduceddatums/?timestamp_after=soon", status: 400,
			has: []string{`"timestamp":["Enter a valid date/time."]`}},
		{name: "bad mjd", as: "astro", method: "GET", path: "/api/reduceddatums/?mjd_min=soon", status: 400,
			has: []string{`"mjd_min":["Enter a number."]`}},
		{name: "huge mjd", as: "astro", method: "GET", path: "/api/reduceddatums/?mjd_min=1e300", status: 400,
			has: []string{`"mjd_min"`}},
		{name: "bad style", as: "astro", method: "GET", path: "/api/targets/?pagination_style=pages", status: 400,
			has: []string{`"pagination_style"`}},
		{name: "bad cursor", as: "astro", method: "GET", path: "/api/targets/?cursor=xyz", status: 404,
			has: []string{"Invalid cursor"}},
		{name: "cursor of another order", as: "astro", method: "GET",
			path: "/api/reduceddatums/?ordering=timestamp&cursor=" +
				cursor, status: 404, has: []string{"Invalid cursor"}},
		{name: "cursor and order by name", as: "astro", method: "GET",
			path: "/api/targets/?order=name&pagination_style=cursor", status: 400, has: []string{
				"Pages by cursor go by id"}},
		{name: "cursor of targets", as: "astro", method: "GET", path: "/api/targets/?pagination_style=cursor",
			status: 200, has: []string{`"next":null,"previous":null`}},
		{name: "bad fields", as: "astro", method: "GET", path: "/api/targets/?fields=name,mass", status: 400,
			has: []string{`"fields":["Select a valid choice. mass is not one of the available choices."]`}},
		{name: "fields of one", as: "astro", method: "GET", path: "/api/targets/" + target + "/?fields=name,id",
			status: 200, has: []string{`{"id":` + target + `,"name":"M 31"}`}},
		{name: "prefer", as: "astro", method: "GET", path: "/api/targets/?nmae=M",
			header: []string{"Prefer",
				"respond-async, handling=strict"}, status: 400, has: []string{`"nmae"`},
			head: []string{"Preference-Applied", "handling=strict"}},
		{name: "prefer lenient", as: "astro", method: "GET", path: "/api/targets/?nmae=M",
			header: []string{"Prefer", "handling=lenient"}, status: 200},
	})
}

// TestCursorsWhileWriting: pages by cursor contain every row that stays exactly once, while other
// rows are created and deleted. (Package archive has such a test for datums.)
func TestCursorsWhileWriting(t *testing.T) {
	n := start(t, Options{})
	host := n.target("astro", "host")
	count := 0
	for path, add := range map[string]func() *reply{
		"/api/targets/": func() *reply {
			return n.ask("astro", "POST", "/api/targets/",
				jsonText(fmt.Sprintf(`{"name": "t%d", "type": "SIDEREAL", "ra": 1, "dec": 1}`, count)))
		},
		"/api/dataproducts/": func() *reply {
			return n.upload("astro", host, "image_file", fmt.Sprintf("%d.png", count), []byte("x"))
		},
		"/api/observations/": func() *reply {
			return n.ask("astro", "POST", "/api/observations/",
				jsonText(`{"target_id": `+host+`, "facility": "LCO", "observation_type": "", `+
					`"observing_parameters": {"a": 1}}`))
		},
	} {
		for range 12 {
			count++
			add().want(t, 201)
		}
		all := members(n.ask("astro", "GET", path, nil).rows(t), "id")
		last := all[len(all)-1] // the last one, which is deleted before its page is read
		var met []string
		next := path + "?pagination_style=cursor&limit=3&fields=id"
		for pages := 0; next != "" && pages < 20; pages++ {
			r := n.ask("astro", "GET", next, nil).want(t, 200)
			met = append(met, members(r.rows(t), "id")...)
			next, _ = r.json(t)["next"].(string)
			next = strings.TrimPrefix(next, n.URL)
			count++
			if add().want(t, 201); pages == 0 && path != "/api/observations/" { // which are never deleted
				n.ask("astro", "DELETE", path+all[1]+"/", nil).want(t,
					204) // already read; the first target is the host
				n.ask("astro", "DELETE", path+last+"/", nil).want(t, 204)
				all = all[:len(all)-1]
			}
			if pages > 8 {
				break // by ascending ids the list grows for ever
			}
		}
		if len(met) < len(all) || !slices.Equal(met[:len(all)], all) {
			t.Errorf("%s: got %v of %v", path, met, all)
		}
		slices.Sort(met)
		if len(slices.Compact(slices.Clone(met))) != len(met) {
			t.Errorf("%s: some rows came twice: %v", path, met)
		}
	}
}

package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// TestIfMatch: the tag of a record stays the same while others write elsewhere, and a change or
// deletion with it is done only if the record is still as it was read.
func TestIfMatch(t *testing.T) {
	n := start(t, Options{})
	target, other := n.target("astro", "M 31", "Observers"), n.target("astro", "M 33")
	datum := n.datum("astro", target, 1)
	product := n.upload("astro", target, "image_file", "a.png", []byte("x")).want(t, 201).id(t)
	n.ask("astro", "POST", "/api/observations/", jsonText(`{"target_id": `+target+
		`, "facility": "LCO", "observation_type": "", "observing_parameters": {"a": 1}}`)).want(t, 201)
	groups := n.ask("astro", "GET", "/api/groups/", nil).rows(t)
	path := "/api/targets/" + target + "/"
	tagOf := func(path string) string { return n.ask("astro", "GET", path, nil).want(t, 200).header.Get("ETag") }
	rename := func(to string) raw { return jsonText(`{"name": "` + to + `"}`) }
	for i, record := range []string{path, "/api/reduceddatums/" + datum + "/", "/api/dataproducts/" + product + "/",
		"/api/observations/1/", "/api/groups/" + fmt.Sprint(groups[0]["id"]) + "/"} {
		tag := n.ask("astro", "GET", record, nil).want(t, 200).header.Get("ETag")
		n.datum("astro", other, 10+2*i)
		n.datum("astro", target, 10+2*i)
		n.ask("astro", "PATCH", "/api/targets/"+other+"/", jsonText(`{"ra": 2}`)).want(t, 200)
		n.ask("astro", "GET", record, nil, "If-None-Match", tag).want(t, 304)
		n.ask("astro", "DELETE", "/api/reduceddatums/"+n.datum("astro", other, 11+2*i)+"/", nil).want(t, 204)
		if now := n.ask("astro", "GET", record, nil).header.Get("ETag"); now != tag {
			t.Errorf("%s has the tag %s, and after writes elsewhere %s", record, tag, now)
		}
	}

	old := tagOf(path)
	indented := n.ask("astro", "GET", path, nil, "Accept", "application/json; indent=2").header.Get("ETag")
	if indented == old {
		t.Errorf("indented and not, the answer has the tag %s", old)
	}
	if strict := tagOf(path + "?strict=true"); strict != old {
		t.Errorf("with strict=true the tag is %s, not %s", strict, old)
	}
	n.datum("astro", target, 7)
	n.ask("astro", "PATCH", path, rename("M 31a"), "If-Match", `"x", `+old).want(t, 200)
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		r := n.ask("astro", method, path, rename("lost"), "If-Match", old).want(t, 412)
		if text := r.json(t)["detail"]; !strings.Contains(fmt.Sprint(text), "Read it again") {
			t.Errorf("%s of a changed target: %v", method, text)
		}
	}
	if name := n.ask("astro", "GET", path, nil).json(t)["name"]; name != "M 31a" {
		t.Errorf("the target is called %v", name)
	}
	n.ask("astro", "PATCH", path, rename("M 31b"), "If-Match", "*").want(t, 200)
	n.ask("astro", "PATCH", path, rename("M 31c"), "If-Match", strings.TrimPrefix(tagOf(path), "W/")).want(t, 200)
	// rights come first
	n.ask("bob", "PATCH", path, rename("x"), "If-Match", tagOf(path)).want(t, 404)
	n.ask("", "PATCH", path, rename("x"), "If-Match", tagOf(path)).want(t, 401)
	for _, record := range []string{"/api/reduceddatums/" + datum + "/", "/api/dataproducts/" + product + "/"} {
		n.ask("astro", "DELETE", record, nil, "If-Match", `"x"`).want(t, 412)
		n.ask("astro", "DELETE", record, nil, "If-Match", tagOf(record)).want(t, 204)
	}
	n.ask("admin", "PUT", "/api/settings/"+auth.SettingMode+"/",
		jsonText(`{"value": "objects"}`), "If-Match", `"x"`).want(t, 412)
	// a list is not the record that is created
	n.ask("astro", "POST", "/api/targets/", jsonText(`{"name": "n", "type": "SIDEREAL", "ra": 1, "dec": 1}`),
		"If-Match", `"x"`).want(t, 201)
	n.ask("astro", "DELETE", path, nil, "If-Match", tagOf(path)).want(t, 204)
}

// TestIfMatchLosesNothing: several clients raise one number, each reading it first. With If-Match
// no change is lost.
func TestIfMatchLosesNothing(t *testing.T) {
	n := start(t, Options{})
	path := "/api/targets/" + n.target("astro", "M 31", "Observers") + "/"
	n.ask("astro", "PATCH", path, jsonText(`{"ra": 0}`)).want(t, 200)
	each := testenv.Choose(10, 100)
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for done := 0; done < each; {
				r := n.ask("astro", "GET", path, nil)
				var now struct{ RA float64 }
				if err := json.Unmarshal(r.body, &now); err != nil {
					t.Error(err)
					return
				}
				w := n.ask("astro", "PATCH", path,
					jsonText(`{"ra": `+strconv.FormatFloat(now.RA+0.5, 'g', -1, 64)+`}`),
					"If-Match", r.header.Get("ETag"))
				switch w.status {
				case 200:
					done++
				case 412:
				default:
					t.Errorf("status %d: %s", w.status, w.body)
					return
				}
			}
		})
	}
	clients.Wait()
	want := fmt.Sprintf("%.1f", float64(4*each)/2)
	if ra := fmt.Sprint(n.ask("astro", "GET", path, nil).json(t)["ra"]); ra != want {
		t.Errorf("%d changes by a half raised the number to %s, not %s", 4*each, ra, want)
	}
}

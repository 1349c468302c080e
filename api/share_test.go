package api

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestShare gives a group each combination of rights on a target, and tries what its members can
// then do.
func TestShare(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	groups := map[string]string{}
	rows := n.ask("admin", "GET", "/api/groups/?all=true", nil).rows(t)
	for i, name := range members(rows, "name") {
		groups[name] = members(rows, "id")[i]
	}
	observers := groups["Observers"]
	const text = `{"id":%s,"name":"Observers","view":%t,"change":%t,"delete":%t}`
	for i, c := range []struct {
		body           string
		change, delete bool
	}{
		{`{}`, false, false},
		{`{"view": true}`, false, false},
		{`{"change": true}`, true, false},
		{`{"delete": true}`, false, true},
		{`{"change": false, "delete": true, "view": true}`, false, true},
		{`{"change": true, "delete": true}`, true, true},
	} {
		t.Run(c.body, func(t *testing.T) {
			name := fmt.Sprint("Shared ", i)
			target := n.target("astro", name)
			path := "/api/targets/" + target + "/"
			n.ask("carol", "GET", path, nil).want(t, 404)
			want := fmt.Sprintf(text, observers, true, c.change, c.delete)
			if got := n.ask("astro", "PUT", path+"groups/"+observers+"/", jsonText(c.body)).want(t, 200); string(
				got.body) != want {
				t.Errorf("PUT says %s, want %s", got.body, want)
			}
			for _, user := range []string{"astro", "carol", "admin"} {
				if got := n.ask(user, "GET", path+"groups/"+observers+"/", nil).want(t, 200); string(got.body) != want {
					t.Errorf("%s reads %s, want %s", user, got.body, want)
				}
				for _, at := range []string{path + "groups/", path + "?fields=group_rights",
					"/api/targets/?fields=group_rights"} {
					got := string(n.ask(user, "GET", at, nil).want(t, 200).body)
					if !strings.Contains(got, "["+want+"]") {
						t.Errorf("%s reads %s at %s, want %s", user, got, at, want)
					}
				}
			}
			if got := fmt.Sprint(n.ask("carol", "GET", path, nil).want(t, 200).json(t)["groups"]); got !=
				"[map[id:"+observers+" name:Observers]]" {
				t.Errorf("groups are %s", got)
			}
			may := func(may bool, done int) int {
				if may {
					return done
				}
				return 403
			}
			_, proposes := n.ask("carol", "OPTIONS", path, nil).json(t)["actions"]
			if proposes != c.change {
				t.Errorf("OPTIONS proposes changes: %v", proposes)
			}
			n.ask("carol", "PATCH", path, jsonText(`{"slope": 1}`)).want(t, may(c.change, 200))
			added := 201
			if !c.change {
				added = 400
			}
			r := n.ask("carol", "POST", "/api/reduceddatums/", jsonText(`{"target": `+target+
				`, "data_type": "photometry", "value": {"magnitude": 1}}`)).want(t, added)
			if !c.change && string(r.body) != `{"target":["You may see this target, but not change it."]}` {
				t.Errorf("a datum is refused with %s", r.body)
			}
			n.upload("carol", target, "photometry", "a.csv", []byte("time,magnitude\n60000,1\n")).want(t, added)
			n.ask("carol", "PUT", path+"groups/"+observers+"/", jsonText(c.body)).want(t, may(c.change, 200))
			if c.change && !c.delete {
				r := n.ask("carol", "PUT", path+"groups/"+observers+"/", jsonText(`{"delete": true}`)).want(t, 400)
				if want := `{"delete":["You do not have this right on the target yourself, so you cannot give ` +
					`it."]}`; string(r.body) != want {
					t.Errorf("she gives herself more: %s", r.body)
				}
				for _, body := range []string{`{"groups": [{"id": %s, "delete": true}]}`,
					`{"groups": [{"name": "Observers", "delete": true}]}`} {
					if strings.Contains(body, "%s") {
						body = fmt.Sprintf(body, observers)
					}
					r := n.ask("carol", "PATCH", path, jsonText(body)).want(t, 400)
					if want := `{"groups":[{"delete":["You do not have this right on the target yourself, so you ` +
						`cannot give it."]}]}`; string(r.body) != want {
						t.Errorf("she gives herself more: %s", r.body)
					}
				}
				// a client that sends a target back gives no more than it has
				n.ask("carol", "PATCH", path, jsonText(`{"groups": [{"id": `+observers+`}]}`)).want(t, 200)
			}
			n.ask("carol", "DELETE", path, nil).want(t, may(c.delete, 204))
			if !c.delete {
				n.ask("astro", "PATCH", path, jsonText(`{"groups": [{"id": `+observers+`}]}`)).want(t, 200)
				if got := n.ask("astro", "GET", path+"groups/", nil); !strings.Contains(string(got.body),
					fmt.Sprintf(text, observers, true, true, true)) {
					t.Errorf("a PATCH of groups gives %s", got.body)
				}
				n.ask("carol", "DELETE", path, nil).want(t, 204)
			}
		})
	}

	// rights of a new target, as members of its groups; without them all, as in a TOM
	for body, want := range map[string]string{`{"id": ` + observers + `}`: "true,true",
		`{"name": "Observers", "view": true}`: "false,false", `{"name": "Observers", "change": true}`: "true,false",
		`{"name": "Observers", "change": false}`: "false,false"} {
		made := n.ask("astro", "POST", "/api/targets/", jsonText(`{"name": "N", "type": "SIDEREAL", "ra": 1, "dec": 1,
			"groups": [`+body+`]}`)).want(t, 201)
		path := "/api/targets/" + made.id(t) + "/"
		if strings.Contains(string(made.body), "view") {
			t.Errorf("the answer is not a TOM's: %s", made.body)
		}
		got := n.ask("carol", "GET", path+"groups/"+observers+"/", nil).want(t, 200).json(t)
		if got := fmt.Sprintf("%v,%v", got["change"], got["delete"]); got != want {
			t.Errorf("%s gives %s, want %s", body, got, want)
		}
		n.ask("astro", "DELETE", path, nil).want(t, 204)
	}

	// refusals
	target := n.target("astro", "T", "Observers")
	path := "/api/targets/" + target + "/groups/"
	n.tokens["reader"] = fmt.Sprint(n.ask("astro", "POST", "/api/tokens/", jsonText(`{"read_only": true}`)).
		want(t, 201).json(t)["token"])
	for _, c := range []struct {
		user, method, path, body string
		status                   int
		says                     string
	}{
		{"astro", "PUT", path + observers + "/", `{"view": false}`, 400, "DELETE takes all rights away"},
		{"astro", "PUT", path + observers + "/", `{"view": false, "change": true}`, 400, `{"view":["Whoever`},
		{"astro", "PUT", path + observers + "/", `{"change": "perhaps"}`, 400, `{"change":["Must be`},
		{"astro", "PUT", path + groups["Public"] + "/", `{}`, 404, "No Group matches"}, // not a group of hers
		{"astro", "PUT", path + "999/", `{}`, 404, "No Group matches"},
		{"admin", "PUT", path + "999/", `{}`, 404, "No Group matches"},
		{"astro", "PUT", path + "many/", `{}`, 404, "No Group matches"},
		{"astro", "GET", path + groups["Public"] + "/", "", 404, "No Group matches"},
		{"reader", "PUT", path + observers + "/", `{}`, 403, "This token may only read."},
		{"bob", "PUT", path + observers + "/", `{}`, 404, "No Target matches"},
		{"bob", "GET", path + observers + "/", "", 404, "No Target matches"},
		{"bob", "GET", path, "", 404, "No Target matches"},
		{"", "PUT", path + observers + "/", `{}`, 401, ""},
		{"", "GET", path, "", 404, "No Target matches"},
		{"astro", "POST", path, `{}`, 405, ""},
	} {
		var body any
		if c.body != "" {
			body = jsonText(c.body)
		}
		r := n.ask(c.user, c.method, c.path, body)
		if r.status != c.status || !strings.Contains(string(r.body), c.says) {
			t.Errorf("%s with %s: %d %s", r.what, c.body, r.status, r.body)
		}
	}
	// the rights of a group that one is not in can be reduced, not raised
	n.ask("admin", "PUT", path+groups["Public"]+"/", jsonText(`{"change": true, "delete": true}`)).want(t, 200)
	if got := members(n.ask("astro", "GET", path, nil).rows(t), "name"); !slices.Equal(got,
		[]string{"Observers", "Public"}) {
		t.Errorf("astro sees the groups %v", got)
	}
	n.ask("astro", "PUT", path+groups["Public"]+"/", jsonText(`{"change": true}`)).want(t, 200)
	n.ask("astro", "PUT", path+groups["Public"]+"/", jsonText(`{"delete": true}`)).want(t, 404)
	n.ask("astro", "PUT", path+groups["Public"]+"/", jsonText(`{}`)).want(t, 200)
	n.ask("astro", "PUT", path+observers+"/", jsonText(`{}`)).want(t, 200)
	if got := members(n.ask("carol", "GET", path, nil).rows(t), "name"); !slices.Equal(got, []string{"Observers"}) {
		t.Errorf("carol, who may only view, sees the groups %v", got)
	}
	// rights are those of all groups of a user together
	n.ask("admin", "POST", "/api/groups/"+groups["Public"]+"/members/?all=true", jsonText(`{"username": "carol"}`)).
		want(t, 204)
	n.ask("astro", "DELETE", path+groups["Public"]+"/", nil).want(t, 204)
	n.ask("admin", "PUT", path+groups["Public"]+"/", jsonText(`{"delete": true}`)).want(t, 200)
	n.ask("astro", "PUT", path+observers+"/", jsonText(`{"change": true}`)).want(t, 200)
	n.ask("carol", "PUT", path+observers+"/", jsonText(`{"change": true, "delete": true}`)).want(t, 200)
	n.ask("carol", "DELETE", "/api/targets/"+target+"/", nil).want(t, 204)
}

package api

import (
	"fmt"
	"slices"
	"testing"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// TestAtOnce changes who may see what in every possible way. Each change takes effect at once,
// everywhere and for everybody.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	private, shared := w.targets[2], w.targets[4]
	change := func(s *starred, body string) {
		w.ask("admin", "PATCH", "/api/targets/"+s.id+"/", jsonText(body)).want(w.t, 200)
	}
	groupsOf := func(user string, groups ...string) {
		for _, p := range w.people {
			if p.user == user {
				p.groups = groups
			}
		}
	}
	share := func(s *starred, group, rights string) {
		w.ask("admin", "PUT", "/api/targets/"+s.id+"/groups/"+w.groups[group]+"/", jsonText(rights)).want(w.t, 200)
	}
	withdraw := func(s *starred, group string) {
		w.ask("admin", "DELETE", "/api/targets/"+s.id+"/groups/"+w.groups[group]+"/", nil).want(w.t, 204)
		s.groups = without(s.groups, group)
	}
	member := func(method, group, user string) {
		path, body := "/api/groups/"+w.groups[group]+"/members/", any(jsonText(`{"username": "`+user+`"}`))
		if method == "DELETE" {
			path, body = path+w.userID(user)+"/", nil
		}
		w.ask("admin", method, path+"?all=true", body).want(w.t, 204)
	}
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"at first", func() {}},
		{"a target is shared with a group", func() {
			change(private, `{"groups": [{"name": "Readers"}]}`)
			private.groups = []string{"Readers"}
		}},
		{"and another", func() {
			change(private, `{"groups": [{"name": "Observers"}]}`)
			private.groups = []string{"Readers", "Observers"}
		}},
		{"one is withdrawn", func() { withdraw(private, "Readers") }},
		{"and the other", func() { withdraw(private, "Observers") }},
		{"a group may view a target", func() {
			share(private, "Readers", `{}`)
			private.viewers = []string{"Readers"}
		}},
		{"and change it", func() {
			share(private, "Readers", `{"change": true}`)
			private.viewers, private.groups = nil, []string{"Readers"}
		}},
		{"and only view it again", func() {
			share(private, "Readers", `{"view": true}`)
			private.viewers, private.groups = []string{"Readers"}, nil
		}},
		{"and nothing", func() { withdraw(private, "Readers"); private.viewers = nil }},
		{"a target goes public", func() { change(private, `{"permissions": "PUBLIC"}`); private.access = "PUBLIC" }},
		{"and open", func() { change(private, `{"permissions": "OPEN"}`); private.access = "OPEN" }},
		{"the node is locked", func() { w.rules(w.mode, auth.Locked) }},
		{"and opened", func() { w.rules(w.mode, auth.ReadOnly) }},
		{"and private again", func() { change(private, `{"permissions": "PRIVATE"}`); private.access = "PRIVATE" }},
		{"somebody joins a group", func() { member("POST", "Observers", "bob"); groupsOf("bob", "Observers") }},
		{"and leaves it", func() { member("DELETE", "Observers", "bob"); groupsOf("bob") }},
		{"the mode is targets", func() { w.rules(auth.ModeTargets, w.strategy) }},
		{"a group is withdrawn in mode targets", func() { withdraw(shared, "Readers") }},
		{"and granted again", func() {
			change(shared, `{"groups": [{"name": "Readers"}]}`)
			shared.groups = []string{"Observers", "Readers"}
		}},
		{"the mode is objects", func() { w.rules(auth.ModeObjects, w.strategy) }},
		{"a group is deleted", func() {
			w.ask("admin", "DELETE", "/api/groups/"+w.groups["Readers"]+"/?all=true", nil).want(w.t, 204)
			groupsOf("eve")
			for _, s := range w.targets {
				s.groups, s.viewers = without(s.groups, "Readers"), without(s.viewers, "Readers")
			}
		}},
		{"a group of that name is created", func() {
			w.ask("admin", "POST", "/api/groups/?all=true", jsonText(`{"name": "Readers"}`)).want(w.t, 201)
			member := jsonText(`{"groups": [{"name": "Readers"}]}`)
			w.ask("admin", "PATCH", "/api/users/"+w.userID("eve")+"/", member).want(w.t, 200)
			groupsOf("eve", "the new Readers")
		}},
		{"somebody becomes a superuser", func() {
			w.ask("admin", "PATCH", "/api/users/"+w.userID("eve")+"/",
				jsonText(`{"is_superuser": true}`)).want(w.t, 200)
			w.person("eve").superuser = true
		}},
		{"and is demoted", func() {
			w.ask("admin", "PATCH", "/api/users/"+w.userID("eve")+"/",
				jsonText(`{"is_superuser": false}`)).want(w.t, 200)
			w.person("eve").superuser = false
		}},
		{"a token is revoked", func() {
			for _, row := range w.ask("carol", "GET", "/api/tokens/", nil).rows(w.t) {
				if row["read_only"] == true {
					w.ask("carol", "DELETE", fmt.Sprintf("/api/tokens/%v/", row["id"]), nil).want(w.t, 204)
				}
			}
			w.person("reader").dead = true
		}},
		{"a user is deleted", func() {
			w.ask("admin", "DELETE", "/api/users/"+w.userID("bob")+"/", nil).want(w.t, 204)
			w.person("bob").dead = true
		}},
		{"a user of that name is created", func() {
			w.ask("admin", "POST", "/api/users/", jsonText(`{"username": "bob"}`)).want(w.t, 201)
			made := w.ask("admin", "POST", "/api/tokens/", jsonText(`{"username": "bob"}`)).want(w.t, 201)
			w.tokens["new bob"] = fmt.Sprint(made.json(w.t)["token"])
			w.people = append(w.people, &person{name: "new bob", user: "another bob"})
		}},
	} {
		t.Run(step.name, func(t *testing.T) {
			w.t = t
			step.do()
			about := testenv.Choose([]*starred{private, shared}, w.targets) // the steps change these two
			for _, p := range w.people {
				if !testenv.Long() && slices.Contains([]string{"admin", "root reader", "astro", "expired",
					"ghost"}, p.name) {
					continue // no step changes their rights
				}
				w.checkBriefly(p, about)
			}
		})
		w.t = t
	}
}

// without returns a list of names without one of them.
func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// checkBriefly compares the lists without filters, and the addresses of everything on these
// targets, with the rules.
func (w *world) checkBriefly(p *person, targets []*starred) {
	for _, list := range [][]query{w.targetQueries(p)[:1], w.datumQueries(p)[:1], w.productQueries(p)[:1],
		w.observationQueries(p)[:1]} {
		r := w.as(p, "GET", list[0].path, nil)
		if !w.admits(p) {
			r.want(w.t, 401)
			continue
		}
		if got := members(r.rows(w.t), "id"); !slices.Equal(got, list[0].want) {
			w.t.Errorf("%s, mode %s, strategy %s: %v, want %v", r.what, w.mode, w.strategy, got, list[0].want)
		}
	}
	for _, x := range w.things(p) {
		if !slices.Contains(targets, x.target) {
			continue
		}
		want := 404
		if !w.admits(p) {
			want = 401
		} else if x.sees {
			want = 200
		}
		if r := w.as(p, "GET", fmt.Sprintf(x.path, x.id), nil); r.status != want {
			w.t.Errorf("%s, mode %s, strategy %s: status %d, want %d", r.what, w.mode, w.strategy, r.status, want)
		}
	}
	if w.admits(p) {
		w.checkRows(p)
	}
}

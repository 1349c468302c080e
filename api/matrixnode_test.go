package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
)

// A nodeRow is a request that is not about a target, and the expected statuses for a guest, a guest
// of a locked node, a user, a read-only token, a superuser, and a superuser's read-only token. A
// status of 0 leaves one out.
type nodeRow struct {
	method, path                             string
	body                                     any
	guest, locked, user, reader, super, root int
}

// TestMatrixNode sends every request that is not about a target, and then checks that the tests of
// the matrix use every method of every route.
func TestMatrixNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	carol, admin := w.userID("carol"), w.userID("admin")
	mine := w.ask("carol", "POST", "/api/tokens/", jsonText(`{"name": "mine"}`)).want(t, 201).id(t)
	observers, readers := w.groups["Observers"], w.groups["Readers"]
	empty := jsonText("{}")
	// user is carol, in Observers; reader is a read-only token of hers
	table := []nodeRow{
		{"GET", "/api/", nil, 200, 401, 200, 200, 200, 200},
		{"GET", "/api", nil, 301, 301, 301, 301, 301, 301},
		{"GET", "/api/nothing/", nil, 404, 401, 404, 404, 404, 404},
		{"GET", "/data/", nil, 404, 401, 404, 404, 404, 404},
		{"POST", "/data/zqopen/none/x.csv", nil, 404, 401, 404, 404, 404, 404},
		{"GET", "/healthz", nil, 200, 200, 200, 200, 200, 200},
		{"HEAD", "/healthz", nil, 200, 200, 200, 200, 200, 200},

		{"GET", "/api/groups/", nil, 200, 401, 200, 200, 200, 200},
		{"GET", "/api/groups/?all=true", nil, 200, 401, 200, 200, 200, 200},
		{"POST", "/api/groups/", jsonText(`{"name": "x"}`), 401, 401, 405, 403, 405, 403},
		{"POST", "/api/groups/?all=true", jsonText(`{"name": "x"}`), 401, 401, 403, 403, 0, 403},
		{"GET", "/api/groups/" + observers + "/", nil, 404, 401, 200, 200, 404, 404},
		{"GET", "/api/groups/" + readers + "/?all=true", nil, 404, 401, 404, 404, 200, 200},
		{"PATCH", "/api/groups/" + observers + "/?all=true", jsonText(`{"name": "Observers"}`), 404, 401,
			403, 403, 200, 403},
		{"PATCH", "/api/groups/" + observers + "/", jsonText(`{"name": "Observers"}`), 404, 401, 405, 403, 404, 404},
		{"DELETE", "/api/groups/" + observers + "/?all=true", nil, 404, 401, 403, 403, 0, 403},
		{"GET", "/api/groups/" + observers + "/members/?all=true", nil, 404, 401, 403, 403, 200, 200},
		{"POST", "/api/groups/" + observers + "/members/?all=true", jsonText(`{"username": "carol"}`), 404, 401,
			403, 403, 204, 403},
		{"DELETE", "/api/groups/" + observers + "/members/" + admin + "/?all=true", nil, 404, 401, 403, 403, 204, 403},

		{"GET", "/api/users/", nil, 200, 401, 200, 200, 200, 200},
		{"POST", "/api/users/", jsonText(`{"username": "x"}`), 401, 401, 403, 403, 0, 403},
		{"GET", "/api/users/" + carol + "/", nil, 404, 401, 200, 200, 200, 200},
		{"GET", "/api/users/" + admin + "/", nil, 404, 401, 404, 404, 200, 200},
		{"PATCH", "/api/users/" + carol + "/", jsonText(`{"is_superuser": true}`), 401, 401, 403, 403, 0, 403},
		{"PATCH", "/api/users/" + carol + "/", jsonText(`{"groups": []}`), 401, 401, 403, 403, 0, 403},
		{"PATCH", "/api/users/" + carol + "/", jsonText(`{"username": "root"}`), 401, 401, 403, 403, 0, 403},
		{"PATCH", "/api/users/" + carol + "/", jsonText(`{"password": "another-pass"}`), 401, 401, 400, 403, 0, 403},
		{"PATCH", "/api/users/" + admin + "/", jsonText(`{"password": "another-pass"}`), 401, 401, 404, 403, 0, 403},
		{"DELETE", "/api/users/" + carol + "/", nil, 401, 401, 403, 403, 0, 403},

		{"GET", "/api/tokens/", nil, 200, 401, 200, 200, 200, 200},
		{"POST", "/api/tokens/", empty, 401, 401, 201, 403, 201, 403},
		{"POST", "/api/tokens/", jsonText(`{"username": "bob"}`), 401, 401, 400, 403, 201, 403},
		{"GET", "/api/tokens/" + mine + "/", nil, 404, 401, 200, 200, 200, 200},
		{"GET", "/api/tokens/1/", nil, 404, 401, 404, 404, 200, 200},
		{"DELETE", "/api/tokens/1/", nil, 401, 401, 404, 403, 0, 403},

		{"GET", "/api/settings/", nil, 401, 401, 403, 403, 200, 200},
		{"GET", "/api/settings/permissions/", nil, 401, 401, 403, 403, 200, 200},
		{"GET", "/api/settings/nothing/", nil, 401, 401, 403, 403, 404, 404},
		{"PUT", "/api/settings/tom_name/", jsonText(`{"value": "x"}`), 401, 401, 403, 403, 200, 403},
		{"PATCH", "/api/settings/tom_name/", jsonText(`{"value": "x"}`), 401, 401, 403, 403, 200, 403},

		{"GET", "/api/node/", nil, 401, 401, 403, 403, 200, 200},
		{"GET", "/api/node/certificate/", nil, 401, 401, 403, 403, 404, 404},
		{"POST", "/api/node/backup/", jsonText(`{"path": "x"}`), 401, 401, 403, 403, 403, 403},
		{"GET", "/api/backup/", nil, 401, 401, 403, 403, 200, 200},
		{"POST", "/api/node/verify/", empty, 401, 401, 403, 403, 200, 403},
		{"POST", "/api/node/verify/?progress=true", empty, 401, 401, 403, 403, 200, 403},
		{"POST", "/api/node/compact/", nil, 401, 401, 403, 403, 200, 403},
		{"POST", "/api/node/reindex/", nil, 401, 401, 403, 403, 202, 403},

		{"GET", "/api/events/", nil, 400, 401, 400, 400, 400, 400},
		{"GET", "/api/events/?target__id=" + nowhere, nil, 404, 401, 404, 404, 404, 404},
		{"GET", "/api/suggestions/", nil, 400, 401, 400, 400, 400, 400},
		{"GET", "/api/suggestions/?q=x", nil, 200, 401, 200, 200, 200, 200},
		{"GET", "/api/log/", nil, 401, 401, 403, 403, 200, 200},
		{"GET", "/api/log/?user=nobody&table=targets&id=1", nil, 401, 401, 403, 403, 200, 200},

		{"GET", "/api/schema/", nil, 200, 401, 200, 200, 200, 200},

		{"GET", "/api/session/", nil, 200, 200, 200, 200, 200, 200},
		{"DELETE", "/api/session/", nil, 204, 204, 204, 204, 204, 204},
		{"POST", "/api/session/", jsonText(`{"username": "astro", "password": "wrong"}`), 400, 400, 400, 400, 400, 400},
		{"POST", "/api/token-auth/", jsonText(`{"username": "astro", "password": "wrong"}`), 400, 400,
			400, 400, 400, 400},

		{"POST", "/api/targets/", jsonText(`{"name": "", "type": "SIDEREAL", "ra": 1, "dec": 1}`), 401, 401,
			400, 403, 400, 403},
		{"POST", "/api/targets/", raw{typeNDJSON, "{}\n"}, 401, 401, 201, 403, 201, 403},
		{"POST", "/api/reduceddatums/", raw{typeNDJSON, "{}\n"}, 401, 401, 201, 403, 201, 403},
		{"GET", "/api/targets/?format=api", nil, 200, 401, 200, 200, 200, 200},
		{"GET", "/api/reduceddatums.json", nil, 200, 401, 200, 200, 200, 200},
	}
	for _, name := range []string{"guest", "carol", "reader", "admin", "root reader", "expired", "ghost"} {
		p := w.person(name)
		for _, strategy := range []auth.Strategy{auth.ReadOnly, auth.Locked} {
			w.rules(auth.ModeTargets, strategy)
			for _, f := range table {
				want := map[string]int{"guest": f.guest, "carol": f.user, "reader": f.reader, "admin": f.super,
					"root reader": f.root, "expired": 401, "ghost": 401}[name]
				if p.guest() && strategy == auth.Locked {
					want = f.locked
				}
				if p.dead && f.guest < 400 && (strings.HasPrefix(f.path, "/healthz") || f.path == "/api") {
					want = f.guest // needs no credentials
				}
				if want == 0 || p.superuser && !p.reads && strategy == auth.Locked {
					continue
				}
				// these headers do not make anybody another user
				r := w.as(p, f.method, f.path, f.body, "Nightjar-As", "admin", "X-Forwarded-User", "admin",
					"X-HTTP-Method-Override", "DELETE")
				if r.status != want {
					t.Errorf("%s with %v, strategy %s: status %d, want %d: %.200s", r.what, f.body, strategy,
						r.status, want, r.body)
				}
				if r.status == 405 && !strings.Contains(r.header.Get("Allow"), "GET") {
					t.Errorf("%s: no Allow", r.what)
				}
			}
			for _, rt := range w.api.routes {
				r := w.as(p, "OPTIONS", strings.NewReplacer(":id", nowhere, ":user", nowhere, ":group",
					nowhere).Replace(rt.path), nil)
				want := 200
				if p.dead || p.guest() && strategy == auth.Locked && !rt.public {
					want = 401
				} else if rt.hiddenFrom != nil {
					want = 404
				}
				if r.status != want {
					t.Errorf("%s, strategy %s: status %d, want %d", r.what, strategy, r.status, want)
				}
				if v := r.json(t); v["actions"] != nil && !rt.public && (p.guest() || p.reads) {
					t.Errorf("%s: actions %v", r.what, v["actions"])
				}
			}
		}
	}
	w.rules(auth.ModeTargets, auth.ReadOnly)
	for name, want := range map[string][3]string{ // the users, the groups, and the groups with all=true in the lists
		"admin": {"admin astro bob carol eve", "", "Observers Public Readers"}, "carol": {"carol", "Observers",
			"Observers"}, "reader": {"carol", "Observers", "Observers"},
		"eve": {"eve", "Readers", "Readers"}, "bob": {"bob", "", ""}, "guest": {"", "", ""},
	} {
		for i, path := range []string{"/api/users/", "/api/groups/", "/api/groups/?all=true"} {
			list := members(w.as(w.person(name), "GET", path, nil).rows(t), []string{"username", "name", "name"}[i])
			slices.Sort(list)
			if got := strings.Join(list, " "); got != want[i] {
				t.Errorf("%s as %s: %q, want %q", path, name, got, want[i])
			}
		}
		for _, row := range w.as(w.person(name), "GET", "/api/tokens/?limit=1000", nil).rows(t) {
			if user := w.person(name).user; user != "admin" && row["username"] != user {
				t.Errorf("%s sees a token of %v", name, row["username"])
			}
			if row["token"] != nil {
				t.Errorf("the list of tokens contains a secret")
			}
		}
	}
	w.covered(table)
}

// covered checks that the matrix uses every method of every route: in the table of nodeRow, or in a
// request about a target.
func (w *world) covered(table []nodeRow) {
	asked := map[string]bool{}
	note := func(method, path string) {
		path, _, _ = strings.Cut(path, "?")
		parts := strings.Split(path, "/")
		for _, rt := range w.api.routes {
			want := strings.Split(rt.path, "/")
			if slices.EqualFunc(parts, want,
				func(a, b string) bool { return a == b || strings.HasPrefix(b, ":") && a != "" }) {
				asked[method+" "+rt.path] = true
			}
		}
	}
	for _, f := range table {
		note(f.method, f.path)
	}
	p := w.person("admin")
	w.targets[3].groups = []string{"Observers"}
	for _, q := range slices.Concat(w.targetQueries(p), w.datumQueries(p), w.productQueries(p),
		w.observationQueries(p)) {
		note("GET", q.path)
	}
	for _, x := range w.things(p) {
		note("GET", fmt.Sprintf(x.path, x.id))
	}
	x := &trial{w: w, like: *w.targets[3], held: held{"astro", []string{"Observers"}}}
	x.make()
	for _, wr := range x.writes(p) {
		note(wr.method, strings.ReplaceAll(wr.path, "%s", "1"))
	}
	note("DELETE", "/api/targetlist/1/") // TestLists
	for _, rt := range w.api.routes {
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch,
			http.MethodDelete} {
			if rt.handle[m] != nil && !asked[m+" "+rt.path] {
				w.t.Errorf("the permission matrix has no row for %s %s", m, rt.path)
			}
		}
	}
	x.drop()
}

func (w *world) person(name string) *person {
	return w.people[slices.IndexFunc(w.people, func(p *person) bool { return p.name == name })]
}

func (w *world) userID(name string) string {
	w.t.Helper()
	return fmt.Sprint(w.ask("admin", "GET", "/api/users/?username="+name, nil).rows(w.t)[0]["id"])
}

// TestLists: a list is known to its creator and to everybody who sees a target on it. Only its
// creator and superusers delete it.
func TestLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, s := range w.targets {
		for _, p := range w.people {
			want := 404
			switch {
			case p.dead || p.guest():
				want = 401
			case p.reads:
				want = 403
			case p.superuser || p.user == s.user:
				continue // may delete it; see below
			case w.knows(p, s.list):
				want = 403
			}
			r := w.as(p, "DELETE", "/api/targetlist/"+s.listID+"/", nil)
			if r.status != want {
				t.Errorf("%s: status %d, want %d", r.what, r.status, want)
			}
			if want == 404 {
				w.same(p, "DELETE", "/api/targetlist/%s/", s.listID, nowhere, nil)
			}
		}
		w.as(w.person(s.user), "DELETE", "/api/targetlist/"+s.listID+"/", nil).want(t, 204)
		w.ask("admin", "GET", "/api/targetlist/"+s.listID+"/", nil).want(t, 404)
		w.ask("admin", "GET", "/api/targets/"+s.id+"/", nil).want(t, 200)
	}
}

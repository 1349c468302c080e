package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/auth"
)

// A world is a node together with all that the test knows about it: the people, the objects, and
// their owners. Its rules (sees, changes, deletes) follow the design and not the code, so that
// every answer of the node can be checked against them.
type world struct {
	*node
	t        *testing.T
	mode     auth.Mode
	strategy auth.Strategy
	people   []*person
	groups   map[string]string // ids by name
	targets  []*starred
	products []*uploaded
	datums   []*point
	observed []*observed
	lists    int // the id of the list that was found last
}

// A person is a user with one credential, or a guest.
type person struct {
	name      string // of the token, see node.tokens
	user      string // "" for a guest
	groups    []string
	superuser bool
	reads     bool   // has a read-only token
	dead      bool   // has a token that is no longer valid
	cookie    string // has a session instead of a token
}

func (p *person) guest() bool { return p.user == "" }

// held is the user who created an object, and the groups that were named with it.
type held struct {
	user   string
	groups []string
}

func (h held) by(p *person) bool {
	return !p.guest() && (h.user == p.user ||
		slices.ContainsFunc(h.groups, func(g string) bool { return slices.Contains(p.groups, g) }))
}

type starred struct {
	held
	id, name, alias, list, access string
	aliasID, extraID, listID      string
	viewers                       []string // groups that may only view it
}

// tag is a word for the names of the objects on a target. It tells which target they are on, but
// does not contain the target's name, which may be hidden from viewers of the objects.
func (s *starred) tag() string { return strings.ReplaceAll(s.name, "Zq", "Yq") }

type uploaded struct {
	held
	id, productID, path string
	target              *starred
	observation         *observed
}

// plainPath is the path that a viewer who does not see the target gets.
func (u *uploaded) plainPath() string {
	_, rest, _ := strings.Cut(strings.TrimPrefix(u.path, "/data/"), "/")
	return "/data/product." + u.id + "/" + rest
}

func (u *uploaded) file() string { return u.path[strings.LastIndexByte(u.path, '/')+1:] }

type observed struct {
	held
	id, facility, status, observationID string
	target                              *starred
}

// A point is a reduced datum, which may have several origins: products, and posts without a
// product.
type point struct {
	id, source, kind string
	target           *starred
	origins          []origin
}

// isCommon reports whether the datum is the one of its target that all products contain. It has a
// time of its own.
func (d *point) isCommon() bool { return strings.HasPrefix(d.source, "common") }

type origin struct {
	held
	product *uploaded
}

// sees reports whether a person sees a target.
func (w *world) sees(p *person, t *starred) bool {
	switch {
	case p.dead:
		return false
	case p.superuser:
		return true
	case p.guest():
		return w.strategy == auth.ReadOnly && t.access == "OPEN"
	}
	return t.access != "PRIVATE" || t.by(p) || held{groups: t.viewers}.by(p)
}

// seesHeld reports whether a person sees an object on a target that has these owners.
func (w *world) seesHeld(p *person, t *starred, h ...held) bool {
	if w.mode == auth.ModeTargets || p.superuser {
		return w.sees(p, t)
	}
	return !p.dead && slices.ContainsFunc(h, func(h held) bool { return h.by(p) })
}

func (w *world) seesProduct(p *person, u *uploaded) bool { return w.seesHeld(p, u.target, u.held) }

func (w *world) seesObserved(p *person, o *observed) bool { return w.seesHeld(p, o.target, o.held) }

func (d *point) holders() (list []held) {
	for _, b := range d.origins {
		list = append(list, b.held)
	}
	return list
}

func (w *world) seesPoint(p *person, d *point) bool { return w.seesHeld(p, d.target, d.holders()...) }

// shownProduct returns the product of a datum that a person gets: the first that they see.
func (w *world) shownProduct(p *person, d *point) *uploaded {
	for _, b := range d.origins {
		if b.product != nil && w.seesProduct(p, b.product) {
			return b.product
		}
	}
	return nil
}

// changes reports whether a person may change or delete a target, or add to it.
func (w *world) changes(p *person, t *starred) bool {
	return !p.guest() && !p.dead && !p.reads && (p.superuser || t.by(p))
}

// records reports whether a person may record an observation of a target.
func (w *world) records(p *person, t *starred) bool {
	return !p.guest() && !p.dead && !p.reads && w.sees(p, t)
}

// deletes reports whether a person may delete an object on a target that has these owners.
func (w *world) deletes(p *person, t *starred, h ...held) bool {
	if w.mode == auth.ModeTargets {
		return w.changes(p, t)
	}
	return !p.guest() && !p.dead && !p.reads && (p.superuser || slices.ContainsFunc(h,
		func(h held) bool { return h.by(p) && (h.user == p.user || w.sees(p, t)) }))
}

// knows reports whether a person knows the list of a target: its creator does, and so does
// everybody who sees a target on it.
func (w *world) knows(p *person, list string) bool {
	return slices.ContainsFunc(w.targets, func(t *starred) bool {
		return t.list == list && (w.sees(p, t) || t.user == p.user && !p.guest() && !p.dead)
	})
}

// newWorld creates a node with targets of all kinds, and with objects of all kinds on them.
func newWorld(t *testing.T) *world {
	w := emptyWorld(t)
	observers, readers := []string{"Observers"}, []string{"Readers"}
	for i, kind := range []starred{
		{name: "Zqopen", access: "OPEN", held: held{user: "astro"}},
		{name: "Zqpublic", access: "PUBLIC", held: held{user: "astro"}},
		{name: "Zqprivate", access: "PRIVATE", held: held{user: "astro"}},
		{name: "Zqgroup", access: "PRIVATE", held: held{"astro", observers}},
		{name: "Zqshared", access: "PRIVATE", held: held{"admin", []string{"Observers", "Readers"}}},
		{name: "Zqbob", access: "PRIVATE", held: held{user: "bob"}},
		{name: "Zqmixed", access: "OPEN", held: held{"carol", observers}},
		{name: "Zqviewed", access: "PRIVATE", held: held{user: "admin"}, viewers: []string{"Observers", "Readers"}},
	} {
		kind.alias, kind.list = "Alias "+kind.name+" b", "List "+kind.name
		s := w.star(kind, i)
		w.targets = append(w.targets, s)
		// each user who may change the target adds an observation, a product and datums of their
		// own, and the datum that all products contain
		makers := []held{{user: s.user}, {s.user, s.held.groups}}
		if slices.Contains(s.held.groups, "Observers") {
			makers = append(makers, held{user: "carol"})
		}
		if slices.Contains(s.held.groups, "Readers") {
			makers = append(makers, held{"eve", readers})
		}
		for j, h := range makers {
			w.addDependents(s, h, fmt.Sprintf("%d%d", i, j))
		}
	}
	// a target that is hidden from some who hold objects on it
	hidden := w.star(starred{name: "Zqhidden", access: "PRIVATE", held: held{"admin", []string{"Observers", "Readers"}},
		alias: "Alias Zqhidden b", list: "List Zqhidden"}, len(w.targets))
	w.targets = append(w.targets, hidden)
	for j, h := range []held{{user: "admin"}, {user: "eve"}, {"admin", readers}, {user: "carol"}} {
		w.addDependents(hidden, h, fmt.Sprintf("%d%d", len(w.targets)-1, j))
	}
	w.ask("admin", "DELETE", "/api/targets/"+hidden.id+"/groups/"+w.groups["Readers"]+"/", nil).want(t, 204)
	hidden.groups = observers
	return w
}

// emptyWorld creates a node with people of all kinds and no objects.
func emptyWorld(t *testing.T) *world {
	w := &world{node: start(t, Options{}), t: t, groups: map[string]string{}}
	w.mode, w.strategy = auth.ModeObjects, auth.ReadOnly
	// both modes store the groups of objects, but only this one keeps duplicates of other users
	// apart
	w.node.mode(w.mode, w.strategy)
	admin := func(method, path string, body any, status int) *reply {
		return w.ask("admin", method, path, body).want(t, status)
	}
	admin("POST", "/api/groups/?all=true", map[string]string{"name": "Readers"}, 201)
	users := members(admin("GET", "/api/users/", nil, 200).rows(t), "username")
	userIDs := members(admin("GET", "/api/users/", nil, 200).rows(t), "id")
	admin("PATCH", "/api/users/"+userIDs[slices.Index(users, "carol")]+"/",
		jsonText(`{"groups": [{"name": "Observers"}]}`), 200)
	admin("PATCH", "/api/users/"+userIDs[slices.Index(users, "eve")]+"/",
		jsonText(`{"groups": [{"name": "Readers"}]}`), 200)
	groups := admin("GET", "/api/groups/?all=true", nil, 200).rows(t)
	for i, name := range members(groups, "name") {
		w.groups[name] = members(groups, "id")[i]
	}
	token := func(name, user string, body string) {
		w.tokens[name] = fmt.Sprint(w.ask(user, "POST", "/api/tokens/", jsonText(body)).want(t, 201).json(t)["token"])
	}
	token("reader", "carol", `{"read_only": true}`)
	token("root reader", "admin", `{"read_only": true}`)
	var expires time.Time
	for w.tokens["expired"] == "" { // until the node accepts it before it expires
		expires = time.Now().Add(200 * time.Millisecond).UTC()
		if r := w.ask("astro", "POST", "/api/tokens/",
			jsonText(`{"expires": "`+expires.Format(time.RFC3339Nano)+`"}`)); r.status == 201 {
			w.tokens["expired"] = fmt.Sprint(r.json(t)["token"])
		}
	}
	ghost := admin("POST", "/api/users/",
		jsonText(`{"username": "ghost", "groups": [{"name": "Observers"}]}`), 201).id(t)
	token("ghost", "admin", `{"username": "ghost"}`)
	session := w.ask("", "POST", "/api/session/",
		url.Values{"username": {"astro"}, "password": {password("astro")}}).want(t, 201)
	cookie, err := http.ParseSetCookie(session.header.Get("Set-Cookie"))
	if err != nil {
		t.Fatal(err)
	}
	observers, readers := []string{"Observers"}, []string{"Readers"}
	w.people = []*person{
		{name: "admin", user: "admin", superuser: true},
		{name: "root reader", user: "admin", superuser: true, reads: true},
		{name: "astro", user: "astro", groups: observers},
		{name: "session", user: "astro", groups: observers, cookie: sessionCookie + "=" + cookie.Value},
		{name: "carol", user: "carol", groups: observers},
		{name: "reader", user: "carol", groups: observers, reads: true},
		{name: "bob", user: "bob"},
		{name: "eve", user: "eve", groups: readers},
		{name: "guest"}, // has no token
		{name: "expired", user: "astro", groups: observers, dead: true},
		{name: "ghost", user: "ghost", groups: observers, dead: true},
	}
	admin("DELETE", "/api/users/"+ghost+"/", nil, 204)
	time.Sleep(time.Until(expires)) // the node uses the system's clock
	return w
}

// groupList returns the groups as targets, datums and observations name them.
func (h held) groupList() []map[string]string {
	list := []map[string]string{}
	for _, g := range h.groups {
		list = append(list, map[string]string{"name": g})
	}
	return list
}

// star creates a target; i is its place in the sky.
func (w *world) star(s starred, i int) *starred {
	w.t.Helper()
	groups := []any{}
	for _, g := range s.groups {
		groups = append(groups, map[string]any{"name": g})
	}
	for _, g := range s.viewers {
		groups = append(groups, map[string]any{"name": g, "view": true})
	}
	body := map[string]any{"name": s.name, "type": "SIDEREAL", "ra": 10 + float64(i)/10, "dec": -20,
		"permissions": s.access, "groups": groups}
	if s.alias != "" {
		body["aliases"] = []any{map[string]string{"name": s.alias}}
		body["targetextra_set"] = []any{map[string]string{"key": "key " + s.name, "value": "value " + s.name}}
		body["target_lists"] = []any{map[string]string{"name": s.list}}
	}
	made := w.ask(s.user, "POST", "/api/targets/", body).want(w.t, 201)
	s.id = made.id(w.t)
	if s.alias != "" {
		v := made.json(w.t)
		s.aliasID = fmt.Sprint(v["aliases"].([]any)[0].(map[string]any)["id"])
		s.extraID = fmt.Sprint(v["targetextra_set"].([]any)[0].(map[string]any)["id"])
		s.listID = w.newList(s.list)
	}
	return &s
}

// newList returns the id of the list that was just created. No answer contains it, but it is the
// next free one.
func (w *world) newList(name string) string {
	w.t.Helper()
	for range 100 { // others may have been created and deleted since
		w.lists++
		if r := w.ask("admin", "GET", fmt.Sprintf("/api/targetlist/%d/", w.lists), nil); r.status == 200 &&
			r.json(w.t)["name"] == name {
			return fmt.Sprint(w.lists)
		}
	}
	w.t.Fatalf("there is no list %s", name)
	return ""
}

// addDependents adds an observation, a product with datums, and a single datum to a target; mark
// makes the names unique.
func (w *world) addDependents(s *starred, h held, mark string) (*observed, *uploaded, *point) {
	w.t.Helper()
	tag := s.tag()
	o := &observed{held: h, target: s, facility: "fac" + mark + tag, status: "status" + mark + tag,
		observationID: "obs" + mark + tag}
	list := w.ask(h.user, "POST", "/api/observations/",
		map[string]any{"target_id": s.id, "facility": o.facility, "observation_type": "x",
			"observing_parameters": map[string]string{"p": o.facility},
			"observation_id":       o.observationID, "status": o.status, "groups": h.groupList()}).want(w.t, 201)
	o.id = between(string(list.body), `"id":`, ",")
	w.observed = append(w.observed, o)

	u := &uploaded{held: h, target: s, productID: "pid" + mark + tag, observation: o}
	own, common := point{target: s, source: "src" + mark + tag, kind: "photometry"},
		point{target: s, source: "common" + tag, kind: "photometry"}
	csv := fmt.Sprintf("time,magnitude,source\n%d.5,15.%s,%s\n60000.25,17,%s\n", 60001+len(w.datums), mark,
		own.source, common.source)
	fields := []string{"product_id", u.productID, "observation_record", o.id}
	for i, g := range h.groups {
		fields = append(fields, fmt.Sprintf("groups[%d]id", i), w.groups[g])
	}
	up := w.upload(h.user, s.id, "photometry", "file"+mark+tag+".csv", []byte(csv), fields...).want(w.t, 201)
	u.id = up.id(w.t)
	u.path = strings.TrimPrefix(fmt.Sprint(up.json(w.t)["data"]), w.URL)
	w.products = append(w.products, u)
	own.origins = []origin{{h, u}}
	w.datums = append(w.datums, &own)
	at := slices.IndexFunc(w.datums, func(d *point) bool { return d.source == common.source })
	if at < 0 {
		at = len(w.datums)
		w.datums = append(w.datums, &common)
	}
	w.datums[at].origins = append(w.datums[at].origins, origin{h, u})

	d := &point{target: s, source: "alone" + mark + tag, kind: "spectroscopy", origins: []origin{{held: h}}}
	d.id = w.ask(h.user, "POST", "/api/reduceddatums/",
		map[string]any{"target": s.id, "data_type": d.kind, "timestamp": "2026-01-01T00:00:00Z",
			"source_name": d.source,
			"source_location": "loc" +
				d.source, "value": map[string]string{"flux": mark}, "groups": h.groupList()}).want(w.t, 201).id(w.t)
	w.datums = append(w.datums, d)
	for _, d := range w.datums {
		if d.id == "" {
			rows := w.ask("admin", "GET", "/api/reduceddatums/?source_name="+d.source, nil).rows(w.t)
			if len(rows) != 1 {
				w.t.Fatalf("%d datums of %s", len(rows), d.source)
			}
			d.id = fmt.Sprint(rows[0]["id"])
		}
	}
	return o, u, d
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// rules sets the mode and the strategy of the node and of the world.
func (w *world) rules(m auth.Mode, s auth.Strategy) {
	w.t.Helper()
	w.node.mode(m, s)
	w.mode, w.strategy = m, s
}

// as sends a request as a person and fails the test if the answer contains anything that is hidden
// from them and that the request did not name.
func (w *world) as(p *person, method, path string, body any, header ...string) *reply {
	w.t.Helper()
	name := p.name
	if p.guest() || p.cookie != "" {
		name = ""
		if p.cookie != "" {
			header = append(header, "Cookie", p.cookie)
		}
	}
	r := w.ask(name, method, path, body, header...)
	if p.superuser && !p.dead {
		return r
	}
	given, err := url.QueryUnescape(path)
	if err != nil {
		given = path
	}
	given += fmt.Sprint(body)
	if f, ok := body.(*form); ok {
		given += f.b.String()
	}
	given = strings.ToLower(given)
	shown := strings.ToLower(string(r.body) + fmt.Sprint(r.header))
	secret := func(hidden bool, marks ...string) {
		for _, m := range marks {
			if m = strings.ToLower(m); hidden && strings.Contains(shown, m) && !strings.Contains(given, m) {
				w.t.Errorf("%s, mode %s, strategy %s: the answer contains %q, which is hidden: %.600s", r.what, m,
					w.mode, w.strategy, r.body)
			}
		}
	}
	for _, s := range w.targets {
		secret(!w.sees(p, s), s.name)
		secret(!w.knows(p, s.list), s.list)
	}
	for name := range w.groups { // known to their members, and to owners of an object that names them
		named := func(h held) bool { return h.by(p) && slices.Contains(h.groups, name) }
		known := slices.Contains(p.groups, name) || name == "Public" ||
			slices.ContainsFunc(w.targets, func(s *starred) bool { return named(s.held) }) ||
			slices.ContainsFunc(w.products, func(u *uploaded) bool { return named(u.held) || u.target.by(p) })
		secret(!known, name)
	}
	for _, u := range w.products {
		secret(!w.seesProduct(p, u), u.productID, u.file())
	}
	for _, o := range w.observed {
		secret(!w.seesObserved(p, o), o.status, o.observationID)
	}
	for _, d := range w.datums {
		secret(!w.seesPoint(p, d), d.source)
	}
	return r
}

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

// A world is a node together with what a test knows of it: who asks, what is there, and who holds
// what. Its rules, sees, changes and deletes, are written down here once more, from the design and
// not from the code, so that each answer of the node can be compared with them.
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

// person is one who asks.
type person struct {
	name      string // of the token that is used, see node.tokens
	user      string // "" for a guest
	groups    []string
	superuser bool
	reads     bool   // with a token that only reads
	dead      bool   // with a token that is no good any more
	cookie    string // asks with a session instead of a token
}

func (p *person) guest() bool { return p.user == "" }

// held is who made a thing, and the groups that were named with it.
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
}

type uploaded struct {
	held
	id, productID, path string
	target              *starred
	observation         *observed
}

func (u *uploaded) file() string { return u.path[strings.LastIndexByte(u.path, '/')+1:] }

type observed struct {
	held
	id, facility, status, observationID string
	target                              *starred
}

// point is a reduced datum, which several may have brought: each by a product, or by itself.
type point struct {
	id, source, kind string
	target           *starred
	origins          []origin
}

// isCommon says whether it is the datum that all bring, which is the only one of its time.
func (d *point) isCommon() bool { return strings.HasPrefix(d.source, "common") }

type origin struct {
	held
	product *uploaded
}

// sees says whether one sees a target.
func (w *world) sees(p *person, t *starred) bool {
	switch {
	case p.dead:
		return false
	case p.superuser:
		return true
	case p.guest():
		return w.strategy == auth.ReadOnly && t.access == "OPEN"
	}
	return t.access != "PRIVATE" || t.by(p)
}

// seesHeld says whether one sees what hangs on a target and is held by some.
func (w *world) seesHeld(p *person, t *starred, h ...held) bool {
	if !w.sees(p, t) || w.mode == auth.ModeTargets || p.superuser {
		return w.sees(p, t)
	}
	return slices.ContainsFunc(h, func(h held) bool { return h.by(p) })
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

// shownProduct is the product that a datum shows: the first of its products that one sees.
func (w *world) shownProduct(p *person, d *point) *uploaded {
	for _, b := range d.origins {
		if b.product != nil && w.seesProduct(p, b.product) {
			return b.product
		}
	}
	return nil
}

// changes says whether one may change or delete a target, or add to it.
func (w *world) changes(p *person, t *starred) bool {
	return !p.guest() && !p.dead && !p.reads && (p.superuser || t.by(p))
}

// deletes says whether one may delete what hangs on a target and is held by some.
func (w *world) deletes(p *person, t *starred, h ...held) bool {
	if w.mode == auth.ModeTargets {
		return w.changes(p, t)
	}
	return !p.guest() && !p.dead && !p.reads && w.seesHeld(p, t, h...)
}

// knows says whether one knows the list on which a target stands: its maker, and who sees a target
// on it.
func (w *world) knows(p *person, list string) bool {
	return slices.ContainsFunc(w.targets, func(t *starred) bool {
		return t.list == list && (w.sees(p, t) || t.user == p.user && !p.guest() && !p.dead)
	})
}

// newWorld makes a node with targets of all kinds, and everything that can hang on them.
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
	} {
		kind.alias, kind.list = "Alias "+kind.name+" b", "List "+kind.name
		s := w.star(kind, i)
		w.targets = append(w.targets, s)
		// each of those who may change the target, or a choice of them, brings something of its own
		// and something that all bring
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
	return w
}

// emptyWorld makes a node with people of all kinds, in which there is nothing yet.
func emptyWorld(t *testing.T) *world {
	w := &world{node: start(t, Options{}), t: t, groups: map[string]string{}}
	w.mode, w.strategy = auth.ModeObjects, auth.ReadOnly
	// the names of groups are noted in both modes, duplicates of others only in this one
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
	for w.tokens["expired"] == "" { // until it is made before it expires
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
		{name: "guest"}, // asks without a token
		{name: "expired", user: "astro", groups: observers, dead: true},
		{name: "ghost", user: "ghost", groups: observers, dead: true},
	}
	admin("DELETE", "/api/users/"+ghost+"/", nil, 204)
	time.Sleep(time.Until(expires)) // the node's clock is the system's
	return w
}

// groupList are groups as targets, data and observations name them.
func (h held) groupList() []map[string]string {
	list := []map[string]string{}
	for _, g := range h.groups {
		list = append(list, map[string]string{"name": g})
	}
	return list
}

// star makes a target; i is its place in the sky.
func (w *world) star(s starred, i int) *starred {
	w.t.Helper()
	body := map[string]any{"name": s.name, "type": "SIDEREAL", "ra": 10 + float64(i)/10, "dec": -20,
		"permissions": s.access, "groups": s.groupList()}
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

// newList finds the id of a list that has just been made: no answer tells it, and it is the next
// one.
func (w *world) newList(name string) string {
	w.t.Helper()
	for range 100 { // some may have been made and deleted since
		w.lists++
		if r := w.ask("admin", "GET", fmt.Sprintf("/api/targetlist/%d/", w.lists), nil); r.status == 200 &&
			r.json(w.t)["name"] == name {
			return fmt.Sprint(w.lists)
		}
	}
	w.t.Fatalf("there is no list %s", name)
	return ""
}

// addDependents adds an observation, a product with data, and a datum to a target; mark tells the names
// apart.
func (w *world) addDependents(s *starred, h held, mark string) (*observed, *uploaded, *point) {
	w.t.Helper()
	o := &observed{held: h, target: s, facility: "fac" + mark + s.name, status: "status" + mark + s.name,
		observationID: "obs" + mark + s.name}
	list := w.ask(h.user, "POST", "/api/observations/",
		map[string]any{"target_id": s.id, "facility": o.facility, "observation_type": "x",
			"observing_parameters": map[string]string{"p": o.facility},
			"observation_id":       o.observationID, "status": o.status, "groups": h.groupList()}).want(w.t, 201)
	o.id = between(string(list.body), `"id":`, ",")
	w.observed = append(w.observed, o)

	u := &uploaded{held: h, target: s, productID: "pid" + mark + s.name, observation: o}
	own, common := point{target: s, source: "src" + mark + s.name, kind: "photometry"},
		point{target: s, source: "common" + s.name, kind: "photometry"}
	csv := fmt.Sprintf("time,magnitude,source\n%d.5,15.%s,%s\n60000.25,17,%s\n", 60001+len(w.datums), mark,
		own.source, common.source)
	fields := []string{"product_id", u.productID, "observation_record", o.id}
	for i, g := range h.groups {
		fields = append(fields, fmt.Sprintf("groups[%d]id", i), w.groups[g])
	}
	up := w.upload(h.user, s.id, "photometry", "file"+mark+s.name+".csv", []byte(csv), fields...).want(w.t, 201)
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

	d := &point{target: s, source: "alone" + mark + s.name, kind: "spectroscopy", origins: []origin{{held: h}}}
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
				w.t.Fatalf("%d data of %s", len(rows), d.source)
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

// rules sets mode and strategy, here and there.
func (w *world) rules(m auth.Mode, s auth.Strategy) {
	w.t.Helper()
	w.node.mode(m, s)
	w.mode, w.strategy = m, s
}

// as asks as somebody and looks through the answer for anything that is hidden from them and that
// they did not name.
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
				w.t.Errorf("%s: tells %q, which is hidden, in the mode %s and the strategy %s: %.600s", r.what, m,
					w.mode, w.strategy, r.body)
			}
		}
	}
	for _, s := range w.targets {
		secret(!w.sees(p, s), s.name)
		secret(!w.knows(p, s.list), s.list)
	}
	for name := range w.groups { // known to their members, and to those who hold something that names them
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

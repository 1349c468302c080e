package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// TestMatrixWrites tries every write as every person on every kind of target. It succeeds as the
// rules say, or is refused and changes nothing. Writes to hidden and to missing objects are refused
// in the same words.
func TestMatrixWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for j, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		for i, s := range slices.Clone(w.targets) {
			if !testenv.Long() && i%2 != j { // the short form tries each kind in one mode
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", mode, s.name), func(t *testing.T) {
				w.t = t
				holders := []held{{user: s.user}}
				if len(s.groups) > 0 {
					holders = append(holders, s.held)
				}
				if s.name == "Zqhidden" {
					holders = append(holders, held{s.user, []string{"Readers"}})
				}
				for n, h := range holders {
					w.rules(mode, auth.ReadOnly)
					set := &trial{w: w, like: *s, held: h, no: i, made: 1000 * n} // so that names differ
					defer set.drop()
					for _, p := range w.people {
						if !testenv.Long() && slices.Contains([]string{"root reader", "session", "ghost"}, p.name) {
							continue // like "reader", "astro" and "expired"
						}
						set.attemptAll(p)
					}
					w.rules(mode, auth.Locked)
					set.attemptAll(w.person("guest"))
				}
			})
		}
	}
	w.t = t
}

// A trial is a target with one object of each kind on it, which is rebuilt after each write that
// changes it.
type trial struct {
	w    *world
	like starred
	held held
	no   int
	made int
	s    *starred
	o    *observed
	u    *uploaded
	d    *point
}

func (x *trial) make() {
	w := x.w
	if x.s != nil {
		return
	}
	mode := w.mode
	x.made++
	s := x.like
	s.name = fmt.Sprintf("Trial%s%d%s%d", mode, len(x.held.groups), s.name, x.made)
	s.alias, s.list = "Alias "+s.name, "List "+s.name
	x.s = w.star(s, x.no)
	n, m, k := len(w.datums), len(w.products), len(w.observed)
	x.o, x.u, x.d = w.addDependents(x.s, x.held, fmt.Sprintf("%d", 50+x.made%40))
	// the lists of the world leave out these objects, which attempt checks
	w.datums, w.products, w.observed = w.datums[:n], w.products[:m], w.observed[:k]
}

func (x *trial) drop() {
	if x.s != nil {
		x.w.ask("admin", "DELETE", "/api/targets/"+x.s.id+"/", nil)
		x.s = nil
	}
}

// A trialWrite is a write that attempt tries, and its expected result.
type trialWrite struct {
	method string
	path   string // %s is the id
	id     string
	sees   bool // whether the person sees the object of the path
	may    bool
	body   func(id string) any
	// field is the field of the body with the id, if the body and not the path names the object;
	// look is whether the person sees the target but may not change it.
	field string
	look  bool
	done  int // the status of success
}

func (x *trial) writes(p *person) []trialWrite {
	w := x.w
	s, u, o, d := x.s, x.u, x.o, x.d
	sees, changes := w.sees(p, s), w.changes(p, s)
	json := func(text string) func(string) any { return func(string) any { return jsonText(text) } }
	body := func(format string) func(string) any {
		return func(id string) any { return jsonText(fmt.Sprintf(format, id)) }
	}
	part := func(method, path, id string, sees, may bool, done int, b func(string) any) trialWrite {
		return trialWrite{method: method, path: path, id: id, sees: sees, may: may, done: done, body: b}
	}
	named := func(path, field string, b func(string) any) trialWrite {
		return trialWrite{method: "POST", path: path, id: s.id, sees: sees, may: changes, done: 201, body: b,
			field: field, look: sees}
	}
	recorded := func(wr trialWrite) trialWrite { wr.may = w.records(p, s); return wr }
	const point = `"data_type": "photometry", "timestamp": "2025-01-01T00:00:00Z", "value": {"a": 1}`
	list := []trialWrite{
		part("PATCH", "/api/targets/%s/", s.id, sees, changes, 200, json(`{"slope": 0.5}`)),
		part("PATCH", "/api/targets/%s/", s.id, sees, changes, 200,
			json(`{"groups": [], "permissions": "`+s.access+`", "aliases": [{"name": "fresh alias"}]}`)),
		part("PUT", "/api/targets/%s/", s.id, sees, changes, 200,
			json(`{"name": "`+s.name+`", "type": "SIDEREAL", "ra": 1, "dec": 1}`)),
		part("DELETE", "/api/targetname/%s/", s.aliasID, sees, changes, 204, nil),
		part("DELETE", "/api/targetextra/%s/", s.extraID, sees, changes, 204, nil),
		part("PATCH", "/api/observations/%s/cancel/", o.id, w.seesObserved(p, o),
			w.deletes(p, s, o.held) || w.records(p, s) && o.user == p.user, 200, json(`{}`)),
		part("DELETE", "/api/reduceddatums/%s/", d.id, w.seesPoint(p, d), w.deletes(p, s, d.holders()...), 204, nil),
		part("DELETE", "/api/dataproducts/%s/", u.id, w.seesProduct(p, u), w.deletes(p, s, u.held), 204, nil),
		named("/api/reduceddatums/", "target", body(`{"target": %s, `+point+`}`)),
		recorded(named("/api/observations/", "target_id",
			body(`{"target_id": %s, "facility": "F", "observation_type": "x", "observing_parameters": {}}`))),
		named("/api/dataproducts/", "target", func(id string) any {
			return newForm("target", id, "data_product_type", "photometry").file("t.csv",
				[]byte("time,magnitude\n60000,1\n"))
		}),
	}
	list = append(list, named("/api/dataproducts/?dry_run=true", "target", list[10].body),
		named("/api/reduceddatums/?duplicates=skip", "target", list[8].body))
	list[11].done, list[12].done = 200, 201
	if len(s.groups) > 0 {
		group := "/api/targets/%s/groups/" + w.groups[s.groups[0]] + "/"
		list = append(list, part("PUT", group, s.id, sees, changes, 200, json(`{"change": true}`)),
			part("DELETE", group, s.id, sees, changes, 204, nil))
	}
	return append(list, part("DELETE", "/api/targets/%s/", s.id, sees, changes, 204, nil))
}

func (x *trial) attemptAll(p *person) {
	x.make()
	for i := range x.writes(p) {
		x.make()
		x.attempt(p, x.writes(p)[i])
	}
}

// attempt tries one write. A successful one is undone by deleting the target, which make rebuilds.
func (x *trial) attempt(p *person, wr trialWrite) {
	w := x.w
	w.t.Helper()
	var b any
	if wr.body != nil {
		b = wr.body(wr.id)
	}
	want, text := wr.done, ""
	switch {
	case p.dead || p.guest():
		want = 401
	case p.reads:
		want, text = 403, "This token may only read."
	case wr.field != "" && wr.look && !wr.may:
		want, text = 400, `{"`+wr.field+`":["You may see this target, but not change it."]}`
	case wr.field != "" && !wr.sees:
		want, text = 400, `{"`+wr.field+`":["Invalid pk \"`+wr.id+`\" - object does not exist."]}`
	case !wr.sees:
		want, text = 404, "matches the given query."
	case !wr.may:
		want, text = 403, "You do not have permission to perform this action."
	}
	refused := want >= 400
	before := w.head()
	path := wr.path
	if wr.field == "" {
		path = fmt.Sprintf(path, wr.id)
	}
	r := w.as(p, wr.method, path, b)
	if r.status != want || !strings.Contains(string(r.body), text) {
		w.t.Errorf("%s with %v, mode %s: status %d, want %d: %.300s", r.what, b, w.mode, r.status, want, r.body)
		x.drop()
		return
	}
	if tried := strings.Contains(path, "dry_run"); refused || tried {
		if after := w.head(); after != before {
			w.t.Errorf("%s: a refused write or a dry run changed the log from %s to %s",
				r.what, before, after)
		}
		if tried && !refused {
			return
		}
	}
	if !refused {
		if wr.method == "DELETE" && !strings.Contains(path, "/groups/") {
			w.ask("admin", "GET", path, nil).want(w.t, 404)
		}
		x.drop()
		return
	}
	if !wr.sees || p.dead || p.guest() || p.reads {
		w.same(p, wr.method, wr.path, wr.id, nowhere, wr.body)
	}
}

// head returns the head of the node's log, which moves with every change.
func (w *world) head() string {
	return fmt.Sprint(w.ask("admin", "GET", "/api/node/", nil).want(w.t, 200).json(w.t)["head"])
}

// TestNamingHidden names hidden objects in the bodies of otherwise good writes.
func TestNamingHidden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := w.person("bob")
	mine, hidden := w.targets[5], w.targets[2]
	var hiddenProduct, myProduct *uploaded
	var hiddenObserved *observed
	for _, u := range w.products {
		if u.target == hidden {
			hiddenProduct, hiddenObserved = u, u.observation
		} else if u.target == mine {
			myProduct = u
		}
	}
	target := func(more string) func(string) any {
		return func(id string) any {
			return jsonText(fmt.Sprintf(`{"name": "N", "type": "SIDEREAL", "ra": 1, "dec": 1, `+more+`}`, id))
		}
	}
	change := func(body string) func(string) any {
		return func(id string) any { return jsonText(fmt.Sprintf(body, id)) }
	}
	datum := func(more string) func(string) any {
		return func(id string) any {
			return jsonText(fmt.Sprintf(
				`{`+more+`, "data_type": "photometry", "timestamp": "2025-01-01T00:00:00Z", "value": {"a": 1}}`, id))
		}
	}
	list := func(more string) func(string) any {
		return func(id string) any { return jsonText("[" + datum(more)(id).(raw).text + "]") }
	}
	line := func(more string) func(string) any {
		return func(id string) any { return raw{typeNDJSON, datum(more)(id).(raw).text + "\n"} }
	}
	upload := func(field string) func(string) any {
		return func(id string) any {
			f := newForm("target", mine.id, "data_product_type", "photometry")
			if field == "target" {
				f = newForm("data_product_type", "photometry")
			}
			f.w.WriteField(field, id)
			return f.file("t.csv", []byte("time,magnitude\n60000,1\n"))
		}
	}
	observation := func(more string) func(string) any {
		return func(id string) any {
			return jsonText(fmt.Sprintf(
				`{"facility": "F", "observation_type": "x", "observing_parameters": {}, `+more+`}`, id))
		}
	}
	mine2 := "/api/targets/" + mine.id + "/"
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		w.rules(mode, auth.ReadOnly)
		before := w.head()
		for _, c := range []struct {
			name, method, path, id, other string
			body                          func(string) any
			status                        int
		}{
			{"group of a new target", "POST", "/api/targets/", w.groups["Observers"], nowhere,
				target(`"groups": [{"id": %s}]`), 400},
			{"named group of a new target", "POST", "/api/targets/", "Observers", "Nobody",
				target(`"groups": [{"name": "%s"}]`), 400},
			{"list of a new target", "POST", "/api/targets/", hidden.listID, nowhere,
				target(`"target_lists": [{"id": %s}]`), 400},
			{"alias of another target", "PATCH", mine2, hidden.aliasID, nowhere,
				change(`{"aliases": [{"id": %s, "name": "x"}]}`), 400},
			{"tag of another target", "PATCH", mine2, hidden.extraID, nowhere,
				change(`{"targetextra_set": [{"id": %s, "key": "x", "value": "y"}]}`), 400},
			{"group", "PATCH", mine2, w.groups["Readers"], nowhere, change(`{"groups": [{"id": %s}]}`), 400},
			{"list", "PATCH", mine2, hidden.listID, nowhere, change(`{"target_lists": [{"id": %s}]}`), 400},
			{"group to be withdrawn", "DELETE", mine2 + "groups/%s/", w.groups["Observers"], nowhere, nil, 404},
			{"target of a datum", "POST", "/api/reduceddatums/", hidden.id, nowhere, datum(`"target": %s`), 400},
			{"target of a datum with a product", "POST", "/api/reduceddatums/", hidden.id, nowhere,
				datum(`"target": %s, "data_product": ` + myProduct.id), 400},
			{"target of a datum in a list", "POST", "/api/reduceddatums/", hidden.id, nowhere,
				list(`"target": %s`), 400},
			{"product of a datum in a list", "POST", "/api/reduceddatums/?duplicates=skip", hiddenProduct.id, nowhere,
				list(`"target": ` + mine.id + `, "data_product": %s`), 400},
			{"target of a file that is tried", "POST", "/api/dataproducts/?dry_run=true", hidden.id, nowhere,
				upload("target"), 400},
			{"observation of a file that is tried", "POST", "/api/dataproducts/?dry_run=true", hiddenObserved.id,
				nowhere, upload("observation_record"), 400},
			{"product of a datum", "POST", "/api/reduceddatums/", hiddenProduct.id, nowhere,
				datum(`"target": ` + mine.id + `, "data_product": %s`), 400},
			{"product of a datum of nothing", "POST", "/api/reduceddatums/", hiddenProduct.id, nowhere,
				datum(`"target": ` + hidden.id + `, "data_product": %s`), 400},
			{"group of a datum", "POST", "/api/reduceddatums/", w.groups["Observers"], nowhere,
				datum(`"target": ` + mine.id + `, "groups": [{"id": %s}]`), 400},
			{"target of an observation", "POST", "/api/observations/", hidden.id, nowhere,
				observation(`"target_id": %s`), 400},
			{"group of an observation", "POST", "/api/observations/", w.groups["Observers"], nowhere,
				observation(`"target_id": ` + mine.id + `, "groups": [{"id": %s}]`), 400},
			{"target of a file", "POST", "/api/dataproducts/", hidden.id, nowhere, upload("target"), 400},
			{"observation of a file", "POST", "/api/dataproducts/", hiddenObserved.id, nowhere,
				upload("observation_record"), 400},
			{"user of a token", "POST", "/api/tokens/", "astro", "nobody", change(`{"username": "%s"}`), 400},
			{"user", "GET", "/api/users/%s/", "1", nowhere, nil, 404},
			{"users", "GET", "/api/users/?username=%s", "astro", "nobody", nil, 200},
			{"user to change", "PATCH", "/api/users/%s/", "1", nowhere,
				change(`{"password": "something-long%s"}`), 404},
			{"user to delete", "DELETE", "/api/users/%s/", "1", nowhere, nil, 403},
			{"token", "GET", "/api/tokens/%s/", "1", nowhere, nil, 404},
			{"token to revoke", "DELETE", "/api/tokens/%s/", "1", nowhere, nil, 404},
			{"a group", "GET", "/api/groups/%s/", w.groups["Observers"], nowhere, nil, 404},
			{"a group of all", "GET", "/api/groups/%s/?all=true", w.groups["Observers"], nowhere, nil, 404},
			{"groups by name", "GET", "/api/groups/?all=true&name=%s", "Observers", "Nobody", nil, 200},
			{"a group's members", "GET", "/api/groups/%s/members/", w.groups["Observers"], nowhere, nil, 404},
			{"a group's members with all", "GET", "/api/groups/%s/members/?all=true", w.groups["Observers"],
				nowhere, nil, 404},
			{"joining a group", "POST", "/api/groups/%s/members/", w.groups["Observers"], nowhere,
				func(string) any { return jsonText(`{"username": "bob"}`) }, 404},
			{"leaving a group", "DELETE", "/api/groups/%s/members/1/", w.groups["Observers"], nowhere, nil, 404},
			{"renaming a group", "PATCH", "/api/groups/%s/?all=true", w.groups["Observers"], nowhere,
				func(string) any { return jsonText(`{"name": "mine"}`) }, 404},
			{"deleting a group", "DELETE", "/api/groups/%s/?all=true", w.groups["Observers"], nowhere, nil, 404},
			{"what a group takes", "OPTIONS", "/api/groups/%s/", w.groups["Observers"], nowhere, nil, 404},
			{"what a user takes", "OPTIONS", "/api/users/%s/", "1", nowhere, nil, 200},
			{"what a token takes", "OPTIONS", "/api/tokens/%s/", "1", nowhere, nil, 200},
			{"data around a hidden target", "GET", "/api/targets/?target_cone_search=%s",
				url.QueryEscape(hidden.name + ",5"), "nobody,5", nil, 200},
		} {
			t.Run(string(mode)+"/"+c.name, func(t *testing.T) {
				w.t = t
				w.same(bob, c.method, c.path, c.id, c.other, c.body).want(t, c.status)
			})
		}
		w.t = t
		if after := w.head(); after != before {
			t.Errorf("refused writes changed the log from %s to %s", before, after)
		}
		// the answer to a stream says what is wrong with each line
		for _, c := range []struct{ id, other, line string }{
			{hidden.id, nowhere, `"target": %s`},
			{hidden.name, "Nobody", `"target_name": "%s"`},
			{hidden.alias, "Nobody", `"target_name": "%s"`},
			{hidden.name, "Nobody", `"target_name": "%s", "data_product": ` + myProduct.id},
			{hiddenProduct.id, nowhere, `"target_name": "` + mine.name + `", "data_product": %s`},
			{w.groups["Observers"], nowhere, `"target_name": "` + mine.name + `", "groups": [{"id": %s}]`},
		} {
			r := w.same(bob, "POST", "/api/reduceddatums/", c.id, c.other, line(c.line))
			if fmt.Sprint(r.want(t, 201).json(t)["rejected"]) != "1" {
				t.Errorf("%s: %.300s", c.line, r.body)
			}
		}
		if after := w.head(); after != before {
			t.Errorf("rejected lines changed the log from %s to %s", before, after)
		}
	}
}

package api

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/testenv"
)

// nowhere is an id that no object has.
const nowhere = "987654321"

// TestMatrix compares every list, filter, export, detail and download, as every person and in both
// modes and strategies, with the rules of the world.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// a product that more people see than its observation
	s := w.targets[3]
	hidden, _, _ := w.addDependents(s, held{user: "astro"}, "99")
	r := w.upload("astro", s.id, "fits_file", "loose.bin", []byte("x"), "observation_record", hidden.id, "groups",
		w.groups["Observers"]).want(t, 201)
	w.products = append(w.products,
		&uploaded{held: held{"astro", []string{"Observers"}}, id: r.id(t), productID: "no product id", target: s,
			observation: hidden,
			path:        strings.TrimPrefix(fmt.Sprint(r.json(t)["data"]), w.URL)})
	w.awaitIndex()
	for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
		for _, strategy := range []auth.Strategy{auth.ReadOnly, auth.Locked} {
			w.rules(mode, strategy)
			for _, p := range w.people {
				if strategy == auth.Locked && !p.guest() && p.name != "carol" {
					continue // the strategy affects only guests; one user suffices to show that
				}
				if mode == auth.ModeTargets && (p.dead || p.cookie != "" || p.superuser && p.reads) {
					continue // credentials do not depend on the mode
				}
				usual := slices.Contains([]string{"astro", "carol", "bob", "guest"}, p.name)
				if !testenv.Long() && (mode == auth.ModeTargets && !usual ||
					p.superuser || strategy == auth.Locked && !p.guest()) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", mode, strategy, cmp.Or(p.name, "guest")), func(t *testing.T) {
					w.t = t
					if !testenv.Long() && !usual && p.name != "eve" {
						w.checkBriefly(p, w.targets) // has the rights of a person that is checked in full, or none
						return
					}
					w.checkLists(p)
					w.checkThings(p)
					w.checkOptions(p)
				})
			}
		}
	}
	w.t = t
}

// A query is a list with filters, and the ids that it must return, in order.
type query struct {
	path string
	want []string
	err  bool // the filter names an object that the person does not see, and must be refused
}

// admits reports whether the node answers a person at all; if not, every answer must be 401.
func (w *world) admits(p *person) bool {
	return !p.dead && !(p.guest() && w.strategy == auth.Locked)
}

func (w *world) checkLists(p *person) {
	for _, q := range slices.Concat(w.targetQueries(p), w.datumQueries(p), w.productQueries(p),
		w.observationQueries(p)) {
		switch r := w.as(p, "GET", q.path, nil); {
		case !w.admits(p):
			if r.status != 401 {
				w.t.Errorf("%s: status %d: %.200s", r.what, r.status, r.body)
			}
		case q.err:
			if r.status != 400 {
				w.t.Errorf("%s: status %d: %.200s", r.what, r.status, r.body)
			}
		default:
			got := members(r.rows(w.t), "id")
			if !slices.Equal(got, q.want) {
				w.t.Errorf("%s, mode %s, strategy %s: %v, want %v", r.what, w.mode, w.strategy, got, q.want)
			}
			if n := fmt.Sprint(r.json(w.t)["count"]); n != fmt.Sprint(len(q.want)) {
				w.t.Errorf("%s: count %s, want %d", r.what, n, len(q.want))
			}
		}
		if !w.admits(p) {
			continue
		}
	}
	if !w.admits(p) {
		return
	}
	// a filter that names a hidden object is refused like one that names a missing object
	for _, s := range w.targets {
		if !w.sees(p, s) && !slices.ContainsFunc(w.observed,
			func(o *observed) bool { return o.target == s && w.seesObserved(p, o) }) {
			w.same(p, "GET", "/api/observations/?target_id=%s", s.id, nowhere, nil)
		}
		if !w.knows(p, s.list) {
			w.same(p, "GET", "/api/targets/?targetlist__name=%s", url.QueryEscape(s.list), "none", nil)
			w.same(p, "GET", "/api/targets/?targetlist__name=%s", s.listID, nowhere, nil)
		}
	}
	w.checkRows(p)
	w.checkPages(p)
	w.checkExports(p)
	w.checkSuggestions(p)
}

// checkSuggestions compares the suggestions for a search box with what the person sees.
func (w *world) checkSuggestions(p *person) {
	ask := func(text string) (found [2][]string, sources []string) {
		v := w.as(p, "GET", "/api/suggestions/?q="+url.QueryEscape(text), nil).want(w.t, 200).json(w.t)
		for i, kind := range []string{"targets", "similar"} {
			found[i] = []string{}
			for _, row := range v[kind].([]any) {
				found[i] = append(found[i], fmt.Sprint(row.(map[string]any)["id"]))
			}
			slices.SortFunc(found[i], func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
		}
		for _, name := range v["source_names"].([]any) {
			sources = append(sources, name.(string))
		}
		return found, sources
	}
	texts := []string{"zq", "src", "common", "ALONE", "nothing"}
	for _, s := range w.targets {
		texts = append(texts, strings.ToUpper(s.alias[2:]), s.name[:2]+"#"+s.name[3:])
	}
	for i := 0; i < len(w.datums); i += 6 {
		texts = append(texts, w.datums[i].source[1:])
	}
	for _, text := range texts {
		var sources []string
		for _, d := range w.datums {
			if w.seesPoint(p, d) && has(d.source, text) {
				sources = append(sources, d.source)
			}
		}
		slices.Sort(sources)
		sources = sources[:min(len(sources), archive.MaxSuggestions)]
		like := func(s *starred) bool { return text == s.name[:2]+"#"+s.name[3:] }
		id := func(s *starred) string { return s.id }
		targets := pick(w.targets, id,
			func(s *starred) bool { return w.sees(p, s) && (has(s.name, text) || has(s.alias, text)) })
		similar := pick(w.targets, id, func(s *starred) bool { return w.sees(p, s) && like(s) })
		found, named := ask(text)
		if len(targets) > archive.MaxSuggestions && len(found[0]) == archive.MaxSuggestions { // any of them
			targets = slices.DeleteFunc(targets, func(id string) bool { return !slices.Contains(found[0], id) })
		}
		if !slices.Equal(found[0], targets) || !slices.Equal(found[1], similar) || !slices.Equal(named, sources) {
			w.t.Errorf("suggestions for %q as %s, mode %s: %v, %q, want %v, %v, %q", text, p.name, w.mode, found, named,
				targets, similar, sources)
		}
	}
}

// pick returns the ids of the objects that pass, in ascending order.
func pick[T any](list []T, id func(T) string, pass func(T) bool) []string {
	out := []string{}
	for _, x := range list {
		if pass(x) {
			out = append(out, id(x))
		}
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return out
}

func reversed(ids []string) []string { slices.Reverse(ids); return ids }

func has(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

func (w *world) targetQueries(p *person) (list []query) {
	find := func(pass func(*starred) bool) []string {
		return pick(w.targets, func(s *starred) string { return s.id },
			func(s *starred) bool { return w.sees(p, s) && pass(s) })
	}
	byName := func(ids []string) []string {
		slices.SortFunc(ids, func(a, b string) int { return strings.Compare(w.starOf(a).name, w.starOf(b).name) })
		return ids
	}
	add := func(filter, value string, want []string) {
		list = append(list, query{path: "/api/targets/?" + filter + "=" + url.QueryEscape(value), want: want})
	}
	all := func(*starred) bool { return true }
	add("limit", "1000", find(all))
	add("type", "SIDEREAL", find(all))
	add("type", "NON_SIDEREAL", []string{})
	add("order", "-id", reversed(find(all)))
	add("order", "name", byName(find(all)))
	add("order", "-name", reversed(byName(find(all))))
	add("order", "created", find(all))
	add("cone_search", "10,-20,5", find(all))
	add("name", "zq", byName(find(all)))
	add("name_fuzzy", "zq", []string{})
	for i, s := range w.targets {
		only := func(x *starred) bool { return x == s }
		for _, part := range []string{s.name, s.alias, strings.ToUpper(s.name[1:]), s.alias[2:], s.name[2:5]} {
			named := func(x *starred) bool { return has(x.name, part) || has(x.alias, part) }
			add("name", part, byName(find(named)))
			add("name", "nothing,"+part, byName(find(named)))
			add("query", part, find(func(x *starred) bool { return has(x.name, part) }))
		}
		add("name_fuzzy", s.name, find(only))
		add("name_fuzzy", "x,"+strings.ToUpper(strings.ReplaceAll(s.alias, " ", "_")), find(only))
		add("key", "key "+s.name, find(only))
		add("value", "value "+s.name, find(only))
		add("cone_search", fmt.Sprintf("%g,-20,0.01", 10+float64(i)/10), find(only))
		around := []string{}
		if w.sees(p, s) {
			around = find(all)
		}
		add("target_cone_search", s.name+",5", around)
		add("target_cone_search", s.alias+",5", around)
		for _, name := range []string{s.list, s.listID} {
			add("targetlist__name", name, find(only))
			list[len(list)-1].err = !w.knows(p, s.list)
		}
	}
	around := []string{}
	if len(find(all)) == 1 {
		around = find(all)
	}
	add("target_cone_search", "zq,5", around) // a part of all names, which is unique for a person who sees one target
	return list
}

func (w *world) starOf(id string) *starred {
	return w.targets[slices.IndexFunc(w.targets, func(s *starred) bool { return s.id == id })]
}

func (w *world) datumQueries(p *person) (list []query) {
	add := func(filter, value string, pass func(*point) bool) {
		list = append(list, query{path: "/api/reduceddatums/?limit=1000&" + filter + "=" + url.QueryEscape(value),
			want: pick(w.datums, func(d *point) string { return d.id },
				func(d *point) bool { return w.seesPoint(p, d) && pass(d) })})
	}
	add("limit", "1000", func(*point) bool { return true })
	add("data_product_name", "yq", func(d *point) bool { return w.shownProduct(p, d) != nil })
	// the path of a file tells the name of its target to those who see the target
	add("data_product_name", "zq",
		func(d *point) bool { u := w.shownProduct(p, d); return u != nil && w.sees(p, u.target) })
	for _, kind := range []string{"photometry", "spectroscopy", "image_file"} {
		add("data_type", kind, func(d *point) bool { return d.kind == kind })
	}
	add("timestamp_after", "1990-01-01", func(*point) bool { return true })
	add("timestamp_before", "1990-01-01", func(*point) bool { return false })
	add("mjd_min", "10000", func(*point) bool { return true })
	add("mjd_max", "60000.3", func(d *point) bool { return d.isCommon() })
	add("ordering=-id&limit", "1000", func(*point) bool { return true })
	slices.Reverse(list[len(list)-1].want)
	add("ordering=-created&limit", "1000", func(*point) bool { return true })
	slices.Reverse(list[len(list)-1].want)
	add("ordering=timestamp&timestamp_before", "2023-02-25T07:00:00Z", func(d *point) bool { return d.isCommon() })
	for _, s := range w.targets {
		add("timestamp_after=2000-01-01&target__id", s.id, func(d *point) bool { return d.target == s })
		sees := w.sees(p, s)
		add("mjd_max=60000.3&target_name", s.alias,
			func(d *point) bool { return sees && d.target == s && d.isCommon() })
		add("target__id", s.id, func(d *point) bool { return d.target == s })
		add("target_name", strings.ToUpper(s.name[2:]), func(d *point) bool { return sees && d.target == s })
		add("target_name", s.alias, func(d *point) bool { return sees && d.target == s })
	}
	for _, u := range w.products {
		by := func(d *point) bool { return w.shownProduct(p, d) == u }
		add("data_product_pk", u.id, by)
		add("data_product__id", u.id, by)
		add("data_product_product_id", u.productID, by)
		add("data_product__product_id", u.file(), by)
		add("data_product_name", u.file(), by)
		add("data_product_name", u.productID, by)
		add("data_product_name", strings.TrimPrefix(u.path, "/data/"),
			func(d *point) bool { return by(d) && w.sees(p, u.target) })
		add("data_product_product_id", strings.TrimPrefix(u.path, "/data/"),
			func(d *point) bool { return by(d) && w.sees(p, u.target) })
	}
	for _, d := range w.datums {
		add("source_name", d.source, func(x *point) bool { return x.source == d.source })
	}
	for id := range 4 {
		add("upload", fmt.Sprint(id), func(*point) bool { return false })
	}
	return list
}

func (w *world) productQueries(p *person) (list []query) {
	add := func(filter, value string, pass func(*uploaded) bool) {
		list = append(list, query{path: "/api/dataproducts/?limit=1000&" + filter + "=" + url.QueryEscape(value),
			want: reversed(pick(w.products, func(u *uploaded) string { return u.id },
				func(u *uploaded) bool { return w.seesProduct(p, u) && pass(u) }))})
	}
	add("limit", "1000", func(*uploaded) bool { return true })
	for _, s := range w.targets {
		sees := w.sees(p, s)
		add("target_name", s.name[2:], func(u *uploaded) bool { return sees && u.target == s })
		add("target_name", s.alias, func(u *uploaded) bool { return sees && u.target == s })
	}
	for _, o := range w.observed {
		add("facility", o.facility, func(u *uploaded) bool { return u.observation == o })
	}
	return list
}

func (w *world) observationQueries(p *person) (list []query) {
	add := func(filter, value string, pass func(*observed) bool) {
		list = append(list, query{path: "/api/observations/?limit=1000&" + filter + "=" + url.QueryEscape(value),
			want: reversed(pick(w.observed, func(o *observed) string { return o.id },
				func(o *observed) bool { return w.seesObserved(p, o) && pass(o) }))})
	}
	add("limit", "1000", func(*observed) bool { return true })
	add("created_after", "2020-01-01", func(*observed) bool { return true })
	add("modified_before", "2020-01-01", func(*observed) bool { return false })
	add("scheduled_start_after", "2020-01-01", func(*observed) bool { return false })
	for _, s := range w.targets {
		add("target_id", s.id, func(o *observed) bool { return o.target == s })
		list[len(list)-1].err = !w.sees(p, s) && len(list[len(list)-1].want) == 0
	}
	for _, o := range w.observed {
		is := func(x *observed) bool { return x == o }
		add("facility", o.facility, is)
		add("status", o.status, is)
		add("observation_id", o.observationID, is)
		add("facility=no&facility", o.facility, is)
	}
	return list
}

// checkRows checks what the rows of lists say about other objects.
func (w *world) checkRows(p *person) {
	for _, row := range w.as(p, "GET", "/api/reduceddatums/?limit=1000", nil).rows(w.t) {
		at := slices.IndexFunc(w.datums, func(d *point) bool { return d.id == fmt.Sprint(row["id"]) })
		w.checkPoint(p, w.datums[at], row)
	}
	for _, row := range w.as(p, "GET", "/api/dataproducts/?limit=1000", nil).rows(w.t) {
		at := slices.IndexFunc(w.products, func(u *uploaded) bool { return u.id == fmt.Sprint(row["id"]) })
		w.checkProduct(p, w.products[at], row)
	}
}

func (w *world) checkPoint(p *person, d *point, row map[string]any) {
	want := "<nil>"
	if u := w.shownProduct(p, d); u != nil {
		want = u.id
	}
	if got := fmt.Sprint(row["data_product"]); got != want {
		w.t.Errorf("%s, mode %s: datum %s has the product %s, want %s", p.name, w.mode, d.id, got, want)
	}
}

func (w *world) checkProduct(p *person, u *uploaded, row map[string]any) {
	want := "<nil>"
	if u.observation != nil && w.seesObserved(p, u.observation) {
		want = u.observation.id
	}
	path := u.path
	if !w.sees(p, u.target) {
		path = u.plainPath()
	}
	if got := fmt.Sprint(row["data"]); got != w.URL+path {
		w.t.Errorf("%s, mode %s: product %s has the file %s, want %s", p.name, w.mode, u.id, got, path)
	}
	if got := fmt.Sprint(row["observation_record"]); got != want {
		w.t.Errorf("%s, mode %s: product %s has the observation %s, want %s", p.name, w.mode, u.id, got, want)
	}
	got := []string{}
	for _, d := range row["reduceddatum_set"].([]any) {
		got = append(got, fmt.Sprint(d.(map[string]any)["id"]))
	}
	nested := pick(w.datums, func(d *point) string { return d.id },
		func(d *point) bool { return w.seesPoint(p, d) && w.shownProduct(p, d) == u })
	if !slices.Equal(got, nested) {
		w.t.Errorf("%s, mode %s: product %s has the datums %v, want %v", p.name, w.mode, u.id, got, nested)
	}
}

// checkPages checks pages of lists: their counts and links depend only on what the person sees.
func (w *world) checkPages(p *person) {
	for _, q := range []query{w.targetQueries(p)[0], w.datumQueries(p)[0], w.productQueries(p)[0],
		w.observationQueries(p)[0]} {
		path, _, _ := strings.Cut(q.path, "?")
		for offset := range len(q.want) + 2 {
			r := w.as(p, "GET", fmt.Sprintf("%s?limit=1&offset=%d", path, offset), nil).want(w.t, 200)
			v := r.json(w.t)
			want := []string{}
			if offset < len(q.want) {
				want = q.want[offset : offset+1]
			}
			if got := members(r.rows(w.t), "id"); !slices.Equal(got, want) ||
				fmt.Sprint(v["count"]) != fmt.Sprint(len(q.want)) || (v["next"] != nil) != (offset+1 < len(q.want)) {
				w.t.Errorf("%s: rows %v of %v, count %v, next %v", r.what, got, q.want, v["count"], v["next"])
			}
			if offset > 3 {
				break
			}
		}
		w.checkCursors(p, q)
	}
}

// checkCursors reads a list by cursor, and begins pages before and after ids that may exist or not.
func (w *world) checkCursors(p *person, q query) {
	path, _, _ := strings.Cut(q.path, "?")
	address, got := path+"?pagination_style=cursor&limit=7", []string{}
	for address != "" {
		r := w.as(p, "GET", strings.TrimPrefix(address, w.URL), nil).want(w.t, 200)
		got = append(got, members(r.rows(w.t), "id")...)
		address, _ = r.json(w.t)["next"].(string)
	}
	if !slices.Equal(got, q.want) {
		w.t.Errorf("%s as %s by cursor: %v, want %v", path, p.name, got, q.want)
	}
	down := len(q.want) > 1 && len(q.want[0]) > len(q.want[1]) || len(q.want) > 1 && q.want[0] > q.want[1] &&
		len(q.want[0]) == len(q.want[1])
	for id := 1; id < 40; id += 3 {
		for _, side := range []string{"after", "before"} {
			cursor := base64.RawURLEncoding.EncodeToString([]byte("- " + side + " 0 " + fmt.Sprint(id)))
			v := w.as(p, "GET", path+"?limit=1000&cursor="+cursor, nil).want(w.t, 200).json(w.t)
			want := 0
			for _, x := range q.want {
				if n, _ := strconv.Atoi(x); n != id && (n > id) == (side == "after") != down {
					want++
				}
			}
			if rows := v["results"].([]any); len(q.want) > 1 && len(rows) != want ||
				fmt.Sprint(v["count"]) != fmt.Sprint(len(q.want)) {
				w.t.Errorf("%s as %s %s %d: %d rows of %v, want %d of %d", path, p.name, side, id, len(rows),
					v["count"], want, len(q.want))
			}
			if others := v["next"] != nil || v["previous"] != nil; len(q.want) > 1 && others != (want < len(q.want)) {
				w.t.Errorf("%s as %s %s %d: it links to other pages: %v", path, p.name, side, id, others)
			}
		}
	}
}

// checkExports compares the rows of exports by names that are unique to them; as looks for hidden
// names in every answer.
func (w *world) checkExports(p *person) {
	for _, format := range exportFormats {
		list := w.as(p, "GET", "/api/reduceddatums/?format="+format, nil).want(w.t, 200)
		for _, d := range w.datums {
			if strings.Contains(string(list.body), d.source) != w.seesPoint(p, d) {
				w.t.Errorf("%s, mode %s: the datum of %s is wrongly present or missing: %.300s", list.what, w.mode,
					d.source, list.body)
			}
		}
		list = w.as(p, "GET", "/api/targets/?format="+format, nil).want(w.t, 200)
		for _, s := range w.targets {
			if strings.Contains(string(list.body), s.alias) != w.sees(p, s) {
				w.t.Errorf("%s: the target %s is wrongly present or missing: %.300s", list.what, s.name, list.body)
			}
		}
	}
	for _, s := range w.targets {
		r := w.as(p, "GET", "/api/reduceddatums/?format=csv&target__id="+s.id, nil).want(w.t, 200)
		n := len(pick(w.datums, func(d *point) string { return d.id },
			func(d *point) bool { return d.target == s && w.seesPoint(p, d) }))
		if got := strings.Count(string(r.body), "\n") - 1; got != n {
			w.t.Errorf("%s: %d rows, want %d", r.what, got, n)
		}
		name := s.name
		if !w.sees(p, s) {
			name = s.id
		}
		if got := strings.Count(string(r.body), "\n"+name+","); got != n {
			w.t.Errorf("%s: %d rows of %s, want %d: %.300s", r.what, got, name, n, r.body)
		}
	}
}

// A thing is an object with an address: its path, in which %s is the id, its id, its target, and
// whether the person sees it.
type thing struct {
	path, id string
	target   *starred
	sees     bool
}

func (w *world) things(p *person) (list []thing) {
	for _, s := range w.targets {
		sees := w.sees(p, s)
		list = append(list, thing{"/api/targets/%s/", s.id, s, sees}, thing{"/api/targetname/%s/", s.aliasID, s, sees},
			thing{"/api/targetextra/%s/", s.extraID, s, sees},
			thing{"/api/targetlist/%s/", s.listID, s, w.knows(p, s.list)},
			thing{"/api/targets/%s/groups/", s.id, s, sees})
		for _, g := range slices.Concat(s.groups, s.viewers) {
			if known := p.superuser || s.by(p) || slices.Contains(p.groups, g); sees && !known {
				continue // the target is there and the group is not
			}
			list = append(list, thing{"/api/targets/%s/groups/" + w.groups[g] + "/", s.id, s, sees})
		}
	}
	for _, u := range w.products {
		sees := w.seesProduct(p, u)
		list = append(list, thing{"/api/dataproducts/%s/", u.id, u.target, sees}, thing{"%s", u.path, u.target, sees},
			thing{"%s", u.plainPath(), u.target, sees})
	}
	for _, d := range w.datums {
		list = append(list, thing{"/api/reduceddatums/%s/", d.id, d.target, w.seesPoint(p, d)})
	}
	for _, o := range w.observed {
		list = append(list, thing{"/api/observations/%s/", o.id, o.target, w.seesObserved(p, o)})
	}
	return list
}

// checkThings gets everything by its address, with GET and HEAD: hidden objects are answered like
// missing ones.
func (w *world) checkThings(p *person) {
	for _, x := range w.things(p) {
		path := fmt.Sprintf(x.path, x.id)
		for _, method := range []string{"GET", "HEAD"} {
			want := 404
			if !w.admits(p) {
				want = 401
			} else if x.sees {
				want = 200
			}
			r := w.as(p, method, path, nil)
			if r.status != want {
				w.t.Errorf("%s, mode %s, strategy %s: status %d, want %d", r.what, w.mode, w.strategy, r.status, want)
			}
			if !x.sees || want != 200 {
				w.same(p, method, x.path, x.id, elsewhere(x.id), nil)
			}
		}
		if strings.HasPrefix(path, "/data/") && !x.sees {
			for _, h := range [][2]string{{"Range", "bytes=0-1"}, {"If-None-Match", "*"},
				{"If-Modified-Since", "Mon, 02 Jan 2040 15:04:05 GMT"}, {"Accept", "text/html"}} {
				w.same(p, "GET", x.path, x.id, elsewhere(x.id), nil, h[0], h[1])
			}
		}
	}
	if !w.admits(p) {
		return
	}
	for _, d := range w.datums {
		if w.seesPoint(p, d) {
			w.checkPoint(p, d, w.as(p, "GET", "/api/reduceddatums/"+d.id+"/", nil).json(w.t))
		}
	}
	for _, u := range w.products {
		if w.seesProduct(p, u) {
			w.checkProduct(p, u, w.as(p, "GET", "/api/dataproducts/"+u.id+"/", nil).json(w.t))
		}
	}
}

// elsewhere returns an address like the given one at which there is nothing.
func elsewhere(id string) string {
	if strings.HasPrefix(id, "/data/") {
		return id[:len(id)-5] + "zz" + id[len(id)-5:]
	}
	return nowhere
}

// checkOptions checks that OPTIONS reveals nothing hidden and offers only what the person may do.
func (w *world) checkOptions(p *person) {
	for _, x := range w.things(p) {
		if !strings.HasPrefix(x.path, "/api/") {
			continue
		}
		r := w.as(p, "OPTIONS", fmt.Sprintf(x.path, x.id), nil)
		if !w.admits(p) {
			r.want(w.t, 401)
			continue
		}
		if !x.sees {
			w.same(p, "OPTIONS", x.path, x.id, nowhere, nil)
		}
		if x.path == "/api/targets/%s/" {
			_, acts := r.json(w.t)["actions"]
			if acts != w.changes(p, w.starOf(x.id)) {
				w.t.Errorf("%s: actions %v", r.what, acts)
			}
		}
	}
}

// same sends a request about one id and about another, at which there is nothing. Apart from the
// ids the two answers must be the same.
func (w *world) same(p *person, method, path, id, other string, body func(id string) any, header ...string) *reply {
	w.t.Helper()
	ask := func(id string) *reply {
		var b any
		if body != nil {
			b = body(id)
		}
		path := path
		if strings.Contains(path, "%s") {
			path = fmt.Sprintf(path, id)
		}
		return w.as(p, method, path, b, header...)
	}
	hidden, missing := ask(id), ask(other)
	plain := func(r *reply, id string) string {
		h := r.header.Clone()
		h.Del("Date")
		h.Del("Content-Length")
		if r.status == 200 {
			h.Del("ETag") // depends on the address
		}
		text, err := json.Marshal(h)
		if err != nil {
			w.t.Fatal(err)
		}
		given, err := url.QueryUnescape(id)
		if err != nil {
			w.t.Fatal(err)
		}
		all := string(r.body)
		for _, s := range []string{`\"` + given + `\"`, "'" + given + "'", "id " + given + ".", ". " + given + " is",
			"/" + given + "/", "=" + id} {
			all = strings.ReplaceAll(all, s, "THIS")
		}
		return fmt.Sprintf("%d %s %s", r.status, text, all)
	}
	if a, b := plain(hidden, id), plain(missing, other); a != b {
		w.t.Errorf("%s, mode %s, strategy %s: hidden and missing are answered differently:\n%.600s\n%.600s",
			hidden.what,
			w.mode, w.strategy, a, b)
	}
	return hidden
}

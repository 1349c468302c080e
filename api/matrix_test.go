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

// nowhere is an id that nothing has.
const nowhere = "987654321"

// TestMatrix compares what everybody sees through every list, filter, export, detail and download
// with the world's rules, in both modes and strategies.
func TestMatrix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// a product that more may see than its observation
	s := w.targets[3]
	hidden, _, _ := w.hang(s, held{user: "astro"}, "99")
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
					continue // the strategy is for guests; one other shows that
				}
				if mode == auth.ModeTargets && (p.dead || p.cookie != "" || p.superuser && p.reads) {
					continue // the mode makes no difference to how one comes in
				}
				if !testenv.Long() && (mode == auth.ModeTargets &&
					!slices.Contains([]string{"astro", "carol", "bob", "guest"}, p.name) ||
					p.superuser || strategy == auth.Locked && !p.guest()) {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", mode, strategy, cmp.Or(p.name, "guest")), func(t *testing.T) {
					w.t = t
					w.checkLists(p)
					w.checkThings(p)
					w.checkOptions(p)
				})
			}
		}
	}
	w.t = t
}

// query is a list with filters, and the ids that it must give, in their order.
type query struct {
	path string
	want []string
	err  bool // a filter that names what is not there must be refused, in the same words for what is hidden
}

// admits says whether one may ask anything at all; if not, the answer must be 401.
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
	// a filter that names something hidden is refused as one that names nothing
	for _, s := range w.targets {
		if !w.sees(p, s) {
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

// checkSuggestions compares what a search box offers with what one sees.
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
	for i := 0; i < len(w.data); i += 6 {
		texts = append(texts, w.data[i].source[1:])
	}
	for _, text := range texts {
		var sources []string
		for _, d := range w.data {
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
		if !slices.Equal(found[0], targets) || !slices.Equal(found[1], similar) || !slices.Equal(named, sources) {
			w.t.Errorf("suggestions for %q as %s, mode %s: %v, %q, want %v, %v, %q", text, p.name, w.mode, found, named,
				targets, similar, sources)
		}
	}
}

// pick lists the ids of what passes, ascending.
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
	add("target_cone_search", "zq,5", around) // part of the names of all: of use when one sees one only
	return list
}

func (w *world) starOf(id string) *starred {
	return w.targets[slices.IndexFunc(w.targets, func(s *starred) bool { return s.id == id })]
}

func (w *world) datumQueries(p *person) (list []query) {
	add := func(filter, value string, pass func(*point) bool) {
		list = append(list, query{path: "/api/reduceddatums/?limit=1000&" + filter + "=" + url.QueryEscape(value),
			want: pick(w.data, func(d *point) string { return d.id },
				func(d *point) bool { return w.seesPoint(p, d) && pass(d) })})
	}
	add("limit", "1000", func(*point) bool { return true })
	add("data_product_name", "zq", func(d *point) bool { return w.shows(p, d) != nil })
	for _, kind := range []string{"photometry", "spectroscopy", "image_file"} {
		add("data_type", kind, func(d *point) bool { return d.kind == kind })
	}
	add("timestamp_after", "1990-01-01", func(*point) bool { return true })
	add("timestamp_before", "1990-01-01", func(*point) bool { return false })
	add("mjd_min", "10000", func(*point) bool { return true })
	add("mjd_max", "60000.3", func(d *point) bool { return d.alike() })
	add("ordering=-id&limit", "1000", func(*point) bool { return true })
	slices.Reverse(list[len(list)-1].want)
	add("ordering=-created&limit", "1000", func(*point) bool { return true })
	slices.Reverse(list[len(list)-1].want)
	add("ordering=timestamp&timestamp_before", "2023-02-25T07:00:00Z", func(d *point) bool { return d.alike() })
	for _, s := range w.targets {
		add("timestamp_after=2000-01-01&target__id", s.id, func(d *point) bool { return d.target == s })
		add("mjd_max=60000.3&target_name", s.alias, func(d *point) bool { return d.target == s && d.alike() })
		add("target__id", s.id, func(d *point) bool { return d.target == s })
		add("target_name", strings.ToUpper(s.name[2:]), func(d *point) bool { return d.target == s })
		add("target_name", s.alias, func(d *point) bool { return d.target == s })
	}
	for _, u := range w.products {
		by := func(d *point) bool { return w.shows(p, d) == u }
		add("data_product_pk", u.id, by)
		add("data_product__id", u.id, by)
		add("data_product_product_id", u.productID, by)
		add("data_product__product_id", u.file(), by)
		add("data_product_name", u.file(), by)
		add("data_product_name", u.productID, by)
	}
	for _, d := range w.data {
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
		add("target_name", s.name[2:], func(u *uploaded) bool { return u.target == s })
		add("target_name", s.alias, func(u *uploaded) bool { return u.target == s })
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
		list[len(list)-1].err = !w.sees(p, s)
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

// checkRows looks at what rows tell of other things.
func (w *world) checkRows(p *person) {
	for _, row := range w.as(p, "GET", "/api/reduceddatums/?limit=1000", nil).rows(w.t) {
		at := slices.IndexFunc(w.data, func(d *point) bool { return d.id == fmt.Sprint(row["id"]) })
		w.checkPoint(p, w.data[at], row)
	}
	for _, row := range w.as(p, "GET", "/api/dataproducts/?limit=1000", nil).rows(w.t) {
		at := slices.IndexFunc(w.products, func(u *uploaded) bool { return u.id == fmt.Sprint(row["id"]) })
		w.checkProduct(p, w.products[at], row)
	}
}

func (w *world) checkPoint(p *person, d *point, row map[string]any) {
	want := "<nil>"
	if u := w.shows(p, d); u != nil {
		want = u.id
	}
	if got := fmt.Sprint(row["data_product"]); got != want {
		w.t.Errorf("%s, mode %s: datum %s shows the product %s, want %s", p.name, w.mode, d.id, got, want)
	}
}

func (w *world) checkProduct(p *person, u *uploaded, row map[string]any) {
	want := "<nil>"
	if u.observation != nil && w.seesObserved(p, u.observation) {
		want = u.observation.id
	}
	if got := fmt.Sprint(row["observation_record"]); got != want {
		w.t.Errorf("%s, mode %s: product %s shows the observation %s, want %s", p.name, w.mode, u.id, got, want)
	}
	got := []string{}
	for _, d := range row["reduceddatum_set"].([]any) {
		got = append(got, fmt.Sprint(d.(map[string]any)["id"]))
	}
	nested := pick(w.data, func(d *point) string { return d.id },
		func(d *point) bool { return w.seesPoint(p, d) && w.shows(p, d) == u })
	if !slices.Equal(got, nested) {
		w.t.Errorf("%s, mode %s: product %s holds the data %v, want %v", p.name, w.mode, u.id, got, nested)
	}
}

// checkPages looks at pages of lists: their counts and links tell only of what one sees.
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

// checkCursors walks through a list by cursor, forth and back, and begins pages at every id that
// there may be.
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
				w.t.Errorf("%s as %s %s %d: there are other pages: %v", path, p.name, side, id, others)
			}
		}
	}
}

// checkExports compares the rows of exports, by the names that only they have; what is hidden is
// looked for in all answers.
func (w *world) checkExports(p *person) {
	for _, format := range exportFormats {
		list := w.as(p, "GET", "/api/reduceddatums/?format="+format, nil).want(w.t, 200)
		for _, d := range w.data {
			if strings.Contains(string(list.body), d.source) != w.seesPoint(p, d) {
				w.t.Errorf("%s, mode %s: the datum of %s is there, or not: %.300s", list.what, w.mode,
					d.source, list.body)
			}
		}
		list = w.as(p, "GET", "/api/targets/?format="+format, nil).want(w.t, 200)
		for _, s := range w.targets {
			if strings.Contains(string(list.body), s.alias) != w.sees(p, s) {
				w.t.Errorf("%s: the target %s is there, or not: %.300s", list.what, s.name, list.body)
			}
		}
	}
	for _, s := range w.targets {
		r := w.as(p, "GET", "/api/reduceddatums/?format=csv&target__id="+s.id, nil).want(w.t, 200)
		n := len(pick(w.data, func(d *point) string { return d.id },
			func(d *point) bool { return d.target == s && w.seesPoint(p, d) }))
		if got := strings.Count(string(r.body), "\n") - 1; got != n {
			w.t.Errorf("%s: %d rows, want %d", r.what, got, n)
		}
	}
}

// things are what has an address of its own below a path: each with its id, and whether one sees
// it.
type thing struct {
	path string
	id   string
	sees bool
}

func (w *world) things(p *person) (list []thing) {
	add := func(path, id string, sees bool) { list = append(list, thing{path, id, sees}) }
	for _, s := range w.targets {
		sees := w.sees(p, s)
		add("/api/targets/%s/", s.id, sees)
		add("/api/targetname/%s/", s.aliasID, sees)
		add("/api/targetextra/%s/", s.extraID, sees)
		add("/api/targetlist/%s/", s.listID, w.knows(p, s.list))
	}
	for _, u := range w.products {
		add("/api/dataproducts/%s/", u.id, w.seesProduct(p, u))
		add("%s", u.path, w.seesProduct(p, u))
	}
	for _, d := range w.data {
		add("/api/reduceddatums/%s/", d.id, w.seesPoint(p, d))
	}
	for _, o := range w.observed {
		add("/api/observations/%s/", o.id, w.seesObserved(p, o))
	}
	return list
}

// checkThings asks for everything by its address, with GET and HEAD: there it is, or it is as if
// there were none.
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
	for _, d := range w.data {
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

// elsewhere is the address of nothing that looks like a real one.
func elsewhere(id string) string {
	if strings.HasPrefix(id, "/data/") {
		return id[:len(id)-5] + "zz" + id[len(id)-5:]
	}
	return nowhere
}

// checkOptions asks what can be done: that tells nothing of what is hidden, and proposes only what
// one may do.
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
		if strings.HasPrefix(x.path, "/api/targets/") {
			_, acts := r.json(w.t)["actions"]
			if acts != w.changes(p, w.starOf(x.id)) {
				w.t.Errorf("%s: actions %v", r.what, acts)
			}
		}
	}
}

// same asks for a thing and for one that is not there: the two answers must be the same, but for
// the id that was asked for.
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
		w.t.Errorf("%s, mode %s, strategy %s: hidden and missing are told apart:\n%.600s\n%.600s", hidden.what,
			w.mode, w.strategy, a, b)
	}
	return hidden
}

package api

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"nightjar/auth"
)

// compare checks the members of an answer that want has, and ignores others.
func (x *modelRun) compare(what string, got any, want map[string]any) error {
	row, _ := got.(map[string]any)
	for key, w := range want {
		if g := row[key]; !reflect.DeepEqual(g, w) {
			return fmt.Errorf("%s: %s is %v (%T), want %v (%T)", what, key, g, g, w, w)
		}
	}
	return nil
}

// groupRow returns the groups of an object as a user sees them: all of them if the user is an
// owner, and otherwise those that the user is in.
func (x *modelRun) groupRow(who string, names []string, holds bool) []any {
	list := []any{}
	for _, g := range names {
		if !holds && !slices.Contains(x.m.Groups[who], g) {
			continue
		}
		list = append(list, map[string]any{"id": float64(x.groups[g]), "name": g})
	}
	return list
}

func floatOrNull(f *float64) any {
	if f == nil {
		return nil
	}
	return *f
}

func (x *modelRun) targetRow(who string, t *modelTarget) map[string]any {
	aliases, extras := []any{}, []any{}
	for _, a := range t.Aliases {
		aliases = append(aliases, map[string]any{"id": float64(a.ID), "name": a.Name})
	}
	for _, e := range t.Extras {
		extras = append(extras, map[string]any{"id": float64(e.ID), "key": e.Name, "value": e.Value})
	}
	return map[string]any{"id": float64(t.ID), "name": t.Name, "type": t.Type, "permissions": t.Access,
		"ra": floatOrNull(t.RA), "dec": floatOrNull(t.Dec),
		"aliases": aliases, "targetextra_set": extras, "groups": x.groupRow(who, t.Groups, x.m.granted(who, t))}
}

func (x *modelRun) datumRow(who string, d *modelDatum) map[string]any {
	var product any
	if p := x.m.shownProduct(who, d); p != nil {
		product = float64(p.ID)
	}
	value := map[string]any{"time": float64(60000 + d.Row), "magnitude": float64(15+d.Row) + 0.5}
	if d.Row >= modelFileRows {
		value = map[string]any{"flux": []any{1.0, 2.5, float64(d.Row)}}
	}
	return map[string]any{"id": float64(d.ID), "target": float64(x.m.Targets[d.Target].ID), "data_type": d.Type,
		"timestamp": rowTime(d.Row), "source_name": d.Source, "source_location": "",
		"value": value, "data_product": product}
}

func (x *modelRun) productRow(who string, p *modelProduct) map[string]any {
	var id any
	if p.ProductID != "" {
		id = p.ProductID
	}
	return map[string]any{"id": float64(p.ID), "product_id": id, "target": float64(x.m.Targets[p.Target].ID),
		"data": x.shownPath(who, p), "data_product_type": p.Type, "extra_data": p.Extra,
		"groups": x.groupRow(who, p.Groups, x.m.granted(who, x.m.Targets[p.Target]) ||
			x.m.holds(who, modelOwner{p.Maker, p.Groups}))}
}

// shownPath returns the address of a product's file for a user: without the name of the target if
// that is hidden.
func (x *modelRun) shownPath(who string, p *modelProduct) string {
	if x.m.sees(who, x.m.Targets[p.Target]) {
		return p.Path
	}
	base, path, _ := strings.Cut(p.Path, "/data/")
	_, rest, _ := strings.Cut(path, "/")
	return fmt.Sprintf("%s/data/product.%d/%s", base, p.ID, rest)
}

func (x *modelRun) compareProduct(who, what string, got any, p *modelProduct) error {
	if err := x.compare(what, got, x.productRow(who, p)); err != nil {
		return err
	}
	var data []*modelDatum
	for _, d := range x.m.Data {
		if x.m.seesDatum(who, d) && x.m.shownProduct(who, d) == p {
			data = append(data, d)
		}
	}
	byID(data, func(d *modelDatum) uint64 { return d.ID })
	rows, _ := got.(map[string]any)["reduceddatum_set"].([]any)
	return compareRows(what, rows, data,
		func(got any, d *modelDatum) error { return x.compare(what, got, x.datumRow(who, d)) })
}

func compareRows[T any](what string, rows []any, want []T, same func(got any, want T) error) error {
	if len(rows) != len(want) {
		return fmt.Errorf("%s: %d rows, want %d: %.600v", what, len(rows), len(want), rows)
	}
	for i := range rows {
		if err := same(rows[i], want[i]); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return nil
}

func byID[T any](list []T, id func(T) uint64) {
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
}

// askPage gets a page of a list and compares it with the rows that the list must have.
func askPage[T any](x *modelRun, who string, r *rand.Rand, path string, q url.Values, want []T,
	same func(got any, want T) error) error {
	limit, offset := 100, 0
	if r.IntN(2) == 0 {
		limit, offset = 1+r.IntN(5), r.IntN(8)
		q.Set("limit", fmt.Sprint(limit))
		q.Set("offset", fmt.Sprint(offset))
	}
	s := x.ask(who, "GET", path+"?"+q.Encode(), nil)
	if who == "" && x.m.Strategy == auth.Locked {
		return s.want(401)
	}
	if err := s.want(200); err != nil {
		return err
	}
	if s.value["count"] != float64(len(want)) {
		return fmt.Errorf("%s: count %v, want %d", s.what, s.value["count"], len(want))
	}
	from := min(offset, len(want))
	rows, _ := s.value["results"].([]any)
	return compareRows(s.what, rows, want[from:min(from+limit, len(want))], same)
}

func contains(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// anyName reports whether the name or an alias passes.
func (t *modelTarget) anyName(pass func(string) bool) bool {
	return pass(t.Name) || slices.ContainsFunc(t.Aliases, func(a modelPart) bool { return pass(a.Name) })
}

func simple(name string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", "(", "", ")", "").Replace(strings.ToLower(name))
}

var nameParts = []string{"NGC", "ngc 1", "c 2", "bis", "alias", "S 5", "_3", "(4", "1", "4 bi", "none"}

// near reports whether a target is within radius degrees of a position.
func (t *modelTarget) near(ra, dec, radius float64) bool {
	if t.RA == nil {
		return false
	}
	rad := math.Pi / 180
	sin := func(x float64) float64 { s := math.Sin(x * rad / 2); return s * s }
	h := sin(*t.Dec-dec) + math.Cos(*t.Dec*rad)*math.Cos(dec*rad)*sin(*t.RA-ra)
	return 2*math.Asin(math.Sqrt(min(h, 1)))/rad <= radius
}

func (x *modelRun) listTargets(who string, r *rand.Rand) error {
	m, q := x.m, url.Values{}
	var tests []func(*modelTarget) bool
	add := func(name, value string, pass func(*modelTarget) bool) {
		q.Set(name, value)
		tests = append(tests, pass)
	}
	rare := func() bool { return r.IntN(6) == 0 }
	order, bad := "id", false
	if rare() {
		kind := one(r, "SIDEREAL", "NON_SIDEREAL")
		add("type", kind, func(t *modelTarget) bool { return t.Type == kind })
	}
	if r.IntN(3) == 0 {
		order = "name"
		parts := []string{one(r, nameParts...)}
		if rare() {
			parts = append(parts, one(r, nameParts...))
		}
		add("name", strings.Join(parts, ","), func(t *modelTarget) bool {
			return t.anyName(func(n string) bool {
				return slices.ContainsFunc(parts,
					func(p string) bool { return contains(n, p) })
			})
		})
	}
	if rare() {
		name := one(r, append([]string{modelName(r), "ngc_1", "ALIAS-2", "sn4"}, modelAliases...)...)
		add("name_fuzzy", name,
			func(t *modelTarget) bool { return t.anyName(func(n string) bool { return simple(n) == simple(name) }) })
	}
	if rare() {
		part := one(r, nameParts...)
		add("query", part, func(t *modelTarget) bool { return contains(t.Name, part) })
	}
	if rare() {
		key := one(r, "z", "host", "none")
		add("key", key, func(t *modelTarget) bool {
			return slices.ContainsFunc(t.Extras, func(e modelPart) bool { return e.Name == key })
		})
	}
	if rare() {
		value := one(r, "1", "2")
		add("value", value, func(t *modelTarget) bool {
			return slices.ContainsFunc(t.Extras, func(e modelPart) bool { return e.Value == value })
		})
	}
	if rare() {
		ra, dec, radius := one(r, 10, 359.95, 0.0), one(r, -20.0, 0, 89.9), one(r, 0.3, 1.7, 33.3, 180.0)
		add("cone_search", fmt.Sprintf("%g,%g,%g", ra, dec, radius),
			func(t *modelTarget) bool { return t.near(ra, dec, radius) })
	}
	if rare() {
		name := one(r, modelLists...)
		add("targetlist__name", name, func(t *modelTarget) bool { return slices.Contains(t.Lists, name) })
		bad = !m.knowsList(who, name)
	}
	if r.IntN(3) == 0 {
		order = one(r, "id", "-id", "name", "-name", "created", "-created", "modified", "-modified")
		q.Set("order", order)
	}
	var want []*modelTarget
	for _, t := range m.Targets {
		if m.sees(who, t) && !slices.ContainsFunc(tests, func(pass func(*modelTarget) bool) bool { return !pass(t) }) {
			want = append(want, t)
		}
	}
	by, down := strings.CutPrefix(order, "-")
	slices.SortFunc(want, func(a, b *modelTarget) int {
		switch by {
		case "name":
			return strings.Compare(a.Name, b.Name)
		case "modified":
			return cmp.Compare(a.Modified, b.Modified)
		}
		return cmp.Compare(a.ID, b.ID)
	})
	if down {
		slices.Reverse(want)
	}
	if bad && (who != "" || m.Strategy == auth.ReadOnly) {
		return x.ask(who, "GET", "/api/targets/?"+q.Encode(), nil).want(400, "targetlist__name")
	}
	return askPage(x, who, r, "/api/targets/", q, want,
		func(got any, t *modelTarget) error { return x.compare("GET targets", got, x.targetRow(who, t)) })
}

func (x *modelRun) listData(who string, r *rand.Rand) error {
	m, q := x.m, url.Values{}
	var tests []func(*modelDatum) bool
	add := func(name, value string, pass func(*modelDatum) bool) {
		q.Set(name, value)
		tests = append(tests, pass)
	}
	shown := func(pass func(*modelProduct) bool) func(*modelDatum) bool {
		return func(d *modelDatum) bool { p := m.shownProduct(who, d); return p != nil && pass(p) }
	}
	if r.IntN(3) == 0 {
		t, id := x.targetAt(r.IntN(modelPlaces))
		add("target__id", fmt.Sprint(id), func(d *modelDatum) bool { return t != nil && d.Target == t.Place })
	}
	if r.IntN(4) == 0 {
		part := one(r, nameParts...)
		add("target_name", part, func(d *modelDatum) bool {
			t := m.Targets[d.Target]
			return m.sees(who, t) && t.anyName(func(n string) bool { return contains(n, part) })
		})
	}
	if r.IntN(4) == 0 {
		kind := one(r, modelTypes...)
		add("data_type", kind, func(d *modelDatum) bool { return d.Type == kind })
	}
	if r.IntN(5) == 0 {
		source := one(r, "source 0", "source 1", "none")
		add("source_name", source, func(d *modelDatum) bool { return d.Source == source })
	}
	if r.IntN(5) == 0 {
		p, id := x.productAt(r)
		add(one(r, "data_product_pk", "data_product__id"), fmt.Sprint(id),
			shown(func(s *modelProduct) bool { return s == p }))
	}
	if r.IntN(6) == 0 {
		name := one(r, "P0", "P1", "p2", "P2", "night.csv", "file.dat", "none")
		add(one(r, "data_product_product_id", "data_product__product_id"), name,
			shown(func(p *modelProduct) bool { return p.ProductID == name || strings.HasSuffix(p.Path, "/"+name) }))
	}
	if r.IntN(6) == 0 {
		part := one(r, "p", "P2", "night", "/none/", "ngc-1")
		add("data_product_name", part, shown(func(p *modelProduct) bool {
			_, path, _ := strings.Cut(p.Path, "/data/")
			if !m.sees(who, m.Targets[p.Target]) {
				path = path[strings.Index(path, "/"):]
			}
			return contains(p.ProductID, part) || contains(path, part)
		}))
	}
	if r.IntN(8) == 0 {
		upload := uint64(1 + r.IntN(20))
		add("upload", fmt.Sprint(upload), func(d *modelDatum) bool { return d.Upload == upload })
	}
	var want []*modelDatum
	for _, d := range m.Data {
		if m.seesDatum(who, d) &&
			!slices.ContainsFunc(tests, func(pass func(*modelDatum) bool) bool { return !pass(d) }) {
			want = append(want, d)
		}
	}
	byID(want, func(d *modelDatum) uint64 { return d.ID })
	return askPage(x, who, r, "/api/reduceddatums/", q, want,
		func(got any, d *modelDatum) error { return x.compare("GET datums", got, x.datumRow(who, d)) })
}

func (x *modelRun) listProducts(who string, r *rand.Rand) error {
	m, q := x.m, url.Values{}
	part := ""
	if r.IntN(2) == 0 {
		part = one(r, nameParts...)
		q.Set("target_name", part)
	}
	if r.IntN(8) == 0 {
		q.Set("facility", "none")
	}
	var want []*modelProduct
	for _, p := range m.Products {
		t := m.Targets[p.Target]
		if m.seesProduct(who, p) && !q.Has("facility") && (part == "" ||
			m.sees(who, t) && t.anyName(func(n string) bool { return contains(n, part) })) {
			want = append(want, p)
		}
	}
	byID(want, func(p *modelProduct) uint64 { return p.ID })
	slices.Reverse(want)
	return askPage(x, who, r, "/api/dataproducts/", q, want,
		func(got any, p *modelProduct) error { return x.compareProduct(who, "GET products", got, p) })
}

// getOne gets one object by its address.
func (x *modelRun) getOne(who string, r *rand.Rand) error {
	m := x.m
	method := one(r, "GET", "GET", "HEAD")
	status := func(sees bool) int {
		if who == "" && m.Strategy == auth.Locked {
			return 401
		} else if sees {
			return 200
		}
		return 404
	}
	see := func(path string, sees bool, same func(s said) error) error {
		s := x.ask(who, method, path, nil)
		err := s.want(status(sees))
		if err == nil && s.status == 200 && method == "GET" {
			err = same(s)
		}
		return err
	}
	switch r.IntN(6) {
	case 0:
		t, id := x.targetAt(r.IntN(modelPlaces))
		return see(fmt.Sprintf("/api/targets/%d/", id), m.sees(who, t),
			func(s said) error { return x.compare(s.what, s.value, x.targetRow(who, t)) })
	case 1:
		_, d, id := x.datumAt(r)
		return see(fmt.Sprintf("/api/reduceddatums/%d/", id), m.seesDatum(who, d),
			func(s said) error { return x.compare(s.what, s.value, x.datumRow(who, d)) })
	case 2:
		p, id := x.productAt(r)
		return see(fmt.Sprintf("/api/dataproducts/%d/", id), m.seesProduct(who, p),
			func(s said) error { return x.compareProduct(who, s.what, s.value, p) })
	case 3:
		p, _ := x.productAt(r)
		path := "/data/ngc-1/none/night.csv"
		if p != nil {
			_, path, _ = strings.Cut(one(r, p.Path, x.shownPath(who, p)), "example.com")
		} else if slices.ContainsFunc(sortedProducts(m),
			func(p *modelProduct) bool { return strings.HasSuffix(p.Path, path) }) {
			return nil
		}
		return see(path, m.seesProduct(who, p), func(s said) error {
			if string(s.body) != p.Content {
				return fmt.Errorf("%s: %q, want %q", s.what, s.body, p.Content)
			}
			return nil
		})
	case 4:
		name := one(r, modelLists...)
		return see(fmt.Sprintf("/api/targetlist/%d/", x.listID(name)), m.knowsList(who, name),
			func(s said) error { return x.compare(s.what, s.value, map[string]any{"name": name}) })
	}
	t, _ := x.targetAt(r.IntN(modelPlaces))
	if t == nil || len(t.Aliases) == 0 {
		return nil
	}
	a := t.Aliases[r.IntN(len(t.Aliases))]
	return see(fmt.Sprintf("/api/targetname/%d/", a.ID), m.sees(who, t), func(s said) error {
		return x.compare(s.what, s.value, map[string]any{"id": float64(a.ID), "name": a.Name})
	})
}

func sortedProducts(m *model) (list []*modelProduct) {
	for _, p := range m.Products {
		list = append(list, p)
	}
	return list
}

package api

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"nightjar/auth"
)

// The places of a model, and the names of its objects.
const (
	modelPlaces   = 9  // places of targets
	modelFiles    = 12 // places of products
	modelFileRows = 7  // the first rows may also be in files
	modelRows     = 10
	noID          = 99999999
)

var (
	modelAliases = []string{"Alias 1", "Alias 2", "alias_3", "SN (4)", "Alias 5", "SN 6", "α Cen", "SN-7",
		"2MASS J8", "Alias 9"}
	modelLists  = []string{"List a", "List b", "List c"}
	modelGroups = []string{"Observers", "Readers"}
	modelTypes  = []string{"photometry", "spectroscopy"}
)

func modelName(r *rand.Rand) string {
	return fmt.Sprintf("NGC %d%s", r.IntN(modelPlaces), one(r, "", "", " bis"))
}

func f64(f float64) *float64 { return &f }

// mayName reports whether a user may give rights to these groups.
func (m *model) mayName(who string, groups []string) bool {
	return who == "admin" ||
		!slices.ContainsFunc(groups, func(g string) bool { return !slices.Contains(m.Groups[who], g) })
}

// someGroups returns random groups, mostly some that the user may name.
func (x *modelRun) someGroups(who string, r *rand.Rand) []string {
	groups := some(r, modelGroups...)
	if !x.m.mayName(who, groups) && r.IntN(4) > 0 {
		return nil
	}
	return groups
}

// targetCalled returns a target that passes, or nil.
func (m *model) targetCalled(pass func(t *modelTarget) bool) *modelTarget {
	for _, t := range m.Targets {
		if pass(t) {
			return t
		}
	}
	return nil
}

func hasAlias(t *modelTarget, name string) bool {
	return slices.ContainsFunc(t.Aliases, func(a modelPart) bool { return a.Name == name })
}

func (m *model) aliasTaken(name string) bool {
	return m.targetCalled(func(t *modelTarget) bool { return hasAlias(t, name) }) != nil
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// textAround2K returns texts that make records a little shorter or longer than 2,048 bytes. The
// file stores longer records separately.
func textAround2K(r *rand.Rand) string {
	return strings.Repeat("x", one(r, 1700, 1800, 1900, 2100, 3000))
}

// tags returns random tags as they are sent and as the model has them; doubled reports whether a
// key occurs twice.
func tags(r *rand.Rand) (sent []any, tags []modelPart, doubled bool) {
	for _, k := range some(r, "z", "host", "class") {
		p := modelPart{Name: k, Value: one(r, "1", "2", "", textAround2K(r))}
		doubled = doubled || slices.ContainsFunc(tags, func(x modelPart) bool { return x.Name == k })
		tags = append(tags, p)
		sent = append(sent, map[string]string{"key": p.Name, "value": p.Value})
	}
	return sent, tags, doubled
}

func named(names []string) (list []any) {
	for _, n := range names {
		list = append(list, map[string]string{"name": n})
	}
	return list
}

func (x *modelRun) createTarget(who string, r *rand.Rand) error {
	m := x.m
	t := &modelTarget{Place: r.IntN(modelPlaces), Name: modelName(r), Type: "SIDEREAL",
		Access: one(r, "OPEN", "PUBLIC", "PRIVATE", "PRIVATE"), Maker: who,
		RA: f64(one(r, 10, 10.5, 359.9, 0.1)), Dec: f64(one(r, -20, 0, 89.5))}
	body := map[string]any{"name": t.Name, "type": t.Type, "ra": *t.RA, "dec": *t.Dec, "permissions": t.Access}
	if r.IntN(6) == 0 {
		t.Type, t.RA, t.Dec = "NON_SIDEREAL", nil, nil
		body = map[string]any{"name": t.Name, "type": t.Type, "permissions": t.Access, "epoch_of_elements": 1,
			"inclination": 1, "lng_asc_node": 1, "arg_of_perihelion": 1, "eccentricity": 0}
	}
	aliases, groups := some(r, modelAliases...), x.someGroups(who, r)
	sent, extras, doubled := tags(r)
	t.Extras, t.Groups, t.Lists = extras, unique(groups), unique(some(r, modelLists...))
	t.Rights = map[string]auth.Right{}
	for _, g := range groups {
		t.Rights[g] = auth.AllRights
	}
	body["aliases"], body["groups"], body["targetextra_set"], body["target_lists"] = named(aliases), x.refs(groups),
		sent, named(t.Lists)
	for _, key := range []string{"aliases", "targetextra_set", "target_lists"} {
		if len(body[key].([]any)) == 0 {
			delete(body, key)
		}
	}
	var problems []string
	if m.targetCalled(func(t2 *modelTarget) bool { return t2.Name == t.Name }) != nil {
		problems = append(problems, "name")
	} else if m.Targets[t.Place] != nil {
		return nil
	}
	if len(unique(aliases)) < len(aliases) || slices.ContainsFunc(aliases, m.aliasTaken) {
		problems = append(problems, "aliases")
	}
	if doubled {
		problems = append(problems, "targetextra_set")
	}
	if !m.mayName(who, groups) {
		problems = append(problems, "groups")
	}
	for _, a := range aliases {
		t.Aliases = append(t.Aliases, modelPart{Name: a})
	}
	s := x.ask(who, "POST", "/api/targets/", body)
	switch {
	case who == "":
		return s.want(401)
	case problems != nil:
		return s.want(400, problems...)
	}
	if err := s.want(201); err != nil {
		return err
	}
	t.ID = s.id()
	m.Targets[t.Place] = t
	x.m.addLists(who, t)
	return x.changed(who, t, s)
}

// addLists adds the lists of a target that do not exist yet; listID finds their ids later.
func (m *model) addLists(who string, t *modelTarget) {
	for _, name := range t.Lists {
		if m.Lists[name] == nil {
			m.Lists[name] = &modelList{Maker: who}
		}
	}
}

// changed records a change of a target, takes the ids of its new aliases and tags from the answer,
// and compares the rest.
func (x *modelRun) changed(who string, t *modelTarget, s said) error {
	x.m.Clock++
	t.Modified = x.m.Clock
	for key, parts := range map[string][]modelPart{"aliases": t.Aliases, "targetextra_set": t.Extras} {
		list, _ := s.value[key].([]any)
		for i := range parts {
			if i < len(list) && parts[i].ID == 0 {
				parts[i].ID = uint64(list[i].(map[string]any)["id"].(float64))
			}
		}
	}
	return x.compare(s.what, s.value, x.targetRow(who, t))
}

func (x *modelRun) changeTarget(who string, r *rand.Rand) error {
	m := x.m
	old, id := x.targetAt(r.IntN(modelPlaces))
	t := &modelTarget{}
	if old != nil {
		*t = *old
		t.Aliases, t.Extras, t.Lists, t.Groups = slices.Clone(t.Aliases), slices.Clone(t.Extras), slices.Clone(t.Lists),
			slices.Clone(t.Groups)
		t.Rights = maps.Clone(t.Rights)
	}
	body := map[string]any{}
	var problems []string
	if r.IntN(4) == 0 {
		t.Name = modelName(r)
		body["name"] = t.Name
		if m.targetCalled(func(t2 *modelTarget) bool { return t2.Name == t.Name && t2 != old }) != nil {
			problems = append(problems, "name")
		}
	}
	if r.IntN(3) == 0 {
		t.Access = one(r, "OPEN", "PUBLIC", "PRIVATE")
		body["permissions"] = t.Access
	}
	if r.IntN(4) == 0 {
		t.RA, t.Dec = f64(one(r, 10, 11, 200.0)), f64(one(r, -20, 45.0))
		body["ra"], body["dec"] = *t.RA, *t.Dec
	}
	if aliases := some(r, modelAliases...); len(aliases) > 0 {
		body["aliases"] = named(aliases)
		for i, a := range aliases {
			switch {
			case old != nil && hasAlias(old, a):
			case slices.Contains(aliases[:i], a) || m.aliasTaken(a):
				problems = append(problems, "aliases")
			default:
				t.Aliases = append(t.Aliases, modelPart{Name: a})
			}
		}
	} else if r.IntN(3) == 0 && len(t.Aliases) > 0 {
		a := &t.Aliases[r.IntN(len(t.Aliases))]
		name := one(r, modelAliases...)
		body["aliases"] = []any{map[string]any{"id": a.ID, "name": name}}
		if name != a.Name && m.aliasTaken(name) {
			problems = append(problems, "aliases")
		}
		a.Name = name
	}
	sent, extras, doubled := tags(r)
	if len(sent) > 0 {
		body["targetextra_set"] = sent
		if doubled {
			problems = append(problems, "targetextra_set")
		}
		for _, e := range extras {
			at := slices.IndexFunc(t.Extras, func(p modelPart) bool { return p.Name == e.Name })
			if at < 0 {
				t.Extras = append(t.Extras, e)
			} else {
				t.Extras[at].Value = e.Value
			}
		}
	}
	if lists := some(r, modelLists...); len(lists) > 0 {
		body["target_lists"] = named(lists)
		t.Lists = unique(append(t.Lists, lists...))
	}
	if groups := x.someGroups(who, r); len(groups) > 0 {
		body["groups"] = x.refs(groups)
		if !m.mayName(who, groups) {
			problems = append(problems, "groups")
		}
		t.Groups = unique(append(t.Groups, groups...))
		for _, g := range groups {
			if old != nil {
				t.Rights[g] |= m.rights(who, old)
			}
		}
	}
	s := x.ask(who, "PATCH", fmt.Sprintf("/api/targets/%d/", id), body)
	switch {
	case who == "":
		return s.want(401)
	case !m.sees(who, old):
		return s.want(404)
	case !m.granted(who, old):
		return s.want(403)
	case problems != nil:
		return s.want(400, problems...)
	}
	if err := s.want(200); err != nil {
		return err
	}
	m.Targets[t.Place] = t
	m.addLists(who, t)
	return x.changed(who, t, s)
}

// targetAt returns the target at a place and its id, or nil and an id that nothing has.
func (x *modelRun) targetAt(place int) (*modelTarget, uint64) {
	if t := x.m.Targets[place]; t != nil {
		return t, t.ID
	}
	return nil, noID
}

// wantDeleted checks the status of a deletion, and reports whether it was done.
func (s said) wantDeleted(who string, sees, may bool) (done bool, err error) {
	switch {
	case who == "":
		return false, s.want(401)
	case !sees:
		return false, s.want(404)
	case !may:
		return false, s.want(403)
	}
	return true, s.want(204)
}

func (x *modelRun) deleteTarget(who string, r *rand.Rand) error {
	t, id := x.targetAt(r.IntN(modelPlaces))
	done, err := x.ask(who, "DELETE", fmt.Sprintf("/api/targets/%d/", id), nil).wantDeleted(who, x.m.sees(who, t),
		t != nil && x.m.rights(who, t)&auth.Delete != 0)
	if done {
		x.m.dropTarget(t.Place)
	}
	return err
}

func (x *modelRun) withdraw(who string, r *rand.Rand) error {
	t, id := x.targetAt(r.IntN(modelPlaces))
	group := one(r, modelGroups...)
	s := x.ask(who, "DELETE", fmt.Sprintf("/api/targets/%d/groups/%d/", id, x.groups[group]), nil)
	may := t != nil && x.m.granted(who, t)
	if may && who != "" && x.m.sees(who, t) && !slices.Contains(t.Groups, group) {
		return s.want(404)
	}
	done, err := s.wantDeleted(who, x.m.sees(who, t), may)
	if done {
		t.Groups = slices.DeleteFunc(t.Groups, func(g string) bool { return g == group })
		delete(t.Rights, group)
		x.m.Clock++
		t.Modified = x.m.Clock
	}
	return err
}

// share makes the rights of a group on a target exactly some, and reads them again.
func (x *modelRun) share(who string, r *rand.Rand) error {
	m := x.m
	t, id := x.targetAt(r.IntN(modelPlaces))
	group, right := one(r, modelGroups...), auth.View
	body := map[string]bool{"change": r.IntN(2) == 0, "delete": r.IntN(2) == 0}
	if body["change"] {
		right |= auth.Change
	}
	if body["delete"] {
		right |= auth.Delete
	}
	path := fmt.Sprintf("/api/targets/%d/groups/", id)
	s := x.ask(who, "PUT", fmt.Sprintf("%s%d/", path, x.groups[group]), body)
	switch {
	case who == "":
		return s.want(401)
	case !m.sees(who, t):
		return s.want(404)
	case !m.granted(who, t):
		return s.want(403)
	}
	had := t.Rights[group]
	var problems []string
	for name, one := range map[string]auth.Right{"change": auth.Change, "delete": auth.Delete} {
		if right&^had&^m.rights(who, t)&one != 0 {
			problems = append(problems, name)
		}
	}
	switch {
	case right&^had != 0 && !m.mayName(who, []string{group}):
		return s.want(404)
	case problems != nil:
		return s.want(400, problems...)
	}
	if err := s.want(200); err != nil {
		return err
	}
	if had != right {
		m.Clock++
		t.Modified = m.Clock
	}
	t.Rights[group], t.Groups = right, unique(append(t.Groups, group))
	for _, who := range modelUsers {
		list := []any{}
		for _, row := range x.groupRow(who, t.Groups, m.granted(who, t)) {
			row := row.(map[string]any)
			r := t.Rights[row["name"].(string)]
			row["view"], row["change"], row["delete"] = r&auth.View != 0, r&auth.Change != 0, r&auth.Delete != 0
			list = append(list, row)
		}
		if !m.sees(who, t) {
			continue // getOne asks, too
		}
		got := x.ask(who, "GET", path, nil).value
		if err := x.compare("GET "+path, got, map[string]any{"results": list}); err != nil {
			return fmt.Errorf("as %q: %w", who, err)
		}
	}
	return nil
}

// deletePart deletes an alias or a tag.
func (x *modelRun) deletePart(who string, r *rand.Rand) error {
	t, _ := x.targetAt(r.IntN(modelPlaces))
	path, parts, id, at := "targetname", &[]modelPart{}, uint64(noID), 0
	if t != nil {
		parts = &t.Aliases
		if r.IntN(2) == 0 {
			path, parts = "targetextra", &t.Extras
		}
	}
	if n := len(*parts); n > 0 {
		at = r.IntN(n)
		id = (*parts)[at].ID
	}
	done, err := x.ask(who, "DELETE", fmt.Sprintf("/api/%s/%d/", path, id), nil).wantDeleted(who, id != noID &&
		x.m.sees(who, t), t != nil && x.m.granted(who, t))
	if done {
		*parts = slices.Delete(*parts, at, at+1)
		x.m.Clock++
		t.Modified = x.m.Clock
	}
	return err
}

// listID returns the id of a list. Only users who know the list may ask for it; a superuser tries
// one id after the other.
func (x *modelRun) listID(name string) uint64 {
	l := x.m.Lists[name]
	if l == nil {
		return noID
	}
	for id := uint64(1); l.ID == 0 && id < 1000; id++ {
		s := x.ask("admin", "GET", fmt.Sprintf("/api/targetlist/%d/", id), nil)
		if s.value["name"] == name {
			l.ID = id
		}
	}
	return l.ID
}

func (x *modelRun) deleteList(who string, r *rand.Rand) error {
	name := one(r, modelLists...)
	l := x.m.Lists[name]
	may := l != nil && (who == "admin" || who == l.Maker)
	done, err := x.ask(who, "DELETE", fmt.Sprintf("/api/targetlist/%d/", x.listID(name)), nil).wantDeleted(who,
		x.m.knowsList(who, name), may)
	if done {
		delete(x.m.Lists, name)
		for _, t := range x.m.Targets {
			t.Lists = slices.DeleteFunc(t.Lists, func(n string) bool { return n == name })
		}
	}
	return err
}

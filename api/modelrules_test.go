package api

import (
	"cmp"
	"fmt"
	"slices"

	"nightjar/auth"
)

// A model is what a node must contain. Targets and products have places, which deletion frees. The
// same row may be there several times, if the users who added it do not see each other's datums and
// give different values or sources.
type model struct {
	Mode     auth.Mode
	Strategy auth.Strategy
	Groups   map[string][]string // by user
	Targets  map[int]*modelTarget
	Products map[int]*modelProduct
	Data     map[string]*modelDatum
	Lists    map[string]*modelList
	Clock    int
}

func newModel() *model {
	return &model{Mode: auth.ModeTargets, Strategy: auth.ReadOnly,
		Groups:  map[string][]string{"astro": {"Observers"}, "carol": {"Observers", "Readers"}, "eve": {"Readers"}},
		Targets: map[int]*modelTarget{}, Products: map[int]*modelProduct{}, Data: map[string]*modelDatum{},
		Lists: map[string]*modelList{}}
}

type modelTarget struct {
	ID                 uint64
	Place              int
	Name, Type, Access string
	RA, Dec            *float64
	Aliases, Extras    []modelPart
	Lists              []string
	Maker              string
	Groups             []string
	Rights             map[string]auth.Right // of each of Groups
	Modified           int
}

type modelPart struct {
	ID          uint64
	Name, Value string
}

type modelProduct struct {
	ID              uint64
	Place, Target   int
	Maker           string
	Groups          []string
	ProductID, Path string
	Extra           string
	Type, Content   string
}

// modelOwner is the user who created an object, and the groups that were named with it.
type modelOwner struct {
	User   string
	Groups []string
}

type modelDatum struct {
	ID       uint64
	Target   int
	Type     string
	Row      int
	Source   string
	Text     string // the value as compact JSON
	Products []int
	Owners   []modelOwner
	Upload   uint64
}

type modelList struct {
	ID    uint64
	Maker string
}

func (m *model) inGroup(who string, groups []string) bool {
	return slices.ContainsFunc(groups, func(g string) bool { return slices.Contains(m.Groups[who], g) })
}

func (m *model) holds(who string, o modelOwner) bool {
	return who != "" && (who == o.User || m.inGroup(who, o.Groups))
}

// rights returns the rights on a target that a user was given.
func (m *model) rights(who string, t *modelTarget) (r auth.Right) {
	if who == "admin" || who != "" && who == t.Maker {
		return auth.AllRights
	}
	for _, g := range m.Groups[who] {
		r |= t.Rights[g]
	}
	return r
}

// granted reports whether a user may change a target.
func (m *model) granted(who string, t *modelTarget) bool { return m.rights(who, t)&auth.Change != 0 }

func (m *model) sees(who string, t *modelTarget) bool {
	switch {
	case t == nil || who == "" && m.Strategy == auth.Locked:
		return false
	case t.Access == "OPEN" || t.Access == "PUBLIC" && who != "":
		return true
	}
	return m.rights(who, t) != 0
}

func (m *model) seesHeld(who string, target int, owners ...modelOwner) bool {
	if m.Mode == auth.ModeTargets || who == "admin" {
		return m.sees(who, m.Targets[target])
	}
	return slices.ContainsFunc(owners, func(o modelOwner) bool { return m.holds(who, o) })
}

func (m *model) seesProduct(who string, p *modelProduct) bool {
	return p != nil && m.seesHeld(who, p.Target, modelOwner{p.Maker, p.Groups})
}

func (m *model) owners(d *modelDatum) []modelOwner {
	list := slices.Clone(d.Owners)
	for _, place := range d.Products {
		p := m.Products[place]
		list = append(list, modelOwner{p.Maker, p.Groups})
	}
	return list
}

func (m *model) seesDatum(who string, d *modelDatum) bool {
	return d != nil && m.seesHeld(who, d.Target, m.owners(d)...)
}

// shownProduct returns the product of a datum that a user gets, or nil.
func (m *model) shownProduct(who string, d *modelDatum) *modelProduct {
	for _, place := range d.Products {
		if p := m.Products[place]; m.seesProduct(who, p) {
			return p
		}
	}
	return nil
}

// mayDelete reports whether a user who sees an object on a target may delete it.
func (m *model) mayDelete(who string, target int, owners ...modelOwner) bool {
	if who == "" {
		return false
	}
	if m.Mode == auth.ModeTargets {
		return m.granted(who, m.Targets[target])
	}
	sees := m.sees(who, m.Targets[target])
	return who == "admin" || slices.ContainsFunc(owners,
		func(o modelOwner) bool { return m.holds(who, o) && (sees || who == o.User) })
}

func (m *model) knowsList(who, name string) bool {
	l := m.Lists[name]
	if l == nil {
		return false
	}
	if who == "admin" || who != "" && who == l.Maker {
		return true
	}
	for _, t := range m.Targets {
		if slices.Contains(t.Lists, name) && m.sees(who, t) {
			return true
		}
	}
	return false
}

// findEqual returns the key of the datum that makes d a duplicate for a user: one that the user
// sees, or a hidden one with the same value and source; "" for none.
func (m *model) findEqual(who string, d *modelDatum) (key string, seen bool) {
	var keys []string
	for k, there := range m.Data {
		if there.Target == d.Target && there.Type == d.Type && there.Row == d.Row {
			keys = append(keys, k)
		}
	}
	// datums without a known id are the newest
	slices.SortFunc(keys, func(a, b string) int { return cmp.Compare(m.Data[a].ID-1, m.Data[b].ID-1) })
	for _, k := range keys {
		there := m.Data[k]
		if m.seesDatum(who, there) {
			return k, true
		}
		if key == "" && there.Source == d.Source && there.Text == d.Text {
			key = k
		}
	}
	return key, false
}

// addDatum adds a datum, or adds its products and owners to an equal one, and reports whether it
// counts as created.
func (m *model) addDatum(who string, d modelDatum) (key string, created bool) {
	key, seen := m.findEqual(who, &d)
	there := m.Data[key]
	if there == nil {
		m.Clock++
		key = fmt.Sprintf("%06d", m.Clock)
		m.Data[key] = &d
		return key, true
	}
	for _, p := range d.Products {
		if !slices.Contains(there.Products, p) {
			there.Products = append(there.Products, p)
		}
	}
	if !seen {
		there.Owners = append(there.Owners, d.Owners...)
	}
	return key, !seen
}

// dropProduct deletes a product, and the datums that have no other product or owner.
func (m *model) dropProduct(place int) {
	delete(m.Products, place)
	for key, d := range m.Data {
		d.Products = slices.DeleteFunc(d.Products, func(p int) bool { return p == place })
		if len(d.Products)+len(d.Owners) == 0 {
			delete(m.Data, key)
		}
	}
}

// dropDatum deletes a datum as a user; in the mode objects this removes only what the user owns.
func (m *model) dropDatum(who, key string) {
	d := m.Data[key]
	if m.Mode == auth.ModeObjects && who != "admin" {
		d.Owners = slices.DeleteFunc(d.Owners, func(o modelOwner) bool { return m.holds(who, o) })
		d.Products = slices.DeleteFunc(d.Products, func(place int) bool {
			p := m.Products[place]
			return m.holds(who, modelOwner{p.Maker, p.Groups})
		})
		if len(d.Products)+len(d.Owners) > 0 {
			return
		}
	}
	delete(m.Data, key)
}

func (m *model) dropTarget(place int) {
	delete(m.Targets, place)
	for i, p := range m.Products {
		if p.Target == place {
			delete(m.Products, i)
		}
	}
	for key, d := range m.Data {
		if d.Target == place {
			delete(m.Data, key)
		}
	}
}

package archive

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// TargetInput is the input for a new or changed target. List holds the problems already found in
// single fields, which are then not given.
type TargetInput struct {
	problem.List
	Name       Opt[string]
	Type       Opt[string]
	Visibility Opt[string]
	Scheme     Opt[string]
	Numbers    map[string]Opt[float64] // by the names of Numbers
	Aliases    []AliasInput
	Extras     []ExtraInput
	Lists      []ListInput
	Groups     []auth.GroupRef
	// Rights are the rights of each of Groups. Where there are none, or 0, the group gets all
	// rights that the viewer has.
	Rights []auth.Right
}

// rights returns the rights that are given for the group with index i, 0 for none.
func (in *TargetInput) rights(i int) auth.Right {
	if i >= len(in.Rights) {
		return 0
	}
	return in.Rights[i].WithView()
}

// AliasInput is an alias to be added or, with an id, changed.
type AliasInput struct {
	ID   uint64
	Name string
}

// ExtraInput is a tag to be set, by its key or its id.
type ExtraInput struct {
	ID         uint64
	Key, Value string
}

// ListInput names a list of targets by its name, or an existing one by its id.
type ListInput struct {
	ID   uint64
	Name string
}

// Messages of a TOM.
const (
	nameTaken  = "target with this Name already exists."
	aliasTaken = "target name with this Alias already exists."
	// a new alias equals the name, or a new name an alias
	aliasIsName = "Alias '%s' conflicts with Target name '%s'."
	required    = "This field is required."
)

// checkNumbers adds problems for infinities, NaNs and numbers out of their range.
func checkNumbers(p *problem.List, numbers map[string]Opt[float64]) {
	for _, n := range Numbers {
		v, ok := numbers[n.Name]
		if !ok || v.Null || p.Has(n.Name) {
			continue
		}
		f := v.Value
		if math.IsNaN(f) || math.IsInf(f, 0) {
			p.Add(n.Name, "A valid number is required.")
			continue
		}
		if r, ok := Ranges[n.Name]; ok {
			if problem := r.outside(f); problem != "" {
				p.Add(n.Name, "%s", problem)
			}
		}
	}
}

// requiredNumbers lists the numbers that a target of some type and scheme must have, as in a TOM.
func requiredNumbers(typ, scheme string) (kind string, groups [][]string) {
	if typ == Sidereal {
		return Sidereal, [][]string{{"ra", "dec"}}
	}
	groups = [][]string{{"epoch_of_elements", "inclination", "lng_asc_node", "arg_of_perihelion", "eccentricity"}}
	switch scheme {
	case "MPC_COMET":
		groups = append(groups, []string{"perihdist", "epoch_of_perihelion"})
	case "MPC_MINOR_PLANET":
		groups = append(groups, []string{"mean_anomaly", "semimajor_axis"})
	case "JPL_MAJOR_PLANET":
		groups = append(groups, []string{"mean_daily_motion", "mean_anomaly", "semimajor_axis"})
	}
	return NonSidereal, groups
}

// checkRequired adds a problem for missing required numbers; has reports which numbers the target
// has.
func checkRequired(p *problem.List, typ, scheme string, has func(name string) bool) {
	what, groups := requiredNumbers(typ, scheme)
	for i, names := range groups {
		if i == 1 {
			what = scheme
		}
		missing := slices.DeleteFunc(slices.Clone(names), has)
		if len(missing) > 0 {
			p.Add("", "The following fields are required for %s targets: ['%s']", what, strings.Join(missing, "', '"))
			return
		}
	}
}

// targetPlan is a checked input, ready to be written.
type targetPlan struct {
	in      *TargetInput
	t       *Target
	groups  []auth.GroupRef
	renamed bool
}

// planNew checks an input for a new target.
func (s *Session) planNew(tx *kv.Tx, in *TargetInput) (*targetPlan, error) {
	def, err := defaultVisibility(tx)
	if err != nil {
		return nil, err
	}
	return s.plan(tx, in, &Target{Visibility: def}, true)
}

// plan checks an input for a target, a new one if t has no id, and applies to t what changes no
// other record. whole says that the input must hold all that a new target needs (PUT).
func (s *Session) plan(tx *kv.Tx, in *TargetInput, t *Target, whole bool) (*targetPlan, error) {
	p := in.Clone()
	if wrong := len(p.All()); in.checkLimits(p) > wrong {
		return nil, p // before doing more work
	}
	fresh := t.ID == 0
	pl := &targetPlan{in: in, t: t, renamed: fresh}
	named := false // the target gets another name
	if in.Name.Given && !p.Has("name") {
		owner, taken, err := tx.Lookup(kindTargetName, in.Name.Value)
		if err != nil {
			return nil, err
		}
		if taken && owner != t.ID {
			p.Add("name", nameTaken)
		}
		named = t.Name != in.Name.Value
		pl.renamed = pl.renamed || named
		t.Name = in.Name.Value
	} else if fresh && !p.Has("name") {
		p.Add("name", required)
	}
	if !in.Type.Given && (fresh || whole) && !p.Has("type") {
		p.Add("type", required)
	}
	checkNumbers(p, in.Numbers)
	if err := s.planAliases(tx, p, pl, fresh); err != nil {
		return nil, err
	}
	if err := planExtras(tx, p, pl, fresh); err != nil {
		return nil, err
	}
	var err error
	if pl.groups, err = s.checkGroups(tx, p, "groups", in.Groups, true); err != nil {
		return nil, err
	}
	s.checkGivenRights(p, pl)
	if err := s.checkLists(tx, p, in.Lists); err != nil {
		return nil, err
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	t.Type = in.Type.or(t.Type)
	t.Scheme = in.Scheme.or(t.Scheme)
	t.Visibility = auth.Visibility(in.Visibility.or(string(t.Visibility)))
	given := func(name string) bool { v, ok := in.Numbers[name]; return ok && !v.Null }
	for _, n := range Numbers {
		if v, ok := in.Numbers[n.Name]; ok {
			if *n.Of(t) = nil; !v.Null {
				f := v.Value
				*n.Of(t) = &f
			}
		}
	}
	if !whole {
		given = func(name string) bool { return *t.number(name) != nil }
	}
	if checkRequired(p, t.Type, t.Scheme, given); p.Err() != nil {
		return nil, p
	}
	for _, a := range t.Aliases {
		switch {
		case a.Name != t.Name:
		case aliasGiven(in.Aliases, a.Name):
			p.Add(problem.WholeList, aliasIsName, a.Name, t.Name)
		case named:
			p.Add("name", aliasIsName, a.Name, t.Name)
		}
	}
	pl.checkSize(p, s.v.ID)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return pl, nil
}

// aliasGiven reports whether the input names an alias.
func aliasGiven(aliases []AliasInput, name string) bool {
	return slices.ContainsFunc(aliases, func(a AliasInput) bool { return a.Name == name })
}

// planAliases adds and changes aliases; new ones have no id yet.
func (s *Session) planAliases(tx *kv.Tx, p *problem.List, pl *targetPlan, fresh bool) error {
	t := pl.t
	t.Aliases = slices.Clone(t.Aliases)
	for i, a := range pl.in.Aliases {
		if p.Has(pathOf("aliases", i, "name")) || p.Has(pathOf("aliases", i, "")) {
			continue
		}
		at := -1
		if a.ID != 0 && !fresh {
			if at = slices.IndexFunc(t.Aliases, func(x Alias) bool { return x.ID == a.ID }); at < 0 {
				// a TOM's message, with its line break
				p.Add(pathOf("aliases", i, "id"),
					"TargetName identified by id '%d' is not an\n                        alias of Target '%s'",
					a.ID, t.Name)
				continue
			}
			if t.Aliases[at].Name == a.Name {
				continue
			}
		}
		if !fresh && at < 0 && slices.ContainsFunc(t.Aliases,
			func(x Alias) bool { return x.Name == a.Name && x.ID != 0 }) {
			continue // the target already has it
		}
		owner, taken, err := tx.Lookup(kindAlias, a.Name)
		if err != nil {
			return err
		}
		if taken && (owner != t.ID || at >= 0) || aliasGiven(pl.in.Aliases[:i], a.Name) {
			p.Add(pathOf("aliases", i, "name"), aliasTaken)
			continue
		}
		pl.renamed = true
		if at >= 0 {
			t.Aliases[at].Name = a.Name
		} else {
			t.Aliases = append(t.Aliases, Alias{Name: a.Name})
		}
	}
	return nil
}

// planExtras adds and changes tags; new ones have no id yet.
func planExtras(tx *kv.Tx, p *problem.List, pl *targetPlan, fresh bool) error {
	t := pl.t
	t.Extras = slices.Clone(t.Extras)
	for i, e := range pl.in.Extras {
		if p.Has(pathOf("targetextra_set", i, "key")) || p.Has(pathOf("targetextra_set", i, "value")) ||
			p.Has(pathOf("targetextra_set", i, "")) {
			continue
		}
		doubled := slices.ContainsFunc(pl.in.Extras[:i], func(x ExtraInput) bool { return x.Key == e.Key })
		at := slices.IndexFunc(t.Extras, func(x Extra) bool { return x.Key == e.Key })
		if e.ID != 0 && !fresh {
			byID := slices.IndexFunc(t.Extras, func(x Extra) bool { return x.ID == e.ID })
			if byID < 0 {
				p.Add(pathOf("targetextra_set", i, "id"), "The target has no tag with the id %d.", e.ID)
				continue
			}
			doubled = doubled || at >= 0 && at != byID
			at = byID
		}
		switch {
		case doubled:
			p.Add(pathOf("targetextra_set", i, "key"), "The target already has a tag with this key.")
		case at >= 0:
			t.Extras[at].Key, t.Extras[at].Value = e.Key, e.Value
		default:
			t.Extras = append(t.Extras, Extra{Key: e.Key, Value: e.Value})
		}
	}
	return nil
}

// write stores a planned target.
func (s *Session) write(tx *kv.WriteTx, pl *targetPlan) error {
	t := pl.t
	var err error
	for i := range t.Aliases {
		if t.Aliases[i].ID == 0 {
			if t.Aliases[i].ID, err = tx.Next("alias"); err != nil {
				return err
			}
		}
	}
	for i := range t.Extras {
		if t.Extras[i].ID == 0 {
			if t.Extras[i].ID, err = tx.Next("extra"); err != nil {
				return err
			}
		}
	}
	o := auth.ACL{Grants: slices.Clone(t.Grants)}
	if t.ID == 0 && s.v.ID != 0 {
		o.Give(auth.UserGrantee(s.v.ID), auth.AllRights)
	}
	groups, err := s.makeGroups(tx, pl.groups)
	if err != nil {
		return err
	}
	for i, g := range groups {
		o.Set(auth.GroupGrantee(g), s.givenRights(pl, i, g))
	}
	t.Grants = o.Grants
	if err := s.joinLists(tx, t, pl.in.Lists); err != nil {
		return err
	}
	t.Modified = tx.Now().UnixMicro()
	if pl.renamed {
		t.Named = tx.Seq()
	}
	if t.ID != 0 {
		return targets.Put(tx, t.ID, t)
	}
	t.Created = t.Modified
	if t.UID, err = tx.NewUID(); err != nil {
		return err
	}
	if t.ID, err = targets.Insert(tx, t); err != nil {
		return fmt.Errorf("target %q: %w", t.Name, err)
	}
	return nil
}

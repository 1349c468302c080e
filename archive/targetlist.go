package archive

import (
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/problem"
	"nightjar/kv"
	"nightjar/sky"
)

// TargetFilter selects targets. All conditions that are given must hold.
type TargetFilter struct {
	Type  string   // Sidereal or NonSidereal
	Names []string // the name or an alias contains one of them
	Fuzzy []string // a text cut at its commas: the name or an alias is one of its longest names, see nameList
	None  bool     // nothing matches
	Query string   // the name contains it; aliases do not count
	Key   string   // the target has a tag with this key
	Value string   // the target has a tag with this value, not necessarily the same tag
	Cone  *sky.Cone
	// Around and Radius, in degrees, give a cone around a visible target: the one with that name,
	// or the only one with a name that contains it. Without such a target nothing matches.
	Around string
	Radius float64
	List   string // on the list with this id or name
	Order  string // one of TargetOrders, "" for name in a search by name and id otherwise
}

// TargetOrders are the orders in which targets can be listed, each also with "-" before it.
var TargetOrders = []string{"id", "name", "created", "modified"}

// UnknownList is the problem with a missing or hidden list.
const UnknownList = "Select a valid choice. That choice is not one of the available choices."

// Bounds of the names in a search: a part of a name may cost a scan of all names, while a whole
// name is looked up.
const (
	MaxNames = 100
	MaxFuzzy = 1000
)

// terms removes repeated names from a list, and refuses a list that is still too long. path is the
// parameter with the list.
func terms(path string, names []string, most int) ([]string, error) {
	var list []string
	there := map[string]bool{}
	for _, n := range names {
		if !there[n] {
			there[n], list = true, append(list, n)
		}
	}
	if len(list) > most || len(names) > 10*most {
		return nil, problem.Invalid(path, "At most %d names are allowed in one search; you gave %d.", most, len(names))
	}
	return list, nil
}

// Targets lists the visible targets. Errors: *problem.List, by the names of the API's parameters;
// those of out.
func (s *Session) Targets(ctx context.Context, f TargetFilter, page Page, out Out[TargetView]) error {
	names, err := terms("name", f.Names, MaxNames)
	if err != nil {
		return err
	}
	if _, err := terms("name_fuzzy", f.Fuzzy, MaxFuzzy); err != nil {
		return err
	}
	var queries []*nameQuery
	if len(names) > 0 {
		queries = append(queries, s.a.findNames(ctx, anyContains, names...))
	}
	if len(f.Fuzzy) > 0 {
		queries = append(queries, s.a.findNames(ctx, anyRun, f.Fuzzy...)) // with repeated pieces, which are in runs
	}
	if f.Query != "" {
		queries = append(queries, s.a.findNames(ctx, ownContains, f.Query))
	}
	var around *nameQuery
	if f.Around != "" {
		around = s.a.findNames(ctx, anyContains, f.Around)
	}
	find := func(s *Session, tx *kv.Tx) ([]uint64, Extent, error) {
		set, err := s.targetSet(tx, f, queries, around)
		if err != nil {
			return nil, Extent{}, err
		}
		order := f.Order
		if order == "" && len(f.Names) > 0 && page.Cursor == nil {
			order = "name" // as a TOM answers a search by name
		}
		return orderTargets(tx, set, order, page)
	}
	read := func(s *Session, tx *kv.Tx, id uint64, row *TargetView) (bool, error) {
		t, err := s.target(tx, id)
		if isRefusal(err) {
			return false, goneOrHidden(tx, targets, id)
		}
		if err != nil {
			return false, err
		}
		v, err := s.targetView(tx, t)
		if err == nil {
			*row = *v
		}
		return err == nil, err
	}
	return sendPage(s, ctx, out, find, read)
}

// targetSet returns the set of the visible targets that match a filter.
func (s *Session) targetSet(tx *kv.Tx, f TargetFilter, queries []*nameQuery, around *nameQuery) (kv.Set, error) {
	seen := visible(s, tx, targets, false)
	sets := []kv.Set{seen}
	if f.Type != "" {
		sets = append(sets, targets.Set(tx, dimType, kv.Int(typeCode(f.Type))))
	}
	if f.Key != "" {
		sets = append(sets, targets.Set(tx, dimKey, kv.Text(f.Key)))
	}
	if f.Value != "" {
		sets = append(sets, targets.Set(tx, dimValue, kv.Text(f.Value)))
	}
	for _, q := range queries {
		found, err := q.in(tx)
		if err != nil {
			return kv.Set{}, err
		}
		ids := found.IDs
		if q.how == anyRun {
			if ids, err = q.longestRuns(tx, found, seen); err != nil {
				return kv.Set{}, err
			}
		}
		sets = append(sets, kv.IDs(ids))
	}
	if f.List != "" {
		id, err := s.findList(tx, f.List)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, targets.Set(tx, dimList, kv.Int(id)))
	}
	if f.Cone != nil {
		ids, err := targetsIn(tx, *f.Cone)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, kv.IDs(ids))
	}
	if around != nil {
		ids, err := s.around(tx, f, around, seen)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, kv.IDs(ids))
	}
	if f.None {
		return kv.Set{}, nil
	}
	return kv.And(sets...), nil
}

// around returns the targets in a cone around another one.
func (s *Session) around(tx *kv.Tx, f TargetFilter, q *nameQuery, seen kv.Set) ([]uint64, error) {
	found, err := q.in(tx)
	if err != nil {
		return nil, err
	}
	var candidates []*Target
	for _, id := range found.IDs {
		if ok, err := seen.Has(id); err != nil {
			return nil, err
		} else if !ok {
			continue
		}
		t, err := targets.Get(tx, id)
		if err != nil {
			return nil, err
		}
		if slices.Contains(t.Names(), f.Around) {
			candidates = []*Target{t}
			break
		}
		candidates = append(candidates, t)
	}
	if len(candidates) != 1 {
		return nil, nil
	}
	t := candidates[0]
	if t.RA == nil || t.Dec == nil {
		return nil, problem.Invalid("target_cone_search", "The target %q has no coordinates.", t.Name)
	}
	return targetsIn(tx, sky.Cone{RA: *t.RA, Dec: *t.Dec, Radius: f.Radius})
}

// findList finds a list by its id or its name.
func (s *Session) findList(tx *kv.Tx, text string) (uint64, error) {
	if id, err := strconv.ParseUint(text, 10, 63); err == nil {
		if _, err := s.list(tx, id); err == nil {
			return id, nil
		}
	}
	id, ok, err := tx.Lookup(kindListName, text)
	if err == nil && ok {
		_, err = s.list(tx, id)
		if err == nil {
			return id, nil
		}
	}
	if err != nil && !isRefusal(err) {
		return 0, err
	}
	return 0, problem.Invalid("targetlist__name", UnknownList)
}

// orderTargets returns a page of a set in an order.
func orderTargets(tx *kv.Tx, set kv.Set, order string, page Page) ([]uint64, Extent, error) {
	order, descending := strings.CutPrefix(order, "-")
	var up, down iter.Seq2[[]byte, uint64]
	var compare func(a, b *Target) int
	switch order {
	case "name": // as bytes compare
		up = func(yield func([]byte, uint64) bool) {
			for _, id := range tx.UniqueTexts(kindTargetName, "") {
				if !yield(nil, id) {
					return
				}
			}
		}
		compare = func(a, b *Target) int { return strings.Compare(a.Name, b.Name) }
	case "modified":
		up, down = tx.Range(orderChanged, 0, nil, nil), tx.Descend(orderChanged, 0)
		compare = func(a, b *Target) int {
			return cmp.Or(cmp.Compare(a.Modified, b.Modified), cmp.Compare(a.ID, b.ID))
		}
	default:
		return page.of(set, descending) // ids ascend with the time of creation
	}
	if err := page.noCursor("order"); err != nil {
		return nil, Extent{}, err
	}
	n, err := set.Count()
	if err != nil {
		return nil, Extent{}, err
	}
	if n > fewNames {
		return page.ofWalk(set, descending, up, down)
	}
	sorted, err := sortTargets(tx, set, compare)
	if err != nil {
		return nil, Extent{}, err
	}
	ids, extent := page.ofSorted(sorted, descending)
	return ids, extent, nil
}

// fewNames is the largest number of targets that are sorted by reading them, instead of walking
// through an order of all targets.
const fewNames = 1000

// sortTargets returns the targets of a set in an order.
func sortTargets(tx *kv.Tx, set kv.Set, compare func(a, b *Target) int) ([]uint64, error) {
	ids, err := set.IDs()
	if err != nil {
		return nil, err
	}
	list := make([]*Target, len(ids))
	for i, id := range ids {
		if list[i], err = targets.Get(tx, id); err != nil {
			return nil, err
		}
		list[i].ID = id
	}
	slices.SortFunc(list, compare)
	for i, t := range list {
		ids[i] = t.ID
	}
	return ids, nil
}

// Targets are ordered for cones by the zone of their declination, each zoneHeight degrees high, and
// then by right ascension.
const zoneHeight = 0.5

func zone(dec float64) uint16 {
	return uint16(math.Floor((min(max(dec, -90), 90) + 90) / zoneHeight))
}

// conePlace is the zone in 2 bytes and the right ascension in 8: a float64 that is not negative
// sorts like its bits.
func conePlace(ra, dec float64) []byte {
	b := binary.BigEndian.AppendUint16(nil, zone(dec))
	return binary.BigEndian.AppendUint64(b, math.Float64bits(math.Abs(ra)))
}

// targetsIn returns the targets in the cone, ascending.
func targetsIn(tx *kv.Tx, c sky.Cone) ([]uint64, error) {
	var found []uint64
	for z := zone(c.Dec - c.Radius); z <= zone(c.Dec+c.Radius); z++ {
		for _, span := range c.Spans() {
			from := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, z), math.Float64bits(span[0]))
			to := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint16(nil, z), math.Float64bits(span[1])+1)
			for _, id := range tx.Range(orderCone, 0, from, to) {
				t, err := targets.Get(tx, id)
				if err != nil {
					return nil, err
				}
				if t.RA != nil && t.Dec != nil && c.Holds(*t.RA, *t.Dec) {
					found = append(found, id)
				}
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

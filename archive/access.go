package archive

import (
	"errors"
	"fmt"

	"nightjar/auth"
	"nightjar/internal/cache"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// visible returns the set of the rows of a table that the viewer sees. The table must have sets by
// grantee who sees the target (dimSeer) and, if held, sets by grantee who holds the row
// (dimHolder), which replace them in mode objects.
func visible[T any](s *Session, tx *kv.Tx, table *kv.Table[T], held bool) kv.Set {
	if held && s.byHolder() {
		return granted(s, tx, table, dimHolder)
	}
	return granted(s, tx, table, dimSeer)
}

// ofSeenTargets returns the set of the rows of a table whose target the viewer sees, whether or not
// they see the rows.
func ofSeenTargets[T any](s *Session, tx *kv.Tx, table *kv.Table[T]) kv.Set {
	return granted(s, tx, table, dimSeer)
}

// granted returns the union of the sets of the viewer's grantees in a dimension, or all rows for a
// viewer who sees everything.
func granted[T any](s *Session, tx *kv.Tx, table *kv.Table[T], dim byte) kv.Set {
	if s.v.Everything() {
		return table.All(tx)
	}
	if !s.p.Admits(s.v) {
		return kv.Set{}
	}
	var sets []kv.Set
	for _, g := range s.v.Grantees() {
		sets = append(sets, table.Set(tx, dim, kv.Int(uint64(g))))
	}
	return kv.Or(sets...)
}

// byHolder reports whether the viewer sees products, datums and observations by their holders: in
// mode objects, except for viewers who see everything. Their targets may then be hidden.
func (s *Session) byHolder() bool { return s.p.Mode == auth.ModeObjects && !s.v.Everything() }

// target reads a target that the viewer sees. A missing and a hidden target give the same error.
func (s *Session) target(tx *kv.Tx, id uint64) (*Target, error) {
	t, err := targets.Get(tx, id)
	if errors.Is(err, kv.ErrNotFound) || err == nil && !s.p.Sees(s.v, t.Object()) {
		return nil, problem.Missing("Target")
	}
	if err != nil {
		return nil, err
	}
	t.ID = id
	return t, nil
}

// targetFor reads a target on which the viewer has a right. Errors: NotFound; Forbidden.
func (s *Session) targetFor(tx *kv.Tx, id uint64, right auth.Right) (*Target, error) {
	t, err := s.target(tx, id)
	if err == nil && !s.p.May(s.v, right, t.Object()) {
		err = problem.ErrForbidden
	}
	return t, err
}

// NoSuch adds the problem with a reference to a missing or hidden record, in the words of Django
// REST framework.
func NoSuch(p *problem.List, path string, id uint64) {
	p.Add(path, `Invalid pk "%d" - object does not exist.`, id)
}

// ReadOnlyTarget is the problem with a target that the viewer sees but may not change.
const ReadOnlyTarget = "You may see this target, but not change it."

// targetToAddTo reads the target that an input names in a field. A target that the viewer may not
// see or change is a problem of the input; t is nil when the viewer does not see it.
func (s *Session) targetToAddTo(tx *kv.Tx, p *problem.List, field string, id uint64) (t *Target, err error) {
	t, err = s.target(tx, id)
	switch {
	case isRefusal(err):
		NoSuch(p, field, id)
		return nil, nil
	case err == nil && !s.p.May(s.v, auth.Change, t.Object()):
		p.Add(field, ReadOnlyTarget)
	}
	return t, err
}

// product, observation and datum do the same as target.

func (s *Session) product(tx *kv.Tx, id uint64) (*Product, *Target, error) {
	p, err := products.Get(tx, id)
	if err == nil {
		p.ID = id
		var t *Target
		if t, err = s.targetOf(tx, p.Target); err == nil && s.p.SeesHeld(s.v, t.Object(), p.Holders()) {
			return p, t, nil
		}
	}
	if err == nil || errors.Is(err, kv.ErrNotFound) {
		err = problem.Missing("DataProduct")
	}
	return nil, nil, err
}

// targetOf reads a target, visible or not.
func (s *Session) targetOf(tx *kv.Tx, id uint64) (*Target, error) {
	t, err := targets.Get(tx, id)
	if err == nil {
		t.ID = id
	}
	return t, err
}

func (s *Session) observation(tx *kv.Tx, id uint64) (*Observation, error) {
	o, err := observations.Get(tx, id)
	if err == nil {
		o.ID = id
		var t *Target
		if t, err = s.targetOf(tx, o.Target); err == nil &&
			s.p.SeesHeld(s.v, t.Object(), holders(o.Creator, o.Groups)) {
			return o, nil
		}
	}
	if err == nil || errors.Is(err, kv.ErrNotFound) {
		err = problem.Missing("ObservationRecord")
	}
	return nil, err
}

func (s *Session) datum(tx *kv.Tx, id uint64) (*Datum, *Target, error) {
	d, err := datums.Get(tx, id)
	if err == nil {
		d.ID = id
		var t *Target
		if t, err = s.targetOf(tx, d.Target); err == nil {
			var held []auth.Grantee
			if held, err = s.heldBy(tx, d); err == nil && s.p.SeesHeld(s.v, t.Object(), held) {
				return d, t, nil
			}
		}
	}
	if err == nil || errors.Is(err, kv.ErrNotFound) {
		err = problem.Missing("ReducedDatum")
	}
	return nil, nil, err
}

// sees reports whether the viewer sees a datum.
func (s *Session) sees(tx *kv.Tx, id uint64) (bool, error) {
	_, _, err := s.datum(tx, id)
	if isRefusal(err) {
		return false, nil
	}
	return err == nil, err
}

// heldBy lists who holds a datum: its owners and the holders of its products. It returns nil where
// that does not matter: outside of mode objects, and for viewers who see everything.
func (s *Session) heldBy(tx *kv.Tx, d *Datum) ([]auth.Grantee, error) {
	if !s.byHolder() {
		return nil, nil
	}
	var list []auth.Grantee
	for _, o := range d.Owners {
		list = append(list, holders(o.User, o.Groups)...)
	}
	for _, id := range d.Products {
		p, err := products.Get(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, p.Holders()...)
	}
	return list, nil
}

// seesRow checks a row of a list once more, by the records instead of the sets. It returns false
// when the row's target is gone, and auth.ErrRightsEnded when the viewer no longer sees the row.
func (s *Session) seesRow(tx *kv.Tx, targets stamps, target uint64, held func() ([]auth.Grantee, error)) (bool, error) {
	if s.v.Everything() {
		return true, nil
	}
	o, ok, err := s.a.seers.objectBy(tx, targets, target)
	if err != nil || !ok {
		return false, err
	}
	var list []auth.Grantee
	if s.byHolder() {
		list, err = held()
	}
	if err == nil && !s.p.SeesHeld(s.v, o, list) {
		err = auth.ErrRightsEnded
	}
	return err == nil, err
}

// goneOrHidden says why a row is refused that the viewer saw when the list began: nil when it is
// gone, auth.ErrRightsEnded when the viewer no longer sees it.
func goneOrHidden[T any](tx *kv.Tx, table *kv.Table[T], id uint64) error {
	_, err := table.Get(tx, id)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return nil
	case err == nil:
		err = auth.ErrRightsEnded
	}
	return err
}

// seerCache caches who may do what with which target while its record stays the same: a page may
// hold a hundred datums of a hundred targets.
type seerCache struct {
	*cache.LRU[uint64, stampedObject]
}

type stampedObject struct {
	stamp  uint32
	object auth.ACL
}

const maxSeers = 100_000

// stamps identify versions of the records of targets.
type stamps interface {
	Stamp(id uint64) (stamp uint32, ok bool)
}

// object returns the ACL of a target; ok is false when there is no such target.
func (c *seerCache) object(tx *kv.Tx, target uint64) (o auth.ACL, ok bool, err error) {
	r := targets.Reader(tx)
	return c.objectBy(tx, &r, target)
}

// objectBy is object with a reader that serves several targets.
func (c *seerCache) objectBy(tx *kv.Tx, by stamps, target uint64) (o auth.ACL, ok bool, err error) {
	stamp, ok := by.Stamp(target)
	if !ok {
		return o, false, nil
	}
	if known, found := c.Get(target); found && known.stamp == stamp {
		return known.object, true, nil
	}
	t, err := targets.Get(tx, target)
	if err != nil {
		return o, false, err
	}
	o = t.Object()
	c.Put(target, stampedObject{stamp, o}, 1)
	return o, true, nil
}

// hides reports whether the viewer may see a record of a target but not the target: then the record
// tells only the target's id.
func (s *Session) hides(tx *kv.Tx, target uint64) (bool, error) {
	if !s.byHolder() {
		return false, nil
	}
	_, seen, err := s.seesTarget(tx, target)
	return !seen, err
}

// seesTarget returns the ACL of a target and whether the viewer sees it.
func (s *Session) seesTarget(tx *kv.Tx, id uint64) (auth.ACL, bool, error) {
	o, ok, err := s.a.seers.object(tx, id)
	return o, ok && s.p.Sees(s.v, o), err
}

// mayAddLooks bounds how many targets MayAddSomewhere looks at.
const mayAddLooks = 1000

// MayAddSomewhere reports whether the viewer may add datums to some target. It looks at mayAddLooks
// targets at most, and then reports true.
func (s *Session) MayAddSomewhere() (may bool, err error) {
	switch {
	case s.p.MayWrite(s.v) != nil:
		return false, nil
	case s.v.Everything():
		return true, nil
	}
	err = s.view(func(s *Session, tx *kv.Tx) error {
		left := mayAddLooks
		for _, g := range s.v.Grantees() {
			if g == auth.Anyone || g == auth.SignedIn {
				continue // they are granted no right to change
			}
			ids, _, err := targets.Set(tx, dimSeer, kv.Int(uint64(g))).Page(kv.Page{Limit: left})
			if err != nil {
				return err
			}
			for _, id := range ids {
				o, ok, err := s.a.seers.object(tx, id)
				if err != nil {
					return err
				}
				if may = ok && s.p.May(s.v, auth.Change, o); may {
					return nil
				}
			}
			if left -= len(ids); left == 0 {
				may = true
				return nil
			}
		}
		return nil
	})
	return may, err
}

// pathOf returns the path of a problem with a field of a list's item, or with the item when field
// is "".
func pathOf(list string, item int, field string) string {
	if field == "" {
		return fmt.Sprintf("%s.%d", list, item)
	}
	return fmt.Sprintf("%s.%d.%s", list, item, field)
}

// noSuchGroup is the same for missing groups and for groups of others.
const noSuchGroup = "There is no such group, or you do not belong to it."

// checkGroups finds the groups that an input names. Viewers may name their own groups; superusers
// may name all and, with fresh, new ones, whose id is 0 until makeGroups creates them.
func (s *Session) checkGroups(tx *kv.Tx, p *problem.List, path string, refs []auth.GroupRef,
	fresh bool) ([]auth.GroupRef, error) {
	if len(refs) > MaxGroups {
		tooManyElements(p, path, len(refs), MaxGroups)
		return nil, nil
	}
	var found []auth.GroupRef
	for i, r := range refs {
		field := "id"
		if r.ID == 0 {
			if field = "name"; r.Name == "" {
				if !p.Within(pathOf(path, i, "")) {
					p.Add(pathOf(path, i, ""), "A group is named by its id or its name.")
				}
				continue
			}
		}
		id, err := s.a.auth.FindGroup(tx, r)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			if fresh && field == "name" && s.v.Everything() {
				auth.CheckGroupName(p, pathOf(path, i, field), r.Name)
				found = append(found, auth.GroupRef{Name: r.Name})
			} else {
				p.Add(pathOf(path, i, field), noSuchGroup)
			}
		case err != nil:
			return nil, err
		case !s.v.MayName(id):
			p.Add(pathOf(path, i, field), noSuchGroup)
		default:
			found = append(found, auth.GroupRef{ID: id})
		}
	}
	return found, nil
}

// makeGroups creates the groups that have no id yet.
func (s *Session) makeGroups(tx *kv.WriteTx, refs []auth.GroupRef) (ids []uint64, err error) {
	for _, r := range refs {
		if r.ID == 0 {
			if r.ID, err = s.a.auth.MakeGroup(tx, r.Name); err != nil {
				return nil, err
			}
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// groupInfos describes the groups of a record, in their order, without deleted ones. A viewer who
// does not hold the record gets only their own groups.
func (s *Session) groupInfos(tx *kv.Tx, ids []uint64, holds bool) ([]auth.GroupInfo, error) {
	var list []auth.GroupInfo
	for _, id := range ids {
		if !holds && !s.v.MayName(id) {
			continue
		}
		name, err := s.a.auth.GroupName(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, auth.GroupInfo{ID: id, Name: name})
	}
	return list, nil
}

package archive

import (
	"context"
	"errors"
	"slices"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// GroupRights is a group with rights on a target.
type GroupRights struct {
	auth.GroupInfo
	Right auth.Right
}

// RightNotHeld is the problem with a right that the viewer would give without having it.
const RightNotHeld = "You do not have this right on the target yourself, so you cannot give it."

// TargetGroups lists the groups with rights on a target, in the order in which they got them: all
// for a viewer who may change the target, and otherwise the viewer's own. Error: NotFound.
func (s *Session) TargetGroups(id uint64) (list []GroupRights, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, err := s.target(tx, id)
		if err == nil {
			list, err = s.groupRights(tx, t)
		}
		return err
	})
	return list, err
}

func (s *Session) groupRights(tx *kv.Tx, t *Target) (list []GroupRights, err error) {
	o := t.Object()
	infos, err := s.groupInfos(tx, o.Groups(), s.v.Holds(auth.Change, o))
	for _, g := range infos {
		list = append(list, GroupRights{g, o.Of(auth.GroupGrantee(g.ID))})
	}
	return list, err
}

// TargetGroup reads the rights of one group on a target. Error: NotFound, also for a group without
// rights.
func (s *Session) TargetGroup(id, group uint64) (g GroupRights, err error) {
	list, err := s.TargetGroups(id)
	if err != nil {
		return g, err
	}
	at := slices.IndexFunc(list, func(g GroupRights) bool { return g.ID == group })
	if at < 0 {
		return g, problem.Missing("Group")
	}
	return list[at], nil
}

// Share makes the rights of a group on a target exactly r, with View; r must not be 0. The viewer
// must be allowed to change the target, can give only rights of their own, and only to groups that
// they can name, but can reduce the rights of any group. Errors: *problem.List, by the names of
// RightNames; NotFound; Forbidden.
func (s *Session) Share(ctx context.Context, id, group uint64, r auth.Right) (g GroupRights, err error) {
	r = r.WithView()
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		t, err := s.targetFor(tx.Tx, id, auth.Change)
		if err != nil {
			return err
		}
		o, to := auth.ACL{Visibility: t.Visibility, Grants: slices.Clone(t.Grants)}, auth.GroupGrantee(group)
		had := o.Of(to)
		if had&r != r && !s.v.MayName(group) {
			return problem.Missing("Group")
		}
		name, err := s.a.auth.GroupName(tx.Tx, group)
		if errors.Is(err, kv.ErrNotFound) {
			return problem.Missing("Group")
		}
		if err != nil {
			return err
		}
		p := new(problem.List)
		s.checkRights(p, "", o, had, r)
		(&targetPlan{in: new(TargetInput), t: t, groups: []auth.GroupRef{{ID: group}}}).checkSize(p, 0)
		if err := p.Err(); err != nil {
			return err
		}
		g = GroupRights{auth.GroupInfo{ID: group, Name: name}, r}
		if had == r {
			return nil
		}
		o.Set(to, r)
		t.Grants, t.Modified = o.Grants, tx.Now().UnixMicro()
		return targets.Put(tx, id, t)
	})
	return g, err
}

// RightNames are the rights by their names in the API.
var RightNames = []struct {
	Name  string
	Right auth.Right
}{{"view", auth.View}, {"change", auth.Change}, {"delete", auth.Delete}}

// givenRights returns the rights that an input gives to the group with index i. Unless the input
// says which, these are all rights of the viewer on the target, in addition to those that the group
// had: a TOM gives all.
func (s *Session) givenRights(pl *targetPlan, i int, group uint64) auth.Right {
	if r := pl.in.rights(i); r != 0 {
		return r
	}
	if pl.t.ID == 0 {
		return auth.AllRights
	}
	o := pl.t.Object()
	return s.v.Rights(o) | o.Of(auth.GroupGrantee(group))
}

// checkGivenRights adds problems for rights that the input gives and that the viewer does not have.
// The creator of a target has all.
func (s *Session) checkGivenRights(p *problem.List, pl *targetPlan) {
	if pl.t.ID == 0 || len(pl.groups) != len(pl.in.Groups) {
		return // some are wrong already
	}
	o := pl.t.Object()
	for i, g := range pl.groups {
		had := auth.Right(0)
		if g.ID != 0 {
			had = o.Of(auth.GroupGrantee(g.ID))
		}
		s.checkRights(p, pathOf("groups", i, ""), o, had, s.givenRights(pl, i, g.ID))
	}
}

// checkRights adds a problem for each right in r that the viewer lacks, unless the grantee had it
// already. path is that of the grantee in the input, "" for the input itself.
func (s *Session) checkRights(p *problem.List, path string, o auth.ACL, had, r auth.Right) {
	for _, one := range RightNames {
		if r&^had&^s.v.Rights(o)&one.Right != 0 {
			at := one.Name
			if path != "" {
				at = path + "." + one.Name
			}
			p.Add(at, RightNotHeld)
		}
	}
}

// Withdraw removes the grants of a group on a target. Errors: NotFound, also for a group without a
// grant; Forbidden.
func (s *Session) Withdraw(ctx context.Context, id, group uint64) error {
	return s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		t, err := s.targetFor(tx.Tx, id, auth.Change)
		if err != nil {
			return err
		}
		n := len(t.Grants)
		t.Grants = slices.DeleteFunc(t.Grants, func(g auth.Grant) bool { return g.To == auth.GroupGrantee(group) })
		if len(t.Grants) == n {
			return problem.Missing("Group")
		}
		t.Modified = tx.Now().UnixMicro()
		return targets.Put(tx, id, t)
	})
}

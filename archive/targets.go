package archive

import (
	"context"
	"errors"
	"slices"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// TargetView is a target as a viewer sees it.
type TargetView struct {
	*Target
	Groups []GroupRights
	Lists  []ListInfo
}

func (s *Session) targetView(tx *kv.Tx, t *Target) (*TargetView, error) {
	groups, err := s.groupRights(tx, t)
	if err != nil {
		return nil, err
	}
	lists, err := listInfos(tx, t.Lists)
	return &TargetView{t, groups, lists}, err
}

// CreateTarget creates a target. Its creator gets all rights on it, and so do the groups of the
// input for which it does not give others. Errors: *problem.List; *problem.Error.
func (s *Session) CreateTarget(ctx context.Context, in *TargetInput) (v *TargetView, err error) {
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		pl, err := s.planNew(tx.Tx, in)
		if err == nil {
			v, err = s.writeAndView(tx, pl)
		}
		return err
	})
	return v, err
}

// ChangeTarget changes the fields of a target that the input holds. With whole (PUT), the input
// must hold all fields that a new target needs. Errors: *problem.List; NotFound; Forbidden.
func (s *Session) ChangeTarget(ctx context.Context, id uint64, in *TargetInput, whole bool) (v *TargetView, err error) {
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		t, err := s.targetFor(tx.Tx, id, auth.Change)
		if err != nil {
			return err
		}
		pl, err := s.plan(tx.Tx, in, t, whole)
		if err == nil {
			v, err = s.writeAndView(tx, pl)
		}
		return err
	})
	return v, err
}

// IfTarget returns a session whose writes happen only if same returns nil for the target as the
// viewer sees it in the transaction that writes. Otherwise they fail with its error. Errors: those
// of same; NotFound.
func (s *Session) IfTarget(id uint64, same func(*TargetView) error) *Session {
	only := *s
	only.unchanged = func(s *Session, tx *kv.Tx) error {
		t, err := s.target(tx, id)
		if err != nil {
			return err
		}
		v, err := s.targetView(tx, t)
		if err != nil {
			return err
		}
		return same(v)
	}
	return &only
}

func (s *Session) writeAndView(tx *kv.WriteTx, pl *targetPlan) (*TargetView, error) {
	if err := s.write(tx, pl); err != nil {
		return nil, err
	}
	return s.targetView(tx.Tx, pl.t)
}

// MayChangeTarget reports whether the viewer may change a target. Error: NotFound.
func (s *Session) MayChangeTarget(id uint64) (yes bool, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, err := s.target(tx, id)
		if err == nil {
			yes = s.p.May(s.v, auth.Change, t.Object())
		}
		return err
	})
	return yes, err
}

// SeesTargets reports whether the viewer sees any target.
func (s *Session) SeesTargets() (some bool, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		n, err := visible(s, tx, targets, false).Count()
		some = n > 0
		return err
	})
	return some, err
}

// Target reads one target. Error: NotFound.
func (s *Session) Target(id uint64) (v *TargetView, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, err := s.target(tx, id)
		if err == nil {
			v, err = s.targetView(tx, t)
		}
		return err
	})
	return v, err
}

// DeleteTarget deletes a target with its data products, their files, its datums and its observation
// records. Errors: NotFound; Forbidden.
func (s *Session) DeleteTarget(ctx context.Context, id uint64) error {
	return s.free(ctx, func(s *Session, tx *kv.WriteTx) error {
		if _, err := s.targetFor(tx.Tx, id, auth.Delete); err != nil {
			return err
		}
		data, err := datums.Set(tx.Tx, dimTarget, kv.Int(id)).IDs()
		if err != nil {
			return err
		}
		files, err := products.Set(tx.Tx, dimTarget, kv.Int(id)).IDs()
		if err != nil {
			return err
		}
		obs, err := observations.Set(tx.Tx, dimTarget, kv.Int(id)).IDs()
		if err != nil {
			return err
		}
		if err := datums.DeleteAll(tx, data); err != nil {
			return err
		}
		for _, pid := range files {
			p, err := products.Get(tx.Tx, pid)
			if err == nil {
				err = errors.Join(tx.DropBlob(p.Blob), products.Delete(tx, pid))
			}
			if err != nil {
				return err
			}
		}
		if err := observations.DeleteAll(tx, obs); err != nil {
			return err
		}
		return targets.Delete(tx, id)
	})
}

// A Part is an alias or a tag of a target.
type Part struct {
	ID         uint64
	Key, Value string // of a tag
	Name       string // of an alias
}

// part finds the target of an alias or a tag, and its index there.
func (s *Session) part(tx *kv.Tx, kind byte, id uint64) (t *Target, at int, err error) {
	what := "TargetName"
	if kind == kindExtraID {
		what = "TargetExtra"
	}
	owner, ok, err := tx.Lookup(kind, idText(id))
	if err != nil {
		return nil, 0, err
	}
	if ok {
		if t, err = s.target(tx, owner); err == nil {
			if kind == kindAliasID {
				at = slices.IndexFunc(t.Aliases, func(a Alias) bool { return a.ID == id })
			} else {
				at = slices.IndexFunc(t.Extras, func(e Extra) bool { return e.ID == id })
			}
			return t, at, nil
		}
		var refused *problem.Error
		if !errors.As(err, &refused) {
			return nil, 0, err
		}
	}
	return nil, 0, problem.Missing(what)
}

// Alias reads an alias of a visible target. Error: NotFound.
func (s *Session) Alias(id uint64) (p Part, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, at, err := s.part(tx, kindAliasID, id)
		if err == nil {
			p = Part{ID: id, Name: t.Aliases[at].Name}
		}
		return err
	})
	return p, err
}

// Extra reads a tag of a visible target. Error: NotFound.
func (s *Session) Extra(id uint64) (p Part, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, at, err := s.part(tx, kindExtraID, id)
		if err == nil {
			p = Part{ID: id, Key: t.Extras[at].Key, Value: t.Extras[at].Value}
		}
		return err
	})
	return p, err
}

// DeleteAlias deletes an alias of a target that the viewer may change. Errors: NotFound; Forbidden.
func (s *Session) DeleteAlias(ctx context.Context, id uint64) error {
	return s.deletePart(ctx, kindAliasID, id)
}

// DeleteExtra deletes a tag of a target that the viewer may change. Errors: NotFound; Forbidden.
func (s *Session) DeleteExtra(ctx context.Context, id uint64) error {
	return s.deletePart(ctx, kindExtraID, id)
}

func (s *Session) deletePart(ctx context.Context, kind byte, id uint64) error {
	return s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		t, at, err := s.part(tx.Tx, kind, id)
		if err != nil {
			return err
		}
		if !s.p.May(s.v, auth.Change, t.Object()) {
			return problem.ErrForbidden
		}
		if kind == kindAliasID {
			t.Aliases = slices.Delete(t.Aliases, at, at+1)
			t.Named = tx.Seq()
		} else {
			t.Extras = slices.Delete(t.Extras, at, at+1)
		}
		t.Modified = tx.Now().UnixMicro()
		return targets.Put(tx, t.ID, t)
	})
}

// TargetState is when a target was last changed, and how many of its datums and data products the
// viewer sees.
type TargetState struct {
	Modified         int64 // microseconds of UTC since 1970
	Datums, Products RowCount
}

// RowCount is the number of rows that a viewer sees, and the highest of their ids, 0 for none.
type RowCount struct {
	Rows int
	Last uint64
}

// TargetState counts the visible datums and data products of a target, without reading them. Error:
// NotFound.
func (s *Session) TargetState(id uint64) (state TargetState, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, err := s.target(tx, id)
		if err != nil {
			return err
		}
		state.Modified = t.Modified
		data, err := s.datumSet(tx, DatumFilter{Target: Some(id)}, nil)
		if err == nil {
			state.Datums, err = countRows(data)
		}
		if err != nil {
			return err
		}
		shown, err := s.productSet(tx, ProductFilter{Target: Some(id)}, nil)
		if err == nil {
			state.Products, err = countRows(shown)
		}
		return err
	})
	return state, err
}

func countRows(set kv.Set) (c RowCount, err error) {
	last, n, err := set.Page(kv.Page{Limit: 1, Descending: true})
	if len(last) > 0 {
		c.Last = last[0]
	}
	c.Rows = n
	return c, err
}

package archive

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"nightjar/kv"
)

// ExportView is a reduced datum of an export, with its target's name.
type ExportView struct {
	DatumView
	TargetName string
}

// Export gives out all data that the viewer sees and that a filter lets through, by target and then
// by time. Look sees every datum first, in any order and before Out begins, for those who must know
// what is coming; nil if nobody must. A datum that goes meanwhile is left out.
func (s *Session) Export(ctx context.Context, f DatumFilter, look func(*DatumView) error, out Out[ExportView]) error {
	var q *nameQuery
	if f.TargetName != "" {
		q = s.a.findNames(ctx, f.TargetName)
	}
	var ids []uint64
	var places []exportPlace
	begun := s
	err := s.view(func(s *Session, tx *kv.Tx) error {
		begun = s
		set, err := s.dataSet(tx, f, q)
		if err == nil {
			ids, err = set.IDs()
		}
		return err
	})
	if err != nil {
		return err
	}
	read := datumRow()
	var row DatumView
	for from := 0; from < len(ids); from += rowsAtOnce {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := begun.viewOn(func(s *Session, tx *kv.Tx) error {
			for _, id := range ids[from:min(from+rowsAtOnce, len(ids))] {
				ok, err := read(s, tx, id, &row)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				places = append(places, exportPlace{row.Target, row.Time, id})
				if look != nil {
					if err := look(&row); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(places, func(a, b exportPlace) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.time, b.time), cmp.Compare(a.id, b.id))
	})
	for i := range places {
		ids[i] = places[i].id
	}
	ids = ids[:len(places)]
	var named uint64
	var name string
	return give(begun, ctx, out,
		func(*Session, *kv.Tx) ([]uint64, Extent, error) { return ids, Extent{Count: len(ids)}, nil },
		func(s *Session, tx *kv.Tx, id uint64, v *ExportView) (bool, error) {
			ok, err := read(s, tx, id, &v.DatumView)
			if err != nil || !ok {
				return false, err
			}
			if named != v.Target {
				t, err := targets.Get(tx, v.Target)
				if errors.Is(err, kv.ErrNotFound) {
					return false, nil
				}
				if err != nil {
					return false, err
				}
				named, name = v.Target, t.Name
			}
			v.TargetName = name
			return true, nil
		})
}

// exportPlace is where a datum stands in an export.
type exportPlace struct {
	target uint64
	time   int64
	id     uint64
}

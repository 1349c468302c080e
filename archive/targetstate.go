package archive

import "nightjar/kv"

// TargetState is what lists tell of a target: when it was changed, and how many datums and data
// products of it the viewer sees.
type TargetState struct {
	Modified         int64 // microseconds of UTC since 1970
	Datums, Products RowCount
}

// RowCount is how many rows a viewer sees, and the highest of their ids, 0 when there are none.
type RowCount struct {
	Rows int
	Last uint64
}

// TargetState counts what the viewer sees of a target, without reading it. A target that is
// missing, or hidden from the viewer, is refused as by Target.
func (s *Session) TargetState(id uint64) (state TargetState, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		t, err := s.target(tx, id)
		if err != nil {
			return err
		}
		state.Modified = t.Modified
		data, err := s.dataSet(tx, DatumFilter{Target: Some(id)}, nil)
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

// Commits returns a channel that holds a token when something was committed since it was last read,
// until stop is called.
func (a *Archive) Commits() (news <-chan struct{}, stop func()) { return a.watchers.add() }

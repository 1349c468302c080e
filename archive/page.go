package archive

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// Page selects a part of a list. By default, lists of targets and datums ascend by id, and those of
// products and observations descend, as a TOM's do.
type Page struct {
	Offset, Limit int
	Cursor        *Cursor // replaces Offset if not nil
}

// A Cursor locates a page by a row instead of a number, so that rows that are added or deleted
// meanwhile neither repeat nor hide others.
type Cursor struct {
	Place
	First  bool // the first page; the other fields do not matter
	Before bool // the rows before the place instead of those after it
}

// A Place is the position of a row in a list: its id, or in a list by time its time and then its
// id. The row may have been deleted.
type Place struct {
	Time int64 // 0 in a list by id
	ID   uint64
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
}

// Extent describes a page.
type Extent struct {
	Count         int   // rows of the whole list
	First, Last   Place // of the page; the place of the cursor when the page is empty
	Before, After bool  // whether there are rows before and after the page
	State         State // that the transaction read which found the page
}

// Out takes the answer to a list query. Begin is called first. Row is called inside a transaction:
// it must not block, and its argument is valid until it returns. Flush is called between
// transactions, after about a thousand rows, and at the end: it may send the answer. A nil function
// is not called; without Row no row is read.
type Out[T any] struct {
	Begin func(Extent) error
	Row   func(*T) error
	Flush func() error
	// Full reports that enough rows came for Flush to send, which is then called before the next
	// row; nil is never full.
	Full func() bool
}

// rowsAtOnce is how many rows one transaction sends.
const rowsAtOnce = 1000

// reader reads a row of a list into reused memory. It returns false for a row that was deleted, and
// auth.ErrRightsEnded for one that the viewer no longer sees: by the sets, it was visible when the
// list began.
type reader[T any] func(s *Session, tx *kv.Tx, id uint64, row *T) (bool, error)

// sendPage sends a page of rows: the first ones in the transaction that found them, the others in
// further transactions, each with the viewer's current rights.
func sendPage[T any](s *Session, ctx context.Context, out Out[T],
	find func(s *Session, tx *kv.Tx) (ids []uint64, extent Extent, err error), read reader[T]) error {
	var ids []uint64
	var row T
	some := func(s *Session, tx *kv.Tx) error {
		n := 0
		for n < min(len(ids), rowsAtOnce) && (n == 0 || out.Full == nil || !out.Full()) {
			ok, err := read(s, tx, ids[n], &row)
			if err == nil && ok {
				err = out.Row(&row)
			}
			if err != nil {
				return err
			}
			n++
		}
		ids = ids[n:]
		return nil
	}
	begun := s
	err := s.view(func(s *Session, tx *kv.Tx) error {
		begun = s
		found, extent, err := find(s, tx)
		if err != nil {
			return err
		}
		if out.Begin != nil {
			if extent.State, err = s.state(tx); err != nil {
				return err
			}
			if err := out.Begin(extent); err != nil {
				return err
			}
		}
		if out.Row == nil {
			return nil
		}
		ids = found
		return some(s, tx)
	})
	for err == nil {
		if out.Flush != nil {
			err = out.Flush()
		}
		if err != nil || len(ids) == 0 {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = begun.viewOn(some)
	}
	return err
}

// noCursor refuses a cursor for a list that is not ordered by id.
func (p Page) noCursor(by string) error {
	if p.Cursor != nil {
		return problem.Invalid("pagination_style", "Pages by cursor go by id: leave %s out.", by)
	}
	return nil
}

// of returns the page of a set by id.
func (p Page) of(set kv.Set, descending bool) ([]uint64, Extent, error) {
	page := kv.Page{Offset: p.Offset, Limit: p.Limit, Descending: descending}
	var at Place
	if c := p.Cursor; c != nil && !c.First {
		at = c.Place
		below, err := set.Rank(at.ID)
		if err != nil {
			return nil, Extent{}, err
		}
		through, err := set.Rank(at.ID + 1)
		if err != nil {
			return nil, Extent{}, err
		}
		if descending {
			n, err := set.Count()
			if err != nil {
				return nil, Extent{}, err
			}
			below, through = n-through, n-below
		}
		page.Offset, page.Limit = c.from(below, through, p.Limit)
	}
	ids, count, err := set.Page(page)
	return ids, extentOf(page, count, ids, at), err
}

// from returns the offset and the limit of a cursor's page; before counts the rows before its
// place, and through those before or at it.
func (c *Cursor) from(before, through, limit int) (offset, most int) {
	if !c.Before {
		return through, limit
	}
	offset = max(0, before-limit)
	return offset, before - offset
}

func extentOf(page kv.Page, count int, ids []uint64, at Place) Extent {
	e := Extent{Count: count, First: at, Last: at, Before: page.Offset > 0 && count > 0,
		After: page.Offset+len(ids) < count}
	if len(ids) > 0 {
		e.First, e.Last = Place{ID: ids[0]}, Place{ID: ids[len(ids)-1]}
	}
	return e
}

// ofSorted returns the page of rows in another order than by id.
func (p Page) ofSorted(sorted []uint64, descending bool) ([]uint64, Extent) {
	if descending {
		slices.Reverse(sorted)
	}
	page := kv.Page{Offset: p.Offset, Limit: p.Limit}
	ids := cut(sorted, page)
	return ids, extentOf(page, len(sorted), ids, Place{})
}

// ofWalk returns the page of a set in an order of places: up walks through them from first to last
// and down, if not nil, from last to first. The cost grows with the number of places between the
// page and the nearer end.
func (p Page) ofWalk(set kv.Set, descending bool, up, down iter.Seq2[[]byte, uint64]) ([]uint64, Extent, error) {
	page := kv.Page{Offset: p.Offset, Limit: p.Limit}
	count, err := set.Count()
	if err != nil {
		return nil, Extent{}, err
	}
	offset := min(p.Offset, count)
	rows := min(p.Limit, count-offset)
	before := offset // rows of the set before the page, in the direction of the walk
	if descending {
		before = count - offset - rows
	}
	walk, turned := up, descending
	if after := count - before - rows; down != nil && after < before {
		walk, turned, before = down, !descending, after
	}
	ids := make([]uint64, 0, min(rows, 1000))
	for _, id := range walk {
		if len(ids) == rows {
			break
		}
		in, err := set.Has(id)
		switch {
		case err != nil:
			return nil, Extent{}, err
		case !in:
		case before > 0:
			before--
		default:
			ids = append(ids, id)
		}
	}
	if turned {
		slices.Reverse(ids)
	}
	return ids, extentOf(page, count, ids, Place{}), nil
}

// cut returns a page of a sorted list.
func cut[T any](sorted []T, p kv.Page) []T {
	first := min(p.Offset, len(sorted))
	return sorted[first : first+min(p.Limit, len(sorted)-first)]
}

// ofPlaces returns the page of rows that are sorted by their places.
func (p Page) ofPlaces(places []Place, descending bool) ([]uint64, Extent) {
	page := kv.Page{Offset: p.Offset, Limit: p.Limit}
	var at Place
	if descending {
		slices.Reverse(places)
	}
	if c := p.Cursor; c != nil && !c.First {
		at = c.Place
		order := comparePlaces
		if descending {
			order = func(a, b Place) int { return comparePlaces(b, a) }
		}
		below, there := slices.BinarySearchFunc(places, at, order)
		through := below
		if there {
			through++
		}
		page.Offset, page.Limit = c.from(below, through, p.Limit)
	}
	part := cut(places, page)
	ids := make([]uint64, len(part))
	for i := range part {
		ids[i] = part[i].ID
	}
	e := extentOf(page, len(places), ids, at)
	if len(part) > 0 {
		e.First, e.Last = part[0], part[len(part)-1]
	}
	return ids, e
}

// Collect gathers the answer to a list query in memory, for tests.
func Collect[T any](query func(Out[T]) error) (rows []T, count int, err error) {
	err = query(Out[T]{
		Begin: func(e Extent) error { count = e.Count; return nil },
		Row:   func(r *T) error { rows = append(rows, *r); return nil },
	})
	return rows, count, err
}

// Opt is a value of an input that may be absent or null, as a PATCH distinguishes.
type Opt[T any] struct {
	Given bool
	Null  bool
	Value T
}

// Some returns a given value.
func Some[T any](v T) Opt[T] { return Opt[T]{Given: true, Value: v} }

// or returns the value, or other when it is absent or null.
func (o Opt[T]) or(other T) T {
	if o.Given && !o.Null {
		return o.Value
	}
	return other
}

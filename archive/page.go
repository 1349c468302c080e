package archive

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// Page asks for a part of a list. Lists of targets and datums ascend by id and those of products
// and observations descend, as a TOM's do, unless another order is asked for.
type Page struct {
	Offset, Limit int
	Cursor        *Cursor // where the page lies, in place of Offset; nil for Offset
}

// A Cursor says where a page lies by a row rather than by a number, so that rows which are added or
// deleted meanwhile neither repeat nor hide others.
type Cursor struct {
	Place
	First  bool // the first page; nothing else counts
	Before bool // the rows before the place, not those after it
}

// A Place is where a row stands in a list: at its id, or in a list by time at its time and then its
// id. The row itself may have gone.
type Place struct {
	Time int64 // 0 in a list by id
	ID   uint64
}

func comparePlaces(a, b Place) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.ID, b.ID))
}

// Extent says what a page is of its list.
type Extent struct {
	Count         int   // of the rows that the query has without its page
	First, Last   Place // of the page; those of the cursor when the page is empty
	Before, After bool  // there are rows before the page, and after it
}

// Out takes the answer to a list query, row by row. Begin comes first, with what the page is; Row
// is called inside of a transaction: it must not wait for anybody, and what it is given dies when
// it returns. Flush is called between transactions, after every thousand rows or so and at the end:
// there the answer may be sent. What is nil is not called; without Row no row is read.
type Out[T any] struct {
	Begin func(Extent) error
	Row   func(*T) error
	Flush func() error
	// Full reports that enough was given out to be sent: no further row comes before Flush. nil is
	// never full.
	Full func() bool
}

// rowsAtOnce is how many rows one transaction gives out.
const rowsAtOnce = 1000

// reader reads a row of a list into memory that is used again. It reports false for a row that has
// gone, and auth.ErrRightsEnded for one that the viewer sees no longer: sets have said that the
// viewer saw it when the list began.
type reader[T any] func(s *Session, tx *kv.Tx, id uint64, row *T) (bool, error)

// give writes a page of ids out: the first rows in the transaction that found them, further ones in
// transactions of their own, each with the rights that the viewer has then.
func give[T any](s *Session, ctx context.Context, out Out[T],
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

// noCursor refuses a cursor where a list is not by id.
func (p Page) noCursor(by string) error {
	if p.Cursor != nil {
		return problem.Invalid("pagination_style", "Pages by cursor go by id: leave %s out.", by)
	}
	return nil
}

// of is the page of a set by id.
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

// from turns a cursor into the offset and the limit of its page, when so many rows stand before its
// place, and before or at it.
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

// ofSorted is the page of rows that were sorted by something else than their ids.
func (p Page) ofSorted(sorted []uint64, descending bool) ([]uint64, Extent) {
	if descending {
		slices.Reverse(sorted)
	}
	page := kv.Page{Offset: p.Offset, Limit: p.Limit}
	ids := cut(sorted, page)
	return ids, extentOf(page, len(sorted), ids, Place{})
}

// ofWalk is the page of a set in an order of places: up walks through them from the first to the
// last, and down, where it is not nil, the other way. What it costs grows with the number of places
// between the page and the nearer end.
func (p Page) ofWalk(set kv.Set, descending bool, up, down iter.Seq2[[]byte, uint64]) ([]uint64, Extent, error) {
	page := kv.Page{Offset: p.Offset, Limit: p.Limit}
	count, err := set.Count()
	if err != nil {
		return nil, Extent{}, err
	}
	offset := min(p.Offset, count)
	rows := min(p.Limit, count-offset)
	before := offset // the rows of the set before the page, in the direction of the walk
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

// cut takes a page out of a sorted list.
func cut[T any](sorted []T, p kv.Page) []T {
	first := min(p.Offset, len(sorted))
	return sorted[first : first+min(p.Limit, len(sorted)-first)]
}

// ofPlaces is the page of rows that are sorted by their places.
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

// Opt is a value that may be absent, or null, in what somebody sends: a PATCH tells the three
// apart.
type Opt[T any] struct {
	Given bool
	Null  bool
	Value T
}

// Some is a given value.
func Some[T any](v T) Opt[T] { return Opt[T]{Given: true, Value: v} }

// or is the value, or another when it is absent or null.
func (o Opt[T]) or(other T) T {
	if o.Given && !o.Null {
		return o.Value
	}
	return other
}

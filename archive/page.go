package archive

import (
	"context"

	"nightjar/kv"
)

// Page asks for a part of a list. Lists of targets, data and observations ascend by id and those of products and observations descend, as a TOM's do, unless
// another order is asked for.
type Page struct {
	Offset, Limit int
}

// Out takes the answer to a list query, row by row. Begin comes first, with the number of rows that the query has without its page; Row is called inside of a transaction: it must not wait
// for anybody, and what it is given dies when it returns. Flush is called between transactions, after every thousand rows or
// so and at the end: there the answer may be sent.
type Out[T any] struct {
	Begin func(count int) error
	Row   func(*T) error
	Flush func() error
}

// rowsAtOnce is how many rows one transaction gives out.
const rowsAtOnce = 1000

// give writes a page of ids out: the first rows in the transaction that found them, further ones in transactions of their own. read
// reports false for a row that has gone, or out of sight, meanwhile.
func give[T any](s *Access, ctx context.Context, out Out[T], find func(tx *kv.Tx) (ids []uint64, count int, err error),
	read func(tx *kv.Tx, id uint64, row *T) (bool, error)) error {
	var ids []uint64
	var row T
	some := func(tx *kv.Tx) error {
		n := min(len(ids), rowsAtOnce)
		for _, id := range ids[:n] {
			ok, err := read(tx, id, &row)
			if err == nil && ok {
				err = out.Row(&row)
			}
			if err != nil {
				return err
			}
		}
		ids = ids[n:]
		return nil
	}
	err := s.view(func(tx *kv.Tx) error {
		found, count, err := find(tx)
		if err != nil {
			return err
		}
		ids = found
		if err := out.Begin(count); err != nil {
			return err
		}
		return some(tx)
	})
	for err == nil {
		if err = out.Flush(); err != nil || len(ids) == 0 {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err = s.view(some)
	}
	return err
}

// Collect gathers the answer to a list query in memory: for tests, and for lists that are known to be short.
func Collect[T any](query func(Out[T]) error) (rows []T, count int, err error) {
	err = query(Out[T]{
		Begin: func(n int) error { count = n; return nil },
		Row:   func(r *T) error { rows = append(rows, *r); return nil },
		Flush: func() error { return nil },
	})
	return rows, count, err
}

// Opt is a value that may be absent, or null, in what somebody sends: a PATCH tells the three apart.
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

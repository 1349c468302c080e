package api

import (
	"context"
	"net/http"
	"slices"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

// column writes one member of a row. The columns of a resource are its fields that are not
// write-only, in the order in which they are answered.
type column[T any] struct {
	name  string
	write func(w *wire.Writer, v *T)
}

// writeRow writes an object of columns.
func writeRow[T any](w *wire.Writer, columns []column[T], v *T) {
	w.Open('{')
	writeColumns(w, columns, v)
	w.End('}')
}

func writeColumns[T any](w *wire.Writer, columns []column[T], v *T) {
	for i := range columns {
		w.Key(columns[i].name)
		columns[i].write(w, v)
	}
}

// names lists what columns are called.
func names[T any](columns []column[T]) []string {
	list := make([]string, len(columns))
	for i := range columns {
		list[i] = columns[i].name
	}
	return list
}

// getPart answers with one small object by its id.
func getPart[T any](r *request, get func(uint64) (T, error), write func(*wire.Writer, *T)) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	v, err := get(id)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	write(&w, &v)
	return &answer{status: http.StatusOK, body: w.Buf}, nil
}

// deleteByID deletes one object by its id.
func deleteByID(r *request, del func(context.Context, uint64) error) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if err := del(r.Context(), id); err != nil {
		return nil, err
	}
	return noContent()
}

// pickColumns leaves out the columns that are not wanted. asked are further ones, which are written
// only when they are named.
func pickColumns[T any](r *request, columns []column[T], asked ...column[T]) []column[T] {
	if r.picked == nil {
		return columns
	}
	return slices.DeleteFunc(slices.Concat(columns, asked), func(c column[T]) bool { return !r.picked[c.name] })
}

// shortList answers with a list that is read at once.
func shortList[T any](r *request, read func(archive.Page) ([]T, int, error),
	write func(*wire.Writer, *T)) (*answer, error) {
	return r.list(func(l *listWriter) error {
		list, count, err := read(l.page)
		if err != nil {
			return err
		}
		l.begin(archive.Extent{Count: count})
		for i := range list {
			write(&l.Writer, &list[i])
		}
		return nil
	})
}

// record reads the body as a record of some fields.
func (r *request) record(fields []wire.Field, part bool) (wire.Record, error) {
	in, err := r.input()
	if err != nil {
		return wire.Record{}, err
	}
	p := new(problem.List)
	rec := wire.Decode(fields, in, part, p, "")
	return rec, p.Err()
}

// written answers with what fn writes.
func (r *request) written(status int, fn func(*wire.Writer)) (*answer, error) {
	var w wire.Writer
	fn(&w)
	return &answer{status: status, body: w.Buf}, nil
}

// optID is an id that may have been given.
func optID(id uint64, given bool) archive.Opt[uint64] {
	return archive.Opt[uint64]{Given: given, Value: id}
}

func optText(g *wire.Given) archive.Opt[string] {
	return archive.Opt[string]{Given: g.Given, Null: g.Null, Value: g.Text}
}

func optFloat(g *wire.Given) archive.Opt[float64] {
	return archive.Opt[float64]{Given: g.Given, Null: g.Null, Value: g.Float}
}

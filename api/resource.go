package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

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

// pickColumns leaves out the columns that are not wanted. asked are further ones, which are written
// only when they are named.
func pickColumns[T any](r *request, columns []column[T], asked ...column[T]) []column[T] {
	if r.picked == nil {
		return columns
	}
	return slices.DeleteFunc(slices.Concat(columns, asked), func(c column[T]) bool { return !r.picked[c.name] })
}

// flushAt is how much of a long list is gathered before it is sent. Shorter answers are sent as a
// whole.
const flushAt = 256 << 10

// maxPageRows is how many rows of a list a page for a browser shows, whatever limit is asked for,
// and maxPageText after how many bytes of JSON no further row of it is read.
const (
	maxPageRows = 100
	maxPageText = 1 << 20
)

// errPageFull ends a query for a page that shows only the beginning of its answer.
var errPageFull = errors.New("the page is full")

// listWriter writes a page of a list: short ones as one answer, long ones as a stream.
type listWriter struct {
	wire.Writer
	r      *request
	page   archive.Page
	stream bool // the head of the answer has been sent
}

func newListWriter(r *request, page archive.Page) *listWriter {
	return &listWriter{Writer: wire.Writer{Buf: newBody()}, r: r, page: page}
}

// begin writes what stands before the rows.
func (l *listWriter) begin(e archive.Extent) error {
	base := l.r.base() + l.r.URL.EscapedPath()
	var next, previous string
	if l.page.Cursor != nil {
		next, previous = cursorLinks(base, l.r, l.page, e)
	} else {
		next, previous = links(base, l.r.query, l.page, e.Count)
	}
	link := func(key, url string) {
		l.Key(key)
		if url == "" {
			l.Null()
		} else {
			l.Text(url)
		}
	}
	l.Open('{')
	l.IntMember("count", int64(e.Count))
	link("next", next)
	link("previous", previous)
	l.Key("results")
	l.Open('[')
	return nil
}

// full reports that much was gathered.
func (l *listWriter) full() bool { return len(l.Buf) >= flushAt }

// checkPageFull ends the query when a page shows no more than what was gathered.
func (l *listWriter) checkPageFull() error {
	if l.r.html && len(l.Buf) > maxPageText {
		return errPageFull
	}
	return nil
}

// flush sends what has been gathered, when it is much.
func (l *listWriter) flush() error {
	if !l.full() || l.r.html {
		return nil
	}
	if !l.stream {
		if err := l.r.takeLong(); err != nil {
			return err
		}
		l.stream = true
		l.r.w.Header().Set("Content-Type", typeJSON)
		l.r.w.WriteHeader(http.StatusOK)
	}
	_, err := l.r.w.Write(l.Buf)
	l.Buf = l.Buf[:0]
	return err
}

// list answers with a page of a list, which run gives out.
func (r *request) list(run func(l *listWriter) error) (*answer, error) {
	if r.strict() {
		if err := strictPage(r.query); err != nil {
			return nil, err
		}
	}
	l := newListWriter(r, parsePage(r.query))
	if r.html && l.page.Limit > maxPageRows {
		l.page.Limit, r.rowsCapped = maxPageRows, true
	}
	if r.route.cursors {
		c, err := parseCursor(r)
		if err != nil {
			return nil, err
		}
		l.page.Cursor = c
	}
	err := run(l)
	if err == nil {
		l.End(']')
		l.End('}')
	}
	return l.finish(err)
}

// finish answers with what has been written; err is that of the query.
func (l *listWriter) finish(err error) (*answer, error) {
	switch {
	case errors.Is(err, errPageFull):
		return &answer{status: http.StatusOK, body: l.Buf, cut: true}, nil
	case err != nil && l.stream:
		l.r.api.abort(l.r.Request, err)
	case err != nil:
		return nil, err
	case !l.stream:
		return &answer{status: http.StatusOK, body: l.Buf, reusable: true}, nil
	}
	l.r.w.Write(l.Buf)
	freeBody(l.Buf)
	return &answer{sent: true}, nil
}

// rows is the archive's Out of a list whose rows have these columns, and those of asked that were
// asked for.
func rows[T any](l *listWriter, columns []column[T], asked ...column[T]) archive.Out[T] {
	columns = pickColumns(l.r, columns, asked...)
	return archive.Out[T]{
		Begin: l.begin,
		Row:   func(v *T) error { writeRow(&l.Writer, columns, v); return l.checkPageFull() },
		Flush: l.flush,
		Full:  l.full,
	}
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

// pageOf returns a page of a list that was read whole.
func pageOf[T any](list []T, p archive.Page) []T {
	first := min(p.Offset, len(list))
	return list[first : first+min(p.Limit, len(list)-first)]
}

// getByID answers with one small object by its id.
func getByID[T any](r *request, get func(uint64) (T, error), write func(*wire.Writer, *T)) (*answer, error) {
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

// bodies keeps buffers of answers for use again.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// maxKept is the largest buffer that is kept; what is longer than that is sent as a stream.
const maxKept = 2 * flushAt

func newBody() []byte { return (*bodies.Get().(*[]byte))[:0] }

func freeBody(b []byte) {
	if cap(b) <= maxKept {
		bodies.Put(&b)
	}
}

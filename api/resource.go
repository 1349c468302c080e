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
// write-only, in the order of the answer.
type column[T any] struct {
	name  string
	write func(w *wire.Writer, v *T)
}

// writeRow writes a row as an object.
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

// names lists the names of columns.
func names[T any](columns []column[T]) []string {
	list := make([]string, len(columns))
	for i := range columns {
		list[i] = columns[i].name
	}
	return list
}

// pickColumns returns the columns that the client wants. optional columns are written only when
// fields= names them.
func pickColumns[T any](r *request, columns []column[T], optional ...column[T]) []column[T] {
	if r.picked == nil {
		return columns
	}
	return slices.DeleteFunc(slices.Concat(columns, optional), func(c column[T]) bool { return !r.picked[c.name] })
}

// flushAt is the size in bytes from which a list is sent in parts. Shorter answers are sent whole.
const flushAt = 256 << 10

// A page for a browser shows at most maxPageRows rows of a list, whatever the limit, and reads no
// further row after maxPageText bytes of JSON.
const (
	maxPageRows = 100
	maxPageText = 1 << 20
)

// errPageFull ends a query when a page cannot show more of its answer.
var errPageFull = errors.New("the page is full")

// listWriter writes a page of a list: a short one as one answer, a long one as a stream.
type listWriter struct {
	wire.Writer
	r       *request
	page    archive.Page
	started bool // the head of the answer has been sent
}

func newListWriter(r *request, page archive.Page) *listWriter {
	return &listWriter{Writer: wire.Writer{Buf: newBody()}, r: r, page: page}
}

// begin writes what comes before the rows.
func (l *listWriter) begin(e archive.Extent) error {
	if l.r.route.cacheable {
		l.r.w.Header().Set("ETag", l.r.stateTag(&e.State))
	}
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

// full reports whether enough is buffered to be sent.
func (l *listWriter) full() bool { return len(l.Buf) >= flushAt }

// checkPageFull ends the query if a page for a browser cannot show more.
func (l *listWriter) checkPageFull() error {
	if l.r.html && len(l.Buf) > maxPageText {
		return errPageFull
	}
	return nil
}

// flush sends what is buffered, if that is enough.
func (l *listWriter) flush() error {
	if !l.full() || l.r.html {
		return nil
	}
	if !l.started {
		if err := l.r.takeLong(); err != nil {
			return err
		}
		l.started = true
		if l.r.longTag != "" {
			l.r.w.Header().Set("ETag", l.r.longTag)
		}
		l.r.w.Header().Set("Content-Type", typeJSON)
		l.r.w.WriteHeader(http.StatusOK)
	}
	_, err := l.r.w.Write(l.Buf)
	l.Buf = l.Buf[:0]
	return err
}

// list answers with a page of a list, which run writes.
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

// finish answers with what has been written; err is the error of the query.
func (l *listWriter) finish(err error) (*answer, error) {
	switch {
	case errors.Is(err, errPageFull):
		return &answer{status: http.StatusOK, body: l.Buf, cut: true}, nil
	case err != nil && l.started:
		l.r.api.abort(l.r.Request, err)
	case err != nil:
		return nil, err
	case !l.started:
		return &answer{status: http.StatusOK, body: l.Buf, reusable: true}, nil
	}
	l.r.w.Write(l.Buf)
	freeBody(l.Buf)
	return &answer{sent: true}, nil
}

// rows returns the archive's Out for a list with these columns, and with those of optional that the
// client asked for.
func rows[T any](l *listWriter, columns []column[T], optional ...column[T]) archive.Out[T] {
	columns = pickColumns(l.r, columns, optional...)
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

// pageOf returns a page of a list that is in memory.
func pageOf[T any](list []T, p archive.Page) []T {
	first := min(p.Offset, len(list))
	return list[first : first+min(p.Limit, len(list)-first)]
}

// getByID answers with one small object.
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

// deleteByID deletes one object.
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

// record reads the body as a record of these fields.
func (r *request) record(fields []wire.Field, part bool) (wire.Record, error) {
	in, err := r.input()
	if err != nil {
		return wire.Record{}, err
	}
	p := new(problem.List)
	rec := wire.Decode(fields, in, part, p, "")
	return rec, p.Err()
}

// optID returns an id that may be missing.
func optID(id uint64, given bool) archive.Opt[uint64] {
	return archive.Opt[uint64]{Given: given, Value: id}
}

func optText(g *wire.Given) archive.Opt[string] {
	return archive.Opt[string]{Given: g.Given, Null: g.Null, Value: g.Text}
}

func optFloat(g *wire.Given) archive.Opt[float64] {
	return archive.Opt[float64]{Given: g.Given, Null: g.Null, Value: g.Float}
}

// bodies is a pool of buffers for answers.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// maxKept is the capacity of the largest buffer in the pool, in bytes. Longer answers are sent as a
// stream.
const maxKept = 2 * flushAt

func newBody() []byte { return (*bodies.Get().(*[]byte))[:0] }

func freeBody(b []byte) {
	if cap(b) <= maxKept {
		bodies.Put(&b)
	}
}

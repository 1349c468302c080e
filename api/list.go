package api

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

// Parameters that every list understands.
var listParameters = []wire.Filter{
	{Name: "limit", Kind: wire.Integer, Help: "How many rows at the most, 100 if not given."},
	{Name: "offset", Kind: wire.Integer, Help: "How many rows to leave out at the beginning."},
}

// Parameters of lists that can be read by cursor.
var cursorParameters = []wire.Filter{
	{Name: "pagination_style", Kind: wire.Selected, Choices: []string{"offset", "cursor"},
		Help: "How pages follow each other: by the number of rows before them, or by the row that they begin after, which stays right while rows are added and deleted."},
	{Name: "cursor", Kind: wire.Text, Help: "Where the page is, out of next or previous of another one."},
}

// defaultLimit is how many rows a page has when nothing is said, and maxLimit how many it may have.
const (
	defaultLimit = 100
	maxLimit     = 1 << 31
)

// parsePage reads limit and offset; what is no good number counts as not given, and one that is too
// large as the largest.
func parsePage(query url.Values) archive.Page {
	page := archive.Page{Limit: defaultLimit}
	positive := func(name string) int64 {
		n, err := strconv.ParseInt(wire.Last(query, name), 10, 64) // the nearest number where it is out of range
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0
		}
		return max(n, 0)
	}
	if n := positive("limit"); n > 0 {
		page.Limit = int(min(n, maxLimit, math.MaxInt))
	}
	page.Offset = int(min(positive("offset"), math.MaxInt))
	return page
}

// strictPage refuses a limit and an offset that would count as not given.
func strictPage(query url.Values) error {
	p := new(problem.List)
	for least, name := range []string{"offset", "limit"} {
		if s := wire.Last(query, name); s != "" {
			if n, ok := wire.ParseWholeNumber(s); !ok || n < uint64(least) || strings.HasPrefix(s, "-") {
				p.Add(name, "This must be a whole number, at least %d.", least)
			}
		}
	}
	return p.Err()
}

// parseCursor reads where a page by cursor lies; nil when pages go by offset.
func parseCursor(r *request) (*archive.Cursor, error) {
	text := wire.Last(r.query, "cursor")
	switch style := wire.Last(r.query, "pagination_style"); {
	case style == "offset", style == "" && text == "":
		return nil, nil
	case style != "" && style != "cursor":
		return nil, problem.Invalid("pagination_style", wire.NotAChoice, style)
	case text == "":
		return &archive.Cursor{First: true}, nil
	}
	bad := &httpError{status: http.StatusNotFound, detail: "Invalid cursor"}
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, bad
	}
	parts := strings.Split(string(b), " ")
	if len(parts) != 4 || parts[0] != orderOf(r) || parts[1] != "after" && parts[1] != "before" {
		return nil, bad // also one of a list in another order
	}
	c := &archive.Cursor{Before: parts[1] == "before"}
	var err1, err2 error
	c.Time, err1 = strconv.ParseInt(parts[2], 10, 64)
	c.ID, err2 = strconv.ParseUint(parts[3], 10, 63)
	if err1 != nil || err2 != nil {
		return nil, bad
	}
	return c, nil
}

// orderOf is the order that a list was asked for, which a cursor belongs to.
func orderOf(r *request) string {
	for _, name := range []string{"ordering", "order"} {
		if s := wire.Last(r.query, name); s != "" {
			return url.QueryEscape(s)
		}
	}
	return "-"
}

// cursorLinks are the addresses of the next and the previous page by cursor, "" for none.
func cursorLinks(base string, r *request, page archive.Page, e archive.Extent) (next, previous string) {
	at := func(side string, p archive.Place) string {
		q := url.Values{}
		for k, v := range r.query {
			q[k] = v
		}
		q.Set("limit", strconv.Itoa(page.Limit))
		q.Set("pagination_style", "cursor")
		text := orderOf(r) + " " + side + " " + strconv.FormatInt(p.Time, 10) + " " + strconv.FormatUint(p.ID, 10)
		q.Set("cursor", base64.RawURLEncoding.EncodeToString([]byte(text)))
		return base + "?" + q.Encode()
	}
	if e.After {
		next = at("after", e.Last)
	}
	if e.Before {
		previous = at("before", e.First)
	}
	return next, previous
}

// links are the addresses of the next and the previous page, "" for none.
func links(base string, query url.Values, page archive.Page, count int) (next, previous string) {
	at := func(offset int) string {
		q := url.Values{}
		for k, v := range query {
			q[k] = v
		}
		q.Set("limit", strconv.Itoa(page.Limit))
		q.Set("offset", strconv.Itoa(offset))
		if offset <= 0 {
			q.Del("offset")
		}
		return base + "?" + q.Encode()
	}
	if page.Offset < count-page.Limit {
		next = at(page.Offset + page.Limit)
	}
	if page.Offset > 0 {
		previous = at(max(page.Offset-page.Limit, 0))
	}
	return next, previous
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

// errEnough ends a query for a page that shows only the beginning of its answer.
var errEnough = errors.New("the page is full")

// listWriter writes a page of a list: short ones as one answer, long ones as a stream.
type listWriter struct {
	wire.Writer
	r      *request
	page   archive.Page
	stream bool // the head of the answer has been sent
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

// enough ends the query when a page shows no more than what was gathered.
func (l *listWriter) enough() error {
	if l.r.html && len(l.Buf) > maxPageText {
		return errEnough
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
	l := &listWriter{r: r, page: parsePage(r.query)}
	if r.html && l.page.Limit > maxPageRows {
		l.page.Limit, r.fewer = maxPageRows, true
	}
	l.Buf = newBody()
	if r.route.cursors {
		c, err := parseCursor(r)
		if err != nil {
			return nil, err
		}
		l.page.Cursor = c
	}
	err := run(l)
	if errors.Is(err, errEnough) {
		return &answer{status: http.StatusOK, body: l.Buf, cut: true}, nil
	}
	if err != nil {
		if l.stream {
			r.api.breakOff(r.Request, err)
		}
		return nil, err
	}
	l.End(']')
	l.End('}')
	if !l.stream {
		return &answer{status: http.StatusOK, body: l.Buf, again: true}, nil
	}
	r.w.Write(l.Buf)
	freeBody(l.Buf)
	return &answer{sent: true}, nil
}

// rows is the archive's Out of a list whose rows have these columns, and those of asked that were
// asked for.
func rows[T any](l *listWriter, columns []column[T], asked ...column[T]) archive.Out[T] {
	columns = pickColumns(l.r, columns, asked...)
	return archive.Out[T]{
		Begin: l.begin,
		Row:   func(v *T) error { writeRow(&l.Writer, columns, v); return l.enough() },
		Flush: l.flush,
		Full:  l.full,
	}
}

package api

import (
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

// commonParameters are the parameters of every route.
var commonParameters = []wire.Filter{
	{Name: "format", Kind: wire.Selected, Help: "The form of the answer.", Choices: []string{"json", "api"}},
	{Name: "strict", Kind: wire.Boolean, Help: "Refuse unknown query parameters " +
		"instead of naming them in the header Nightjar-Unknown-Parameters. The header Prefer: handling=strict does " +
		"the same."},
}

// exportFormats are the formats in which format= exports a whole list.
var exportFormats = []string{"csv", "ecsv", "votable", "fits", "ndjson"}

// listParameters are the parameters of every list.
var listParameters = []wire.Filter{
	{Name: "limit", Kind: wire.Integer, Help: "The most rows in a page. Default: 100."},
	{Name: "offset", Kind: wire.Integer, Help: "How many rows to skip."},
}

// cursorParameters are the parameters of lists that can be read by cursor.
var cursorParameters = []wire.Filter{
	{Name: "pagination_style", Kind: wire.Selected, Choices: []string{"offset", "cursor"},
		Help: "How pages follow each other: by the number of rows before them, or by the row before them, which " +
			"stays correct while rows are added and deleted."},
	{Name: "cursor", Kind: wire.Text, Help: "The position of the page, from next or previous of another page."},
}

// parameters lists the query parameters of a route, for reads or for writes.
func (rt *route) parameters(reads bool) []wire.Filter {
	known := slices.Clone(rt.filters)
	if reads {
		known = append(known, rt.readParams...)
	} else {
		known = append(known, rt.writeParams...)
	}
	if rt.lists {
		known = append(known, listParameters...)
	}
	if rt.cursors {
		known = append(known, cursorParameters...)
	}
	if len(rt.members) > 0 {
		known = append(known, wire.Filter{Name: "fields", Kind: wire.Text,
			Choices: slices.Concat(rt.members, rt.optionalMembers),
			Help:    "The members to return, separated by commas. Default: all."})
	}
	for _, f := range commonParameters {
		if f.Name == "format" && rt.export != nil {
			f.Choices = slices.Concat(f.Choices, exportFormats)
		}
		known = append(known, f)
	}
	return known
}

// index stores the names of the parameters, which every request is checked against.
func (rt *route) index() {
	if rt.parses == nil {
		rt.parses = allParsers
	}
	named := func(list []wire.Filter) map[string]bool {
		m := map[string]bool{}
		for _, f := range list {
			m[f.Name] = true
		}
		return m
	}
	rt.knownRead, rt.knownWrite = named(rt.parameters(true)), named(rt.parameters(false))
}

// secretParameters are names under which other services take credentials. Ignored, they would make
// a guest of the client.
var secretParameters = []string{"token", "access_token", "auth_token", "api_token", "apitoken", "api_key", "apikey",
	"authorization", "auth", "password"}

// checkQuery names unknown query parameters in a header, or refuses them if the client asks for
// that.
func (r *request) checkQuery() error {
	known := r.route.knownWrite
	if r.reads() {
		known = r.route.knownRead
	}
	var unknown []string
	for name := range r.query {
		if !known[name] {
			unknown = append(unknown, name)
		}
		if !known[name] && slices.Contains(secretParameters, strings.ToLower(name)) {
			return &httpError{status: http.StatusBadRequest, detail: "Credentials are not read from the parameter " +
				name + ": addresses are kept in logs and histories. Send a token in the header Authorization, as " +
				"\"Token ...\"; if this one is valid, revoke it."}
		}
	}
	if r.prefersStrict() {
		r.w.Header().Set("Preference-Applied", "handling=strict")
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	if r.strict() {
		p := new(problem.List)
		for _, name := range unknown {
			p.Add(strings.ReplaceAll(name, ".", "_"), "This query parameter is not known here.")
		}
		return p
	}
	for i, name := range unknown {
		unknown[i] = url.QueryEscape(name)
	}
	r.w.Header().Set("Nightjar-Unknown-Parameters", strings.Join(unknown, ", "))
	return nil
}

func (r *request) strict() bool {
	switch strings.ToLower(wire.Last(r.query, "strict")) {
	case "":
		return r.prefersStrict()
	case "false", "0", "no":
		return false
	}
	return true
}

// prefersStrict reads the header Prefer (RFC 7240).
func (r *request) prefersStrict() bool {
	for _, p := range strings.Split(strings.Join(r.Header.Values("Prefer"), ","), ",") {
		preference, _, _ := strings.Cut(p, ";")
		if strings.EqualFold(strings.ReplaceAll(strings.ReplaceAll(preference, " ", ""), `"`, ""), "handling=strict") {
			return true
		}
	}
	return false
}

// pickMembers reads the parameter fields.
func (r *request) pickMembers() error {
	text := wire.Last(r.query, "fields")
	if text == "" || len(r.route.members) == 0 {
		return nil
	}
	r.picked = map[string]bool{}
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		if !slices.Contains(r.route.members, name) && !slices.Contains(r.route.optionalMembers, name) {
			return problem.Invalid("fields", wire.NotAChoice, name)
		}
		r.picked[name] = true
	}
	return nil
}

// defaultLimit is how many rows a page has by default, and maxLimit how many it can have.
const (
	defaultLimit = 100
	maxLimit     = 1 << 31
)

// parsePage reads limit and offset. It ignores what is not a number, and reads a number that is too
// large as the largest.
func parsePage(query url.Values) archive.Page {
	page := archive.Page{Limit: defaultLimit}
	positive := func(name string) int64 {
		n, err := strconv.ParseInt(wire.Last(query, name), 10, 64) // n is the nearest number when it is out of range
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

// strictPage refuses a limit or an offset that parsePage would ignore.
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

// parseCursor reads the position of a page by cursor; it returns nil when pages go by offset.
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
		return nil, bad // or it belongs to a list in another order
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

// orderOf returns the order that the client asked for. A cursor is valid for one order only.
func orderOf(r *request) string {
	for _, name := range []string{"ordering", "order"} {
		if s := wire.Last(r.query, name); s != "" {
			return url.QueryEscape(s)
		}
	}
	return "-"
}

// cursorLinks returns the addresses of the next and the previous page by cursor, "" for none.
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

// links returns the addresses of the next and the previous page, "" for none.
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

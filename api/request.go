package api

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/auth"
	"nightjar/internal/problem"
)

func (api *API) request(w http.ResponseWriter, r *http.Request, rt *route) *request {
	return &request{Request: r, api: api, route: rt, w: w, query: wire.ParseForm(r.URL.RawQuery), site: api.siteOf(r)}
}

// prepare negotiates the form of the answer and finds out who asks.
func (r *request) prepare() error {
	if err := r.negotiate(); err != nil {
		return err
	}
	v, err := r.authenticate()
	if err != nil {
		return err
	}
	r.viewer = v
	r.access = r.api.archive.For(v)
	if !r.route.public && !r.api.archive.Auth().Policy().Admits(v) {
		return problem.ErrNotSignedIn
	}
	return nil
}

// errNotAcceptable says that no form of the answer is one that was asked for.
var errNotAcceptable = &httpError{status: http.StatusNotAcceptable,
	detail: "Could not satisfy the request Accept header."}

// negotiate chooses the form of the answer, JSON or a page or one of a table, by the parameter
// format or else by the header Accept.
func (r *request) negotiate() error {
	if r.route.anyType {
		return nil // it has the form it has
	}
	switch f := wire.Last(r.query, "format"); {
	case f == "":
		return r.accept()
	case f == "json":
	case f == "api":
		r.html = !r.route.onlyJSON
	case r.route.export != nil && slices.Contains(exportFormats, f):
		r.format = f
	default:
		return errNotAcceptable
	}
	return nil
}

// accept chooses by the header Accept as Django REST framework does: the most particular of the
// ranges that fit decides, whatever their quality values, and among those alike the first of the
// forms that there are.
func (r *request) accept() error {
	given := strings.Join(r.Header.Values("Accept"), ",")
	if strings.TrimSpace(given) == "" {
		return nil
	}
	best, chosen := -1, ""
	for _, form := range r.route.renders() {
		for part := range strings.SplitSeq(given, ",") {
			if n := rangeFits(part, form); n > best {
				best, chosen = n, form
			}
		}
	}
	if best < 0 {
		return errNotAcceptable
	}
	r.html = chosen == typeHTML
	for part := range strings.SplitSeq(given, ",") {
		if media, params, err := mime.ParseMediaType(part); err == nil && media == chosen && chosen == typeJSON {
			n, _ := strconv.Atoi(params["indent"])
			r.indent = min(max(n, 0), 8)
		}
	}
	return nil
}

// rangeFits says how particular a media range is that a form fits in: 3 for a type with parameters,
// 2 for a type, 1 for all of a main type, 0 for everything, -1 if it does not fit.
func rangeFits(given, form string) int {
	media, params, err := mime.ParseMediaType(given)
	if err != nil {
		return -1
	}
	delete(params, "q")
	main, _, _ := strings.Cut(form, "/")
	switch {
	case media == "*/*":
		return 0
	case media == main+"/*":
		return 1
	case media != form:
		return -1
	case len(params) > 0:
		return 3
	}
	return 2
}

// sessionCookie is the name of the cookie of a session.
const sessionCookie = "nightjar_session"

// authenticate finds out who asks: the owner of the file, or by Basic, by a token, or by the cookie
// of a session. What is given and no good is refused, never ignored.
func (r *request) authenticate() (v auth.Viewer, err error) {
	addr := r.site.addr
	defer func() { v.Addr, v.Action = addr, r.Method+" "+r.URL.Path }()
	if owner, _ := r.Context().Value(ownerKey{}).(bool); owner {
		return r.actingOwner()
	}
	a := r.api.archive.Auth()
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "":
		c, err := r.Cookie(sessionCookie)
		if err != nil || c.Value == "" {
			return v, nil
		}
		v, err = a.WithToken(c.Value, addr)
		var refused *problem.Error
		if errors.As(err, &refused) || err == nil && !v.Session {
			return auth.Viewer{}, nil // a session that has ended: a guest again
		}
		if err != nil {
			return v, err
		}
		switch err := r.checkSite(); err {
		case nil:
			return v, nil
		case errForeignRead:
			return auth.Viewer{}, nil // most browsers keep the cookie back here
		default:
			return v, err
		}
	case "basic":
		if err := r.checkSite(); err != nil {
			return v, err
		}
		if err := credentials("basic", "Credentials", rest); err != nil {
			return v, err
		}
		text, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return v, badHeader("basic", "Credentials not correctly base64 encoded.")
		}
		name, password, _ := strings.Cut(string(text), ":")
		return a.Basic(r.Context(), name, password, addr)
	case "token", "bearer":
		if err := credentials("token", "Token", rest); err != nil {
			return v, err
		}
		if v, err = a.WithToken(rest, addr); err == nil && v.Session {
			return auth.Viewer{}, auth.ErrBadToken // what is in a cookie is for cookies
		}
		return v, err
	}
	return v, &problem.Error{Kind: problem.Unauthenticated, Message: "Unknown authentication scheme."}
}

// credentials refuses those of an Authorization header that are none.
func credentials(header, what, given string) error {
	switch {
	case given == "":
		return badHeader(header, "No credentials provided.")
	case strings.ContainsAny(given, " \t"):
		return badHeader(header, what+" string should not contain spaces.")
	}
	return nil
}

func badHeader(header, why string) error {
	return &problem.Error{Kind: problem.Unauthenticated, Message: "Invalid " + header + " header. " + why}
}

// actingOwner is the owner of the file, or the user on whose behalf the owner acts.
func (r *request) actingOwner() (auth.Viewer, error) {
	name := r.Header.Get("Nightjar-As")
	if name == "" {
		return auth.FileOwner(), nil
	}
	return r.api.archive.Auth().As(name)
}

package api

import (
	"net/http"
	"strconv"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

// groups/ is a TOM's: one's own groups, for reading. With all=true it is the superusers' view of all groups, in which they make, change and delete them.

var groupListFilters = []wire.Filter{
	{Name: "all", Kind: wire.Boolean, Help: "All groups, for superusers, who can then also make, change and delete them."},
	{Name: "name", Kind: wire.Text, Help: "The group's name."},
}

var groupChangeFields = []wire.Field{{Name: "name", Label: "Name", Kind: wire.Text, Required: true, Max: 150}}

var memberFields = []wire.Field{{Name: "username", Label: "Username", Kind: wire.Text, Required: true}}

var userFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	{Name: "username", Label: "Username", Kind: wire.Text, Required: true, Max: 150},
	{Name: "password", Label: "Password", Kind: wire.Text, Verbatim: true, Null: true, Help: "At least 8 characters. A user without one comes in with a token only."},
	{Name: "current_password", Label: "Current password", Kind: wire.Text, Verbatim: true, Blank: true, Help: "Asked of those who change their own password."},
	{Name: "is_superuser", Label: "Superuser", Kind: wire.Boolean, Help: "Sees and may do everything."},
	{Name: "groups", Label: "Groups", Kind: wire.List, Of: groupFields},
	{Name: "created", Label: "Created", Kind: wire.DateTime, ReadOnly: true},
}

var tokenFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	{Name: "name", Label: "Name", Kind: wire.Text, Blank: true, Max: 100},
	{Name: "username", Label: "Username", Kind: wire.Text, Blank: true, Help: "Whose token it is; superusers may make tokens for others."},
	{Name: "read_only", Label: "Read only", Kind: wire.Boolean},
	{Name: "expires", Label: "Expires", Kind: wire.DateTime, Null: true},
	{Name: "created", Label: "Created", Kind: wire.DateTime, ReadOnly: true},
	{Name: "last_used", Label: "Last used", Kind: wire.DateTime, ReadOnly: true},
	{Name: "token", Label: "Token", Kind: wire.Text, ReadOnly: true, Help: "The secret, shown only once, when the token is made."},
}

func (r *request) all() bool { return r.flag("all") }

// flag is the value of a query parameter that is true or false.
func (r *request) flag(name string) bool { return wire.IsTrue(wire.Last(r.query, name)) }

func isSuperuser(r *request) bool { return r.viewer.Everything() }

// notTOMs refuses what groups/ does not allow without all=true.
func (r *request) notTOMs() error {
	r.w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	return &httpError{status: http.StatusMethodNotAllowed, detail: `Method "` + r.Method + `" not allowed.`}
}

func (api *API) peopleRoutes() []*route {
	a := api.archive.Auth()
	missingGroup := problem.Missing("Group")
	ownGroups := func(r *request) bool { // groups that are not one's own are not there
		id, err := r.id()
		if err != nil {
			return true
		}
		if r.all() && isSuperuser(r) {
			return false
		}
		for _, g := range r.viewer.Groups {
			if g == id {
				return false
			}
		}
		return true
	}
	return []*route{
		{
			path: "/api/groups/", view: "Group List", parses: allParsers, filters: groupListFilters, lists: true,
			fields: fixed(groupChangeFields), mayAct: func(r *request) bool { return r.all() && isSuperuser(r) },
			handle: map[string]handler{"GET": listGroups, "POST": createGroup},
		},
		{
			path: "/api/groups/:id/", view: "Group Instance", parses: allParsers, filters: groupListFilters[:1], missing: missingGroup, hide: ownGroups,
			fields: fixed(groupChangeFields), mayAct: isSuperuser,
			handle: map[string]handler{
				"GET": func(r *request) (*answer, error) {
					return getPart(r, func(id uint64) (auth.GroupInfo, error) { return a.Group(r.viewer, id) }, writeGroup)
				},
				"PATCH": renameGroup,
				"DELETE": func(r *request) (*answer, error) {
					id, err := r.id()
					if err == nil {
						err = a.DeleteGroup(r.Context(), r.viewer, id)
					}
					if err != nil {
						return nil, err
					}
					return noContent()
				},
			},
		},
		{
			path: "/api/groups/:id/members/", view: "Group Members", parses: allParsers, filters: groupListFilters[:1], missing: missingGroup, hide: ownGroups,
			fields: fixed(memberFields), mayAct: isSuperuser,
			handle: map[string]handler{"GET": listMembers, "POST": joinGroup},
		},
		{
			path: "/api/groups/:id/members/:user/", view: "Group Member", parses: allParsers, filters: groupListFilters[:1], missing: missingGroup, hide: ownGroups,
			handle: map[string]handler{"DELETE": leaveGroup},
		},
		{
			path: "/api/users/", view: "User List", parses: allParsers, lists: true, fields: fixed(userFields), mayAct: isSuperuser,
			filters: []wire.Filter{{Name: "username", Kind: wire.Text, Help: "The user's name."}},
			handle:  map[string]handler{"GET": listUsers, "POST": createUser},
		},
		{
			path: "/api/users/:id/", view: "User Instance", parses: allParsers, missing: problem.Missing("User"), fields: fixed(userFields),
			handle: map[string]handler{
				"GET": func(r *request) (*answer, error) {
					return getPart(r, func(id uint64) (auth.UserInfo, error) { return a.User(r.viewer, id) }, writeUser)
				},
				"PATCH": changeUser,
				"DELETE": func(r *request) (*answer, error) {
					id, err := r.id()
					if err == nil {
						err = a.DeleteUser(r.Context(), r.viewer, id)
					}
					if err != nil {
						return nil, err
					}
					return noContent()
				},
			},
		},
		{
			path: "/api/tokens/", view: "Token List", parses: allParsers, lists: true, fields: fixed(tokenFields),
			handle: map[string]handler{"GET": listTokens, "POST": createToken},
		},
		{
			path: "/api/tokens/:id/", view: "Token Instance", parses: allParsers, missing: problem.Missing("Token"),
			handle: map[string]handler{
				"GET": func(r *request) (*answer, error) {
					return getPart(r, func(id uint64) (auth.TokenInfo, error) { return a.Token(r.viewer, id) }, writeToken)
				},
				"DELETE": func(r *request) (*answer, error) {
					id, err := r.id()
					if err == nil {
						err = a.RevokeToken(r.Context(), r.viewer, id)
					}
					if err != nil {
						return nil, err
					}
					return noContent()
				},
			},
		},
	}
}

func (r *request) auth() *auth.Auth { return r.api.archive.Auth() }

func authPage(p archive.Page) auth.Page { return auth.Page{Offset: p.Offset, Limit: p.Limit} }

// shortList answers with a list that is read at once.
func shortList[T any](r *request, read func(archive.Page) ([]T, int, error), write func(*wire.Writer, *T)) (*answer, error) {
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

func writeGroup(w *wire.Writer, g *auth.GroupInfo) { writeAlias(w, g.ID, g.Name) }

func listGroups(r *request) (*answer, error) {
	return shortList(r, func(p archive.Page) ([]auth.GroupInfo, int, error) {
		name := ""
		if r.all() {
			name = wire.Last(r.query, "name")
		}
		return r.auth().Groups(r.viewer, r.all(), name, authPage(p))
	}, writeGroup)
}

func createGroup(r *request) (*answer, error) {
	if !r.all() {
		return nil, r.notTOMs()
	}
	rec, err := r.record(groupChangeFields, false)
	if err != nil {
		return nil, err
	}
	g, err := r.auth().CreateGroup(r.Context(), r.viewer, rec.Get("name").Text)
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusCreated, func(w *wire.Writer) { writeGroup(w, &g) })
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

func renameGroup(r *request) (*answer, error) {
	if !r.all() {
		return nil, r.notTOMs()
	}
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	rec, err := r.record(groupChangeFields, false)
	if err != nil {
		return nil, err
	}
	g, err := r.auth().RenameGroup(r.Context(), r.viewer, id, rec.Get("name").Text)
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusOK, func(w *wire.Writer) { writeGroup(w, &g) })
}

func listMembers(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	return shortList(r, func(p archive.Page) ([]auth.UserInfo, int, error) {
		list, err := r.auth().Members(r.viewer, id)
		first := min(p.Offset, len(list))
		return list[first : first+min(p.Limit, len(list)-first)], len(list), err
	}, writeUser)
}

func joinGroup(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	rec, err := r.record(memberFields, false)
	if err != nil {
		return nil, err
	}
	user, err := r.userNamed("username", rec.Get("username").Text)
	if err == nil {
		err = r.auth().Join(r.Context(), r.viewer, id, user, true)
	}
	if err != nil {
		return nil, err
	}
	return noContent()
}

// userNamed finds a user by the name; a problem with the field when there is none.
func (r *request) userNamed(field, name string) (uint64, error) {
	list, _, err := r.auth().Users(r.viewer, name, auth.Page{Limit: 1})
	if err == nil && len(list) == 0 {
		err = problem.Invalid(field, "There is no such user.")
	}
	if err != nil {
		return 0, err
	}
	return list[0].ID, nil
}

func leaveGroup(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	user, err := strconv.ParseUint(r.params.ByName("user"), 10, 63)
	if err != nil {
		return nil, problem.Missing("User")
	}
	if err := r.auth().Join(r.Context(), r.viewer, id, user, false); err != nil {
		return nil, err
	}
	return noContent()
}

func writeUser(w *wire.Writer, u *auth.UserInfo) {
	w.Object(func() { writeUserMembers(w, u) })
}

func writeUserMembers(w *wire.Writer, u *auth.UserInfo) {
	w.Key("id")
	w.ID(u.ID)
	w.TextMember("username", u.Name)
	w.BoolMember("is_superuser", u.Superuser)
	w.BoolMember("has_password", u.Password)
	w.Key("groups")
	writeGroups(w, u.Groups)
	w.TimeMember("created", u.Created)
}

func listUsers(r *request) (*answer, error) {
	return shortList(r, func(p archive.Page) ([]auth.UserInfo, int, error) {
		return r.auth().Users(r.viewer, wire.Last(r.query, "username"), authPage(p))
	}, writeUser)
}

func userChange(rec wire.Record) auth.UserChange {
	c := auth.UserChange{Old: rec.Get("current_password").Text}
	if g := rec.Get("username"); g.Given {
		c.Name = &g.Text
	}
	if g := rec.Get("password"); g.Given && !g.Null {
		c.Password = &g.Text
	}
	if g := rec.Get("is_superuser"); g.Given {
		c.Superuser = &g.Bool
	}
	if g := rec.Get("groups"); g.Given {
		refs := groupRefs(g.Items)
		c.Groups = &refs
	}
	return c
}

func createUser(r *request) (*answer, error) {
	rec, err := r.record(userFields, false)
	if err != nil {
		return nil, err
	}
	u, err := r.auth().CreateUser(r.Context(), r.viewer, userChange(rec))
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusCreated, func(w *wire.Writer) { writeUser(w, &u) })
}

func changeUser(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if _, err := r.auth().User(r.viewer, id); err != nil {
		return nil, err
	}
	rec, err := r.record(userFields, true)
	if err != nil {
		return nil, err
	}
	u, err := r.auth().ChangeUser(r.Context(), r.viewer, id, userChange(rec))
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusOK, func(w *wire.Writer) { writeUser(w, &u) })
}

var tokenSorts = map[auth.TokenSort]string{auth.Named: "named", auth.Minted: "token-auth", auth.Session: "session"}

func writeToken(w *wire.Writer, t *auth.TokenInfo) {
	w.Object(func() {
		w.Key("id")
		w.ID(t.ID)
		w.TextMember("name", t.Name)
		w.TextMember("kind", tokenSorts[t.Sort])
		w.TextMember("username", t.UserName)
		w.BoolMember("read_only", t.OnlyReads)
		w.Key("expires")
		if t.Expires == 0 {
			w.Null()
		} else {
			w.Time(t.Expires)
		}
		w.TimeMember("created", t.Created)
		w.Key("last_used")
		if t.Used > t.Created {
			w.Time(t.Used)
		} else {
			w.Null() // never yet
		}
		if t.Secret != "" {
			w.TextMember("token", t.Secret)
		}
	})
}

func listTokens(r *request) (*answer, error) {
	return shortList(r, func(p archive.Page) ([]auth.TokenInfo, int, error) { return r.auth().Tokens(r.viewer, authPage(p)) }, writeToken)
}

func createToken(r *request) (*answer, error) {
	rec, err := r.record(tokenFields, false)
	if err != nil {
		return nil, err
	}
	in := auth.NewToken{Name: rec.Get("name").Text, OnlyReads: rec.Get("read_only").Bool}
	if t := rec.Get("expires").OptTime(); t != nil {
		in.Expires = time.UnixMicro(*t)
	}
	if name := rec.Get("username").Text; name != "" {
		if in.User, err = r.userNamed("username", name); err != nil {
			return nil, err
		}
	}
	t, err := r.auth().CreateToken(r.Context(), r.viewer, in)
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusCreated, func(w *wire.Writer) { writeToken(w, &t) })
}

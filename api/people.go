package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

// In a TOM, groups/ lists the viewer's own groups, and changes nothing. With all=true superusers
// see all groups, and create, change and delete them.

var groupListFilters = []wire.Filter{
	{Name: "all", Kind: wire.Boolean,
		Help: "All groups. For superusers, who can then also create, change and delete them."},
	{Name: "name", Kind: wire.Text, Help: "The group's name."},
}

var groupChangeFields = []wire.Field{{Name: "name", Label: "Name", Kind: wire.Text, Required: true, Max: 150}}

var memberFields = []wire.Field{{Name: "username", Label: "Username", Kind: wire.Text, Required: true}}

var userFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	{Name: "username", Label: "Username", Kind: wire.Text, Required: true, Max: 150},
	{Name: "password", Label: "Password", Kind: wire.Text, Verbatim: true, Null: true,
		Help: "At least 8 characters. Without a password, a user can sign in with a token only."},
	{Name: "current_password", Label: "Current password", Kind: wire.Text, Verbatim: true, Blank: true,
		Help: "Required to change your own password."},
	{Name: "is_superuser", Label: "Superuser", Kind: wire.Boolean, Help: "Can see and do everything."},
	{Name: "groups", Label: "Groups", Kind: wire.List, Of: groupFields},
	{Name: "created", Label: "Created", Kind: wire.DateTime, ReadOnly: true},
}

var tokenFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	{Name: "name", Label: "Name", Kind: wire.Text, Blank: true, Max: 100},
	{Name: "username", Label: "Username", Kind: wire.Text, Blank: true,
		Help: "The user of the token. Superusers can create tokens for others."},
	{Name: "read_only", Label: "Read only", Kind: wire.Boolean},
	{Name: "expires", Label: "Expires", Kind: wire.DateTime, Null: true},
	{Name: "created", Label: "Created", Kind: wire.DateTime, ReadOnly: true},
	{Name: "last_used", Label: "Last used", Kind: wire.DateTime, ReadOnly: true},
	{Name: "token", Label: "Token", Kind: wire.Text, ReadOnly: true,
		Help: "The secret. It is shown only once, when the token is created."},
}

func (r *request) allGroups() bool { return r.flag("all") }

func isSuperuser(r *request) bool { return r.viewer.Everything() }

// needsAll refuses what groups/ allows only with all=true.
func (r *request) needsAll() error {
	r.w.Header().Set("Allow", "GET, HEAD, OPTIONS")
	return &httpError{status: http.StatusMethodNotAllowed, detail: `Method "` + r.Method + `" not allowed.`}
}

var groupsSpec = spec{
	fields: groupChangeFields, mayAct: func(r *request) bool { return r.allGroups() && isSuperuser(r) },
	filters: groupListFilters, lists: true,
}

// groupSpec is the spec of one group. Its paths do not exist for users outside of the group.
var groupSpec = spec{
	fields: groupChangeFields, mayAct: isSuperuser, filters: groupListFilters[:1],
	missing: problem.Missing("Group"), hiddenFrom: notMember,
}

var membersSpec = spec{
	fields: memberFields, mayAct: isSuperuser, filters: groupListFilters[:1],
	missing: problem.Missing("Group"), hiddenFrom: notMember,
}

var memberSpec = spec{filters: groupListFilters[:1], missing: problem.Missing("Group"), hiddenFrom: notMember}

var usersSpec = spec{
	fields: userFields, mayAct: isSuperuser, lists: true,
	filters: []wire.Filter{{Name: "username", Kind: wire.Text, Help: "The user's name."}},
}

var userSpec = spec{fields: userFields, missing: problem.Missing("User")}

var (
	tokensSpec = spec{fields: tokenFields, lists: true}
	tokenSpec  = spec{missing: problem.Missing("Token")}
)

// notMember reports whether the viewer is outside of the group in the path.
func notMember(r *request) bool {
	id, err := r.id()
	if err != nil {
		return true
	}
	return !(r.allGroups() && isSuperuser(r)) && !slices.Contains(r.viewer.Groups, id)
}

func (r *request) auth() *auth.Auth { return r.api.archive.Auth() }

func authPage(p archive.Page) auth.Page { return auth.Page{Offset: p.Offset, Limit: p.Limit} }

func writeGroup(w *wire.Writer, g *auth.GroupInfo) { writeAlias(w, g.ID, g.Name) }

func listGroups(r *request) (*answer, error) {
	return shortList(r, func(p archive.Page) ([]auth.GroupInfo, int, error) {
		name := ""
		if r.allGroups() {
			name = wire.Last(r.query, "name")
		}
		return r.auth().Groups(r.viewer, r.allGroups(), name, authPage(p))
	}, writeGroup)
}

func createGroup(r *request) (*answer, error) {
	if !r.allGroups() {
		return nil, r.needsAll()
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

func getGroup(r *request) (*answer, error) {
	return getByID(r, func(id uint64) (auth.GroupInfo, error) { return r.auth().Group(r.viewer, id) }, writeGroup)
}

func deleteGroup(r *request) (*answer, error) {
	return deleteByID(r, func(ctx context.Context, id uint64) error { return r.auth().DeleteGroup(ctx, r.viewer, id) })
}

func renameGroup(r *request) (*answer, error) {
	if !r.allGroups() {
		return nil, r.needsAll()
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
		return pageOf(list, p), len(list), err
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

// userNamed returns the user with this name, or a problem with field if there is none.
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

func getUser(r *request) (*answer, error) {
	return getByID(r, func(id uint64) (auth.UserInfo, error) { return r.auth().User(r.viewer, id) }, writeUser)
}

func deleteUser(r *request) (*answer, error) {
	return deleteByID(r, func(ctx context.Context, id uint64) error { return r.auth().DeleteUser(ctx, r.viewer, id) })
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

var tokenKinds = map[auth.TokenKind]string{auth.Named: "named", auth.Minted: "token-auth", auth.Session: "session"}

func writeToken(w *wire.Writer, t *auth.TokenInfo) {
	w.Object(func() {
		w.Key("id")
		w.ID(t.ID)
		w.TextMember("name", t.Name)
		w.TextMember("kind", tokenKinds[t.Kind])
		w.TextMember("username", t.UserName)
		w.BoolMember("read_only", t.ReadOnly)
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
			w.Null() // never used
		}
		if t.Secret != "" {
			w.TextMember("token", t.Secret)
		}
	})
}

func listTokens(r *request) (*answer, error) {
	return shortList(r, func(p archive.Page) ([]auth.TokenInfo, int, error) {
		return r.auth().Tokens(r.viewer, authPage(p))
	}, writeToken)
}

func getToken(r *request) (*answer, error) {
	return getByID(r, func(id uint64) (auth.TokenInfo, error) { return r.auth().Token(r.viewer, id) }, writeToken)
}

func revokeToken(r *request) (*answer, error) {
	return deleteByID(r, func(ctx context.Context, id uint64) error { return r.auth().RevokeToken(ctx, r.viewer, id) })
}

func createToken(r *request) (*answer, error) {
	rec, err := r.record(tokenFields, false)
	if err != nil {
		return nil, err
	}
	in := auth.NewToken{Name: rec.Get("name").Text, ReadOnly: rec.Get("read_only").Bool}
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

var credentialFields = []wire.Field{
	{Name: "username", Label: "Username", Kind: wire.Text, Required: true},
	{Name: "password", Label: "Password", Kind: wire.Text, Required: true, Verbatim: true},
}

var tokenAuthFields = append(credentialFields[:2:2],
	wire.Field{Name: "token", Label: "Token", Kind: wire.Text, ReadOnly: true})

// maxCredentials is the largest body in bytes that guests can send.
const maxCredentials = 64 << 10

var tokenAuthSpec = spec{
	parses: []string{typeForm, typeMultipart, typeJSON}, fields: tokenAuthFields,
	public: true, maxBody: maxCredentials, onlyJSON: true,
}

var sessionSpec = spec{fields: credentialFields, public: true, maxBody: maxCredentials}

// obtainToken returns a token for a user name and a password.
func obtainToken(r *request) (*answer, error) {
	rec, err := r.record(tokenAuthFields, false)
	if err != nil {
		return nil, err
	}
	t, err := r.auth().Mint(r.Context(), rec.Get("username").Text, rec.Get("password").Text, r.viewer.Addr)
	if err != nil {
		return nil, loginError(err)
	}
	return r.object(http.StatusOK, func(w *wire.Writer) { w.TextMember("token", t.Secret) })
}

// loginError returns err, or a TOM's message if the name or the password is wrong.
func loginError(err error) error {
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Kind == problem.Unauthenticated {
		return problem.Invalid("", "Unable to log in with provided credentials.")
	}
	return err
}

// showSession says who is signed in, and what decides who sees uploads: targets or objects.
func showSession(r *request) (*answer, error) {
	name, err := r.api.archive.Name()
	if err != nil {
		return nil, err
	}
	var user *auth.UserInfo
	if r.viewer.ID != 0 {
		if u, err := r.auth().User(r.viewer, r.viewer.ID); err == nil {
			user = &u
		}
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		w.TextMember("node", name)
		w.BoolMember("signed_in", !r.viewer.Guest())
		w.Key("user")
		if user == nil {
			w.Null()
		} else {
			writeUser(w, user)
		}
		w.TextMember(auth.SettingMode, string(r.access.Policy().Mode))
	})
}

// signIn begins a session. Its secret goes into a cookie that scripts cannot read.
func signIn(r *request) (*answer, error) {
	if r.fromOtherSite() {
		return nil, errForeignWrite
	}
	rec, err := r.record(credentialFields, false)
	if err != nil {
		return nil, err
	}
	t, err := r.auth().SignIn(r.Context(), rec.Get("username").Text, rec.Get("password").Text, r.viewer.Addr)
	if err != nil {
		return nil, loginError(err)
	}
	r.setCookie(sessionCookie, t.Secret, time.UnixMicro(t.Expires))
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.TextMember("username", t.UserName)
		w.TimeMember("expires", t.Expires)
	})
}

func signOut(r *request) (*answer, error) {
	if r.fromOtherSite() {
		return nil, errForeignWrite
	}
	if r.viewer.Session {
		if err := r.auth().SignOut(r.Context(), r.viewer); err != nil {
			return nil, err
		}
	}
	r.setCookie(sessionCookie, "", time.Unix(0, 0))
	if c, err := r.Cookie(tomCookie); err == nil && r.viewer.Session && c.Value == r.sessionSecret() {
		r.setCookie(tomCookie, "", time.Unix(0, 0)) // but not the cookie of a TOM on the same machine
	}
	return noContent()
}

func (r *request) setCookie(name, secret string, expires time.Time) {
	http.SetCookie(r.w, &http.Cookie{Name: name, Value: secret, Path: "/", Expires: expires, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: r.site.scheme == "https"})
}

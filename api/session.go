package api

import (
	"errors"
	"net/http"
	"time"

	"nightjar/api/wire"
	"nightjar/internal/problem"
)

var credentialFields = []wire.Field{
	{Name: "username", Label: "Username", Kind: wire.Text, Required: true},
	{Name: "password", Label: "Password", Kind: wire.Text, Required: true, Verbatim: true},
}

var tokenAuthFields = append(credentialFields[:2:2],
	wire.Field{Name: "token", Label: "Token", Kind: wire.Text, ReadOnly: true})

// maxCredentials is how many bytes a body may have that anybody may send.
const maxCredentials = 64 << 10

var tokenAuthSpec = spec{
	parses: []string{typeForm, typeMultipart, typeJSON}, fields: tokenAuthFields,
	public: true, maxBody: maxCredentials, onlyJSON: true,
}

var sessionSpec = spec{fields: credentialFields, public: true, maxBody: maxCredentials}

// obtainToken gives a token for a user name and a password.
func obtainToken(r *request) (*answer, error) {
	rec, err := r.record(tokenAuthFields, false)
	if err != nil {
		return nil, err
	}
	t, err := r.auth().Mint(r.Context(), rec.Get("username").Text, rec.Get("password").Text, r.viewer.Addr)
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Kind == problem.Unauthenticated {
		return nil, problem.Invalid("", "Unable to log in with provided credentials.")
	}
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *wire.Writer) { w.TextMember("token", t.Secret) })
}

// showSession says who is signed in.
func showSession(r *request) (*answer, error) {
	name, err := r.api.archive.Name()
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		w.TextMember("node", name)
		w.BoolMember("signed_in", !r.viewer.Guest())
		w.Key("user")
		if r.viewer.ID == 0 {
			w.Null()
			return
		}
		u, err := r.auth().User(r.viewer, r.viewer.ID)
		if err != nil {
			w.Null()
			return
		}
		writeUser(w, &u)
	})
}

// signIn begins a session, whose secret goes into a cookie that scripts cannot read.
func signIn(r *request) (*answer, error) {
	if r.foreign() {
		return nil, errForeignWrite
	}
	rec, err := r.record(credentialFields, false)
	if err != nil {
		return nil, err
	}
	t, err := r.auth().SignIn(r.Context(), rec.Get("username").Text, rec.Get("password").Text, r.viewer.Addr)
	var refused *problem.Error
	if errors.As(err, &refused) && refused.Kind == problem.Unauthenticated {
		return nil, problem.Invalid("", "Unable to log in with provided credentials.")
	}
	if err != nil {
		return nil, err
	}
	r.setCookie(t.Secret, time.UnixMicro(t.Expires))
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.TextMember("username", t.UserName)
		w.TimeMember("expires", t.Expires)
	})
}

func signOut(r *request) (*answer, error) {
	if r.foreign() {
		return nil, errForeignWrite
	}
	if r.viewer.Session {
		if err := r.auth().SignOut(r.Context(), r.viewer); err != nil {
			return nil, err
		}
	}
	r.setCookie("", time.Unix(0, 0))
	return noContent()
}

func (r *request) setCookie(secret string, expires time.Time) {
	http.SetCookie(r.w, &http.Cookie{Name: sessionCookie, Value: secret, Path: "/", Expires: expires, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: r.site.scheme == "https"})
}

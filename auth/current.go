package auth

import (
	"context"
	"errors"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// ErrRightsEnded ends an answer whose viewer lost rights while it was sent.
var ErrRightsEnded = &problem.Error{Kind: problem.Forbidden,
	Message: "Your rights changed while this was read. Ask again."}

// Current returns a viewer and the policy as they are in a transaction: since signing in, a user
// may have been deleted, demoted or taken out of a group. Code that writes, or reads in several
// transactions, must decide by the result of Current.
//
// Error: *problem.Error, Unauthenticated, when the credential has ended: the user was deleted, the
// token was revoked or has expired, or the password was changed.
func (a *Auth) Current(tx *kv.Tx, v Viewer) (Viewer, Policy, error) {
	p, err := readPolicy(tx)
	if err != nil || v.ID == 0 { // guests and the owner of the file have no record that could change
		return v, p, err
	}
	v.ReadOnly = false
	if v.Token != 0 {
		t, err := tokens.Get(tx, v.Token)
		if errors.Is(err, kv.ErrNotFound) || err == nil && (t.User != v.ID || t.expired(a.now().UnixMicro())) {
			return v, p, ErrBadToken
		}
		if err != nil {
			return v, p, err
		}
		v.ReadOnly = t.ReadOnly
	}
	u, err := users.Get(tx, v.ID)
	if errors.Is(err, kv.ErrNotFound) {
		return v, p, v.ended()
	}
	if err != nil {
		return v, p, err
	}
	if v.password != "" && v.password != u.Password {
		return v, p, v.ended()
	}
	v.Name, v.Superuser, v.Groups = u.Name, u.Superuser, u.Groups
	return v, p, nil
}

// ended returns the refusal of a credential that has ended.
func (v Viewer) ended() error {
	switch {
	case v.Token != 0:
		return ErrBadToken
	case v.password != "":
		return ErrBadPassword
	}
	// the owner of the file acted for this user
	return &problem.Error{Kind: problem.NotFound, Message: "There is no user " + v.Name + "."}
}

func (t *Token) expired(now int64) bool { return t.Expires != 0 && t.Expires <= now }

// Lost reports whether a viewer has lost rights that the viewer had before, so that an answer that
// began with them must end.
func (v Viewer) Lost(before Viewer) bool {
	if v.Everything() {
		return false
	}
	if before.Everything() {
		return true
	}
	for _, g := range before.Groups {
		if !v.MayName(g) {
			return true
		}
	}
	return false
}

// update runs fn in a transaction on behalf of a viewer, with the viewer as of the transaction.
func (a *Auth) update(ctx context.Context, v Viewer, fn func(v Viewer, tx *kv.WriteTx) error) error {
	if err := a.Policy().MayWrite(v); err != nil {
		return err
	}
	return TooLarge(a.db.Update(ctx, v.Author(), func(tx *kv.WriteTx) error {
		now, p, err := a.Current(tx.Tx, v)
		if err == nil {
			err = p.MayWrite(now)
		}
		if err != nil {
			return err
		}
		return fn(now, tx)
	}))
}

// TooLarge turns the error of a key or record that is too large for the file into a refusal. Inputs
// have far lower limits; this is a safety net.
func TooLarge(err error) error {
	var large *kv.TooLargeError
	if errors.As(err, &large) {
		return problem.Invalid("", "%v.", large)
	}
	return err
}

// bySuperuser is update for superusers only.
func (a *Auth) bySuperuser(ctx context.Context, v Viewer, fn func(v Viewer, tx *kv.WriteTx) error) error {
	return a.update(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		if !v.Everything() {
			return problem.ErrForbidden
		}
		return fn(v, tx)
	})
}

// view runs fn in a read transaction, with the viewer as of the transaction.
func (a *Auth) view(v Viewer, fn func(v Viewer, tx *kv.Tx) error) error {
	return a.db.View(func(tx *kv.Tx) error {
		now, _, err := a.Current(tx, v)
		if err != nil {
			return err
		}
		return fn(now, tx)
	})
}

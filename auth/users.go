package auth

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"unicode/utf8"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// UserInfo is a user as others see it.
type UserInfo struct {
	ID        uint64
	Name      string
	Superuser bool
	Password  bool // whether the user has one
	Groups    []GroupInfo
	Created   int64 // microseconds since 1970
}

// UserChange is the input for a new or changed user; nil leaves a field as it is.
type UserChange struct {
	Name      *string
	Password  *string
	Old       string // the current password, required from users who change their own
	Superuser *bool
	Groups    *[]GroupRef
}

// A GroupRef names a group by its id or, when that is 0, by its name.
type GroupRef struct {
	ID   uint64
	Name string
}

// userName matches the user names that Django allows.
var userName = regexp.MustCompile(`^[\w.@+-]+$`)

func checkUserName(p *problem.List, name string) {
	switch {
	case name == "":
		p.Add("username", "This field may not be blank.")
	case utf8.RuneCountInString(name) > MaxUserName:
		p.Add("username", "Ensure this field has no more than %d characters.", MaxUserName)
	case !userName.MatchString(name):
		p.Add("username", "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ "+
			"characters.")
	}
}

func checkPassword(p *problem.List, password string) {
	if n := utf8.RuneCountInString(password); n < MinPassword {
		p.Add("password", "Ensure this field has at least %d characters.", MinPassword)
	} else if len(password) > MaxPassword {
		p.Add("password", "Ensure this field has no more than %d bytes in UTF-8.", MaxPassword)
	}
}

// CreateUser creates a user. Without a password, the user can only sign in with tokens. Superusers
// only. Errors: *problem.List, *problem.Error.
func (a *Auth) CreateUser(ctx context.Context, v Viewer, in UserChange) (info UserInfo, err error) {
	if err := a.superuser(v); err != nil {
		return info, err
	}
	p := new(problem.List)
	if in.Name == nil {
		p.Add("username", "This field is required.")
	} else {
		checkUserName(p, *in.Name)
	}
	hash, err := a.newHash(ctx, p, in.Password)
	if err != nil {
		return info, err
	}
	err = a.bySuperuser(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		u := User{Name: *in.Name, Password: hash, Created: tx.Now().UnixMicro()}
		if in.Superuser != nil {
			u.Superuser = *in.Superuser
		}
		q := new(problem.List)
		if err := a.setGroups(tx.Tx, q, &u, in.Groups); err != nil {
			return err
		}
		if err := a.nameFree(tx.Tx, q, kindUserName, u.Name, 0, "username",
			"A user with that username already exists."); err != nil {
			return err
		}
		if err := q.Err(); err != nil {
			return err
		}
		if u.UID, err = tx.NewUID(); err != nil {
			return err
		}
		id, err := users.Insert(tx, &u)
		if err == nil {
			info, err = a.userInfo(tx.Tx, id, &u)
		}
		return err
	})
	return info, err
}

// newHash checks and hashes a new password; without one the hash is "". It returns the problems in
// p as its error.
func (a *Auth) newHash(ctx context.Context, p *problem.List, password *string) (string, error) {
	if password != nil {
		checkPassword(p, *password)
	}
	if err := p.Err(); err != nil || password == nil {
		return "", err
	}
	return a.passwords.hash(ctx, *password)
}

func (a *Auth) superuser(v Viewer) error {
	if err := a.Policy().MayWrite(v); err != nil {
		return err
	}
	if !v.Everything() {
		return problem.ErrForbidden
	}
	return nil
}

func (a *Auth) setGroups(tx *kv.Tx, p *problem.List, u *User, refs *[]GroupRef) error {
	if refs == nil {
		return nil
	}
	if len(*refs) > MaxUserGroups {
		p.Add("groups", "Ensure this field has no more than %d elements.", MaxUserGroups)
		return nil
	}
	u.Groups = nil
	for _, r := range *refs {
		id, err := a.FindGroup(tx, r)
		if errors.Is(err, kv.ErrNotFound) {
			p.Add("groups", "There is no such group.")
			continue
		}
		if err != nil {
			return err
		}
		if !slices.Contains(u.Groups, id) {
			u.Groups = append(u.Groups, id)
		}
	}
	return nil
}

// nameFree adds a problem when a unique name belongs to another record than id.
func (a *Auth) nameFree(tx *kv.Tx, p *problem.List, kind byte, name string, id uint64, path, message string) error {
	owner, ok, err := tx.Lookup(kind, name)
	if ok && owner != id {
		p.Add(path, "%s", message)
	}
	return err
}

func (a *Auth) userInfo(tx *kv.Tx, id uint64, u *User) (UserInfo, error) {
	info := UserInfo{ID: id, Name: u.Name, Superuser: u.Superuser, Password: u.Password != "", Created: u.Created}
	for _, g := range u.Groups {
		rec, err := groups.Get(tx, g)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return info, err
		}
		info.Groups = append(info.Groups, GroupInfo{g, rec.Name})
	}
	return info, nil
}

// mayKnow reports whether a viewer may see a user: superusers see all, others themselves.
func mayKnow(v Viewer, id uint64) bool { return v.Everything() || !v.Guest() && v.ID == id }

// User returns a user. Error: NotFound unless the viewer may see them.
func (a *Auth) User(v Viewer, id uint64) (info UserInfo, err error) {
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		u, err := a.user(tx, v, id)
		if err == nil {
			info, err = a.userInfo(tx, id, u)
		}
		return err
	})
	return info, err
}

func (a *Auth) user(tx *kv.Tx, v Viewer, id uint64) (*User, error) {
	u, err := users.Get(tx, id)
	if errors.Is(err, kv.ErrNotFound) || err == nil && !mayKnow(v, id) {
		return nil, problem.Missing("User")
	}
	return u, err
}

// Users lists the users that the viewer may see, by id, and counts them. If name is not "", it
// lists only the user with that name.
func (a *Auth) Users(v Viewer, name string, p Page) (list []UserInfo, count int, err error) {
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		set := users.All(tx)
		switch {
		case v.Guest():
			set = kv.Set{}
		case !v.Everything():
			set = kv.And(set, kv.IDs([]uint64{v.ID}))
		}
		set, err := named(tx, set, kindUserName, name)
		if err != nil {
			return err
		}
		list, count, err = listPage(tx, users, set, p, a.userInfo)
		return err
	})
	return list, count, err
}

// named restricts a set to the record with a unique name, unless the name is "".
func named(tx *kv.Tx, set kv.Set, kind byte, name string) (kv.Set, error) {
	if name == "" {
		return set, nil
	}
	id, ok, err := tx.Lookup(kind, name)
	if err != nil || !ok {
		return kv.Set{}, err
	}
	return kv.And(set, kv.IDs([]uint64{id})), nil
}

// ChangeUser changes a user. Superusers may change all users; others only their own password, for
// which they must give the old one. A new password ends the user's sessions and the tokens of
// token-auth.
func (a *Auth) ChangeUser(ctx context.Context, v Viewer, id uint64, in UserChange) (info UserInfo, err error) {
	if err := a.Policy().MayWrite(v); err != nil {
		return info, err
	}
	if _, err := a.User(v, id); err != nil {
		return info, err
	}
	p := new(problem.List)
	if !v.Everything() {
		if in.Name != nil || in.Superuser != nil || in.Groups != nil {
			return info, problem.ErrForbidden
		}
	}
	// proven is the stored form of the current password that was given.
	proven := ""
	// superusers need not give it, but if they do it must be right
	if in.Password != nil && (!v.Everything() || v.ID == id && in.Old != "") {
		who, err := a.verify(ctx, v.Name, in.Old, v.Addr)
		if err != nil {
			var refused *problem.Error
			if errors.As(err, &refused) && refused.Kind == problem.Unauthenticated {
				return info, problem.Invalid("current_password", "This is not your current password.")
			}
			return info, err
		}
		proven = who.password
	}
	if in.Name != nil {
		checkUserName(p, *in.Name)
	}
	hash, err := a.newHash(ctx, p, in.Password)
	if err != nil {
		return info, err
	}
	err = a.update(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		u, err := a.user(tx.Tx, v, id)
		if err != nil {
			return err
		}
		if !v.Everything() && (in.Name != nil || in.Superuser != nil || in.Groups != nil ||
			in.Password != nil && proven == "") {
			return problem.ErrForbidden // no longer a superuser
		}
		if proven != "" && proven != u.Password {
			return problem.Invalid("current_password", "This is not your current password.")
		}
		q := new(problem.List)
		if in.Name != nil {
			u.Name = *in.Name
			if err := a.nameFree(tx.Tx, q, kindUserName, u.Name, id, "username",
				"A user with that username already exists."); err != nil {
				return err
			}
		}
		if in.Superuser != nil {
			u.Superuser = *in.Superuser
		}
		if err := a.setGroups(tx.Tx, q, u, in.Groups); err != nil {
			return err
		}
		if err := q.Err(); err != nil {
			return err
		}
		if in.Password != nil {
			u.Password = hash
			if err := a.dropTokens(tx, id,
				func(tid uint64, t *Token) bool { return t.Kind != Named && tid != v.Token }); err != nil {
				return err
			}
		}
		if err := users.Put(tx, id, u); err != nil {
			return err
		}
		info, err = a.userInfo(tx.Tx, id, u)
		return err
	})
	return info, err
}

// DeleteUser deletes a user with their tokens and the grants to them. Records that they created
// stay. Superusers only.
func (a *Auth) DeleteUser(ctx context.Context, v Viewer, id uint64) error {
	if err := a.superuser(v); err != nil {
		return err
	}
	return a.bySuperuser(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		if _, err := a.user(tx.Tx, v, id); err != nil {
			return err
		}
		if err := a.Forget(tx, UserGrantee(id)); err != nil {
			return err
		}
		if err := a.dropTokens(tx, id, func(uint64, *Token) bool { return true }); err != nil {
			return err
		}
		return users.Delete(tx, id)
	})
}

// UserCount returns the number of users.
func (a *Auth) UserCount() (n int, err error) {
	err = a.db.View(func(tx *kv.Tx) error { n, err = users.All(tx).Count(); return err })
	return n, err
}

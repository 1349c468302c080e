package auth

import (
	"errors"

	"nightjar/kv"
)

// User is an account.
type User struct {
	kv.Unknown
	Name      string   `kv:"1"`
	Password  string   `kv:"2"` // argon2id, "" when the user has tokens alone
	Superuser bool     `kv:"3"`
	Groups    []uint64 `kv:"4"`
	Created   int64    `kv:"5"` // microseconds since 1970
	UID       [16]byte `kv:"6"`
}

// Group is a group of users.
type Group struct {
	kv.Unknown
	Name    string   `kv:"1"`
	Created int64    `kv:"2"`
	UID     [16]byte `kv:"3"`
}

// Token signs a user in without a password. Its secret is not stored.
type Token struct {
	kv.Unknown
	User     uint64    `kv:"1"`
	Name     string    `kv:"2"`
	Hash     [32]byte  `kv:"3"` // SHA-256 of the secret
	ReadOnly bool      `kv:"4"`
	Expires  int64     `kv:"5"` // microseconds since 1970, 0 for never
	Created  int64     `kv:"6"`
	Used     int64     `kv:"7"` // roughly the day of its last use
	Kind     TokenKind `kv:"8"`
	UID      [16]byte  `kv:"9"`
}

// TokenKind says how a token was made.
type TokenKind uint64

// The kinds of tokens.
const (
	Named   TokenKind = 0 // made explicitly; lives until it expires or is revoked
	Minted  TokenKind = 1 // by token-auth, for a user name and a password
	Session TokenKind = 2 // by signing in with a browser
)

// The numbers of tables, kinds of unique keys and dimensions are part of the file format. Package
// archive has tables from 4. Of the kinds, this package has 1 to 9, and kv has those from 128 for
// uids.
const (
	kindUserName  = 1
	kindGroupName = 2
	kindTokenHash = 3

	dimGroup = 1 // of users
	dimUser  = 1 // of tokens
)

var users = kv.NewTable(kv.Spec[User]{
	Name: "user", No: 1, Codec: kv.Fields[User](),
	Unique: []byte{kindUserName}, Dims: []byte{dimGroup},
	Keys: func(k *kv.Keys, _ uint64, u *User) {
		k.Unique(kindUserName, u.Name)
		for _, g := range u.Groups {
			k.Member(dimGroup, kv.Int(g))
		}
	},
	UID:  func(u *User) [16]byte { return u.UID },
	Refs: func(u *User, refer kv.Refer) { ReferToGroups(u.Groups, refer) },
})

var groups = kv.NewTable(kv.Spec[Group]{
	Name: "group", No: 2, Codec: kv.Fields[Group](),
	Unique: []byte{kindGroupName},
	Keys:   func(k *kv.Keys, _ uint64, g *Group) { k.Unique(kindGroupName, g.Name) },
	UID:    func(g *Group) [16]byte { return g.UID },
})

var tokens = kv.NewTable(kv.Spec[Token]{
	Name: "token", No: 3, Codec: kv.Fields[Token](),
	Unique: []byte{kindTokenHash}, Dims: []byte{dimUser},
	Keys: func(k *kv.Keys, _ uint64, t *Token) {
		k.Unique(kindTokenHash, string(t.Hash[:]))
		k.Member(dimUser, kv.Int(t.User))
	},
	UID:  func(t *Token) [16]byte { return t.UID },
	Refs: func(t *Token, refer kv.Refer) { refer(users, t.User) },
})

// ReferToGroups calls refer with groups.
func ReferToGroups(ids []uint64, refer kv.Refer) {
	for _, id := range ids {
		refer(groups, id)
	}
}

// ReferTo calls refer with the user or group of a grantee.
func ReferTo(g Grantee, refer kv.Refer) {
	if id, ok := g.User(); ok {
		refer(users, id)
	} else if id, ok := g.Group(); ok {
		refer(groups, id)
	}
}

// Exists reports whether the user or group of a grantee exists.
func Exists(tx *kv.Tx, g Grantee) (yes bool, err error) {
	if id, ok := g.User(); ok {
		_, err = users.Get(tx, id)
	} else if id, ok := g.Group(); ok {
		_, err = groups.Get(tx, id)
	}
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Repair removes dangling references from a row of a table of this package, and says what it did;
// "" for nothing.
func (a *Auth) Repair(tx *kv.WriteTx, table string, id uint64) (done string, err error) {
	switch table {
	case users.Name():
		u, err := users.Get(tx.Tx, id)
		if err != nil {
			return "", err
		}
		kept := u.Groups[:0:0]
		for _, g := range u.Groups {
			if yes, err := Exists(tx.Tx, GroupGrantee(g)); err != nil {
				return "", err
			} else if yes {
				kept = append(kept, g)
			}
		}
		if len(kept) == len(u.Groups) {
			return "", nil
		}
		u.Groups = kept
		return "taken out of groups that do not exist", users.Put(tx, id, u)
	case tokens.Name():
		t, err := tokens.Get(tx.Tx, id)
		if err != nil {
			return "", err
		}
		if yes, err := Exists(tx.Tx, UserGrantee(t.User)); err != nil || yes {
			return "", err
		}
		return "deleted, since its user does not exist", tokens.Delete(tx, id)
	}
	return "", nil
}

// Tables lists the tables of this package, for kv.Open.
func Tables() []kv.AnyTable { return []kv.AnyTable{users, groups, tokens} }

package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"nightjar/internal/problem"
	"nightjar/kv"
)

const (
	secretBytes = 20 // a token's secret is 40 hexadecimal digits, as clients of a TOM know them
	mintedFor   = 30 * 24 * time.Hour
	sessionFor  = 14 * 24 * time.Hour
)

// TokenInfo is a token as its owner sees it. Secret is set only for a new token.
type TokenInfo struct {
	ID       uint64
	User     uint64
	UserName string
	Name     string
	ReadOnly bool
	Kind     TokenKind
	Expires  int64 // microseconds since 1970, 0 for never
	Created  int64
	Used     int64
	Secret   string
}

// lastUsed keeps when tokens were used in memory, so that a read writes nothing.
type lastUsed struct {
	mu sync.Mutex
	at map[uint64]int64
}

func newLastUsed() *lastUsed { return &lastUsed{at: map[uint64]int64{}} }

func (l *lastUsed) note(id uint64, now int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at[id] = now
}

func (l *lastUsed) of(id uint64, t *Token) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.at[id], t.Used, t.Created)
}

func (a *Auth) newSecret() (secret string, hash [32]byte, err error) {
	b := make([]byte, secretBytes)
	if _, err := io.ReadFull(a.random, b); err != nil {
		return "", hash, err
	}
	secret = hex.EncodeToString(b)
	return secret, sha256.Sum256([]byte(secret)), nil
}

// A NewToken is the input for a new token. User 0 means the viewer.
type NewToken struct {
	User     uint64
	Name     string
	ReadOnly bool
	Expires  time.Time // zero for never
}

// CreateToken makes a token for the viewer or, for a superuser, for any user. A read-only token
// cannot make one.
func (a *Auth) CreateToken(ctx context.Context, v Viewer, in NewToken) (info TokenInfo, err error) {
	if err := a.Policy().MayWrite(v); err != nil {
		return info, err
	}
	if in.User == 0 {
		in.User = v.ID
	}
	p := new(problem.List)
	in.Name = strings.TrimSpace(in.Name)
	if utf8.RuneCountInString(in.Name) > MaxTokenName {
		p.Add("name", "Ensure this field has no more than %d characters.", MaxTokenName)
	}
	if !in.Expires.IsZero() && !in.Expires.After(a.now()) {
		p.Add("expires", "This is in the past.")
	}
	if in.User == 0 || !mayKnow(v, in.User) {
		p.Add("user", "There is no such user.")
	}
	if err := p.Err(); err != nil {
		return info, err
	}
	t := Token{User: in.User, Name: in.Name, ReadOnly: in.ReadOnly}
	if !in.Expires.IsZero() {
		t.Expires = in.Expires.UnixMicro()
	}
	return a.addToken(ctx, v, t)
}

// addToken stores a token and returns it with its secret.
func (a *Auth) addToken(ctx context.Context, v Viewer, t Token) (info TokenInfo, err error) {
	secret, hash, err := a.newSecret()
	if err != nil {
		return info, err
	}
	t.Hash = hash
	err = a.update(ctx, v, func(v Viewer, tx *kv.WriteTx) (err error) {
		if _, err := users.Get(tx.Tx, t.User); errors.Is(err, kv.ErrNotFound) || err == nil && !mayKnow(v, t.User) {
			return problem.Invalid("user", "There is no such user.")
		} else if err != nil {
			return err
		}
		t.Created = tx.Now().UnixMicro()
		if t.Kind != Named {
			if err := a.dropOldTokens(tx, t.User, t.Kind, t.Created); err != nil {
				return err
			}
		}
		if t.UID, err = tx.NewUID(); err != nil {
			return err
		}
		id, err := tokens.Insert(tx, &t)
		if err == nil {
			info, err = a.tokenInfo(tx.Tx, id, &t)
		}
		return err
	})
	info.Secret = secret
	return info, err
}

// dropOldTokens deletes a user's expired tokens of a kind, and then the least recently used ones,
// until one more fits.
func (a *Auth) dropOldTokens(tx *kv.WriteTx, user uint64, kind TokenKind, now int64) error {
	type candidate struct {
		id   uint64
		used int64
	}
	var list []candidate
	err := a.eachToken(tx.Tx, user, func(id uint64, t *Token) error {
		if t.Kind == kind {
			used := a.used.of(id, t)
			if t.Expires <= now {
				used = 0
			}
			list = append(list, candidate{id, used})
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b candidate) int { return cmp.Compare(a.used, b.used) })
	for i, c := range list {
		if c.used == 0 || len(list)-i >= MaxMinted {
			if err := tokens.Delete(tx, c.id); err != nil {
				return err
			}
			continue
		}
		t, err := tokens.Get(tx.Tx, c.id)
		if err != nil {
			return err
		}
		if t.Used != c.used { // keep it across restarts
			t.Used = c.used
			if err := tokens.Put(tx, c.id, t); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Auth) eachToken(tx *kv.Tx, user uint64, fn func(id uint64, t *Token) error) error {
	ids, err := tokens.Set(tx, dimUser, kv.Int(user)).IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		t, err := tokens.Get(tx, id)
		if err == nil {
			err = fn(id, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Auth) dropTokens(tx *kv.WriteTx, user uint64, which func(id uint64, t *Token) bool) error {
	return a.eachToken(tx.Tx, user, func(id uint64, t *Token) error {
		if !which(id, t) {
			return nil
		}
		return tokens.Delete(tx, id)
	})
}

func (a *Auth) tokenInfo(tx *kv.Tx, id uint64, t *Token) (TokenInfo, error) {
	u, err := users.Get(tx, t.User)
	if errors.Is(err, kv.ErrNotFound) {
		u, err = new(User), nil // verify --repair deletes the token
	}
	if err != nil {
		return TokenInfo{}, err
	}
	return TokenInfo{ID: id, User: t.User, UserName: u.Name, Name: t.Name, ReadOnly: t.ReadOnly, Kind: t.Kind,
		Expires: t.Expires, Created: t.Created, Used: a.used.of(id, t)}, nil
}

// Tokens lists the viewer's tokens and sessions, or those of all users for a superuser, by id, and
// counts them.
func (a *Auth) Tokens(v Viewer, p Page) (list []TokenInfo, count int, err error) {
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		set := tokens.All(tx)
		if v.Guest() {
			set = kv.Set{}
		} else if !v.Everything() {
			set = tokens.Set(tx, dimUser, kv.Int(v.ID))
		}
		list, count, err = listPage(tx, tokens, set, p, a.tokenInfo)
		return err
	})
	return list, count, err
}

// Token returns a token. Error: NotFound unless it is the viewer's or the viewer is a superuser.
func (a *Auth) Token(v Viewer, id uint64) (info TokenInfo, err error) {
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		t, err := a.token(tx, v, id)
		if err == nil {
			info, err = a.tokenInfo(tx, id, t)
		}
		return err
	})
	return info, err
}

func (a *Auth) token(tx *kv.Tx, v Viewer, id uint64) (*Token, error) {
	t, err := tokens.Get(tx, id)
	if errors.Is(err, kv.ErrNotFound) || err == nil && !mayKnow(v, t.User) {
		return nil, problem.Missing("Token")
	}
	return t, err
}

// RevokeToken ends a token of the viewer or, for a superuser, of any user.
func (a *Auth) RevokeToken(ctx context.Context, v Viewer, id uint64) error {
	if err := a.Policy().MayWrite(v); err != nil {
		return err
	}
	return a.update(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		if _, err := a.token(tx.Tx, v, id); err != nil {
			return err
		}
		return tokens.Delete(tx, id)
	})
}

package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"net/netip"
	"sync"
	"time"

	"nightjar/internal/cache"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// Basic verifies a user name and a password, which HTTP's Basic authentication sends with every
// request. A credential that was verified within the last minutes passes without argon2id, and
// without counting against a limit. Errors: ErrBadPassword, TooMany.
func (a *Auth) Basic(ctx context.Context, name, password, addr string) (Viewer, error) {
	mark := a.basic.mark(name, password)
	if id, stored, ok := a.basic.find(mark); ok {
		var v Viewer
		err := a.db.View(func(tx *kv.Tx) error {
			u, err := users.Get(tx, id)
			if err != nil {
				return err
			}
			if u.Name != name || u.Password != stored {
				return kv.ErrNotFound // the name or the password was changed
			}
			v = viewerOf(id, u, addr)
			v.password = u.Password
			return nil
		})
		if !errors.Is(err, kv.ErrNotFound) {
			return v, err
		}
		a.basic.forget(mark)
	}
	return a.verify(ctx, name, password, addr)
}

// verify checks a user name and a password with argon2id, within the limits, and caches a good one.
func (a *Auth) verify(ctx context.Context, name, password, addr string) (v Viewer, err error) {
	if err := a.limits.may(name, addr); err != nil {
		return v, err
	}
	var id uint64
	u := new(User)
	err = a.db.View(func(tx *kv.Tx) error {
		found, ok, err := tx.Lookup(kindUserName, name)
		if err != nil || !ok {
			return err
		}
		id = found
		u, err = users.Get(tx, id)
		return err
	})
	if err != nil {
		return v, err
	}
	// others may have failed while this one waited for its turn
	good, err := a.passwords.matches(ctx, u.Password, password, func() error { return a.limits.may(name, addr) })
	if err != nil {
		return v, err
	}
	if !good {
		a.limits.failed(name, addr)
		return v, ErrBadPassword
	}
	a.basic.remember(a.basic.mark(name, password), id, u.Password)
	v = viewerOf(id, u, addr)
	v.password = u.Password
	return v, nil
}

func viewerOf(id uint64, u *User, addr string) Viewer {
	return Viewer{ID: id, Name: u.Name, Superuser: u.Superuser, Groups: u.Groups, Addr: addr}
}

// WithToken returns the viewer of a token with a secret. Error: ErrBadToken.
func (a *Auth) WithToken(secret, addr string) (v Viewer, err error) {
	hash := sha256.Sum256([]byte(secret))
	now := a.now().UnixMicro()
	if t, ok := a.known.Get(hash); ok && t.holds(a.db, now) {
		v := t.viewer
		a.used.note(v.Token, now)
		v.Addr = addr
		return v, nil
	}
	state := stateOf(a.db)
	err = a.db.View(func(tx *kv.Tx) error {
		id, ok, err := tx.Lookup(kindTokenHash, string(hash[:]))
		if err != nil {
			return err
		}
		if !ok {
			return ErrBadToken
		}
		t, err := tokens.Get(tx, id)
		if err != nil {
			return err
		}
		if t.expired(now) {
			return ErrBadToken
		}
		u, err := users.Get(tx, t.User)
		if errors.Is(err, kv.ErrNotFound) {
			return ErrBadToken
		}
		if err != nil {
			return err
		}
		v = viewerOf(t.User, u, addr)
		v.Token, v.ReadOnly, v.Session = id, t.ReadOnly, t.Kind == Session
		a.used.note(id, now)
		a.known.Put(hash, knownToken{v, t.Expires, state}, 1)
		return nil
	})
	return v, err
}

// A knownToken caches the viewer of a token while no user and no token changes: most requests come
// with a recent token.
type knownToken struct {
	viewer  Viewer
	expires int64  // as in Token
	state   uint64 // of stateOf, before the lookup
}

const maxKnown = 1024 // cached tokens

// stateOf returns a number that differs after each committed change of a user or a token.
func stateOf(db *kv.DB) uint64 { return users.Changes(db) + tokens.Changes(db) }

func (t knownToken) holds(db *kv.DB, now int64) bool {
	return t.state == stateOf(db) && (t.expires == 0 || t.expires > now)
}

// Mint makes a token for a user name and a password, valid for 30 days. It uses the cache of Basic.
// Errors: ErrBadPassword, TooMany.
func (a *Auth) Mint(ctx context.Context, name, password, addr string) (TokenInfo, error) {
	return a.issueToken(ctx, name, password, addr, Minted, mintedFor, "token-auth")
}

// SignIn begins a session for a user name and a password, valid for 14 days. Errors:
// ErrBadPassword, TooMany.
func (a *Auth) SignIn(ctx context.Context, name, password, addr string) (TokenInfo, error) {
	return a.issueToken(ctx, name, password, addr, Session, sessionFor, "session")
}

func (a *Auth) issueToken(ctx context.Context, name, password, addr string, kind TokenKind, valid time.Duration,
	called string) (TokenInfo, error) {
	v, err := a.Basic(ctx, name, password, addr)
	if err != nil {
		return TokenInfo{}, err
	}
	v.Action = "POST " + called
	return a.addToken(ctx, v, Token{User: v.ID, Name: called, Kind: kind, Expires: a.now().Add(valid).UnixMicro()})
}

// SignOut ends the viewer's session or token.
func (a *Auth) SignOut(ctx context.Context, v Viewer) error {
	if v.Token == 0 {
		return nil
	}
	err := a.db.Update(ctx, v.Author(), func(tx *kv.WriteTx) error { return tokens.Delete(tx, v.Token) })
	if errors.Is(err, kv.ErrNotFound) { // it has already ended
		return nil
	}
	return err
}

// credentialCache keeps verified credentials under a keyed hash, for rememberFor after their last
// use.
type credentialCache struct {
	now func() time.Time
	key []byte

	entries *cache.LRU[[32]byte, remembered]
}

type remembered struct {
	user   uint64
	stored string // the hash that the password was compared with
	until  time.Time
}

const (
	rememberFor   = 5 * time.Minute
	maxRemembered = 10_000
)

func newCredentialCache(now func() time.Time, random io.Reader) (*credentialCache, error) {
	m := &credentialCache{now: now, key: make([]byte, 32), entries: cache.New[[32]byte, remembered](maxRemembered)}
	_, err := io.ReadFull(random, m.key)
	return m, err
}

func (m *credentialCache) mark(name, password string) [32]byte {
	h := hmac.New(sha256.New, m.key)
	io.WriteString(h, name)
	h.Write([]byte{0})
	io.WriteString(h, password)
	return [32]byte(h.Sum(nil))
}

func (m *credentialCache) find(mark [32]byte) (user uint64, stored string, ok bool) {
	r, ok := m.entries.Get(mark)
	switch {
	case ok && m.now().After(r.until):
		m.forget(mark)
		ok = false
	case ok: // a known client must not need the password check during somebody else's attack
		m.remember(mark, r.user, r.stored)
	}
	return r.user, r.stored, ok
}

func (m *credentialCache) forget(mark [32]byte) { m.entries.Delete(mark) }

func (m *credentialCache) remember(mark [32]byte, user uint64, stored string) {
	m.entries.Put(mark, remembered{user, stored, m.now().Add(rememberFor)}, 1)
}

// limiter counts failed logins, per account and address and per address.
type limiter struct {
	now        func() time.Time
	perAccount int // and address

	mu    sync.Mutex // of the counts in attempts
	count *cache.LRU[string, *attempts]
}

type attempts struct {
	n     int
	until time.Time
}

const (
	attemptsFor = 5 * time.Minute // from the first failure
	// FailedLogins is the default of Options.FailedLogins.
	FailedLogins    = 20
	accountsFailing = 15 // the limit of an address, in limits of an account
	maxAttemptLists = 100_000
)

func newLimiter(now func() time.Time, perAccount int) *limiter {
	if perAccount == 0 {
		perAccount = FailedLogins
	}
	return &limiter{now: now, perAccount: perAccount,
		count: cache.New[string, *attempts](maxAttemptLists)}
}

// attemptKeys returns the keys of an account at an address and of the address. For IPv6 the /64
// network counts, in which one machine may have any address.
func attemptKeys(name, addr string) (account, address string) {
	if ip, err := netip.ParseAddr(addr); err == nil {
		if ip = ip.Unmap().WithZone(""); ip.Is6() {
			net, _ := ip.Prefix(64)
			addr = net.String()
		} else {
			addr = ip.String()
		}
	}
	// the name is cut, so that long names do not fill the memory
	return "account " + addr + " " + name[:min(len(name), MaxUserName+1)], "address " + addr
}

// may refuses after too many failures.
func (l *limiter) may(name, addr string) error {
	account, address := attemptKeys(name, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, limit := range map[string]int{account: l.perAccount, address: accountsFailing * l.perAccount} {
		c, ok := l.count.Get(key)
		if !ok {
			continue
		}
		left := c.until.Sub(l.now())
		if left <= 0 {
			l.count.Delete(key)
		} else if c.n >= limit {
			return &problem.Error{Kind: problem.TooMany,
				Message: "Too many failed attempts. Try again later.", RetryAfter: left}
		}
	}
	return nil
}

func (l *limiter) failed(name, addr string) {
	account, address := attemptKeys(name, addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, key := range []string{account, address} {
		c, ok := l.count.Get(key)
		if !ok || !l.now().Before(c.until) {
			c = &attempts{until: l.now().Add(attemptsFor)}
			l.count.Put(key, c, 1)
		}
		c.n++
	}
}

// As returns the viewer of a user for whom the owner of the file acts. Error: NotFound.
func (a *Auth) As(name string) (v Viewer, err error) {
	err = a.db.View(func(tx *kv.Tx) error {
		id, ok, err := tx.Lookup(kindUserName, name)
		if err != nil {
			return err
		}
		if !ok {
			return &problem.Error{Kind: problem.NotFound, Message: "There is no user " + name + "."}
		}
		u, err := users.Get(tx, id)
		if err == nil {
			v = viewerOf(id, u, "")
		}
		return err
	})
	return v, err
}

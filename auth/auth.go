package auth

import (
	"crypto/rand"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"nightjar/internal/cache"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// Auth manages the users of an open file. Its methods are safe for concurrent use.
type Auth struct {
	db        *kv.DB
	now       func() time.Time
	random    io.Reader
	passwords *passwords
	basic     *credentialCache
	limits    *limiter
	used      *lastUsed
	known     *cache.LRU[[32]byte, knownToken]
	policy    atomic.Pointer[Policy]
	policyMu  sync.Mutex // held while the policy is read and stored

	policyRead func() // for tests: called between reading the policy and storing it

	// Forget removes what was granted to a user or group that is being deleted. The package that
	// stores the grants sets it once.
	Forget func(tx *kv.WriteTx, g Grantee) error
}

// Options configure New. The zero value suits a node.
type Options struct {
	// FailedLogins is how many logins of an account from an address may fail within five minutes; 0
	// means FailedLogins.
	FailedLogins int
	// Now and Random replace the clock and the source of randomness.
	Now    func() time.Time
	Random io.Reader
}

// The names of the settings of the policy.
const (
	SettingMode     = "permissions"
	SettingStrategy = "auth_strategy"
)

// New returns the Auth of an open file.
func New(db *kv.DB, o Options) (*Auth, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	a := &Auth{db: db, now: o.Now, random: o.Random, passwords: newPasswords(o.Random),
		limits: newLimiter(o.Now, o.FailedLogins), used: newLastUsed(),
		known: cache.New[[32]byte, knownToken](maxKnown)}
	a.Forget = func(*kv.WriteTx, Grantee) error { return nil }
	var err error
	if a.basic, err = newCredentialCache(o.Now, o.Random); err != nil {
		return nil, err
	}
	return a, a.LoadPolicy()
}

// Policy returns the policy as of the last LoadPolicy, for refusals before a transaction, which
// reads the policy again (see Current).
func (a *Auth) Policy() Policy { return *a.policy.Load() }

// LoadPolicy reads the policy from the settings. Call it after each change of them. Concurrent
// calls read one after the other, so that the last read wins.
func (a *Auth) LoadPolicy() error {
	a.policyMu.Lock()
	defer a.policyMu.Unlock()
	return a.db.View(func(tx *kv.Tx) error {
		p, err := readPolicy(tx)
		if err != nil {
			return err
		}
		if a.policyRead != nil {
			a.policyRead()
		}
		a.policy.Store(&p)
		return nil
	})
}

// readPolicy reads the policy in a transaction.
func readPolicy(tx *kv.Tx) (Policy, error) {
	p := Policy{Mode: ModeTargets, Strategy: ReadOnly}
	s, ok, err := tx.Setting(SettingMode)
	if err == nil && ok {
		p.Mode, err = ParseMode(s)
	}
	if err != nil {
		return p, err
	}
	s, ok, err = tx.Setting(SettingStrategy)
	if err == nil && ok {
		p.Strategy, err = ParseStrategy(s)
	}
	return p, err
}

// Author returns the author of a viewer's writes, for the log.
func (v Viewer) Author() kv.Author {
	return kv.Author{User: v.ID, Token: v.Token, Name: v.Name, Addr: v.Addr, Action: v.Action}
}

// A Page selects a part of a list.
type Page struct{ Offset, Limit int }

// listPage returns the rows of a page of a set, and the number of rows in the set.
func listPage[T, Info any](tx *kv.Tx, table *kv.Table[T], set kv.Set, p Page,
	describe func(tx *kv.Tx, id uint64, row *T) (Info, error)) (list []Info, count int, err error) {
	ids, count, err := set.Page(kv.Page{Offset: p.Offset, Limit: p.Limit})
	for _, id := range ids {
		row, err := table.Get(tx, id)
		if err != nil {
			return nil, 0, err
		}
		info, err := describe(tx, id, row)
		if err != nil {
			return nil, 0, err
		}
		list = append(list, info)
	}
	return list, count, err
}

// The refusals of credentials, in the words of Django REST framework.
var (
	ErrBadPassword   = &problem.Error{Kind: problem.Unauthenticated, Message: "Invalid username/password."}
	ErrBadToken      = &problem.Error{Kind: problem.Unauthenticated, Message: "Invalid token."}
	ErrReadOnlyToken = &problem.Error{Kind: problem.Forbidden, Message: "This token may only read."}
)

package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of argon2id: OWASP's second recommendation, in memory that a small node can spare.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
	// argonAtOnce bounds the memory that signing in may take.
	argonAtOnce = 2
)

// MinPassword is the least number of characters of a password.
const MinPassword = 8

type passwords struct {
	turns  chan struct{}
	random io.Reader
}

func newPasswords(random io.Reader) *passwords {
	return &passwords{turns: make(chan struct{}, argonAtOnce), random: random}
}

// hash makes the stored form of a password, a PHC string.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, argonSalt)
	if _, err := io.ReadFull(p.random, salt); err != nil {
		return "", err
	}
	key, err := p.derive(ctx, password, salt, nil)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonPasses, argonLanes,
		b64.EncodeToString(salt), b64.EncodeToString(key)), nil
}

// derive computes the key of a password when it is its turn. Then may is asked first, if it is not
// nil, whether that should still be done.
func (p *passwords) derive(ctx context.Context, password string, salt []byte, may func() error) ([]byte, error) {
	select {
	case p.turns <- struct{}{}:
		defer func() { <-p.turns }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if may != nil {
		if err := may(); err != nil {
			return nil, err
		}
	}
	return argon2.IDKey([]byte(password), salt, argonPasses, argonMemory, argonLanes, argonKey), nil
}

// nobody is compared with when there is no such user, so that this takes as long.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// matches says whether a password is the one that was stored, or why that is not looked at: may is
// asked when it is this one's turn.
func (p *passwords) matches(ctx context.Context, stored, password string, may func() error) (bool, error) {
	if stored == "" {
		stored = nobody // a user without a password: nothing matches, in the same time
	}
	part := strings.Split(stored, "$")
	var version, memory, passes, lanes int
	if len(part) != 6 || part[1] != "argon2id" {
		return false, errors.New("a password is stored in an unknown form")
	}
	if _, err := fmt.Sscanf(part[2]+" "+part[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes,
		&lanes); err != nil ||
		version != argon2.Version || memory != argonMemory || passes != argonPasses || lanes != argonLanes {
		return false, errors.New("a password is stored with unknown parameters")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(part[4])
	want, err2 := base64.RawStdEncoding.DecodeString(part[5])
	if err1 != nil || err2 != nil || len(want) != argonKey {
		return false, errors.New("a password is stored in a broken form")
	}
	if len(password) > MaxPassword {
		// none that is stored is as long: nothing matches, in the same time, and the length costs
		// no work
		password, stored = "", nobody
	}
	got, err := p.derive(ctx, password, salt, may)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && stored != nobody, nil
}

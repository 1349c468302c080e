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

// The parameters of argon2id: OWASP's second recommendation, whose memory suits a small node.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
	// argonAtOnce bounds the memory that logins take.
	argonAtOnce = 2
)

// MinPassword is the minimum length of a password, in characters.
const MinPassword = 8

type passwords struct {
	turns  chan struct{}
	random io.Reader
}

func newPasswords(random io.Reader) *passwords {
	return &passwords{turns: make(chan struct{}, argonAtOnce), random: random}
}

// hash returns the stored form of a password, a PHC string.
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

// derive computes the key of a password when its turn comes. If may is not nil, it then calls may
// first, and stops at its error.
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

// nobody is the stored password to compare with when there is no such user, so that this takes as
// long.
const nobody = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// matches reports whether a password is the stored one. It calls may when its turn comes, and
// returns its error.
func (p *passwords) matches(ctx context.Context, stored, password string, may func() error) (bool, error) {
	if stored == "" {
		stored = nobody // a user without a password: nothing matches, and takes as long
	}
	part := strings.Split(stored, "$")
	var version, memory, passes, lanes int
	if len(part) != 6 || part[1] != "argon2id" {
		return false, errors.New("a stored password has an unknown form")
	}
	if _, err := fmt.Sscanf(part[2]+" "+part[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes,
		&lanes); err != nil ||
		version != argon2.Version || memory != argonMemory || passes != argonPasses || lanes != argonLanes {
		return false, errors.New("a stored password has unknown parameters")
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(part[4])
	want, err2 := base64.RawStdEncoding.DecodeString(part[5])
	if err1 != nil || err2 != nil || len(want) != argonKey {
		return false, errors.New("a stored password is malformed")
	}
	if len(password) > MaxPassword {
		// no stored password is as long: nothing matches, and takes as long without the work for a
		// long text
		password, stored = "", nobody
	}
	got, err := p.derive(ctx, password, salt, may)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && stored != nobody, nil
}

package archive

import (
	"context"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// The certificate with which a node shows itself on a local network, and its key, are kept in the
// file as settings that nobody can read or set as such.
const (
	settingCertificate = "tls_certificate"
	settingKey         = "tls_key"
)

// Certificate is the node's own certificate and its key, both PEM; "" when it has none. It is for
// the program that serves the file.
func (a *Archive) Certificate() (certificate, key string, err error) {
	err = a.db.View(func(tx *kv.Tx) error {
		if certificate, _, err = tx.Setting(settingCertificate); err == nil {
			key, _, err = tx.Setting(settingKey)
		}
		return err
	})
	return certificate, key, err
}

// SetCertificate keeps the node's certificate and its key.
func (a *Archive) SetCertificate(ctx context.Context, certificate, key string) error {
	author := auth.FileOwner().Author()
	author.Action = "new certificate"
	return a.db.Update(ctx, author, func(tx *kv.WriteTx) error {
		if err := tx.SetSetting(settingCertificate, certificate); err != nil {
			return err
		}
		return tx.SetSetting(settingKey, key)
	})
}

// Certificate is the node's own certificate, PEM. Superusers only. Error: NotFound when it has
// none.
func (s *Session) Certificate() (string, error) {
	if err := s.superuser(); err != nil {
		return "", err
	}
	certificate, _, err := s.a.Certificate()
	if err == nil && certificate == "" {
		err = &problem.Error{Kind: problem.NotFound,
			Message: "This node has no certificate of its own: serve --lan makes one."}
	}
	return certificate, err
}

package torture_test

import (
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/testenv"
)

// TestLogMakesRoom fills a small disk with the log, by changes of a target that have nothing in
// common, until no write succeeds. After a restart a superuser sets log_keep: old entries are
// dropped, other writes succeed again, and the file is intact.
func TestLogMakesRoom(t *testing.T) {
	parallel(t)
	file := filepath.Join(smallDisk(t, testenv.Choose(26, 40)), "test.db")
	ahead := new(atomic.Int64)
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	open := func() *archive.Archive {
		a, err := archive.Open(file, archive.Options{Now: now, NoIndex: true, MinFree: 8 << 20, Logf: t.Logf})
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := open()
	in := &archive.TargetInput{Name: archive.Some("T"), Type: archive.Some(archive.Sidereal),
		Numbers: map[string]archive.Opt[float64]{"ra": archive.Some(1.0), "dec": archive.Some(2.0)}}
	v, err := a.For(auth.FileOwner()).CreateTarget(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.NewChaCha8([32]byte{1})
	change := func() error {
		noise := &archive.TargetInput{}
		for i := range 15 {
			b := make([]byte, archive.MaxExtraValue/2)
			r.Read(b)
			noise.Extras = append(noise.Extras,
				archive.ExtraInput{Key: string(rune('a' + i)), Value: hex.EncodeToString(b)})
		}
		_, err := a.For(auth.FileOwner()).ChangeTarget(t.Context(), v.ID, noise, false)
		return err
	}
	changes := 0
	for ; err == nil && changes < 10_000; changes++ {
		err = change()
	}
	if !errors.Is(err, archive.ErrNoRoom) {
		t.Fatalf("after %d changes: %v", changes, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = open()
	if err := change(); !errors.Is(err, archive.ErrNoRoom) {
		t.Fatalf("after a restart: %v", err)
	}
	ahead.Store(int64(2 * time.Hour))
	owner := a.For(auth.FileOwner())
	if _, err := owner.SetSetting(t.Context(), "log_keep", "1h"); err != nil {
		t.Fatalf("log_keep on a full disk: %v", err)
	}
	last, err := owner.TrimLog(t.Context())
	if err != nil || last < uint64(changes) {
		t.Fatalf("entries up to %d of %d were dropped: %v", last, changes, err)
	}
	for range 20 {
		if err := change(); err != nil {
			t.Fatalf("with free space: %v", err)
		}
	}
	before, after, err := owner.Compact(t.Context())
	if err != nil {
		t.Errorf("compact: %v", err)
	}
	t.Logf("%d changes; the file had %d bytes, compacted %d", changes, before, after)
	if after > before/10 {
		t.Errorf("compact left %d of %d bytes", after, before)
	}
	if report, err := owner.Verify(t.Context(), archive.VerifyOptions{}); err != nil || report.Err() != nil {
		t.Errorf("%+v, %v", report, err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

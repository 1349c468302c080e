package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nightjar/archive"
	"nightjar/auth"
)

// TestBackupsOverClocks takes copies while the clock is right, far ahead, and set back. The newest
// ones are kept, whatever their names say.
func TestBackupsOverClocks(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	a, err := archive.Open(filepath.Join(dir, "n.db"),
		archive.Options{NoSync: true, NoIndex: true, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	const keep = 3
	b, err := newBackups(a, Options{File: "n.db", Backups: Backups{t.TempDir(), time.Hour, keep}, Note: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	var taken []string
	// Backups of other nodes, and files that are no archives, stay.
	foreign := []string{filepath.Join(b.Dir, "n-20200101T000000Z-1.db"),
		filepath.Join(b.Dir, "n-20200101T000000Z-2.db")}
	other, err := Open(t.Context(), Options{File: foreign[0]})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(other.Close(), os.WriteFile(foreign[1], []byte("a diary"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		switch now = now.Add(time.Hour); i {
		case 4:
			now = now.AddDate(10, 0, 0)
		case 8:
			now = now.AddDate(-10, 0, 0)
		}
		if _, err := a.Auth().CreateGroup(context.Background(), auth.FileOwner(), fmt.Sprint("group ", i)); err != nil {
			t.Fatal(err)
		}
		if err := b.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := b.take(t.Context()); err != nil { // nothing was written
			t.Fatal(err)
		}
		taken = append(taken, b.current().Path)
		list, err := b.list()
		if err != nil {
			t.Fatal(err)
		}
		want := taken[max(0, len(taken)-keep):]
		if len(list) != len(want) {
			t.Fatalf("copy %d: got %v, want %v", i, list, want)
		}
		there := map[string]bool{}
		for _, k := range list {
			there[k.path] = true
		}
		for _, path := range want {
			if !there[path] {
				t.Errorf("copy %d: %s is missing: %v", i, path, list)
			}
		}
	}
	for _, path := range foreign {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

package archive

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"nightjar/internal/problem"
)

// TestVerifySince checks, for a node and for a closed backup, that the log contains a head.
func TestVerifySince(t *testing.T) {
	f := open(t, Options{})
	s := f.as("admin")
	heads := func() string {
		t.Helper()
		st, err := s.Stat()
		if err != nil {
			t.Fatal(err)
		}
		return st.Head
	}
	first := heads()
	f.target("astro", "A")
	second := heads()
	backup := filepath.Join(t.TempDir(), "backup.db")
	if head, err := s.Backup(t.Context(), backup); err != nil || head != second {
		t.Fatalf("%s, not %s: %v", head, second, err)
	}
	f.target("astro", "B")
	third := heads()
	changed := second[:len(second)-1] + "0"
	if changed == second {
		changed = second[:len(second)-1] + "1"
	}
	for name, c := range map[string]struct{ since, node, backup string }{
		"none":          {"", "", ""},
		"before":        {first, "", ""},
		"at the backup": {second, "", ""},
		"now":           {third, "", "the log ends at entry"},
		"another hash":  {changed, "is another one", "is another one"},
	} {
		r, err := s.Verify(t.Context(), VerifyOptions{Since: c.since})
		if err != nil {
			t.Fatal(err)
		}
		if (r.Other == "") != (c.node == "") || !strings.Contains(r.Other, c.node) || len(r.Problems) > 0 {
			t.Errorf("%s: the node says %q, %v", name, r.Other, r.Problems)
		}
		if r, err = Check(t.Context(), backup, VerifyOptions{Since: c.since}); err != nil {
			t.Fatal(err)
		}
		if (r.Other == "") != (c.backup == "") || !strings.Contains(r.Other, c.backup) || len(r.Problems) > 0 {
			t.Errorf("%s: the backup says %q, %v", name, r.Other, r.Problems)
		}
		if r.Head.String() != second {
			t.Errorf("%s: the backup's head is %s", name, r.Head)
		}
	}
	for _, text := range []string{"latest", second[:20], "x" + second} {
		if _, err := s.Verify(t.Context(), VerifyOptions{Since: text}); !hasProblem(err, "head") {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := Check(t.Context(), backup, VerifyOptions{Since: text}); !hasProblem(err, "head") {
			t.Errorf("%q, of a backup: %v", text, err)
		}
	}
	for user, kind := range map[string]problem.Kind{"": problem.Unauthenticated, "astro": problem.Forbidden} {
		if _, err := f.as(user).Verify(t.Context(), VerifyOptions{}); !refusedAs(err, kind) {
			t.Errorf("%q verifies: %v", user, err)
		}
	}
}

// TestRemoveLeftovers: opening the file removes what a crash left beside it, but no user's files
// with similar names.
func TestRemoveLeftovers(t *testing.T) {
	f := open(t, Options{})
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	there := func(name string) bool {
		_, err := os.Stat(f.path + name)
		return err == nil
	}
	left, users := []string{".temporary-123", ".temporary-123.session", ".compact", ".compact.session"},
		[]string{".restored", ".restore-2026-05-01.db", ".compact.old", ".backup"}
	for _, name := range append(left, users...) {
		if err := os.WriteFile(f.path+name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f.reopen()
	for _, name := range left {
		if there(name) {
			t.Errorf("%s is still there", name)
		}
	}
	for _, name := range users {
		if !there(name) {
			t.Errorf("%s was removed", name)
		}
	}
}

// TestFull: when an Out is full, Flush comes before the next row, and every row comes.
func TestFull(t *testing.T) {
	f := open(t, Options{})
	ctx := context.Background()
	target := f.target("astro", "M 31")
	const many = 50
	for i := range many {
		if _, _, err := f.as("astro").AddDatum(ctx,
			&DatumInput{Target: target, Type: "photometry", Time: int64(i) * 1e6, Timed: true,
				Value: fmt.Appendf(nil, `{"n": %d}`, i)}); err != nil {
			t.Fatal(err)
		}
	}
	gathered, most, rows := 0, 0, 0
	row := func() { rows++; gathered++; most = max(most, gathered) }
	flush := func() error { gathered = 0; return nil }
	full := func() bool { return gathered >= 3 }
	for name, list := range map[string]func() error{
		"list": func() error {
			return f.as("astro").Datums(ctx, DatumFilter{}, Page{Limit: many},
				Out[DatumView]{Begin: func(Extent) error { return nil },
					Row: func(*DatumView) error { row(); return nil }, Flush: flush, Full: full})
		},
		"export": func() error {
			return f.as("astro").Export(ctx, DatumFilter{}, nil,
				Out[ExportView]{Begin: func(Extent) error { return nil },
					Row: func(*ExportView) error { row(); return nil }, Flush: flush, Full: full})
		},
	} {
		gathered, most, rows = 0, 0, 0
		if err := list(); err != nil || rows != many || most != 3 {
			t.Errorf("%s: %d rows, %d at most before they were sent, %v", name, rows, most, err)
		}
	}
}

// TestLostCode opens a file that lacks the code of a configured data type, as a salvaged one may:
// the type gets another code, and datums of it can be added.
func TestLostCode(t *testing.T) {
	f := open(t, Options{})
	target := f.target("astro", "M 31")
	if _, err := f.as("admin").SetSetting(t.Context(), "data_product_types",
		"photometry,fits_file,spectroscopy,image_file,polarimetry"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := bbolt.Open(f.path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	lost := append([]byte("code/"), codeDataType)
	lost = append(lost, "polarimetry"...)
	err = file.Update(func(tx *bbolt.Tx) error {
		meta := tx.Bucket([]byte("meta"))
		if meta.Get(lost) == nil {
			t.Error("the type has no code")
		}
		return meta.Delete(lost)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	f.reopen()
	v, _, err := f.as("astro").AddDatum(t.Context(),
		&DatumInput{Target: target, Type: "polarimetry", Time: 1e6, Timed: true, Value: []byte(`{"p": 1}`)})
	if err != nil {
		t.Fatal(err)
	}
	if v.Type != "polarimetry" {
		t.Errorf("a datum of type %q", v.Type)
	}
}

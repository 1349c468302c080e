package archive

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/internal/problem"
)

// TestVerifySince asks of a node, and of a backup that nothing has open, whether they have grown
// out of a head.
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

// TestSweepBesides: what a crash left beside the file goes when it is opened; what a user put there
// with a similar name stays.
func TestSweepBesides(t *testing.T) {
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

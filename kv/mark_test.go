package kv

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseMark(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("0123456789abcdef", 4)
	for _, text := range []string{"0-" + strings.Repeat("0", 64), "1-" + sum, "18446744073709551615-" + sum} {
		m, err := ParseMark(text)
		if err != nil || m.String() != text {
			t.Errorf("%s: %v, %v", text, m, err)
		}
	}
	if m, err := ParseMark("7-" + strings.ToUpper(sum)); err != nil || m.String() != "7-"+sum {
		t.Errorf("capital digits: %v, %v", m, err)
	}
	for _, text := range []string{"", "-", "7", "7-", "-" + sum, "7-" + sum[1:], "7-" + sum + "0", "7-" + sum[1:] + "g",
		"-7-" + sum, "7 " + sum,
		"18446744073709551616-" + sum, "7-" + sum + "\n", sum} {
		if m, err := ParseMark(text); err == nil || m != (Mark{}) {
			t.Errorf("%q became %v", text, m)
		}
	}
}

// TestSince asks whether a file continues other states: earlier ones of its own, a later one, and
// those of other files.
func TestSince(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	marks := []Mark{d.Head()}
	for _, name := range []string{"a", "b", "c"} {
		d.addParent(parent{Name: name})
		marks = append(marks, d.Head())
	}
	other := openTest(t, Options{})
	for _, name := range []string{"x", "y"} {
		other.addParent(parent{Name: name})
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := d.Backup(t.Context(), copied, nil); err != nil {
		t.Fatal(err)
	}
	d.addParent(parent{Name: "after the copy"})
	ahead := d.Head()
	flipped := marks[2]
	flipped.Hash[31] ^= 1
	for name, c := range map[string]struct {
		since Mark
		why   string // of the copy; "" when it follows
		now   string // of the file itself
	}{
		"none":              {Mark{}, "", ""},
		"an empty file":     {marks[0], "", ""},
		"one before":        {marks[1], "", ""},
		"its head":          {marks[3], "", ""},
		"ahead of the copy": {ahead, "the log ends at entry 3, before entry 4", ""},
		"another file's":    {other.Head(), "entry 2 of the log is another one", "entry 2 of the log is another one"},
		"another bit":       {flipped, "entry 2 of the log is another one", "entry 2 of the log is another one"},
		"a hash without a no": {Mark{Hash: marks[1].Hash}, "entry 0 of the log is another one",
			"entry 0 of the log is another one"},
	} {
		t.Run(name, func(t *testing.T) {
			says := func(what string, err error, why string) {
				t.Helper()
				if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
					t.Errorf("%s: %v, not %q", what, err, why)
				}
			}
			d.view(func(tx *Tx) error {
				says("Follows", tx.Follows(c.since), c.now)
				return nil
			})
			r, err := d.Verify(t.Context(), CheckOptions{Since: c.since})
			if err != nil {
				t.Fatal(err)
			}
			says("Verify", r.Err(), c.now)
			if len(r.Problems) > 0 || r.Other != "" && r.Other != r.Err().Error() {
				t.Errorf("an intact file: %+v", r)
			}
			if r, err = Check(t.Context(), copied, d.all(), CheckOptions{Since: c.since}); err != nil {
				t.Fatal(err)
			}
			says("Check of the copy", r.Err(), c.why)
			if r.Head != marks[3] {
				t.Errorf("the copy's head is %v", r.Head)
			}
		})
	}
	// compaction changes none of this, and a restored file continues its backup
	if err := d.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	restored := filepath.Join(t.TempDir(), "restored.db")
	if err := RestoreFile(t.Context(), copied, restored, d.all(),
		func(path string) error { return checkFile(path, d.schema) }); err != nil {
		t.Fatal(err)
	}
	for _, m := range marks {
		d.view(func(tx *Tx) error { return tx.Follows(m) })
		if r, err := Check(t.Context(), restored, d.all(), CheckOptions{Since: m}); err != nil || r.Err() != nil ||
			r.Head.Seq != marks[3].Seq+1 {
			t.Errorf("restored, since %v: %+v, %v", m, r, err)
		}
	}
	if r, err := Check(t.Context(), restored, d.all(), CheckOptions{Since: ahead}); err != nil || r.Err() == nil {
		t.Errorf("restored, it continues a state after the backup: %+v, %v", r, err)
	}
}

// TestProgress: a verification reports its progress, and stops when its context is cancelled.
func TestProgress(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	const rows = 10_000
	d.update(func(tx *WriteTx) error {
		for i := range rows {
			if _, err := d.points.Insert(tx, &point{Parent: p, Time: int64(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	last, calls := 0, 0
	progress := func(done, total int) {
		if calls++; done <= last || done > total || total != rows+1 {
			t.Errorf("%d of %d, after %d", done, total, last)
		}
		last = done
	}
	if r, err := d.Verify(t.Context(), CheckOptions{Progress: progress}); err != nil || r.Err() != nil ||
		r.Records != rows+1 || calls != rows/4096 {
		t.Errorf("%+v, %v, told %d times", r, err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Verify(ctx, CheckOptions{}); err != context.Canceled {
		t.Errorf("after it was cancelled: %v", err)
	}
}

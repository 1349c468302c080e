package docs

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
)

var keyRow = regexp.MustCompile("(?m)^\\| (\\w+) \\| (-?\\d+) \\| `(.*)` \\| ([0-9a-f]{32}) \\|$")

// TestContentKey compares the content keys on the page, which were computed by a program in another
// language, with those that the archive leaves in the log of deleted datums, and with those that
// this package computes.
func TestContentKey(t *testing.T) {
	page, err := os.ReadFile("build/storage.md")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "nightjar.db")
	a, err := archive.Open(path, archive.Options{NoSync: true, NoIndex: true})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(err)
	s, ctx := a.For(auth.FileOwner()), t.Context()
	target, err := s.CreateTarget(ctx,
		&archive.TargetInput{Name: archive.Some("SN 2023ixf"), Type: archive.Some(archive.Sidereal),
			Numbers: map[string]archive.Opt[float64]{"ra": archive.Some(210.91), "dec": archive.Some(54.31)}})
	must(err)
	var want []string
	for _, row := range keyRow.FindAllStringSubmatch(string(page), -1) {
		time, err := strconv.ParseInt(row[2], 10, 64)
		must(err)
		if key := hex.EncodeToString(contentKey(row[1], time, []byte(row[3]))); key != row[4] {
			t.Errorf("%s: the key is %s", row[0], key)
		}
		d, _, err := s.AddDatum(ctx, &archive.DatumInput{Target: target.ID, Type: row[1], Time: time, Timed: true,
			Value: []byte(row[3])})
		must(err)
		must(s.DeleteDatum(ctx, d.ID))
		want = append(want, hex.EncodeToString(target.UID[:])+row[4])
	}
	must(a.Close())
	if len(want) < 6 {
		t.Fatalf("the page has %d content keys", len(want))
	}
	r := &storageReader{T: t, page: readStoragePage(t), bolt: readBolt(t, path)}
	var got []string
	for _, p := range r.bolt.buckets["log"].pairs {
		for _, g := range every[rawRecord](r.page.decode(t, "Entry", r.open("log", p.key, p.value)), "Gone") {
			got = append(got, hex.EncodeToString(only[[]byte](g, "Ident")))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the idents in the log: %v, not %v", got, want)
	}
}

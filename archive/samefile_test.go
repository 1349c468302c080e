package archive

import (
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
)

// TestSameFile: the report of an upload says that its target has this very file already, if the
// uploader sees the product, whether the rows of the file are read or not.
func TestSameFile(t *testing.T) {
	f := open(t, Options{})
	id, other := f.target("astro", "T", f.group), f.target("astro", "U", f.group)
	here := func(user string, target uint64, content string) (n int) {
		t.Helper()
		_, r, err := f.upload(user, target, "again.csv", content)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range r.Warnings {
			if w == "this very file is here already: product 1, again.csv" {
				n++
			}
		}
		if n == 1 != (r.SameFile == 1) {
			t.Errorf("%d warnings, and same_file is %d", n, r.SameFile)
		}
		return n
	}
	for _, c := range []struct {
		user    string
		target  uint64
		content string
		want    int
	}{
		{"astro", id, lightCurveCSV, 0},
		{"astro", id, lightCurveCSV, 1},
		{"astro", id, lightCurveCSV + "55960.07,r,15.6760,0.007\n", 0},
		{"astro", other, lightCurveCSV, 0},
		{"carol", id, lightCurveCSV, 1},
	} {
		if got := here(c.user, c.target, c.content); got != c.want {
			t.Errorf("%s uploads to target %d: %d warnings, want %d", c.user, c.target, got, c.want)
		}
	}
	f.mode(auth.ModeObjects, auth.ReadOnly)
	_, r, err := f.upload("carol", id, "b.csv", lightCurveCSV)
	if err != nil || r.SameFile != 5 || strings.Contains(strings.Join(r.Warnings, "\n"), "product 1,") {
		t.Errorf("carol sees her own product 5, and not product 1: %d, %v, %v", r.SameFile, r.Warnings, err)
	}
}

// TestBlindGroups: the report of an upload for a group that cannot see the target names the group.
func TestBlindGroups(t *testing.T) {
	f := open(t, Options{})
	f.mode(auth.ModeObjects, auth.ReadOnly)
	hidden, shared := f.target("astro", "T"), f.target("astro", "U", f.group)
	const want = "The group Observers cannot see the target. It sees this product and its datums, without the " +
		"target's name, unless the target is shared with it."
	for target, warned := range map[uint64]bool{hidden: true, shared: false} {
		_, r, err := f.upload("astro", target, "a.csv", lightCurveCSV, f.group)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(r.Warnings, want) != warned {
			t.Errorf("target %d: %q", target, r.Warnings)
		}
	}
}

package index

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func ids(matches []Match) (ids []uint64) {
	for _, m := range matches {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestSimilar(t *testing.T) {
	x := open(t, t.TempDir(), Options{})
	defer x.Close()
	if ids := x.Similar(t.Context(), "SN 2011fe", 5); ids != nil {
		t.Errorf("an empty index finds %v", ids)
	}
	apply(t, x, []Target{
		{10, []string{"SN 2011fe", "PTF11kly"}},
		{11, []string{"SN 2011fd"}},
		{12, []string{"SN 2011ef"}},
		{13, []string{"SN 1987A", "AAVSO 0534-69"}},
		{14, []string{"η Carinae", "HD 93308"}},
		{15, []string{"M31"}},
		{16, []string{"M 33"}},
		{17, []string{"Io"}},
		{18, []string{"sn-2011-FE"}},
		{19, []string{"SN 2011fex"}},
		{21, []string{"Barnard"}},
		{22, []string{"Barnards"}},
		{23, []string{"Barnardz", "Barnards"}},
		{24, []string{"barnardr"}},
		{20, []string{strings.Repeat("x", 300)}},
	}, markOf(1))
	for _, c := range []struct {
		text string
		max  int
		want []uint64
	}{
		{"SN 2011fe", 9, []uint64{10, 18, 12, 11, 19}}, // equal; swapped; replaced; longer
		{"sn2011fe", 1, []uint64{10}},
		{"SN 2011f", 9, []uint64{12, 11, 10, 18, 19}},
		{"PTF11lky", 9, []uint64{10}}, // two letters swapped
		{"PTE11kl", 9, []uint64{10}},
		{"eta carinae", 9, nil}, // three edits
		{"η Carina", 9, []uint64{14}},
		{"Barnardx", 9, []uint64{24, 22, 23, 21}}, // all by one edit, the shorter one last
		{"Barnards", 9, []uint64{22, 23, 24, 21}}, // 23 only once
		{"m32", 9, []uint64{15, 16}},
		{"m42", 9, nil}, // two edits are too many for a short name
		{"m 31", 1, []uint64{15}},
		{"io", 9, []uint64{17}},
		{"ia", 9, nil},
		{"", 9, nil},
		{"()", 9, nil},
		{"SN 2011fe", 0, nil},
		{"SN 2011fe", -1, nil},
		{strings.Repeat("x", 100), 9, nil},
		{strings.Repeat("x", 300), 9, nil}, // longer than is looked up
		{"\xff\xff\xff\xff\xff\xff", 9, nil},
		{".*.*.*", 9, nil},
	} {
		if got := ids(x.Similar(t.Context(), c.text, c.max)); !slices.Equal(got, c.want) {
			t.Errorf("Similar(%q, %d) = %v, want %v", c.text, c.max, got, c.want)
		}
	}

	if got := x.Similar(t.Context(), "PTF11lky", 1); !slices.Equal(got, []Match{{10, "ptf11kly"}}) {
		t.Errorf("a similar name: %v", got)
	}

	// Names that no longer exist are not suggested.
	apply(t, x, []Target{{ID: 18}, {10, []string{"PTF11kly"}}}, markOf(2))
	if got := ids(x.Similar(t.Context(), "SN 2011fe", 2)); !slices.Equal(got, []uint64{12, 11}) {
		t.Errorf("after a change: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := x.Similar(ctx, "SN 2011fe", 2); got != nil || x.Broken() != nil {
		t.Errorf("cancelled: %v, %v", got, x.Broken())
	}
}

// TestSimilarAmongMany: a name of very many targets is not suggested, and numbered names do not
// make a search endless.
func TestSimilarAmongMany(t *testing.T) {
	x := open(t, t.TempDir(), Options{})
	defer x.Close()
	var targets []Target
	for i := range 1000 {
		targets = append(targets, Target{uint64(i), []string{fmt.Sprintf("Survey J%03d", i), "host"}})
	}
	apply(t, x, targets, markOf(1))
	if got := ids(x.Similar(t.Context(), "Survey J12#", 4)); !slices.Equal(got, []uint64{120, 121, 122, 123}) {
		t.Errorf("got %v", got)
	}
	if got := ids(x.Similar(t.Context(), "hosts", 3)); !slices.Equal(got, []uint64{0, 1, 2}) {
		t.Errorf("got %v", got)
	}
}

package kv

import (
	"slices"
	"testing"
)

// TestStageReopened makes a staged write the first write to a table, and the first after a fold.
// After reopening, the file has each row once.
func TestStageReopened(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	name, total := 'a', 0
	want := func(when string) {
		t.Helper()
		for _, s := range []func(tx *Tx) Set{
			d.points.All, func(tx *Tx) Set { return And(d.points.All(tx), d.points.All(tx)) },
		} {
			if n := d.count(s); n != total {
				t.Errorf("%s there are %d rows, not %d", when, n, total)
			}
		}
		d.view(func(tx *Tx) error {
			ids, _, err := d.points.All(tx).Page(Page{Offset: total - 1, Limit: 10})
			if err != nil || len(ids) != 1 {
				t.Errorf("%s the last page has %v (%v)", when, ids, err)
			}
			return nil
		})
	}
	for _, alone := range []int{0, 3} {
		if err := stageOne(d.DB, d.testTables, string(name)); err != nil {
			t.Fatal(err)
		}
		name++
		total += 3000
		want("after a staged write")
		d.close()
		d.reopen()
		want("opened again")
		for i := range alone {
			d.addPoint(point{Parent: 1, Time: int64(-1 - i)})
			total++
		}
		want("with single rows")
	}
}

// TestStageTail: a staged write begins one tail, whether or not there was something to fold.
func TestStageTail(t *testing.T) {
	t.Parallel()
	var steps []string
	d := openTest(t, Options{step: func(step string, _ *batch) error {
		steps = append(steps, step)
		return nil
	}})
	for _, alone := range []int{0, 3} {
		for i := range alone {
			d.addPoint(point{Parent: 1, Time: int64(-1 - i)})
		}
		steps = nil
		if err := stageOne(d.DB, d.testTables, string(rune('a'+alone))); err != nil {
			t.Fatal(err)
		}
		begun := slices.DeleteFunc(steps, func(s string) bool { return s != "tail" })
		if len(begun) != 1 {
			t.Errorf("with %d rows in the tail, %d new ones were begun", alone, len(begun))
		}
	}
}

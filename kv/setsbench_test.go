//go:build unix

package kv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
)

// The sets of benchSets: dimensions of the table of points, whose rows need not exist.
const (
	benchAll    = iota // every row
	benchSeen          // nearly every row: a few rows of each hundred are missing
	benchHalf          // every second row, at random
	benchBlocks        // half of the rows, in blocks of 40
	benchTenth         // every tenth row, at random
	benchRare          // one row in 500
	benchCount
)

// benchSets makes sets of a bulk table with this many rows, without the rows. The fold mark is
// 1,000 ids before the last.
func benchSets(b *testing.B, rows int) *testDB {
	d := benchOpen(b, 10)
	r := rand.New(rand.NewPCG(1, 2))
	in := [benchCount]func(id int) bool{
		benchAll: func(int) bool { return true }, benchSeen: func(int) bool { return r.IntN(100) > 2 },
		benchHalf: func(int) bool { return r.IntN(2) == 0 }, benchBlocks: func(id int) bool { return id/40%2 == 0 },
		benchTenth: func(int) bool { return r.IntN(10) == 0 }, benchRare: func(int) bool { return r.IntN(500) == 0 },
	}
	changes := make([]idChange, 0, chunkIDs)
	for s := range in {
		for first := 1; first <= rows; first += chunkIDs {
			changes = changes[:0]
			for id := first; id < min(first+chunkIDs, rows+1); id++ {
				if in[s](id) {
					changes = append(changes, idChange{id: uint64(id)})
				}
			}
			d.update(func(tx *WriteTx) error {
				tx.touch()
				return writeSet(tx.bucket(bucketSet), setKey(d.points.def, dimHeld, Int(uint64(s))), changes)
			})
		}
	}
	d.update(func(tx *WriteTx) error {
		tx.touch()
		if err := tx.table(d.points.def).SetSequence(uint64(rows)); err != nil {
			return err
		}
		return tx.putTail(d.points.def, uint64(rows-1000))
	})
	return d
}

// BenchmarkSets counts sets for the first time, and reads pages of sets that were counted before.
func BenchmarkSets(b *testing.B) {
	for _, rows := range []int{chunkIDs - 1, 1_000_000, 10_000_000} {
		d := benchSets(b, rows)
		set := func(tx *Tx, s int) Set { return d.points.Set(tx, dimHeld, Int(uint64(s))) }
		cases := []struct {
			name string
			set  func(tx *Tx) Set
		}{
			{"all", func(tx *Tx) Set { return set(tx, benchAll) }},
			{"seen and half", func(tx *Tx) Set { return And(set(tx, benchSeen), set(tx, benchHalf)) }},
			{"half and tenth", func(tx *Tx) Set { return And(set(tx, benchHalf), set(tx, benchTenth)) }},
			{"half and rare", func(tx *Tx) Set { return And(set(tx, benchHalf), set(tx, benchRare)) }},
			{"half and blocks", func(tx *Tx) Set { return And(set(tx, benchHalf), set(tx, benchBlocks)) }},
			{"tenth and rare", func(tx *Tx) Set { return And(set(tx, benchTenth), set(tx, benchRare)) }},
			{"all and rare", func(tx *Tx) Set { return And(set(tx, benchAll), set(tx, benchRare)) }},
			{"union of 2", func(tx *Tx) Set { return Or(set(tx, benchHalf), set(tx, benchTenth)) }},
			{"union of 5", func(tx *Tx) Set {
				return Or(set(tx, benchRare), set(tx, benchTenth), set(tx, benchHalf), set(tx, benchBlocks),
					set(tx, benchSeen))
			}},
			{"four filters", func(tx *Tx) Set {
				return And(Or(set(tx, benchHalf), set(tx, benchTenth)), set(tx, benchSeen), set(tx, benchBlocks),
					set(tx, benchAll))
			}},
			{"half but tenth", func(tx *Tx) Set { return AndNot(set(tx, benchHalf), set(tx, benchTenth)) }},
			{"half and a list", func(tx *Tx) Set {
				return And(set(tx, benchHalf), IDs(everySixth(min(rows, 300_000))))
			}},
		}
		for _, c := range cases {
			b.Run(fmt.Sprintf("%d/count %s", rows, c.name), func(b *testing.B) {
				benchCPU(b, func() {
					d.view(func(tx *Tx) error {
						s := c.set(tx)
						s.of = nil
						_, err := s.Count()
						return err
					})
				})
			})
			for _, p := range []Page{{Limit: 100}, {Offset: 20_000, Limit: 100, Descending: true}, {Limit: 1 << 30}} {
				if p.Limit > 100 && rows != 1_000_000 {
					continue
				}
				b.Run(fmt.Sprintf("%d/page %d of %d %s", rows, p.Offset, p.Limit, c.name), func(b *testing.B) {
					benchCPU(b, func() { d.view(func(tx *Tx) error { _, _, err := c.set(tx).Page(p); return err }) })
				})
			}
		}
	}
}

// benchCPU runs fn repeatedly and reports the processor time it takes, garbage collection included.
// On a busy machine that says more than elapsed time.
func benchCPU(b *testing.B, fn func()) {
	b.ReportAllocs()
	fn()
	spent := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	before := spent()
	for b.Loop() {
		fn()
	}
	b.ReportMetric(float64(spent()-before)/float64(b.N), "cpu-ns/op")
}

func everySixth(rows int) []uint64 {
	var ids []uint64
	for id := 1; id <= rows; id += 6 {
		ids = append(ids, uint64(id))
	}
	return ids
}

// BenchmarkTailed reads pages while the tail is full.
func BenchmarkTailed(b *testing.B) {
	d := benchOpen(b, 1000)
	d.fill(200_000, 1000)
	d.update(func(tx *WriteTx) error {
		for k := range tailLimit - 1 {
			p := benchPoint(k, 1000)
			if _, err := d.points.Insert(tx, &p); err != nil {
				return err
			}
		}
		return nil
	})
	for name, set := range map[string]func(tx *Tx) Set{
		"all": func(tx *Tx) Set { return d.points.All(tx) },
		"seen and source": func(tx *Tx) Set {
			return And(d.points.Set(tx, dimSeen, Int(1)), d.points.Set(tx, dimSource, Text("ZTF")))
		},
	} {
		b.Run(name, func(b *testing.B) {
			benchCPU(b, func() {
				d.view(func(tx *Tx) error { _, _, err := set(tx).Page(Page{Limit: 100, Descending: true}); return err })
			})
		})
	}
}

// BenchmarkUnionOf makes the union of the rows of 1,000 of 2,000 parents for the first time, and
// reads a union made before.
func BenchmarkUnionOf(b *testing.B) {
	const rows, parents = 1_000_000, 2000
	d := benchOpen(b, parents)
	d.fill(rows, parents)
	var ids []uint64
	for p := uint64(1); p <= parents; p += 2 {
		ids = append(ids, p)
	}
	ask := func(b *testing.B, list *IDList) {
		d.view(func(tx *Tx) error {
			got, n, err := And(d.points.Set(tx, dimSeen, Int(1)),
				d.points.UnionOf(tx, dimParent, list)).Page(Page{Limit: 100})
			if n != rows/2 || len(got) != 100 || !slices.IsSorted(got) {
				b.Fatal(n, len(got), err)
			}
			return err
		})
	}
	b.Run("first", func(b *testing.B) {
		benchCPU(b, func() { ask(b, d.IDList(ids)) })
	})
	b.Run("again", func(b *testing.B) {
		list := d.IDList(ids)
		benchCPU(b, func() { ask(b, list) })
	})
}

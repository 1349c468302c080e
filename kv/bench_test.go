package kv

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// benchPoint is about as large as a photometric datum.
func benchPoint(k int, parents int) point {
	return point{Parent: uint64(1 + k%parents), Time: int64(k) * 300_000_000,
		Source: []string{"ZTF", "ATLAS", "Gaia", "LCO", "PanSTARRS"}[k*7919%5],
		Body:   fmt.Sprintf(`{"filter":"r","magnitude":%d.%03d,"error":0.%03d}`, 14+k%8, k%1000, k*31%300)}
}

func benchOpen(b *testing.B, parents int) *testDB {
	d := &testDB{testTables: newTestTables(), t: b, dir: b.TempDir()}
	d.reopen()
	b.Cleanup(d.close)
	d.update(func(tx *WriteTx) error {
		for i := range parents {
			p := parent{Name: fmt.Sprint(i), Seen: []uint64{1}}
			if i%2 == 0 {
				p.Seen = []uint64{1, 2}
			}
			if _, err := d.parents.Insert(tx, &p); err != nil {
				return err
			}
		}
		return nil
	})
	return d
}

// BenchmarkInsertOne inserts one row per commit. BenchmarkRawCommit is its floor.
func BenchmarkInsertOne(b *testing.B) {
	d := benchOpen(b, 1000)
	k := 0
	for b.Loop() {
		p := benchPoint(k, 1000)
		d.addPoint(p)
		k++
	}
}

// BenchmarkMayWrite checks what each commit checks first: the path, the lock file and the free
// space on the disk.
func BenchmarkMayWrite(b *testing.B) {
	d := benchOpen(b, 10)
	d.writeMu.Lock()
	defer d.writeMu.Unlock()
	for b.Loop() {
		if err := d.mayWrite(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRoom is the part of BenchmarkMayWrite that checks the free space.
func BenchmarkRoom(b *testing.B) {
	d := benchOpen(b, 10)
	for b.Loop() {
		if !d.hasSpace() {
			b.Fatal("no free space")
		}
	}
}

// BenchmarkRawCommit puts the same record, one order key and one log entry into three buckets, in
// an empty file and in one with a million rows. The folder NIGHTJAR_RAW, if set, keeps the file for
// the next run.
func BenchmarkRawCommit(b *testing.B) {
	for _, rows := range []int{0, 1_000_000} {
		b.Run(strconv.Itoa(rows), func(b *testing.B) { rawCommits(b, rows) })
	}
}

func rawCommits(b *testing.B, rows int) {
	dir := os.Getenv("NIGHTJAR_RAW")
	if dir == "" {
		dir = b.TempDir()
	}
	db, err := bbolt.Open(filepath.Join(dir, fmt.Sprintf("raw-%d.db", rows)), 0o600,
		&bbolt.Options{FreelistType: bbolt.FreelistMapType, NoFreelistSync: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.AllocSize = allocSize
	k := 0
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, n := range []string{"record", "order", "log"} {
			if _, err := tx.CreateBucketIfNotExists([]byte(n)); err != nil {
				return err
			}
		}
		if last, _ := tx.Bucket([]byte("record")).Cursor().Last(); last != nil {
			k = int(binary.BigEndian.Uint64(last)) + 1
		}
		return nil
	})
	codec := Fields[point]()
	put := func(tx *bbolt.Tx) error {
		p := benchPoint(k, 1000)
		if err := tx.Bucket([]byte("record")).Put(key8(uint64(k)), codec.Append(nil, &p)); err != nil {
			return err
		}
		order := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, uint32(p.Parent)), uint64(p.Time))
		if err := tx.Bucket([]byte("order")).Put(append(order, make([]byte, 11)...), nil); err != nil {
			return err
		}
		return tx.Bucket([]byte("log")).Put(key8(uint64(k)), make([]byte, 140))
	}
	for err == nil && k < rows {
		err = db.Update(func(tx *bbolt.Tx) error {
			for range min(20_000, rows-k) {
				if err := put(tx); err != nil {
					return err
				}
				k++
			}
			return nil
		})
	}
	if err != nil {
		b.Fatal(err)
	}
	var times []time.Duration
	for b.Loop() {
		began := time.Now()
		if err := db.Update(put); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
		k++
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2]), "median-ns")
}

// BenchmarkCheckTree checks the branches of a file of a million rows, as each start does.
func BenchmarkCheckTree(b *testing.B) {
	d := benchOpen(b, 1000)
	d.fill(1_000_000, 1000)
	for b.Loop() {
		if err := checkTree(d.path()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFold folds a full tail into the sets and series of a million rows.
func BenchmarkFold(b *testing.B) {
	d := benchOpen(b, 1000)
	const rows = 1_000_000
	d.fill(rows, 1000)
	k := rows
	for b.Loop() {
		b.StopTimer()
		d.update(func(tx *WriteTx) error {
			for range tailLimit {
				p := benchPoint(k, 1000)
				if _, err := d.points.Insert(tx, &p); err != nil {
					return err
				}
				k++
			}
			return nil
		})
		b.StartTimer()
		d.update(func(tx *WriteTx) error { tx.touch(); return tx.foldTail(d.points.def) })
	}
}

// BenchmarkInsertShared inserts rows from 64 goroutines, one row at a time.
func BenchmarkInsertShared(b *testing.B) {
	d := benchOpen(b, 1000)
	var k atomic.Int64
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := benchPoint(int(k.Add(1)), 1000)
			err := d.Update(context.Background(), me,
				func(tx *WriteTx) error { _, err := d.points.Insert(tx, &p); return err })
			if err != nil {
				b.Error(err)
			}
		}
	})
}

func (d *testDB) fill(n, parents int) {
	s, err := d.points.Stage(context.Background(), d.DB, me)
	if err != nil {
		d.t.Fatal(err)
	}
	for k := 0; k < n; {
		err := s.Update(context.Background(), func(tx *WriteTx) error {
			for range min(20_000, n-k) {
				p := benchPoint(k, parents)
				if _, err := d.points.Insert(tx, &p); err != nil {
					return err
				}
				k++
			}
			return nil
		})
		if err != nil {
			d.t.Fatal(err)
		}
	}
	if err := s.Finish(context.Background(), func(*WriteTx) error { return nil }); err != nil {
		d.t.Fatal(err)
	}
}

// BenchmarkStage writes 200,000 rows as a staged write and reports rows per second and bytes per
// row.
func BenchmarkStage(b *testing.B) {
	for _, parents := range []int{1000, 20_000} {
		b.Run(fmt.Sprint(parents), func(b *testing.B) {
			const rows = 200_000
			for b.Loop() {
				b.StopTimer()
				d := benchOpen(b, parents)
				before, _, _ := d.Size()
				b.StartTimer()
				d.fill(rows, parents)
				b.StopTimer()
				after, _, _ := d.Size()
				b.ReportMetric(float64(after-before)/rows, "bytes/row")
				b.StartTimer()
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkPage reads a page of 100 ids and the count of 1,000,000.
func BenchmarkPage(b *testing.B) {
	d := benchOpen(b, 1000)
	d.fill(1_000_000, 1000)
	cases := []struct {
		name string
		set  func(tx *Tx) Set
	}{
		{"all", func(tx *Tx) Set { return d.points.All(tx) }},
		{"seen", func(tx *Tx) Set { return d.points.Set(tx, dimSeen, Int(2)) }},
		{"source", func(tx *Tx) Set { return d.points.Set(tx, dimSource, Text("ZTF")) }},
		{"seen and source", func(tx *Tx) Set {
			return And(Or(d.points.Set(tx, dimSeen, Int(2)), d.points.Set(tx, dimSeen, Int(3))),
				d.points.Set(tx, dimSource, Text("ZTF")))
		}},
		{"parent and source", func(tx *Tx) Set {
			return And(d.points.Set(tx, dimParent, Int(5)), d.points.Set(tx, dimSource, Text("ZTF")))
		}},
	}
	for _, c := range cases {
		for _, offset := range []int{0, 90_000} {
			b.Run(fmt.Sprint(c.name, " from ", offset), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					d.view(func(tx *Tx) error {
						ids, _, err := c.set(tx).Page(Page{Offset: offset, Limit: 100})
						for _, id := range ids {
							if _, err := d.points.Get(tx, id); err != nil {
								return err
							}
						}
						return err
					})
				}
			})
		}
	}
}

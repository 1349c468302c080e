package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func randomBytes(r *rand.Rand, n, letters int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.IntN(letters))
	}
	return b
}

// mangled is b with some parts moved, doubled, removed or replaced.
func mangled(r *rand.Rand, b []byte) []byte {
	out := bytes.Clone(b)
	for range r.IntN(6) {
		from := r.IntN(len(out) + 1)
		to := from + r.IntN(len(out)-from+1)
		at := r.IntN(len(out) + 1)
		switch part := bytes.Clone(out[from:to]); r.IntN(4) {
		case 0:
			out = slices.Delete(out, from, to)
		case 1:
			out = slices.Insert(out, at, part...)
		case 2:
			out = slices.Insert(out, at, randomBytes(r, r.IntN(40), 256)...)
		default:
			if len(out) > 0 {
				out[r.IntN(len(out))] ^= byte(1 + r.IntN(255))
			}
		}
		out = out[:min(len(out), 8000)]
	}
	return out
}

// TestDelta applies differences between records of any bytes.
func TestDelta(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 3000 {
		from := randomBytes(r, r.IntN(3000), []int{1, 2, 256}[i%3])
		to := mangled(r, from)
		if i%7 == 0 {
			to = randomBytes(r, r.IntN(3000), []int{1, 2, 256}[r.IntN(3)])
		}
		delta := appendDelta(nil, from, to)
		if again := appendDelta(nil, from, to); !bytes.Equal(again, delta) {
			t.Fatal("the same records give two differences")
		}
		got, err := applyDelta(from, delta)
		if err != nil || !bytes.Equal(got, to) {
			t.Fatalf("%d of %d and %d bytes: %v", i, len(from), len(to), err)
		}
		// a damaged difference, or one for another record, makes no record
		bad := bytes.Clone(delta)
		bad[r.IntN(len(bad))] ^= 1 << r.IntN(8)
		if got, err := applyDelta(from, bad); err == nil && !bytes.Equal(got, to) {
			t.Fatalf("%d: a damaged difference made another record", i)
		}
		if got, err := applyDelta(mangled(r, from), delta); err == nil && !bytes.Equal(got, to) {
			t.Fatalf("%d: the difference from another record made another record", i)
		}
	}
}

// TestDeltaIsShort checks that moved blocks are found: the size of a difference must not grow with
// the record.
func TestDeltaIsShort(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	from := randomBytes(r, 60_000, 256)
	to := slices.Concat(from[:10], []byte("one"), from[12:30_000], []byte("two"), from[40_000:],
		from[31_000:39_000], []byte("three"))
	if n := len(appendDelta(nil, from, to)); n > 100 {
		t.Errorf("the difference has %d bytes", n)
	}
}

// TestDeltaBounds refuses steps that lead out of the record, and steps that expand a few bytes to a
// huge record.
func TestDeltaBounds(t *testing.T) {
	t.Parallel()
	from := []byte("0123456789")
	delta := func(size uint64, steps ...uint64) []byte {
		b := append(binary.AppendUvarint(nil, size), 0, 0, 0, 0)
		for _, s := range steps {
			b = binary.AppendUvarint(b, s)
		}
		return b
	}
	for name, d := range map[string][]byte{
		"empty": nil, "no sum": {3}, "copy beyond the end": delta(5, 5<<1|1, 6), "place beyond the end": delta(1,
			1<<1|1, 11), "huge place": delta(1, 1<<1|1, 1<<63),
		"huge copy": delta(5, 1<<63|1, 0), "bytes that are missing": delta(5, 5<<1), "wrong sum": delta(10, 10<<1|1,
			0), "wrong length": delta(4, 5<<1|1, 0),
		"huge record": delta(1<<62, 10<<1|1, 0), "step that ends": append(delta(10), 0x80),
	} {
		if got, err := applyDelta(from, d); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// rowState is a record as it was before a log entry.
type rowState struct {
	seq, id uint64
	rec     *parent // nil for none
}

// TestBefore makes random histories of records of all sizes and asks for every earlier state: while
// the history goes on, after compacting and reopening, and after the oldest entries were dropped.
func TestBefore(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 7))
			clock := time.Unix(1e9, 0)
			d := openTest(t, Options{Now: func() time.Time { return clock }})
			now := map[uint64]*parent{}
			var was []rowState
			some := func(name string, old *parent) parent {
				p := parent{Name: name, Rank: uint64(r.IntN(100)),
					Filler: randomBytes(r, []int{0, 10, 300, 3000, 20_000}[r.IntN(5)], 256)}
				if old != nil && r.IntN(4) > 0 {
					p.Filler = mangled(r, old.Filler)
				}
				if r.IntN(3) == 0 {
					p.Tags = strings.Fields(strings.Repeat("tag ", r.IntN(30)))
				}
				return p
			}
			for step := range 50 {
				clock = clock.Add(time.Hour)
				before := map[uint64]*parent{}
				for id, p := range now {
					before[id] = p
				}
				next := d.Head().Seq + 1
				d.update(func(tx *WriteTx) error {
					for range 1 + r.IntN(4) {
						id := uint64(0)
						if len(now) > 0 {
							id = anyKey(r, now)
						}
						var err error
						switch op := r.IntN(10); {
						case id == 0 || op < 2:
							p := some(fmt.Sprint(step, " ", d.parents.Last(tx.Tx)), nil)
							id, err = d.parents.Insert(tx, &p)
							now[id] = &p
						case op < 9:
							p := some(now[id].Name, now[id])
							err = d.parents.Put(tx, id, &p)
							now[id] = &p
						default:
							err = d.parents.Delete(tx, id)
							delete(now, id)
						}
						if err != nil {
							return err
						}
					}
					return nil
				})
				for id := range d.last() {
					if before[id+1] != now[id+1] || r.IntN(8) == 0 {
						was = append(was, rowState{next, id + 1, before[id+1]})
					}
				}
			}
			known := func(dropped uint64) {
				t.Helper()
				d.view(func(tx *Tx) error {
					for _, w := range was {
						p, err := d.parents.Before(tx, w.seq, w.id)
						switch {
						case w.seq <= dropped || w.rec == nil:
							if !errors.Is(err, ErrNotFound) {
								t.Errorf("before entry %d row %d: %v, %v", w.seq, w.id, p, err)
							}
						case err != nil || fmt.Sprint(*p) != fmt.Sprint(*w.rec):
							t.Errorf("before entry %d row %d: %v", w.seq, w.id, err)
						}
					}
					return nil
				})
			}
			known(0)
			if err := d.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			known(0)
			d.close()
			d.reopen()
			known(0)
			clock = clock.Add(time.Hour)
			dropped, err := d.TrimLog(context.Background(), me, clock.Add(-25*time.Hour))
			if err != nil || dropped < 20 || dropped > 30 {
				t.Fatalf("dropped up to %d: %v", dropped, err)
			}
			known(dropped)
			if err := d.Compact(context.Background()); err != nil {
				t.Fatal(err)
			}
			d.close()
			d.reopen()
			known(dropped)
		})
	}
}

// last is the largest id of a parent.
func (d *testDB) last() (last uint64) {
	d.view(func(tx *Tx) error { last = d.parents.Last(tx); return nil })
	return last
}

// TestVerifyDeltas finds differences in the log that make no record, or the wrong one.
func TestVerifyDeltas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		delta   func(rec []byte) []byte
		problem string
	}{
		"makes nothing": {func([]byte) []byte { return []byte{200, 1, 0, 0, 0, 0, 3, 0} },
			"log entry 2: the old record of parent 1: a difference that does not fit its record"},
		"makes another": {func(rec []byte) []byte {
			other := bytes.Clone(rec)
			other[len(other)-1] ^= 1
			return appendDelta(nil, rec, other)
		}, "log entry 1: what it wrote is not what is there"},
	} {
		t.Run(name, func(t *testing.T) {
			d := openTest(t, Options{})
			id := d.addParent(parent{Name: "a", Filler: bytes.Repeat([]byte("filler"), 100)})
			d.update(func(tx *WriteTx) error {
				return d.parents.Put(tx, id, &parent{Name: "a", Rank: 1, Filler: bytes.Repeat([]byte("filler"), 100)})
			})
			// without a log entry, since another entry would not follow from this one
			err := d.run(&job{quiet: true, fn: func(tx *WriteTx) error {
				e, err := tx.Entry(2)
				if err != nil {
					return err
				}
				rec, err := tx.record(d.parents.def, id)
				if err != nil {
					return err
				}
				if len(e.Old) != 1 || len(e.Old[0].Delta) == 0 {
					t.Fatalf("old records: %+v", e.Old)
				}
				e.Old[0].Delta, e.NodeSeq = c.delta(rec), 0
				tx.touch()
				return tx.bucket(bucketLog).Put(key8(2), withCRC(key8(2), entryCodec.Append(nil, e)))
			}})
			if err != nil {
				t.Fatal(err)
			}
			r, err := d.Verify(t.Context(), CheckOptions{})
			if err != nil || !slices.Contains(r.Problems, c.problem) {
				t.Errorf("%v: %q", err, r.Problems)
			}
			d.close()
		})
	}
}

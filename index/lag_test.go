package index

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A dataFile takes the place of the data file: names in all their versions, and the log.
type dataFile struct {
	mu      sync.RWMutex
	head    uint64
	history map[uint64][]version // by target, ascending
	changed []uint64             // changed[seq-1] is the target of entry seq
}

type version struct {
	seq   uint64
	names []string
}

// commit appends a log entry in which one target gets new names or is deleted.
func (f *dataFile) commit(t Target) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.head++
	f.history[t.ID] = append(f.history[t.ID], version{f.head, t.Names})
	f.changed = append(f.changed, t.ID)
}

// A transaction sees the file at the time when it began.
type transaction struct {
	f  *dataFile
	at uint64
}

func (f *dataFile) begin() transaction {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return transaction{f, f.head}
}

// names returns the names of a target, none if it does not exist.
func (tx transaction) names(id uint64) (names []string) {
	tx.f.mu.RLock()
	defer tx.f.mu.RUnlock()
	for _, v := range tx.f.history[id] {
		if v.seq <= tx.at {
			names = v.names
		}
	}
	return names
}

// changedAfter returns the targets that changed after seq.
func (tx transaction) changedAfter(seq uint64) []uint64 {
	tx.f.mu.RLock()
	defer tx.f.mu.RUnlock()
	ids := slices.Clone(tx.f.changed[seq:tx.at])
	slices.Sort(ids)
	return slices.Compact(ids)
}

// targets returns the targets with these ids.
func (tx transaction) targets(ids []uint64) (targets []Target) {
	for _, id := range ids {
		targets = append(targets, Target{id, tx.names(id)})
	}
	return targets
}

// matching returns the ids of targets with a name that contains a folded text.
func (tx transaction) matching(ids []uint64, folded string) (found []uint64) {
	for _, id := range ids {
		if slices.ContainsFunc(tx.names(id), func(n string) bool { return strings.Contains(Fold(n), folded) }) {
			found = append(found, id)
		}
	}
	return found
}

// TestLaggingReader does the steps of the package comment with several readers, while the file
// changes and the index lags behind, or is emptied and filled again. Every answer must be that of a
// scan.
func TestLaggingReader(t *testing.T) {
	const ids, searches = 150, 4000
	all := make([]uint64, ids)
	for i := range all {
		all[i] = uint64(i + 1)
	}
	f := &dataFile{history: make(map[uint64][]version)}
	x := open(t, t.TempDir(), Options{})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup

	wg.Go(func() { // the writer
		r := rand.New(rand.NewPCG(11, 1))
		for ctx.Err() == nil {
			for _, c := range randomChange(r, ids) {
				f.commit(c)
			}
			time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
		}
	})
	var resets atomic.Int64
	wg.Go(func() { // the one that keeps the index true
		r := rand.New(rand.NewPCG(11, 2))
		for ctx.Err() == nil {
			tx := f.begin()
			if mark := x.Mark(); mark != (Mark{}) {
				apply(t, x, tx.targets(tx.changedAfter(mark.Seq)), markOf(tx.at))
			} else if tx.at > 0 { // fill it, in transactions of their own
				for part := range slices.Chunk(all, 40) {
					apply(t, x, f.begin().targets(part), Mark{})
				}
				end := f.begin()
				apply(t, x, end.targets(end.changedAfter(tx.at)), markOf(end.at))
			}
			time.Sleep(time.Duration(r.IntN(10)) * time.Millisecond)
			if r.IntN(10) == 0 {
				resets.Add(1)
				if err := x.Reset(); err != nil {
					t.Error(err)
				}
			}
		}
	})

	var answered, behind, left atomic.Int64
	left.Store(searches)
	var readers sync.WaitGroup
	for n := range 4 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(11, uint64(10+n)))
			pause := func() { // now and then for longer than Apply takes
				switch n := r.IntN(32); {
				case n == 0:
					time.Sleep(time.Duration(r.IntN(20_000)) * time.Microsecond)
				case n < 4:
					time.Sleep(time.Duration(r.IntN(1500)) * time.Microsecond)
				case n < 8:
					runtime.Gosched()
				}
			}
			for left.Add(-1) >= 0 {
				text := pieces[r.IntN(len(pieces))] + pieces[r.IntN(len(pieces))]

				mark := x.Mark() // 1: what the index holds
				pause()
				proposed, ok := x.Contains(context.Background(), text, 10_000) // 2: search
				pause()
				tx := f.begin() // 3: only then begin
				m := Fold(text)
				var got []uint64
				if ok {
					changed := tx.changedAfter(mark.Seq) // 4: add what changed
					candidates := append(proposed, changed...)
					slices.Sort(candidates)
					got = tx.matching(slices.Compact(candidates), m) // 5: check
					answered.Add(1)
					if len(changed) > 0 {
						behind.Add(1)
					}
				} else {
					got = tx.matching(all, m)
				}
				if want := tx.matching(all, m); !slices.Equal(got, want) {
					t.Errorf("%q at %d, index at %d: %v, want %v", text, tx.at, mark.Seq, got, want)
					return
				}
			}
		})
	}
	readers.Wait()
	stop()
	wg.Wait()
	if err := x.Broken(); err != nil {
		t.Error(err)
	}
	if err := x.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("%d searches, %d answered by the index, %d of them while it was behind; %d entries, %d resets",
		searches, answered.Load(), behind.Load(), f.head, resets.Load())
	if answered.Load() < searches/10 || behind.Load() < answered.Load()/2 || resets.Load() == 0 {
		t.Error("the test had too few cases")
	}
}

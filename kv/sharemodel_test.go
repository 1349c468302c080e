package kv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"

	"nightjar/internal/testenv"
)

// TestFaultModel lets random clients share commits that fail at random at each step, and compares
// the file with a plain model in memory. A write that succeeded is in the file, also after
// reopening. One that failed left nothing. No job fails because of another.
func TestFaultModel(t *testing.T) {
	t.Parallel()
	seeds, batches := testenv.Choose(3, 40), testenv.Choose(40, 200)
	met := map[string]int{}
	for i := range seeds {
		seed := rand.Uint64()
		if i < 2 {
			seed = uint64(i) // always these
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Logf("seed %d", seed)
			runFaultModel(t, seed, batches, met)
		})
	}
	t.Logf("faults met: %v", met)
	for _, step := range []string{"run", "entry", "stage", "find", "fold", "series", "sets", "tail", "remember",
		"commit", "failed", "after", "Committed"} {
		if met[step] == 0 {
			t.Errorf("no fault was met at step %s", step)
		}
	}
}

// fault is a failure while some jobs share commits.
type fault struct {
	step   string
	guilty string // the action of the job that it follows; "" for none
	left   int    // how often it happens when no job is guilty
	panics bool
	late   bool // a failed sync: the write is visible
}

// faultModel is a file whose commits fail, a model of it, and the clients' next calls.
type faultModel struct {
	*model
	d    *testDB
	r    *rand.Rand
	t    *testing.T
	met  map[string]int
	opts Options

	settings map[string]string
	blobs    map[uint64][]byte // by parent

	mu      sync.Mutex
	calls   map[string]*faultCall
	fault   *fault
	sharing []*job
	hit     map[string]bool // actions that the fault may fail though they are not guilty
	written map[*job]bool   // on the disk, though the sync failed
	unsaid  bool            // a panic that only Close can report

	// what a cache would hold
	stamps  map[uint64]uint32
	records map[uint64]parent
	changes map[byte]uint64
	rows    map[byte]map[uint64]bool
}

// faultCall is a call of one client.
type faultCall struct {
	run func(a Author) error
	// done changes the model. refused says why an error was right, or "" when it was not. job tells
	// which of several jobs of a call is meant.
	done    func(job int)
	refused func(err error) bool
	quiet   bool // it has jobs without an author
	jobs    int  // answered
}

func runFaultModel(t *testing.T, seed uint64, batches int, met map[string]int) {
	f := &faultModel{t: t, r: rand.New(rand.NewPCG(seed, 3)), met: met, settings: map[string]string{},
		blobs:  map[uint64][]byte{},
		stamps: map[uint64]uint32{}, records: map[uint64]parent{}, changes: map[byte]uint64{},
		rows:  map[byte]map[uint64]bool{},
		model: &model{map[uint64]parent{}, map[uint64]box{}, map[uint64]point{}, nil, nil}}
	f.opts = Options{DeferDeletesFrom: 40, tailRows: 100, step: f.step, answered: f.answered, commit: f.commit,
		Committed: func(Mark) { f.step("Committed", &batch{}) }}
	f.d = openTest(t, f.opts)
	for n := range batches {
		asked := map[string]*faultCall{}
		var calls []func() error
		for i := range 1 + f.r.IntN(12) {
			action, c := fmt.Sprint("call ", i), f.someCall()
			asked[action] = c
			calls = append(calls, func() error { return c.run(as(action)) })
		}
		f.mu.Lock()
		f.calls, f.hit, f.written = asked, map[string]bool{}, map[*job]bool{}
		f.fault = f.someFault(len(calls))
		broken := f.fault != nil
		f.mu.Unlock()
		f.d.together(calls...)
		f.mu.Lock()
		f.fault = nil
		f.mu.Unlock()
		if f.d.Failed() != nil || f.r.IntN(20) == 0 {
			f.reopen()
		}
		if f.r.IntN(30) == 0 {
			if err := f.d.Compact(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if broken || n%8 == 0 {
			f.compareAll()
		}
		if t.Failed() {
			t.Fatalf("in batch %d", n)
		}
	}
	f.reopen()
	f.d.waitSwept()
	f.compareAll()
}

// reopen closes the file, which reports the panics that no call reported, and opens it again.
func (f *faultModel) reopen() {
	f.t.Helper()
	err := f.d.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	if (err != nil) != f.unsaid || f.unsaid && !strings.Contains(err.Error(), errInjected.Error()) {
		f.t.Errorf("after panics %v: closed: %v", f.unsaid, err)
	}
	f.unsaid = false
	f.mu.Unlock()
	f.d.reopen()
	f.mu.Lock()
	clear(f.changes)
}

func (f *faultModel) someFault(calls int) *fault {
	r := f.r
	if r.IntN(3) == 0 {
		return nil
	}
	steps := []string{"run", "entry", "stage", "find", "fold", "series", "sets", "tail", "remember", "commit", "commit",
		"failed", "after", "Committed"}
	step := steps[r.IntN(len(steps))]
	if r.IntN(2) == 0 { // a step seldom met yet
		step = slices.MinFunc(steps, func(a, b string) int { return f.met[a] - f.met[b] })
	}
	x := &fault{step: step, left: 1 + r.IntN(2), panics: r.IntN(2) == 0, late: r.IntN(2) == 0}
	if r.IntN(2) == 0 && x.step != "find" && x.step != "failed" && x.step != "Committed" {
		x.guilty = fmt.Sprint("call ", r.IntN(calls))
	}
	if x.step == "after" || x.step == "Committed" {
		x.panics = true
	}
	return x
}

// happens reports whether the fault happens to some jobs at a step. alone means one job's own step.
func (f *faultModel) happens(step string, jobs []*job, alone bool) bool {
	x := f.fault
	if x == nil || x.step != step {
		return false
	}
	if x.guilty != "" {
		if !slices.ContainsFunc(jobs, func(j *job) bool { return j.author.Action == x.guilty }) {
			return false
		}
	} else if x.left == 0 {
		return false
	}
	if x.left--; x.guilty == "" && (alone || len(jobs) == 1 || step == "failed" || step == "find" && x.left == 0) {
		for _, j := range jobs {
			f.hit[j.author.Action] = true
		}
	}
	f.met[step]++
	return true
}

func (f *faultModel) step(step string, b *batch) error {
	f.mu.Lock()
	jobs, alone := b.jobs, false
	switch step {
	case "run", "entry", "stage", "after":
		jobs, alone = []*job{b.running}, true
	case "remember":
		f.sharing = b.jobs
	}
	var err error
	if f.happens(step, jobs, alone) {
		err = errInjected
	}
	panics := err != nil && f.fault.panics
	if panics && (step == "Committed" || step == "after" && b.running.stage == nil) {
		f.unsaid = true
	}
	f.mu.Unlock()
	if panics {
		panic(err)
	}
	return err
}

func (f *faultModel) commit(bt *bbolt.Tx) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	jobs := f.sharing
	f.sharing = nil
	switch {
	case jobs == nil: // the file's own
	case f.happens("commit", jobs, false):
		if f.fault.panics {
			panic(errInjected)
		}
		return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC} // and bbolt's transaction is still open
	case f.happens("failed", jobs, false):
		f.fault.left = 0
		if f.fault.late {
			if err := bt.Commit(); err != nil {
				return err
			}
			for _, j := range jobs {
				f.written[j] = j.err == nil
			}
			if f.fault.panics {
				panic(errInjected)
			}
		}
		return syscall.EIO
	}
	return bt.Commit()
}

// answered compares the answer to a job with the model, and changes the model.
func (f *faultModel) answered(j *job, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.calls[j.author.Action]
	if c == nil {
		return
	}
	c.jobs++
	panicked := new(PanicError)
	injected := errors.Is(err, errInjected) || errors.Is(err, ErrNoRoom) || errors.Is(err, ErrFailed) ||
		errors.As(err, &panicked) && panicked.Value == errInjected
	switch {
	case err == nil || f.written[j]:
		if c.refused(nil) {
			f.t.Errorf("%s: it succeeded, and should have been refused", j.author.Action)
		}
		c.done(c.jobs)
	case injected:
		failed := errors.Is(err, ErrFailed) && f.fault != nil && f.fault.step == "failed"
		if f.fault == nil || f.fault.guilty != j.author.Action && !f.hit[j.author.Action] && !failed {
			f.t.Errorf("%s: an innocent job gets %v; the fault: %+v", j.author.Action, err, f.fault)
		}
	case !c.refused(err):
		f.t.Errorf("%s: %v", j.author.Action, err)
	}
}

// size is a random size of a record or body, on either side of largeLimit.
func (f *faultModel) size() int {
	switch f.r.IntN(6) {
	case 0:
		return largeLimit - 60 + f.r.IntN(120)
	case 1:
		return 3000 + f.r.IntN(60_000)
	}
	return f.r.IntN(30)
}

// compareAll reads everything from the file, and compares it with the model and the cache.
func (f *faultModel) compareAll() {
	t, d := f.t, f.d
	t.Helper()
	f.model.compare(t, f.r, d)
	before := map[byte]uint64{d.parents.def.no: d.parents.Changes(d.DB), d.points.def.no: d.points.Changes(d.DB)}
	rows := map[byte]map[uint64]bool{d.parents.def.no: {}, d.points.def.no: {}}
	d.view(func(tx *Tx) error {
		ids, err := d.parents.All(tx).IDs()
		if err != nil || !slices.Equal(ids, slices.Sorted(maps.Keys(f.parents))) {
			t.Errorf("parents %v (%v), not %v", ids, err, slices.Sorted(maps.Keys(f.parents)))
		}
		for id, want := range f.parents {
			rows[d.parents.def.no][id] = true
			got, err := d.parents.Get(tx, id)
			if err != nil || !reflect.DeepEqual(normal(*got), normal(want)) {
				t.Errorf("parent %d: %.200v (%v), not %.200v", id, got, err, want)
				continue
			}
			stamp, _ := d.parents.Stamp(tx, id)
			if old, ok := f.records[id]; ok && f.stamps[id] == stamp && !reflect.DeepEqual(normal(old), normal(want)) {
				t.Errorf("parent %d changed, but its stamp did not", id)
			}
			f.stamps[id], f.records[id] = stamp, want
		}
		for id := range f.points {
			rows[d.points.def.no][id] = true
		}
		for name, want := range f.settings {
			if got, _, err := tx.Setting(name); err != nil || got != want {
				t.Errorf("setting %s has %d bytes (%v), not %d", name, len(got), err, len(want))
			}
		}
		for _, name := range []string{"s0", "s1", "s2"} {
			if _, ok, _ := tx.Setting(name); ok && f.settings[name] == "" && !has(f.settings, name) {
				t.Errorf("setting %s exists", name)
			}
		}
		return nil
	})
	for no, n := range before {
		if was, ok := f.changes[no]; ok && was == n && !maps.Equal(f.rows[no], rows[no]) {
			t.Errorf("rows of table %d were added or deleted, but Table.Changes is still %d", no, n)
		}
		f.changes[no], f.rows[no] = n, rows[no]
	}
	for id, want := range f.blobs {
		got, err := io.ReadAll(io.NewSectionReader(d.OpenBlob(f.parents[id].Blob, int64(len(want))), 0,
			int64(len(want))))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("the file of parent %d has %d bytes (%v), not %d", id, len(got), err, len(want))
		}
	}
}

func has[V any](m map[string]V, k string) bool { _, ok := m[k]; return ok }

// normal is a record as it is read: empty lists are nil.
func normal(p parent) parent {
	if len(p.Seen) == 0 {
		p.Seen = nil
	}
	if len(p.Filler) == 0 {
		p.Filler = nil
	}
	return p
}

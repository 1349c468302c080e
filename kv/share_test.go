package kv

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"nightjar/internal/testenv"
)

var errInjected = errors.New("injected")

// together makes calls share a transaction, in this order, and returns the answer to each.
func (d *testDB) together(calls ...func() error) []error {
	d.t.Helper()
	errs := make([]error, len(calls))
	var wg sync.WaitGroup
	d.writeMu.Lock()
	for i, call := range calls {
		queued := d.queued()
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = call()
		}()
		for began := time.Now(); d.queued() == queued; time.Sleep(20 * time.Microsecond) {
			if time.Since(began) > time.Minute {
				d.t.Fatal("a call does not queue for a transaction")
			}
		}
	}
	d.writeMu.Unlock()
	answered := make(chan bool)
	go func() { wg.Wait(); close(answered) }()
	select {
	case <-answered:
	case <-time.After(time.Minute):
		d.t.Fatal("some calls are not answered")
	}
	return errs
}

func (d *testDB) queued() int {
	d.queueMu.Lock()
	defer d.queueMu.Unlock()
	return len(d.queue)
}

// as returns an author whose jobs a step can tell from others.
func as(action string) Author { return Author{User: 7, Name: "me", Action: action} }

// TestGuiltyAlone makes each step of a shared commit fail, by an error and by a panic, whenever a
// certain job takes part. That job fails and leaves nothing. All others succeed, in the file and in
// memory.
func TestGuiltyAlone(t *testing.T) {
	t.Parallel()
	const guilty = "guilty"
	var at string
	panics, met := false, 0
	fail := func(step string, jobs []*job) error {
		if step != at || !slices.ContainsFunc(jobs, func(j *job) bool { return j.author.Action == guilty }) {
			return nil
		}
		met++
		if panics {
			panic(errInjected)
		}
		return errInjected
	}
	var o Options
	var sharing []*job
	o.step = func(step string, b *batch) error {
		switch step {
		case "run", "entry", "stage":
			return fail(step, []*job{b.running})
		}
		sharing = b.jobs
		return fail(step, b.jobs)
	}
	o.commit = func(bt *bbolt.Tx) error {
		switch err := fail("commit", sharing); {
		case err != nil:
			return &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
		}
		return bt.Commit()
	}
	o.tailRows = 20
	d := openTest(t, o)
	p := d.addParent(parent{Name: "p", Seen: []uint64{1}})
	points := 0
	for _, step := range []string{"run", "entry", "fold", "series", "sets", "tail", "remember", "commit"} {
		for _, panics = range []bool{false, true} {
			what := fmt.Sprint(step, " panics ", panics)
			var calls []func() error
			for i := range 9 {
				action := "innocent"
				if i == 4 {
					action = guilty
				}
				calls = append(calls, func() error {
					return d.Update(context.Background(), as(action), func(tx *WriteTx) error {
						if _, err := d.parents.Insert(tx,
							&parent{Name: fmt.Sprint(what, i), Seen: []uint64{2}}); err != nil {
							return err
						}
						for k := range 3 {
							if _, err := d.points.Insert(tx, &point{Parent: p, Time: int64(points + k)}); err != nil {
								return err
							}
						}
						// a change of a stored set folds the tail and begins a new one
						return d.parents.Put(tx, p, &parent{Name: "p", Seen: []uint64{1, uint64(1000*points + i)}})
					})
				})
			}
			at, met = step, 0
			errs := d.together(calls...)
			at = ""
			if met == 0 {
				t.Errorf("%s: the step was not reached", what)
			}
			for i, err := range errs {
				switch {
				case i != 4 && err != nil:
					t.Errorf("%s: innocent job %d: %v", what, i, err)
				case i != 4:
					points += 3
				case err == nil:
					t.Errorf("%s: the guilty job succeeded", what)
				}
			}
			d.view(func(tx *Tx) error {
				for i := range calls {
					if _, ok, err := tx.Lookup(uniqueName, fmt.Sprint(what, i)); err != nil || ok != (i != 4) {
						t.Errorf("%s: the row of job %d exists: %v, %v", what, i, ok, err)
					}
				}
				return nil
			})
			for name, set := range map[string]func(tx *Tx) Set{
				"all":       d.points.All,
				"of parent": func(tx *Tx) Set { return d.points.Set(tx, dimParent, Int(p)) },
				"inherited": func(tx *Tx) Set { return d.points.Set(tx, dimSeen, Int(1)) },
			} {
				if n := d.count(set); n != points {
					t.Errorf("%s: the set %s has %d rows, not %d", what, name, n, points)
				}
			}
		}
	}
}

// TestInnocentOfTakenName: a job that fails half-way because of another job's write runs again when
// that write was never committed.
func TestInnocentOfTakenName(t *testing.T) {
	t.Parallel()
	var o Options
	o.step = func(step string, b *batch) error {
		if step == "sets" && slices.ContainsFunc(b.jobs, func(j *job) bool { return j.author.Action == "guilty" }) {
			return errInjected
		}
		return nil
	}
	d := openTest(t, o)
	insert := func(action string, names ...string) func() error {
		return func() error {
			return d.Update(context.Background(), as(action), func(tx *WriteTx) error {
				for _, name := range names {
					if _, err := d.parents.Insert(tx, &parent{Name: name}); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	errs := d.together(insert("innocent", "a"), insert("guilty", "x"), insert("innocent", "b", "x"),
		insert("innocent", "c", "a"), insert("innocent", "d"))
	taken := new(TakenError)
	if errs[0] != nil || !errors.Is(errs[1], errInjected) || errs[2] != nil ||
		!errors.As(errs[3], &taken) || errs[4] != nil {
		t.Errorf("got %v", errs)
	}
	var names []string
	d.view(func(tx *Tx) error {
		for name := range tx.UniqueTexts(uniqueName, "") {
			names = append(names, name)
		}
		return nil
	})
	if got := strings.Join(names, " "); got != "a b d x" {
		t.Errorf("there are %s", got)
	}
}

// TestErrorNobodyCaredFor: a function that ignores a half-done write of shared state fails, and the
// others run without it.
func TestErrorNobodyCaredFor(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{step: func(step string, b *batch) error {
		if step == "tail" && b.running != nil && b.running.author.Action == "careless" {
			return errInjected
		}
		return nil
	}})
	p := d.addParent(parent{Name: "p"})
	call := func(action string) func() error {
		return func() error {
			return d.Update(context.Background(), as(action), func(tx *WriteTx) error {
				if _, err := d.points.Insert(tx, &point{Parent: p}); err != nil {
					return err
				}
				d.points.All(tx.Tx).Count() // folds the tail
				return nil
			})
		}
	}
	for i, err := range d.together(call("a"), call("careless"), call("b")) {
		if (i == 1) != errors.Is(err, errInjected) || i != 1 && err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
	if n := d.count(d.points.All); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// TestOwnErrorsOfAFailedSync: the reason why a function was refused may have been lost with the
// failed sync, so it gets the error of the sync.
func TestOwnErrorsOfAFailedSync(t *testing.T) {
	t.Parallel()
	fails := false
	d := openTest(t, Options{commit: func(bt *bbolt.Tx) error {
		if fails {
			return syscall.EIO
		}
		return bt.Commit()
	}})
	insert := func() error {
		return d.Update(context.Background(), me,
			func(tx *WriteTx) error { _, err := d.parents.Insert(tx, &parent{Name: "x"}); return err })
	}
	fails = true
	for i, err := range d.together(insert, insert, insert) {
		if !errors.Is(err, ErrFailed) {
			t.Errorf("job %d: %v", i, err)
		}
	}
	fails = false
	d.close()
	d.reopen()
	if n := d.count(d.parents.All); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// TestNoRoomForSome: when the disk is too full for all jobs, those that need no space succeed, in
// whatever order they came.
func TestNoRoomForSome(t *testing.T) {
	t.Parallel()
	full := false
	var o Options
	var sharing []*job
	o.step = func(_ string, b *batch) error { sharing = b.jobs; return nil }
	o.commit = func(bt *bbolt.Tx) error {
		if full && slices.ContainsFunc(sharing,
			func(j *job) bool { return strings.HasPrefix(j.author.Action, "grows") }) {
			bt.Rollback()
			return &fs.PathError{Op: "truncate", Path: "x", Err: syscall.EDQUOT}
		}
		return bt.Commit()
	}
	d := openTest(t, o)
	var calls []func() error
	for i := range 40 {
		action, does := "makes free space", d.Free
		if i%3 == 0 {
			action, does = "grows", d.Update
		}
		calls = append(calls, func() error {
			return does(context.Background(), as(action), func(tx *WriteTx) error {
				return tx.SetSetting(fmt.Sprint(i), action)
			})
		})
	}
	full = true
	errs := d.together(calls...)
	full = false
	for i, err := range errs {
		if want := i%3 == 0; errors.Is(err, ErrNoRoom) != want || !want && err != nil {
			t.Errorf("job %d: %v", i, err)
		}
		d.view(func(tx *Tx) error {
			if _, ok, err := tx.Setting(fmt.Sprint(i)); ok != (i%3 != 0) || err != nil {
				t.Errorf("the row of job %d exists: %v, %v", i, ok, err)
			}
			return nil
		})
	}
	if d.Failed() != nil {
		t.Error(d.Failed())
	}
}

// TestOtherFailuresAreShared: a step that fails before any job has run is tried once more. If it
// fails again, every job gets the error; the next commit succeeds.
func TestOtherFailuresAreShared(t *testing.T) {
	t.Parallel()
	left := 0
	d := openTest(t, Options{step: func(step string, _ *batch) error {
		if step == "find" && left > 0 {
			left--
			return errInjected
		}
		return nil
	}})
	add := func() error {
		return d.Update(context.Background(), me,
			func(tx *WriteTx) error { _, err := d.boxes.Insert(tx, &box{}); return err })
	}
	calls := []func() error{add, add, add, add, add}
	left = 1
	for i, err := range d.together(calls...) {
		if err != nil {
			t.Errorf("job %d after one failure: %v", i, err)
		}
	}
	left = 2
	for i, err := range d.together(calls...) {
		if !errors.Is(err, errInjected) {
			t.Errorf("job %d after two failures: %v", i, err)
		}
	}
	if err := add(); err != nil {
		t.Error(err)
	}
	if n := d.count(d.boxes.All); n != 6 {
		t.Errorf("%d rows", n)
	}
}

// TestPanicAfterCommit: a panic after everything is on the disk changes no answer, and Close
// reports it.
func TestPanicAfterCommit(t *testing.T) {
	t.Parallel()
	var o Options
	panics := ""
	o.Committed = func(Mark) {
		if panics == "Committed" {
			panic("from Committed")
		}
	}
	o.step = func(step string, b *batch) error {
		if panics == step && b.running.author.Action == "3" {
			panic("from after")
		}
		return nil
	}
	for _, which := range []string{"Committed", "after"} {
		d := openTest(t, o)
		var calls []func() error
		for i := range 6 {
			calls = append(calls, func() error {
				return d.Update(context.Background(), as(fmt.Sprint(i)),
					func(tx *WriteTx) error { _, err := d.boxes.Insert(tx, &box{}); return err })
			})
		}
		panics = which
		for i, err := range d.together(calls...) {
			if err != nil {
				t.Errorf("%s panics: job %d, which is on the disk, gets %v", which, i, err)
			}
		}
		panics = ""
		if n := d.count(d.boxes.All); n != 6 {
			t.Errorf("%s panics: %d rows", which, n)
		}
		if err := d.Close(); err == nil || !strings.Contains(err.Error(), "from "+which) {
			t.Errorf("%s panics: Close says %v", which, err)
		}
		d.reopen()
		if n := d.count(d.boxes.All); n != 6 {
			t.Errorf("%s panics: %d rows after opening again", which, n)
		}
	}
}

// TestStageLost: a stage whose stored rows could not be taken into memory cannot go on, and its
// rows are purged.
func TestStageLost(t *testing.T) {
	t.Parallel()
	panics := false
	d := openTest(t, Options{step: func(step string, b *batch) error {
		if panics && step == "after" && b.running.stage != nil {
			panic(errInjected)
		}
		return nil
	}})
	p := d.addParent(parent{Name: "p"})
	s, err := d.points.Stage(t.Context(), d.DB, me)
	if err != nil {
		t.Fatal(err)
	}
	add := func() error {
		return s.Update(t.Context(),
			func(tx *WriteTx) error { _, err := d.points.Insert(tx, &point{Parent: p}); return err })
	}
	if err := add(); err != nil {
		t.Fatal(err)
	}
	panics = true
	panicked := new(PanicError)
	if err := add(); !errors.As(err, &panicked) {
		t.Errorf("a stage that lost rows: %v", err)
	}
	panics = false
	if err := add(); !errors.As(err, &panicked) {
		t.Errorf("it continues: %v", err)
	}
	if err := s.Finish(t.Context(), func(*WriteTx) error { return nil }); !errors.As(err, &panicked) {
		t.Errorf("it finishes: %v", err)
	}
	if err := s.Abort(); err != nil {
		t.Error(err)
	}
	d.waitSwept()
	if n := d.count(d.points.All); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// TestPanicOfLastPage: a commit is not run again after a panic past the page that makes it count,
// since the state of the disk is unknown.
func TestPanicOfLastPage(t *testing.T) {
	t.Parallel()
	panics := false
	d := openTest(t, Options{commit: func(bt *bbolt.Tx) error {
		err := bt.Commit()
		if panics {
			panic("after the last page")
		}
		return err
	}})
	panics = true
	runs := 0
	err := d.Update(context.Background(), me, func(tx *WriteTx) error {
		runs++
		_, err := d.boxes.Insert(tx, &box{})
		return err
	})
	panics = false
	if !errors.Is(err, ErrFailed) || runs != 1 {
		t.Errorf("%v, run %d times", err, runs)
	}
	if err := d.Update(context.Background(), me, func(tx *WriteTx) error { return nil }); !errors.Is(err, ErrFailed) {
		t.Errorf("a write after it: %v", err)
	}
	d.close()
	d.reopen()
}

// TestGoexit: a function that ends its goroutine, as t.FailNow does, leaves no caller waiting.
func TestGoexit(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	exited := make(chan bool)
	go func() {
		defer close(exited)
		d.Update(context.Background(), me, func(tx *WriteTx) error {
			for range 3 { // callers that wait for it
				go d.Update(context.Background(), me,
					func(tx *WriteTx) error { _, err := d.boxes.Insert(tx, &box{}); return err })
			}
			for d.queued() < 3 {
				time.Sleep(time.Millisecond)
			}
			if _, err := d.boxes.Insert(tx, &box{Label: "half"}); err != nil {
				return err
			}
			runtime.Goexit()
			return nil
		})
	}()
	<-exited
	for began := time.Now(); d.count(d.boxes.All) < 3; time.Sleep(time.Millisecond) {
		if time.Since(began) > testenv.Patience {
			t.Fatal("the callers behind it wait forever")
		}
	}
	d.update(func(tx *WriteTx) error { _, err := d.boxes.Insert(tx, &box{}); return err })
	if n := d.count(d.boxes.All); n != 4 {
		t.Errorf("%d rows", n)
	}
}

// TestChangesOfVisibility: for readers, rows that a stage reveals and rows that DeleteAll leaves to
// the purger change, though their records do not.
func TestChangesOfVisibility(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{DeferDeletesFrom: 2})
	p := d.addParent(parent{Name: "p"})
	s, err := d.points.Stage(t.Context(), d.DB, me)
	if err != nil {
		t.Fatal(err)
	}
	var ids []uint64
	err = s.Update(t.Context(), func(tx *WriteTx) error {
		ids = nil
		for range 5 {
			id, err := d.points.Insert(tx, &point{Parent: p})
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	there := func() (yes bool) {
		d.view(func(tx *Tx) error { _, err := d.points.Get(tx, ids[0]); yes = err == nil; return nil })
		return yes
	}
	before, was := d.points.Changes(d.DB), there()
	if err := s.Finish(t.Context(), func(*WriteTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if is := there(); was || !is || d.points.Changes(d.DB) == before {
		t.Errorf("revealed: there %v, then %v; changes %d, then %d", was, is, before, d.points.Changes(d.DB))
	}
	before, was = d.points.Changes(d.DB), there()
	d.writeMu.Lock() // the purger, which would raise the count, must wait
	deleted := make(chan error, 1)
	j := &job{author: me, now: time.Now(), done: deleted,
		fn: func(tx *WriteTx) error { return d.points.DeleteAll(tx, ids) }}
	d.commit([]*job{j})
	is, after := there(), d.points.Changes(d.DB)
	d.writeMu.Unlock()
	if err := <-deleted; err != nil || !was || is || after == before {
		t.Errorf("deleted: %v; there %v, then %v; changes %d, then %d", err, was, is, before, after)
	}
	d.waitSwept()
}

// TestNotesOfFailedJobs: the notes that a failed job leaves in a stage would name a row that never
// exists.
func TestNotesOfFailedJobs(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	p := d.addParent(parent{Name: "p"})
	s, err := d.points.Stage(t.Context(), d.DB, me)
	if err != nil {
		t.Fatal(err)
	}
	var pending uint64
	if err := s.Update(t.Context(),
		func(tx *WriteTx) (err error) {
			pending, err = d.points.Insert(tx, &point{Parent: p})
			return err
		}); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	note := func(result error) func() error {
		return func() error {
			return d.Update(context.Background(), me, func(tx *WriteTx) error {
				d.points.Supersede(tx, pending, 77)
				// the failing one has written too
				return errors.Join(result, tx.SetSetting("x", fmt.Sprint(time.Now())))
			})
		}
	}
	quiet := func() error {
		return d.Update(context.Background(), me,
			func(tx *WriteTx) error { d.points.Supersede(tx, pending, 78); return refused })
	}
	d.together(note(nil), note(refused), quiet)
	err = s.Finish(t.Context(), func(tx *WriteTx) error {
		if notes := s.Superseded(tx); !slices.Equal(notes, []Superseded{{pending, 77}}) {
			t.Errorf("notes %v", notes)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

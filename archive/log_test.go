package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/problem"
	"nightjar/internal/testenv"
	"nightjar/kv"
)

func TestParseKeep(t *testing.T) {
	const day = 24 * time.Hour
	for s, want := range map[string]time.Duration{"forever": 0, "12h": day / 2, "1d": day, "90d": 90 * day,
		"12w": 84 * day, "6m": 180 * day, "1y": 365 * day, "100y": 36500 * day, "9999d": 9999 * day} {
		if got, err := parseKeep(s); err != nil || got != want {
			t.Errorf("%q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "0", "d", "0d", "-1d", "+1d", "1", "1s", "0h", "1.5y", "1 y", " 1y", "1Y", "01d",
		"101y", "10000d", "9999y", "1yy", "for ever", "ever"} {
		if got, err := parseKeep(s); err == nil {
			t.Errorf("%q is taken as %v", s, got)
		}
	}
}

// testClock is a clock that is set by hand.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *testClock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// TestLogKeep sets log_keep: the old entries are soon dropped, and every reader of the log
// continues: its list, verify, the index of names, a compacted file.
func TestLogKeep(t *testing.T) {
	clock := &testClock{now: time.Now().Add(-1000 * time.Hour)}
	f := open(t, Options{Now: clock.Now})
	for i := range 20 {
		clock.add(12 * time.Hour)
		f.target("astro", fmt.Sprint("target ", i))
	}
	old := f.Head()
	set := func(user, value string) error {
		_, err := f.as(user).SetSetting(t.Context(), "log_keep", value)
		return err
	}
	refused := new(problem.Error)
	for _, user := range []string{"astro", ""} {
		if err := set(user, "1d"); !errors.As(err, &refused) {
			t.Errorf("%q sets log_keep: %v", user, err)
		}
		if _, err := f.as(user).TrimLog(t.Context()); !errors.As(err, &refused) {
			t.Errorf("%q drops log entries: %v", user, err)
		}
	}
	if err := set("admin", "yesterday"); !hasProblem(err, "value") {
		t.Errorf("a time that is none: %v", err)
	}
	first := func() (seq uint64) {
		if err := f.db.View(func(tx *kv.Tx) error {
			for e := range tx.Log(0) {
				seq = e.Seq
				break
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return seq
	}
	if last, err := f.as("admin").TrimLog(t.Context()); err != nil || last != 0 || first() != 1 {
		t.Errorf("with log_keep forever: up to %d, %v", last, err)
	}
	// an index that is behind the dropped entries would be rebuilt here
	f.waitForIndex()
	if err := set("admin", "2d"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(testenv.Patience); first() == 1 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	// 48 hours hold four targets, the oldest of them just recent enough to stay, and the setting
	if n := first(); n != old.Seq-4 {
		t.Fatalf("the log begins with entry %d, before it was at %d", n, old.Seq)
	}
	list, count, err := Collect(func(out Out[LogEntry]) error {
		return f.as("admin").Log(t.Context(), LogFilter{}, Page{Limit: 3, Offset: 4}, out)
	})
	if err != nil || count != 7 || len(list) != 3 || list[2].Seq != old.Seq-4 {
		t.Errorf("a page of the log: %d of %d, %v", len(list), count, err)
	}
	list, _, err = Collect(func(out Out[LogEntry]) error {
		return f.as("admin").Log(t.Context(), LogFilter{Action: "dropped"}, Page{Limit: 3}, out)
	})
	if want := fmt.Sprintf("trim (log_keep 2d): log entries up to %d dropped", old.Seq-5); err != nil ||
		len(list) != 1 || list[0].Action != want {
		t.Errorf("the log says %+v, not %s; %v", list, want, err)
	}
	early := kv.Mark{Seq: 3}
	if r, err := f.as("admin").Verify(t.Context(), VerifyOptions{Since: early.String()}); err != nil ||
		!strings.Contains(r.Other, "nothing is known of entry 3") {
		t.Errorf("verify since an entry that was dropped: %+v, %v", r, err)
	}
	if r, err := f.as("admin").Verify(t.Context(), VerifyOptions{Since: old.String()}); err != nil || r.Err() != nil {
		t.Errorf("verify since an entry that is left: %+v, %v", r, err)
	}
	// an index of names that is older than the log is rebuilt
	f.waitForIndex()
	made := f.names.State().Rebuilt
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.o.NoIndex = true
	f.reopen()
	clock.add(100 * time.Hour)
	f.target("astro", "later")
	clock.add(100 * time.Hour)
	if _, _, err := f.as("admin").Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, head := first(), f.Head().Seq; n != head { // the entry that says so
		t.Errorf("after compact the log begins with %d of %d", n, head)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.o.NoIndex = false
	f.reopen()
	f.waitForIndex()
	if made != 0 || f.names.State().Rebuilt != 1 {
		t.Errorf("the index was rebuilt %d times, and then %d times", made, f.names.State().Rebuilt)
	}
	found, _, err := Collect(func(out Out[TargetView]) error {
		return f.as("astro").Targets(t.Context(), TargetFilter{Names: []string{"later"}}, Page{Limit: 10}, out)
	})
	if err != nil || !slices.ContainsFunc(found, func(v TargetView) bool { return v.Name == "later" }) {
		t.Errorf("found %d, %v", len(found), err)
	}
}

// waitForIndex waits until the index of names has caught up.
func (f *fixture) waitForIndex() {
	f.t.Helper()
	for deadline := time.Now().Add(testenv.Patience); ; time.Sleep(5 * time.Millisecond) {
		st := f.names.State()
		if st.Why == "" && st.Seq == f.Head().Seq {
			return
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("the index is not ready: %+v", st)
		}
	}
}

// TestFullDisk lets a superuser free space on a disk on which other writes fail, also after a
// restart: by log_keep, and by removing dangling references.
func TestFullDisk(t *testing.T) {
	clock := &testClock{now: time.Now().Add(-1000 * time.Hour)}
	f := open(t, Options{Now: clock.Now})
	for i := range 20 {
		f.target("astro", fmt.Sprint("target ", i))
	}
	f.write(func(tx *kv.WriteTx) error {
		_, err := datums.Insert(tx, &Datum{Target: 999, Code: 1, Value: []byte("1")})
		return err
	})
	clock.add(100 * time.Hour)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.o.MinFree = 1 << 60 // no disk has that
	f.reopen()
	admin := f.as("admin")
	if _, err := admin.SetSetting(t.Context(), "tom_name", "Full"); !errors.Is(err, ErrNoRoom) {
		t.Errorf("a write on a full disk: %v", err)
	}
	if _, err := admin.SetSetting(t.Context(), "log_keep", "2d"); err != nil {
		t.Errorf("log_keep: %v", err)
	}
	// done in the background, or now
	if _, err := admin.TrimLog(t.Context()); err != nil {
		t.Errorf("dropping log entries: %v", err)
	}
	if r, err := admin.Repair(t.Context()); err != nil || len(r.Done) != 1 {
		t.Errorf("repair: %+v, %v", r, err)
	}
	if err := admin.DeleteTarget(t.Context(), 1); err != nil {
		t.Errorf("deleting a target: %v", err)
	}
	list, count, err := Collect(func(out Out[LogEntry]) error {
		return admin.Log(t.Context(), LogFilter{}, Page{Limit: 10}, out)
	})
	if err != nil || count != 4 { // the setting, the trim, the repair, the target
		t.Errorf("%d log entries, %v, %v", count, list, err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.o.MinFree = 0 // the check at the end makes a copy
	f.reopen()
}

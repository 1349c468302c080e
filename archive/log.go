package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// logTables names the tables of the log by their numbers in the file.
var logTables = map[uint64]string{1: "users", 2: "groups", 3: "tokens", 4: "targets", 7: "targetlists",
	8: "dataproducts", 9: "reduceddatums", 10: "observations", 11: "uploads", 12: "work"}

// LogTables lists the table names of a LogFilter.
var LogTables = []string{"targets", "targetlists", "dataproducts", "reduceddatums", "observations", "uploads", "work",
	"users", "groups", "tokens"}

var logOperations = map[uint64]string{kv.Created: "created", kv.Changed: "changed", kv.Deleted: "deleted"}

// MaxLogIDs bounds the ids that are listed of one change; its Count includes all.
const MaxLogIDs = 100

// A LogEntry says what one request changed, who sent it, when and from where. Hash is the hash of
// the entry, which covers Previous, the hash of the entry before.
type LogEntry struct {
	Seq            uint64
	Time           int64 // microseconds since 1970
	User           string
	UserID, Token  uint64 // 0 for none
	Addr, Action   string
	Node           string // where the change was made
	Changes        []LogChange
	Settings       []LogSetting
	Hash, Previous string
}

// A LogChange is an operation on rows of a table. IDs are the first MaxLogIDs of them.
type LogChange struct {
	Table, Operation string
	Count            uint64
	IDs              []uint64
}

// A LogSetting is a changed setting, with its old value.
type LogSetting struct{ Name, Old string }

// LogFilter selects entries of the log. All conditions that are given must hold.
type LogFilter struct {
	User, Addr   string // "" for any
	Action       string // a part of the action, such as DELETE or /api/targets/
	Table        string // one of LogTables, "" for any
	Object       uint64 // the id of a row of Table, 0 for any
	Since, Until *int64 // inclusive bounds, in microseconds since 1970
}

// Log lists the log, newest first. With a filter it reads every entry. Superusers only. Error:
// *problem.List for an id without a table.
func (s *Session) Log(ctx context.Context, f LogFilter, page Page, out Out[LogEntry]) error {
	if err := s.superuser(); err != nil {
		return err
	}
	if f.Object != 0 && f.Table == "" {
		return problem.Invalid("id", "An id needs the table that it is of.")
	}
	find := func(s *Session, tx *kv.Tx) ([]uint64, Extent, error) {
		if err := s.superuser(); err != nil {
			return nil, Extent{}, err
		}
		return f.find(ctx, tx, page)
	}
	return sendPage(s, ctx, out, find, readLogEntry)
}

// find returns the sequence numbers of a page.
func (f *LogFilter) find(ctx context.Context, tx *kv.Tx, page Page) (list []uint64, e Extent, err error) {
	head, err := tx.Head()
	if err != nil {
		return nil, e, err
	}
	first := head.Seq + 1
	for entry := range tx.Log(0) {
		first = entry.Seq
		break
	}
	for seq := head.Seq; seq >= first && seq > 0; seq-- {
		if *f == (LogFilter{}) {
			e.Count = int(head.Seq - first + 1)
			if len(list) == page.Limit || page.Offset >= e.Count {
				break
			}
			if len(list) == 0 {
				seq -= uint64(page.Offset)
			}
			list = append(list, seq)
			continue
		}
		if seq%1024 == 0 && ctx.Err() != nil {
			return nil, e, context.Cause(ctx)
		}
		entry, err := tx.Entry(seq)
		if err != nil {
			return nil, e, err
		}
		if !f.passes(entry) {
			continue
		}
		if e.Count++; e.Count > page.Offset && len(list) < page.Limit {
			list = append(list, seq)
		}
	}
	return list, e, nil
}

func (f *LogFilter) passes(e *kv.Entry) bool {
	switch {
	case f.User != "" && e.Name != f.User, f.Addr != "" && e.Addr != f.Addr, !strings.Contains(e.Action, f.Action),
		f.Since != nil && e.Time < *f.Since, f.Until != nil && e.Time > *f.Until:
		return false
	case f.Table == "":
		return true
	}
	for _, c := range e.Changes {
		if logTables[c.Table] == f.Table && (f.Object == 0 || touches(c, f.Object)) {
			return true
		}
	}
	return false
}

// touches reports whether a row is among the changed ones, which ascend.
func touches(c kv.Change, row uint64) bool {
	for id := range c.IDs() {
		if id >= row {
			return id == row
		}
	}
	return false
}

// readLogEntry reads an entry; it returns false for one that was dropped meanwhile.
func readLogEntry(_ *Session, tx *kv.Tx, seq uint64, row *LogEntry) (bool, error) {
	e, err := tx.Entry(seq)
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	node, err := tx.Node(e.Node)
	if err != nil {
		return false, err
	}
	*row = LogEntry{Seq: seq, Time: e.Time, User: e.Name, UserID: e.User, Token: e.Token, Addr: e.Addr,
		Action: e.Action, Node: uidText(node),
		Hash: hex.EncodeToString(e.Hash[:]), Previous: hex.EncodeToString(e.Prev)}
	for _, c := range e.Changes {
		change := LogChange{Table: logTables[c.Table], Operation: logOperations[c.Op], Count: c.Count()}
		for id := range c.IDs() {
			if len(change.IDs) == MaxLogIDs {
				break
			}
			change.IDs = append(change.IDs, id)
		}
		row.Changes = append(row.Changes, change)
	}
	for _, x := range e.Settings {
		row.Settings = append(row.Settings, LogSetting{x.Name, shownSetting(x)})
	}
	return true, nil
}

// shownSetting returns the old value of a setting, "" for the settings that are secret.
func shownSetting(x kv.Setting) string {
	for _, spec := range settingSpecs {
		if spec.name == x.Name {
			return x.Old
		}
	}
	return ""
}

// settingLogKeep is the setting for how long log entries are kept.
const settingLogKeep = "log_keep"

// keepForever is the value of log_keep that keeps all entries.
const keepForever = "forever"

// keepUnits lists the units of log_keep.
var keepUnits = map[byte]time.Duration{'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
	'm': 30 * 24 * time.Hour, 'y': 365 * 24 * time.Hour}

// parseKeep parses a value of log_keep: "forever", for which it returns 0, or a number of hours,
// days, weeks, months of 30 days or years of 365 days, such as 90d.
func parseKeep(s string) (time.Duration, error) {
	if s == keepForever {
		return 0, nil
	}
	if n := len(s) - 1; n > 0 && n <= 4 && s[0] >= '1' && s[0] <= '9' {
		count, err := strconv.Atoi(s[:n])
		if unit := keepUnits[s[n]]; err == nil && unit > 0 && time.Duration(count) <= 100*keepUnits['y']/unit {
			return time.Duration(count) * unit, nil
		}
	}
	return 0, errors.New("it must be forever, or a number of hours, days, weeks, months (of 30 days) or years (of " +
		"365 days) up to 100 years, such as 12h, 90d, 12w, 6m or 1y")
}

func checkKeep(s string) error {
	_, err := parseKeep(s)
	return err
}

// trimLog drops the log entries that are older than log_keep, and returns the last of them, 0 for
// none.
func (a *Archive) trimLog(ctx context.Context, author kv.Author) (last uint64, err error) {
	var value string
	err = a.db.View(func(tx *kv.Tx) error { value, err = setting(tx, settingLogKeep); return err })
	if err != nil {
		return 0, err
	}
	keep, err := parseKeep(value)
	if err != nil || keep == 0 {
		return 0, err
	}
	author.Action += " (" + settingLogKeep + " " + value + ")"
	return a.db.TrimLog(ctx, author, a.o.Now().Add(-keep))
}

// logKeeper trims the log in the background: soon after the start, once a day, and when log_keep
// changes.
type logKeeper struct {
	changed chan struct{}
	stop    context.CancelFunc
	done    chan struct{}
}

const (
	firstTrim = time.Minute
	nextTrim  = 24 * time.Hour
)

// keepLog starts the logKeeper, unless the archive is opened for reading or for a short time.
func (a *Archive) keepLog() *logKeeper {
	ctx, stop := context.WithCancel(context.Background())
	k := &logKeeper{changed: make(chan struct{}, 1), stop: stop, done: make(chan struct{})}
	if a.o.ReadOnly || a.o.NoIndex {
		close(k.done)
		return k
	}
	go func() {
		defer close(k.done)
		wait := firstTrim
		for {
			select {
			case <-k.changed:
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			wait = nextTrim
			last, err := a.trimLog(ctx, kv.Author{Action: "trim"})
			switch {
			case ctx.Err() != nil:
				return
			case err != nil:
				a.o.Logf("cannot drop the oldest log entries: %v", err)
			case last > 0:
				a.o.Logf("dropped log entries up to %d, as log_keep says", last)
			}
		}
	}()
	return k
}

// kick makes the logKeeper trim the log now.
func (k *logKeeper) kick() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *logKeeper) close() {
	k.stop()
	<-k.done
}

// TrimLog drops the log entries that are older than the setting log_keep, and returns the last of
// them, 0 for none. Superusers only.
func (s *Session) TrimLog(ctx context.Context) (last uint64, err error) {
	if err := s.stillSuperuser(); err != nil {
		return 0, err
	}
	if err := s.p.MayWrite(s.v); err != nil {
		return 0, err
	}
	if last, err = s.a.trimLog(ctx, s.v.Author()); err != nil {
		return last, fmt.Errorf("dropping old log entries: %w", err)
	}
	return last, nil
}

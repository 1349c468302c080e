package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// logTables are the names of the log's tables, by their numbers in the file.
var logTables = map[uint64]string{1: "users", 2: "groups", 3: "tokens", 4: "targets", 7: "targetlists",
	8: "dataproducts", 9: "reduceddatums", 10: "observations", 11: "uploads", 12: "work"}

// LogTables are the names by which the log can be asked for a table.
var LogTables = []string{"targets", "targetlists", "dataproducts", "reduceddatums", "observations", "uploads", "work",
	"users", "groups", "tokens"}

var logOperations = map[uint64]string{kv.Created: "created", kv.Changed: "changed", kv.Deleted: "deleted"}

// MaxLogIDs is how many ids of the rows that one entry changed are listed; their count is always
// whole.
const MaxLogIDs = 100

// A LogEntry is what one request changed: who, when, from where. Hash is that of the entry and
// holds Previous, that of the one before.
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

// A LogChange is what was done to rows of a table. IDs are the first MaxLogIDs of them.
type LogChange struct {
	Table, Operation string
	Count            uint64
	IDs              []uint64
}

// A LogSetting is a setting that was changed, and what it was before.
type LogSetting struct{ Name, Old string }

// LogFilter says which entries are wanted: those that fit all that is given.
type LogFilter struct {
	User, Addr   string // exactly this, "" for any
	Action       string // a part of the action, such as DELETE or /api/targets/
	Table        string // one of LogTables, "" for any
	Object       uint64 // the id of a row of Table, 0 for any
	Since, Until *int64 // microseconds since 1970, both included
}

// Log gives out the log, newest first. With a filter it reads every entry. Superusers only. Error:
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
	return give(s, ctx, out, find, readLogEntry)
}

// find lists the sequence numbers of a page.
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

// touches says whether a row is among those that were changed, which are in order.
func touches(c kv.Change, row uint64) bool {
	for id := range c.IDs() {
		if id >= row {
			return id == row
		}
	}
	return false
}

// readLogEntry reads an entry; one that was dropped meanwhile is left out.
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

// shownSetting is the old value of a setting, if it is one that can be read: the others are
// secrets.
func shownSetting(x kv.Setting) string {
	for _, spec := range settingSpecs {
		if spec.name == x.Name {
			return x.Old
		}
	}
	return ""
}

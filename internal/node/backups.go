package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/auth"
)

// Backups are the options for copies that a node takes of its file.
type Backups struct {
	Dir   string        // the folder for the copies; "" for none
	Every time.Duration // between copies
	Keep  int           // how many of the newest copies stay
}

// backups puts verified copies of a file into a folder from time to time. The name of a copy has
// its time and the sequence number of its last log entry, so that they are known after a restart:
//
//	nightjar-20261124T134500Z-1234.db
type backups struct {
	Backups
	a       *archive.Archive
	base    string
	note    func(format string, args ...any)
	pattern *regexp.Regexp

	mu    sync.Mutex
	state api.BackupState
	nodes map[string]identified // by path
}

// identified is the node of a file, which is known while the file keeps its size and time.
type identified struct {
	size    int64
	changed time.Time
	node    string
}

// kept is a copy of this node in the folder.
type kept struct {
	path string
	time time.Time
	seq  uint64
}

const stampOfBackup = "20060102T150405Z"

// newBackups prepares the folder, and finds the newest copy in it.
func newBackups(a *archive.Archive, o Options) (*backups, error) {
	base := strings.TrimSuffix(filepath.Base(o.File), ".db")
	b := &backups{Backups: o.Backups, a: a, base: base, note: o.Note,
		pattern: regexp.MustCompile("^" + regexp.QuoteMeta(base) + `-(\d{8}T\d{6}Z)-(\d+)\.db$`)}
	if err := archive.SweepBackups(b.Dir); err != nil {
		return nil, err
	}
	list, err := b.list()
	if err == nil && len(list) > 0 {
		last := list[len(list)-1]
		b.state = api.BackupState{Path: last.path, Time: last.time}
	}
	return b, err
}

// list returns the copies of this node, oldest first. It skips other files with such names, so that
// they are never removed. A copy whose time is in the future was taken before the clock was set
// back: it counts as older than those whose times are in the past.
func (b *backups) list() (list []kept, err error) {
	entries, err := os.ReadDir(b.Dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		m := b.pattern.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		at, err1 := time.Parse(stampOfBackup, m[1])
		seq, err2 := strconv.ParseUint(m[2], 10, 64)
		info, err3 := e.Info()
		if err1 == nil && err2 == nil && err3 == nil && info.Mode().IsRegular() &&
			b.node(filepath.Join(b.Dir, e.Name()), info) == b.a.NodeID() {
			list = append(list, kept{filepath.Join(b.Dir, e.Name()), at, seq})
		}
	}
	now := b.a.Now()
	slices.SortFunc(list, func(a, b kept) int {
		if x, y := a.time.After(now), b.time.After(now); x != y {
			if x {
				return -1
			}
			return 1
		}
		return a.time.Compare(b.time)
	})
	return list, nil
}

// node returns the id of the node whose backup a file is, "" if unknown.
func (b *backups) node(path string, info os.FileInfo) string {
	b.mu.Lock()
	known, ok := b.nodes[path]
	b.mu.Unlock()
	if ok && known.size == info.Size() && known.changed.Equal(info.ModTime()) {
		return known.node
	}
	node, err := archive.NodeOf(path)
	if err != nil {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.nodes == nil {
		b.nodes = map[string]identified{}
	}
	b.nodes[path] = identified{info.Size(), info.ModTime(), node}
	return node
}

// current returns the state for the API.
func (b *backups) current() api.BackupState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// run takes copies until ctx ends.
func (b *backups) run(ctx context.Context) {
	wait := time.Duration(0)
	if age := b.a.Now().Sub(b.current().Time); age >= 0 { // otherwise the clock was set back, and the age is unknown
		wait = b.Every - age
	}
	for {
		select {
		case <-time.After(max(0, wait)):
		case <-ctx.Done():
			return
		}
		wait = b.Every
		err := b.take(ctx)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		b.state.Failed = ""
		if err != nil {
			b.state.Failed = err.Error()
			b.note("the backup failed: %v", err)
		}
		b.mu.Unlock()
	}
}

// take takes a copy if the log has grown since the last one, and then removes the oldest copies
// beyond Keep.
func (b *backups) take(ctx context.Context) error {
	owner := b.a.For(auth.FileOwner())
	st, err := owner.Stat()
	if err != nil {
		return err
	}
	list, err := b.list()
	if err != nil {
		return err
	}
	if n := len(list); n > 0 && list[n-1].seq == st.Seq {
		return nil
	}
	now := b.a.Now().UTC()
	path := filepath.Join(b.Dir, fmt.Sprintf("%s-%s-%d.db", b.base, now.Format(stampOfBackup), st.Seq))
	if _, err := owner.Backup(ctx, path); err != nil {
		return err
	}
	b.mu.Lock()
	b.state.Path, b.state.Time = path, now
	b.mu.Unlock()
	if list, err = b.list(); err != nil {
		return err
	}
	for _, old := range list[:max(0, len(list)-b.Keep)] {
		err = errors.Join(err, os.Remove(old.path))
	}
	return err
}

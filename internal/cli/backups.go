package cli

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

	"github.com/urfave/cli/v2"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/auth"
)

func backupFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "backup-dir", Usage: "a `FOLDER` into which the server puts verified copies of the file by itself, best on another disk"},
		&cli.DurationFlag{Name: "backup-every", Usage: "`TIME` after which the next copy is taken, if anything was written", Value: time.Hour},
		&cli.IntFlag{Name: "backup-keep", Usage: "`NUMBER` of copies that are kept", Value: 24},
	}
}

// backups takes verified copies of a file into a folder from time to time. The name of a copy says when it was taken and which entry of the
// log is its last, so that it is known after a restart, too:
//
//	nightjar-20261124T134500Z-1234.db
type backups struct {
	a       *archive.Archive
	dir     string
	base    string
	every   time.Duration
	keep    int
	notef   func(format string, args ...any)
	pattern *regexp.Regexp

	mu    sync.Mutex
	state api.BackupState
	known map[string]identified // by path
}

// identified is a file whose node is known, as long as it has this size and time of change.
type identified struct {
	size    int64
	changed time.Time
	node    string
}

// kept is a copy in the folder.
type kept struct {
	path string
	time time.Time
	seq  uint64
}

const stampOfBackup = "20060102T150405Z"

// checkBackups looks at the backupFlags before the file is opened, or made.
func checkBackups(c *cli.Context) error {
	dir := c.String("backup-dir")
	switch {
	case dir == "" && (c.IsSet("backup-every") || c.IsSet("backup-keep")):
		return usageError(c, "--backup-every and --backup-keep need --backup-dir")
	case dir == "":
		return nil
	case c.Bool("read-only"):
		return usageError(c, "--backup-dir: a file that is open for reading only does not change")
	case c.Duration("backup-every") <= 0:
		return usageError(c, "--backup-every: %v is no time", c.Duration("backup-every"))
	case c.Int("backup-keep") < 1:
		return usageError(c, "--backup-keep: at least one copy is kept")
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("--backup-dir: there is no folder %s", dir)
	case err != nil:
		return fmt.Errorf("--backup-dir: %w", err)
	case !info.IsDir():
		return fmt.Errorf("--backup-dir: %s is no folder", dir)
	}
	return nil
}

// newBackups makes ready what takes the copies; nil when none are wanted.
func (p *program) newBackups(c *cli.Context, a *archive.Archive) (*backups, error) {
	dir := c.String("backup-dir")
	if dir == "" {
		return nil, nil
	}
	base := strings.TrimSuffix(filepath.Base(c.String("db")), ".db")
	b := &backups{a: a, dir: dir, base: base, every: c.Duration("backup-every"), keep: c.Int("backup-keep"), notef: p.note,
		pattern: regexp.MustCompile("^" + regexp.QuoteMeta(base) + `-(\d{8}T\d{6}Z)-(\d+)\.db$`)}
	if err := archive.SweepBackups(dir); err != nil {
		return nil, err
	}
	list, err := b.list()
	if err == nil && len(list) > 0 {
		last := list[len(list)-1]
		b.state = api.BackupState{Path: last.path, Time: last.time}
	}
	return b, err
}

// list lists the copies of this node, the oldest first: what else has such a name is neither
// counted nor ever removed. One with a time that is yet to come was taken before the clock was set
// back, and so before any that is still to be taken: it counts as older than those whose times are
// past.
func (b *backups) list() (list []kept, err error) {
	entries, err := os.ReadDir(b.dir)
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
			b.node(filepath.Join(b.dir, e.Name()), info) == b.a.NodeID() {
			list = append(list, kept{filepath.Join(b.dir, e.Name()), at, seq})
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

// node is whose backup a file is, "" when that cannot be told.
func (b *backups) node(path string, info os.FileInfo) string {
	b.mu.Lock()
	known, ok := b.known[path]
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
	if b.known == nil {
		b.known = map[string]identified{}
	}
	b.known[path] = identified{info.Size(), info.ModTime(), node}
	return node
}

// current is how the copies are.
func (b *backups) current() api.BackupState {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// run takes copies until the context ends.
func (b *backups) run(ctx context.Context) {
	wait := time.Duration(0)
	if age := b.a.Now().Sub(b.current().Time); age >= 0 { // or the clock was set back, and nobody knows
		wait = b.every - age
	}
	for {
		select {
		case <-time.After(max(0, wait)):
		case <-ctx.Done():
			return
		}
		wait = b.every
		err := b.take(ctx)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		b.state.Failed = ""
		if err != nil {
			b.state.Failed = err.Error()
			b.notef("no backup was taken: %v", err)
		}
		b.mu.Unlock()
	}
}

// take takes a copy, unless the log has not moved since the last one, and then removes the oldest of those that are too many.
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
	path := filepath.Join(b.dir, fmt.Sprintf("%s-%s-%d.db", b.base, now.Format(stampOfBackup), st.Seq))
	if _, err := owner.Backup(ctx, path); err != nil {
		return err
	}
	b.mu.Lock()
	b.state.Path, b.state.Time = path, now
	b.mu.Unlock()
	if list, err = b.list(); err != nil {
		return err
	}
	for _, old := range list[:max(0, len(list)-b.keep)] {
		err = errors.Join(err, os.Remove(old.path))
	}
	return err
}

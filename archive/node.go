package archive

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// Operations on the whole node are for superusers and the owner of the file.

func (s *Session) superuser() error {
	if !s.v.Everything() {
		return s.refuse()
	}
	return nil
}

// VerifyReport is the result of a verification.
type VerifyReport = kv.Report

// VerifyOptions configure a verification.
type VerifyOptions struct {
	// Progress is called now and then if not nil.
	Progress func(done, total int)
	// Since is an earlier head of the log, which the log must contain; "" for none.
	Since string
}

func (o VerifyOptions) check() (c kv.CheckOptions, err error) {
	c.Progress = o.Progress
	if o.Since != "" {
		if c.Since, err = kv.ParseMark(o.Since); err != nil {
			err = problem.Invalid("head", "%v", err)
		}
	}
	return c, err
}

// Check verifies the pages and the contents of a file that no process has open for writing. A badly
// damaged file may crash the process, so call Check in a process of its own.
func Check(ctx context.Context, path string, o VerifyOptions) (*VerifyReport, error) {
	c, err := o.check()
	if err != nil {
		return nil, err
	}
	return kv.Check(ctx, path, tables(), c)
}

// Backup writes a verified copy of the file to path, which must not exist, and returns the head of
// the copy's log. Reading and writing continue meanwhile.
func (s *Session) Backup(ctx context.Context, path string) (head string, err error) {
	if err := s.stillSuperuser(); err != nil {
		return "", err
	}
	m, err := s.a.db.Backup(ctx, path, s.a.checkFile(ctx))
	var file *os.PathError
	switch {
	case errors.Is(err, os.ErrExist):
		return "", problem.Invalid("path", "%s already exists.", path)
	case errors.As(err, &file) && filepath.Dir(file.Path) == filepath.Dir(path):
		return "", problem.Invalid("path", "%s cannot be written: %v.", file.Path, file.Err)
	case errors.Is(err, kv.ErrNoRoom):
		return "", problem.Invalid("path", "%s has too little free space for a copy.", filepath.Dir(path))
	}
	return m.String(), err
}

// checkFile returns Options.CheckCopy, or its default.
func (a *Archive) checkFile(ctx context.Context) func(string) error {
	if a.o.CheckCopy != nil {
		return a.o.CheckCopy
	}
	return func(path string) error {
		r, err := Check(ctx, path, VerifyOptions{})
		if err != nil {
			return err
		}
		return r.Err()
	}
}

// Verify checks the whole file while reading and writing continue. It checks the pages on a copy.
func (s *Session) Verify(ctx context.Context, o VerifyOptions) (*VerifyReport, error) {
	if err := s.stillSuperuser(); err != nil {
		return nil, err
	}
	c, err := o.check()
	if err != nil {
		return nil, err
	}
	r, err := s.a.db.Verify(ctx, c)
	if err != nil || r.Err() != nil {
		return r, err
	}
	dir, err := s.a.tempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if _, err := s.a.db.Backup(ctx, filepath.Join(dir, "copy"), nil); err != nil {
		return nil, err
	}
	if err := s.a.checkFile(ctx)(filepath.Join(dir, "copy")); err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	return r, nil
}

// tempDir creates a temporary folder beside the file, on the same disk. Folders that a crash leaves
// are removed when the file is next opened. If the folder of the file is gone, it creates one in
// the system's temporary folder, so that the open file can still be saved.
func (a *Archive) tempDir() (string, error) {
	pattern := filepath.Base(a.db.Path()) + kv.Temporary
	dir, err := os.MkdirTemp(filepath.Dir(a.db.Path()), pattern)
	if errors.Is(err, os.ErrNotExist) {
		dir, err = os.MkdirTemp("", pattern)
	}
	return dir, kv.NoRoom(err)
}

// removeLeftovers removes temporary files that a crash left beside the file.
func (a *Archive) removeLeftovers() error {
	list, err := os.ReadDir(filepath.Dir(a.db.Path()))
	if err != nil {
		return err
	}
	for _, e := range list {
		if kv.Remains(a.db.Path(), e.Name()) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(filepath.Dir(a.db.Path()), e.Name())))
		}
	}
	return err
}

// A Snapshot is a verified copy of the file, to be read and closed. A read fails when the viewer is
// no longer a superuser.
type Snapshot struct {
	file *os.File
	Head string // head of the log in the copy
	dir  string
	s    *Session
}

// Read reads from the copy.
func (c *Snapshot) Read(b []byte) (int, error) {
	if err := c.s.stillSuperuser(); err != nil {
		return 0, err
	}
	return c.file.Read(b)
}

// Seek seeks in the copy.
func (c *Snapshot) Seek(offset int64, whence int) (int64, error) { return c.file.Seek(offset, whence) }

// Close deletes the copy.
func (c *Snapshot) Close() error { return errors.Join(c.file.Close(), os.RemoveAll(c.dir)) }

// Snapshot makes a verified copy of the file beside it, while reading and writing continue.
func (s *Session) Snapshot(ctx context.Context) (c *Snapshot, err error) {
	if err := s.stillSuperuser(); err != nil {
		return nil, err
	}
	dir, err := s.a.tempDir()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	path := filepath.Join(dir, "copy")
	m, err := s.a.db.Backup(ctx, path, s.a.checkFile(ctx))
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	return &Snapshot{f, m.String(), dir, s}, err
}

// Compact drops the log entries that are older than log_keep and returns free space to the disk;
// writers wait meanwhile. It returns the size of the file before and after, in bytes.
func (s *Session) Compact(ctx context.Context) (before, after int64, err error) {
	if err := s.stillSuperuser(); err != nil {
		return 0, 0, err
	}
	if before, _, err = s.a.db.Size(); err != nil {
		return 0, 0, err
	}
	if _, err = s.TrimLog(ctx); err != nil {
		return 0, 0, err
	}
	if err = s.a.db.Compact(ctx); err != nil {
		return before, 0, err
	}
	after, _, err = s.a.db.Size()
	return before, after, err
}

// Reindex rebuilds the index of names in the background.
func (s *Session) Reindex() error {
	if err := s.stillSuperuser(); err != nil {
		return err
	}
	return s.a.names.renew()
}

// Stat describes the node.
type Stat struct {
	Node      string // the identity of the node
	Name      string
	Path      string
	Size      int64 // of the file, in bytes
	Free      int64 // bytes of them in free pages
	DiskFree  int64 // free bytes of the file's disk, -1 if unknown
	Head      string
	Seq       uint64
	Counts    map[string]int // rows by table
	Index     IndexState
	Mode      string
	Strategy  string
	ReadOnly  bool
	Failed    string // why writes fail, "" if they do not
	Formatted int    // version of the file's format
}

// Stat returns the state of the node. Superusers only.
func (s *Session) Stat() (*Stat, error) {
	if err := s.stillSuperuser(); err != nil {
		return nil, err
	}
	size, free, err := s.a.db.Size()
	if err != nil {
		return nil, err
	}
	name, err := s.a.Name()
	if err != nil {
		return nil, err
	}
	head := s.a.db.Head()
	st := &Stat{Node: s.a.NodeID(), Name: name, Path: s.a.db.Path(), Size: size, Free: free, DiskFree: -1,
		Head: head.String(), Seq: head.Seq, Counts: map[string]int{}, Index: s.a.names.State(),
		Mode: string(s.p.Mode), Strategy: string(s.p.Strategy), ReadOnly: s.a.o.ReadOnly}
	if n, ok := s.a.db.DiskFree(); ok {
		st.DiskFree = int64(min(n, math.MaxInt64))
	}
	if err := s.a.db.Health(); errors.Is(err, ErrFailed) {
		st.Failed = s.a.db.Failed().Error()
	}
	err = s.view(func(s *Session, tx *kv.Tx) (err error) {
		if st.Formatted, err = tx.Format(); err != nil {
			return err
		}
		for name, all := range map[string]kv.Set{"targets": targets.All(tx), "lists": lists.All(tx),
			"dataproducts":  products.All(tx),
			"reduceddatums": datums.All(tx), "observations": observations.All(tx), "uploads": uploads.All(tx)} {
			n, err := all.Count()
			if err != nil {
				return err
			}
			st.Counts[name] = n
		}
		return nil
	})
	return st, err
}

// Ready returns nil when the node can read and, unless it is read-only, write. Errors: ErrLost,
// ErrFailed, ErrNoRoom, *kv.DamageError.
func (a *Archive) Ready() error {
	if err := a.db.Health(); err != nil {
		return err
	}
	return a.db.View(func(tx *kv.Tx) error { _, err := tx.Head(); return err })
}

// tellFailed logs that writes fail from now on, and what to do.
func (a *Archive) tellFailed(err error) {
	if errors.Is(err, ErrLost) {
		a.o.Logf("%v. All writes fail until a restart; reads continue as far as possible. While this process "+
			"runs, the open file can still be saved: nightjar backup NEW.db", err)
		return
	}
	a.o.Logf("all writes fail until a restart: %v", err)
}

// NodeOf returns the identity of the node whose backup is at path, in text form.
func NodeOf(path string) (string, error) {
	id, err := kv.NodeOf(path)
	return uidText(id), err
}

// SweepBackups removes the unfinished copies of ended processes from a folder.
func SweepBackups(dir string) error { return kv.SweepParts(dir) }

// Restore makes a backup the file of a new node at path, which must not exist. It copies the
// backup, verifies the copy with check, gives it a new identity and then renames it to path.
func Restore(ctx context.Context, backup, path string, check func(path string) error) error {
	return kv.RestoreFile(ctx, backup, path, tables(), check)
}

// Salvage copies everything undamaged in a file that no process has open to a new file at path,
// which must not exist. It then removes references to lost records, as Repair does. The report
// counts what was saved; its problems say what was lost. A badly damaged file may crash the
// process, but is never changed.
func Salvage(ctx context.Context, from, path string) (*VerifyReport, error) {
	report, err := kv.Salvage(ctx, from, path, tables())
	if err != nil {
		return report, err
	}
	a, err := Open(path, Options{MustExist: true, NoIndex: true})
	if err != nil {
		return report, fmt.Errorf("opening the salvaged file: %w", err)
	}
	r, err := a.For(auth.FileOwner()).Repair(ctx)
	if r != nil {
		report.Problems = append(report.Problems, r.Done...)
		report.More += r.More
	}
	report.Head = a.Head()
	return report, errors.Join(err, a.Close())
}

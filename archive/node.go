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

// What concerns the node as a whole is for superusers and for the owner of the file.

func (s *Session) superuser() error {
	if !s.v.Everything() {
		return s.refuse()
	}
	return nil
}

// VerifyReport is what a verification found.
type VerifyReport = kv.Report

// VerifyOptions say what a verification does besides.
type VerifyOptions struct {
	// Progress is called now and then, if it is not nil.
	Progress func(done, total int)
	// Since is the head of the log that the file had once: it must have grown out of it. "" for
	// none.
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

// Check verifies a file that nothing has open for writing: its pages and all that is in it. A badly
// damaged file may end the process, so this is done in one of its own.
func Check(ctx context.Context, path string, o VerifyOptions) (*VerifyReport, error) {
	c, err := o.check()
	if err != nil {
		return nil, err
	}
	return kv.Check(ctx, path, tables(), c)
}

// Backup writes a verified copy of the file to path, where nothing must be, and returns the head of
// the log that it holds. Reading and writing go on.
func (s *Session) Backup(ctx context.Context, path string) (head string, err error) {
	if err := s.stillSuperuser(); err != nil {
		return "", err
	}
	m, err := s.a.db.Backup(ctx, path, s.a.checkFile(ctx))
	var file *os.PathError
	switch {
	case errors.Is(err, os.ErrExist):
		return "", problem.Invalid("path", "%s is there already.", path)
	case errors.As(err, &file) && filepath.Dir(file.Path) == filepath.Dir(path):
		return "", problem.Invalid("path", "%s cannot be written: %v.", file.Path, file.Err)
	case errors.Is(err, kv.ErrNoRoom):
		return "", problem.Invalid("path", "%s has too little free space for a copy.", filepath.Dir(path))
	}
	return m.String(), err
}

// checkFile verifies a copy as the options say.
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

// Verify reads the whole file and compares all that can be compared, while reading and writing go
// on. Its pages are checked on a copy.
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
	dir, err := s.a.besides()
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

// besides makes a folder beside the file, on the same disk, for what is needed for a while. What a
// crash leaves of these is removed when the file is opened again. Where the file's own folder is
// gone, it is one of the system's, so that what is open can still be saved.
func (a *Archive) besides() (string, error) {
	pattern := filepath.Base(a.db.Path()) + kv.Temporary
	dir, err := os.MkdirTemp(filepath.Dir(a.db.Path()), pattern)
	if errors.Is(err, os.ErrNotExist) {
		dir, err = os.MkdirTemp("", pattern)
	}
	return dir, kv.NoRoom(err)
}

// sweepBesides removes what a crash left beside the file, which this process has open.
func (a *Archive) sweepBesides() error {
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

// A Snapshot is a verified copy of the file, to be read and closed. Reading it ends with an error
// when the one for whom it was made is a superuser no longer.
type Snapshot struct {
	file *os.File
	Head string // of the log, as the copy holds it
	dir  string
	s    *Session
}

// Read reads on in the copy.
func (c *Snapshot) Read(b []byte) (int, error) {
	if err := c.s.stillSuperuser(); err != nil {
		return 0, err
	}
	return c.file.Read(b)
}

// Seek is that of the copy.
func (c *Snapshot) Seek(offset int64, whence int) (int64, error) { return c.file.Seek(offset, whence) }

// Close takes the copy away.
func (c *Snapshot) Close() error { return errors.Join(c.file.Close(), os.RemoveAll(c.dir)) }

// Snapshot makes a verified copy of the file beside it, while reading and writing go on.
func (s *Session) Snapshot(ctx context.Context) (c *Snapshot, err error) {
	if err := s.stillSuperuser(); err != nil {
		return nil, err
	}
	dir, err := s.a.besides()
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

// Compact drops the log entries that log_keep does not keep and gives the space of what was deleted
// back to the disk; writers wait meanwhile. It returns the file's sizes before and after, in bytes.
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

// Reindex throws the index of names away and has it made again in the background.
func (s *Session) Reindex() error {
	if err := s.stillSuperuser(); err != nil {
		return err
	}
	return s.a.names.renew()
}

// Stat describes the node.
type Stat struct {
	Node      string // its identity
	Name      string
	Path      string
	Size      int64 // of the file, in bytes
	Free      int64 // of them, in pages that hold nothing
	DiskFree  int64 // how many bytes the disk of the file has room for, -1 when that is not known
	Head      string
	Seq       uint64
	Counts    map[string]int // rows by table
	Index     IndexState
	Mode      string
	Strategy  string
	ReadOnly  bool
	Failed    string // why nothing can be written any more, "" if all is well
	Formatted int    // version of the file's format
}

// Stat says how the node is.
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
		Head: head.String(), Seq: head.Seq,
		Counts: map[string]int{}, Index: s.a.names.State(), Mode: string(s.p.Mode), Strategy: string(s.p.Strategy), ReadOnly: s.a.o.ReadOnly}
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

// Ready says whether the node can serve, reading and, unless it was opened for reading only,
// writing: nil, or why not: ErrLost, ErrFailed, ErrNoRoom, *kv.DamageError.
func (a *Archive) Ready() error {
	if err := a.db.Health(); err != nil {
		return err
	}
	return a.db.View(func(tx *kv.Tx) error { _, err := tx.Head(); return err })
}

// tellFailed tells the operator that nothing is written any more, and what to do.
func (a *Archive) tellFailed(err error) {
	if errors.Is(err, ErrLost) {
		a.o.Logf("%v. Nothing is written any more until a restart, and reading goes on as far as possible. What "+
			"this process has open can still be saved while it runs: nightjar backup NEW.db", err)
		return
	}
	a.o.Logf("nothing is written any more until a restart: %v", err)
}

// NodeOf is the identity of the node whose backup is at path, in its text form.
func NodeOf(path string) (string, error) {
	id, err := kv.NodeOf(path)
	return uidText(id), err
}

// SweepBackups removes from a folder the half-made copies of processes that ended meanwhile, and
// none that is being made.
func SweepBackups(dir string) error { return kv.SweepParts(dir) }

// Restore makes a backup into the file of a node of its own at path, where nothing must be: it is
// copied, verified with check, given a new identity and only then put in place.
func Restore(ctx context.Context, backup, path string, check func(path string) error) error {
	return kv.RestoreFile(ctx, backup, path, tables(), check)
}

// Salvage makes a new file at path, where nothing must be, of all that is whole in a damaged one
// that nothing has open, and takes out of it what leads to something that was lost, as Repair does.
// The report counts what was saved; its problems say what was lost. A badly damaged file may end
// the process, but not change the file.
func Salvage(ctx context.Context, from, path string) (*VerifyReport, error) {
	report, err := kv.Salvage(ctx, from, path, tables())
	if err != nil {
		return report, err
	}
	a, err := Open(path, Options{MustExist: true, NoIndex: true})
	if err != nil {
		return report, fmt.Errorf("what was saved: %w", err)
	}
	r, err := a.For(auth.FileOwner()).Repair(ctx)
	if r != nil {
		report.Problems = append(report.Problems, r.Done...)
		report.More += r.More
	}
	report.Head = a.Head()
	return report, errors.Join(err, a.Close())
}

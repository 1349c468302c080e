package kv

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"nightjar/internal/boltfile"
	"nightjar/internal/disk"
)

// While a file is open it holds a random session mark. So does a small file beside it, the session
// file, which also names the inode of the data file. A clean close removes both; after a crash both
// exist. A mark without its session file means that the file is a copy that somebody made while the
// node was running: half of it may be older than the rest.

// takeAgain says what to do about a bad copy.
const takeAgain = "take a good one with: nightjar --db ORIGINAL backup FILE"

func sessionPath(path string) string { return path + ".session" }

// sessionText returns what the session file of the file at path holds for a mark.
func sessionText(path string, mark []byte) string {
	s := hex.EncodeToString(mark)
	if info, err := os.Stat(path); err == nil {
		if id := disk.FileID(info); id != "" {
			s += " " + id
		}
	}
	return s + "\n"
}

// writeSessionFile writes the session file. It is on the disk before the mark is.
func writeSessionFile(path string, mark []byte) error {
	temp := sessionPath(path) + beingMade
	if err := disk.WriteSynced(temp, []byte(sessionText(path, mark))); err != nil {
		return err
	}
	if err := os.Rename(temp, sessionPath(path)); err != nil {
		return err
	}
	return disk.SyncDir(filepath.Dir(path))
}

// session is the session mark of an open file.
type session struct {
	mark       []byte
	inFile     bool // the data file has the mark
	fileBeside bool // the session file has it
}

// errNoRoomAtAll is ErrNoRoom when not even a write that frees space is possible.
var errNoRoomAtAll = fmt.Errorf("%w, not even for the mark that the file is open", ErrNoRoom)

// beginSession writes a new mark into the file and beside it. On a full disk the first write does
// that: until then the file is as it was when it was closed, and so is a copy of it.
func (db *DB) beginSession() error {
	mark := make([]byte, 16)
	db.randomMu.Lock()
	_, err := io.ReadFull(db.opts.Random, mark)
	db.randomMu.Unlock()
	if err != nil {
		return err
	}
	found := db.session // left by a crash
	db.session = session{mark: mark}
	switch err := NoRoom(db.putSessionFile()); {
	case err == ErrNoRoom && found.inFile:
		db.session = found // as good as a new one
		return nil
	case err == ErrNoRoom:
		return nil
	case err != nil:
		return fmt.Errorf("cannot write the session mark beside the file: %w", err)
	}
	if err := db.putMark(); err != ErrNoRoom {
		return err
	}
	db.session = session{mark: mark} // the file may have the mark of the crash, whose session file is gone, or none
	if found.inFile {
		db.session = session{mark: found.mark, inFile: true}
	}
	return nil
}

// markSession marks the file before anything is written. When the disk has no space for the session
// file, the mark in the file alone is enough for writes that free space: it still reveals a copy.
// After a crash the file itself is then taken for a copy, and verified.
func (db *DB) markSession() error {
	s := &db.session
	if s.inFile && s.fileBeside {
		return nil
	}
	sessionErr := NoRoom(db.putSessionFile())
	if sessionErr != nil && sessionErr != ErrNoRoom {
		return fmt.Errorf("%w: cannot write the session mark beside the file: %w", ErrFailed, sessionErr)
	}
	if !s.inFile {
		if err := db.putMark(); err == ErrNoRoom {
			return errNoRoomAtAll
		} else if err != nil {
			return err
		}
	}
	return sessionErr
}

func (db *DB) putSessionFile() error {
	err := db.opts.writeSessionFile(db.path, db.session.mark)
	db.session.fileBeside = err == nil
	return err
}

// putMark writes the mark into the file.
func (db *DB) putMark() error {
	err := db.commitAlone(false, func(bt *bbolt.Tx) error {
		return metaOf(bt).put([]byte(metaSession), db.session.mark)
	})
	db.freeListStored = false
	db.session.inFile = err == nil
	return orNoRoom(err)
}

// endSession removes the mark. On a completely full disk it stays, as after a crash.
func (db *DB) endSession() error {
	if db.session.inFile {
		err := db.commitFreeList(removeMark)
		if orNoRoom(err) == ErrNoRoom {
			err = db.commitAlone(false, removeMark)
		}
		if orNoRoom(err) == ErrNoRoom {
			return nil
		}
		if err != nil {
			return err
		}
	}
	if err := os.Remove(sessionPath(db.path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func removeMark(bt *bbolt.Tx) error {
	return bt.Bucket(bucketNames[bucketMeta]).Delete([]byte(metaSession))
}

// examine checks an existing file before it is opened for writing: whether it is ours, and whether
// it is the copy of a running node's file, which is then verified as a whole.
func (db *DB) examine() error {
	mark, err := db.readMark()
	if err != nil || mark == nil {
		return err
	}
	beside, err := os.ReadFile(sessionPath(db.path))
	db.session = session{mark: mark, inFile: true}
	if err == nil && strings.TrimSpace(string(beside)) == strings.TrimSpace(sessionText(db.path, mark)) {
		db.session.fileBeside = true
		return nil // the node crashed with this file
	}
	check := db.opts.CheckCopy
	if check == nil {
		check = func(path string) error { return checkFile(path, db.schema) }
	}
	if err := check(db.path); err != nil {
		return fmt.Errorf("%w, and it is damaged (%w); %s", ErrCopied, err, takeAgain)
	}
	return nil
}

// checkTree refuses a file in which bbolt would follow branches forever.
func checkTree(path string) error {
	err := boltfile.CheckTree(path)
	if p := boltfile.Problem(""); errors.As(err, &p) {
		return damaged("file", p)
	}
	return err
}

// readMark reads the session mark of a file that is not open; nil when it has none.
func (db *DB) readMark() (mark []byte, err error) {
	b, err := db.openBolt(true, db.path)
	if err != nil {
		return nil, err
	}
	defer func() { // even when reading the damaged pages panics
		err = errors.Join(err, b.Close())
	}()
	if err := checkTree(db.path); err != nil {
		return nil, err
	}
	err = b.View(func(bt *bbolt.Tx) error {
		if err := checkFormat(bt); err != nil {
			return err
		}
		m, err := metaOf(bt).get([]byte(metaSession))
		mark = bytes.Clone(m)
		return err
	})
	return mark, err
}

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
)

// While a file is open it holds a random session mark, and so does a small file beside it, the twin, which also names the
// file's inode. A clean close removes both. After a crash both are there. A mark without its twin means that the file is
// a copy that somebody took while the node was running: half of it may be older than the rest.

// takeAgain is what to do about a bad copy.
const takeAgain = "take a good one with: nightjar --db ORIGINAL backup FILE"

func twinPath(path string) string { return path + ".session" }

// twinText is what the twin of the file at path holds for a mark.
func twinText(path string, mark []byte) string {
	s := hex.EncodeToString(mark)
	if info, err := os.Stat(path); err == nil {
		if id := fileID(info); id != "" {
			s += " " + id
		}
	}
	return s + "\n"
}

// writeTwin puts the twin in place; it is durable before the mark is.
func writeTwin(path string, mark []byte) error {
	temp := twinPath(path) + ".new"
	if err := writeSynced(temp, []byte(twinText(path, mark))); err != nil {
		return err
	}
	if err := os.Rename(temp, twinPath(path)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// markSession puts a new mark into the file and beside it.
func (db *DB) markSession() error {
	mark := make([]byte, 16)
	db.randomMu.Lock()
	_, err := io.ReadFull(db.opts.Random, mark)
	db.randomMu.Unlock()
	if err != nil {
		return err
	}
	if err := writeTwin(db.path, mark); orNoRoom(err) == ErrNoRoom {
		return fmt.Errorf("%w to open the file for writing; make room, or look into it with serve --read-only", ErrNoRoom)
	} else if err != nil {
		return fmt.Errorf("cannot write the session mark beside the file: %w", err)
	}
	return db.commitAlone(false, func(bt *bbolt.Tx) error {
		return (&metaBucket{bt.Bucket(bucketNames[bucketMeta])}).put([]byte(metaSession), mark)
	})
}

func (db *DB) unmarkSession() error {
	if err := db.commitFreeList(removeMark); err != nil {
		return err
	}
	if err := os.Remove(twinPath(db.path)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func removeMark(bt *bbolt.Tx) error {
	return bt.Bucket(bucketNames[bucketMeta]).Delete([]byte(metaSession))
}

// examine looks at an existing file before it is opened for writing: whether it is ours, and whether it is the copy of a
// running node's, which is then verified as a whole.
func (db *DB) examine() error {
	mark, err := db.readMark()
	if err != nil || mark == nil {
		return err
	}
	twin, err := os.ReadFile(twinPath(db.path))
	if err == nil && strings.TrimSpace(string(twin)) == strings.TrimSpace(twinText(db.path, mark)) {
		return nil // it crashed here
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

// readMark reads the session mark of a file that is not open; nil when it has none.
func (db *DB) readMark() (mark []byte, err error) {
	b, err := db.openBolt(true, db.path)
	if err != nil {
		return nil, err
	}
	defer func() { // also when the pages are so damaged that reading them panics
		err = errors.Join(err, b.Close())
	}()
	if err := checkTree(db.path); err != nil {
		return nil, err
	}
	err = b.View(func(bt *bbolt.Tx) error {
		if err := checkFormat(bt); err != nil {
			return err
		}
		m, err := (&metaBucket{bt.Bucket(bucketNames[bucketMeta])}).get([]byte(metaSession))
		mark = bytes.Clone(m)
		return err
	})
	return mark, err
}

//go:build !unix

package kv

import (
	"errors"
	"math"
	"os"
)

// freeSpace is not known here: the disk's own refusal has to do.
func freeSpace(string) (uint64, error) { return math.MaxUint64, nil }

// fileID is not known here: the session mark alone tells a file from its copies.
func fileID(os.FileInfo) string { return "" }

// sameDisk is not known here.
func sameDisk(string, string) bool { return true }

// letGo closes a file, and its lock goes with it.
func letGo(f *os.File) error { return f.Close() }

// exchange closes the file, has rename give its name to the one at temp, and opens what has the name then: an open file cannot be renamed here.
func (db *DB) exchange(_ string, rename func() (done bool, err error)) error {
	old := db.bolt
	db.bolt = nil
	if err := old.Close(); err != nil {
		return err
	}
	_, err := rename()
	next, openErr := db.openBolt(false, db.path)
	if openErr == nil {
		db.bolt = next
	}
	return errors.Join(err, openErr)
}

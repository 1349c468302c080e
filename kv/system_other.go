//go:build !unix

package kv

import (
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

package index

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// What Bleve calls its files in the folder of an index.
const (
	metaName      = "index_meta.json"
	storeName     = "store"
	rootName      = "root.bolt" // in store, as are the segments
	segmentSuffix = ".zap"
)

// The names of our own files beside Bleve's.
const (
	sealName  = "seal"
	trialName = "trial"
)

// realFolders returns an error unless the folder of the Bleve index at path and
// the one of its store are there and are folders, not links to some. Bleve
// deletes files in there, and so do we.
func realFolders(path string) error {
	for _, folder := range []string{path, filepath.Join(path, storeName)} {
		info, err := os.Lstat(folder)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return &fs.PathError{Op: "open", Path: folder, Err: errors.New("not a folder")}
		}
	}
	return nil
}

// seal notes a checksum of the files that have none of their own (segments do),
// when Bleve has closed the index at path: root.bolt lists the segments and which
// of their documents are deleted, and a flipped bit there loses a candidate.
func seal(path string) error {
	sum, err := unsealed(path)
	if err != nil {
		return err
	}
	if err := endTrial(path); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(path, sealName), sum, 0o600)
}

// breakSeal returns an error when the index at path does not agree with its seal,
// and takes the seal off, since Bleve is about to write. A crash leaves none, and
// then nothing is sealed. One that is out of date, because a crash of the system
// undid its removal, costs a new index.
func breakSeal(path string) (sealed bool, err error) {
	f, err := os.Open(filepath.Join(path, sealName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	want, err := io.ReadAll(io.LimitReader(f, sha256.Size+1))
	if err != nil {
		return false, err
	}
	sum, err := unsealed(path)
	if err != nil {
		return false, err
	}
	if !bytes.Equal(sum, want) {
		return false, errors.New("its files are not those that were closed")
	}
	f.Close() // Windows removes no open file
	return true, os.Remove(filepath.Join(path, sealName))
}

// beginTrial notes that the index at path is opened after a crash, or returns an
// error when that was noted before: then this index did not live to its first
// change, and may be what ended the process. A fault in one of Bleve's own
// goroutines does that, and nothing can recover it; a server must not meet it at
// every start.
func beginTrial(path string) error {
	f, err := os.OpenFile(filepath.Join(path, trialName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("it was opened after a crash and crashed again")
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// endTrial notes that the index has taken a change, or was closed.
func endTrial(path string) error {
	err := os.Remove(filepath.Join(path, trialName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// unsealed returns the SHA-256 of the files that a seal covers.
func unsealed(path string) ([]byte, error) {
	sum := sha256.New()
	for _, name := range []string{metaName, filepath.Join(storeName, rootName)} {
		f, err := os.Open(filepath.Join(path, name))
		if err != nil {
			return nil, err
		}
		n, err := io.Copy(sum, f)
		f.Close()
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(sum, "\n%s %d\n", name, n)
	}
	return sum.Sum(nil), nil
}

// dropDamaged deletes the segment files of the Bleve index at path whose
// checksum does not hold, and returns their names. Bleve itself never looks at the
// checksum, and a flipped bit in a dictionary loses a candidate without a word.
//
// Deleting is enough. A damaged file that no snapshot names is what a crash left
// half written, and Bleve would delete it too. One that is needed is then
// missing, and Bleve goes back to an older snapshot that is whole, its mark
// with it, or finds none, and the index is made anew.
//
// It must not be called while Bleve has the index open.
func dropDamaged(path string) (damaged []string, err error) {
	store := filepath.Join(path, storeName)
	entries, err := os.ReadDir(store)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != segmentSuffix {
			continue
		}
		file := filepath.Join(store, e.Name())
		sound, err := soundSegment(file)
		if err != nil {
			return damaged, err
		}
		if !sound {
			damaged = append(damaged, e.Name())
			if err := os.Remove(file); err != nil {
				return damaged, err
			}
		}
	}
	return damaged, nil
}

// soundSegment reports whether the segment file ends with the CRC-32 (IEEE, big
// endian) of all that stands before it, as zap files do since their first
// version (zapx, persistFooter).
func soundSegment(file string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, &fs.PathError{Op: "open", Path: file, Err: errors.New("not a plain file")}
	}
	const size = crc32.Size
	if info.Size() <= size {
		return false, nil
	}
	sum := crc32.NewIEEE()
	r := bufio.NewReaderSize(f, 1<<20)
	if _, err := io.CopyN(sum, r, info.Size()-size); err != nil {
		return false, err
	}
	var want [size]byte
	if _, err := io.ReadFull(r, want[:]); err != nil {
		return false, err
	}
	return sum.Sum32() == binary.BigEndian.Uint32(want[:]), nil
}

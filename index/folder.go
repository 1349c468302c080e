package index

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

const (
	// layout is the version of what is stored: fields, document ids, grams, folding and the seal.
	// Any change of these needs a new number, so that old indexes are rebuilt. (Bleve would use an
	// old index silently.)
	layout = 2

	markerName       = "nightjar-index"
	generationPrefix = "names-"
	maxMarker        = 4096 // largest marker in bytes
)

// markerText returns the content of the marker while the index is open. It has the version of
// Unicode, because folding uses Go's tables.
func markerText() string {
	return fmt.Sprintf("nightjar name index, layout %d, unicode %s\n", layout, unicode.Version) +
		"This folder is a cache of the data file beside it. You may delete it while nightjar does not run:\n" +
		"nightjar then rebuilds it.\n"
}

// A folder is the folder of an index, locked against other processes:
//
//	nightjar-index  the marker of an index folder, which has the lock and the seal
//	names-000007/   a generation: one Bleve index
//
// A new index gets a new generation, so that it never meets the files, locks or goroutines of the
// old one. Only folders with the name of a generation are ever removed.
type folder struct {
	dir       string
	marker    *os.File
	takenSeal string // the seal that takeSeal removed
}

// openFolder locks dir, which it creates if it does not exist, and removes the seal.
func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		if info, e := os.Stat(dir); e == nil && !info.IsDir() {
			return nil, fmt.Errorf("%w: %s is not a folder", ErrForeign, dir)
		}
		return nil, err
	}
	if err := checkOurs(dir); err != nil {
		return nil, err
	}
	marker, err := lockFile(filepath.Join(dir, markerName))
	if err != nil {
		return nil, err
	}
	f := &folder{dir: dir, marker: marker}
	if err := f.takeSeal(); err != nil {
		marker.Close()
		return nil, err
	}
	return f, nil
}

// checkOurs returns ErrForeign if dir is neither empty nor has a marker.
func checkOurs(dir string) error {
	info, err := os.Lstat(filepath.Join(dir, markerName))
	switch {
	case err == nil && info.Mode().IsRegular():
		return nil
	case err == nil:
		return fmt.Errorf("%w: %s in %s is not a plain file", ErrForeign, markerName, dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%w: %s holds %s", ErrForeign, dir, entries[0].Name())
	}
	return nil
}

// seal returns the last line of the marker of a closed index: the generation, the mark, and a
// SHA-256 of the rest of the marker, of these two, and of every file of the generation.
func (f *folder) seal(generation uint64, m Mark) (string, error) {
	line := fmt.Sprintf("%s %d %x", generationName(generation), m.Seq, m.Hash)
	sum := sha256.New()
	io.WriteString(sum, markerText()+line)
	root := f.path(generation)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() { // a link may point outside of the folder
			return fmt.Errorf("%s is neither a file nor a folder", path)
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		fmt.Fprintf(sum, "\n%s ", filepath.ToSlash(strings.TrimPrefix(path, root)))
		n, err := io.Copy(sum, file)
		fmt.Fprintf(sum, " %d", n)
		return err
	})
	return fmt.Sprintf("%s %x\n", line, sum.Sum(nil)), err
}

// writeSeal records that the generation was closed at the mark m.
func (f *folder) writeSeal(generation uint64, m Mark) error {
	line, err := f.seal(generation, m)
	if err != nil {
		return err
	}
	_, err = f.marker.WriteAt([]byte(line), int64(len(markerText())))
	return err
}

// takeSeal removes the seal before Bleve writes, so that there is none if the process ends before
// the next Close. The marker is then that of an open index.
func (f *folder) takeSeal() (err error) {
	text, err := io.ReadAll(io.LimitReader(f.marker, maxMarker))
	if err == nil {
		err = f.marker.Truncate(0)
	}
	if err == nil {
		_, err = f.marker.WriteAt([]byte(markerText()), 0)
	}
	f.takenSeal = strings.TrimPrefix(string(text), markerText()) // the text of another version is not a seal
	return err
}

// closed returns the generation that was closed last and its mark, or an error if the seal does not
// match.
func (f *folder) closed() (generation uint64, m Mark, err error) {
	generation, m, ok := parseSeal(f.takenSeal)
	if !ok {
		return 0, m, errors.New("it was not closed, or is of another version")
	}
	want, err := f.seal(generation, m)
	if err == nil && want != f.takenSeal {
		err = errors.New("its files are not those that were closed")
	}
	return generation, m, err
}

// parseSeal returns the generation and the mark of a seal.
func parseSeal(line string) (generation uint64, m Mark, ok bool) {
	var hash []byte
	name, rest, _ := strings.Cut(line, " ")
	generation, ok = generationNumber(name)
	if _, err := fmt.Sscanf(rest, "%d %x ", &m.Seq, &hash); err != nil || !ok || len(hash) != len(m.Hash) {
		return 0, Mark{}, false
	}
	m.Hash = [32]byte(hash)
	return generation, m, true
}

// lost reports whether the folder has been deleted or replaced.
func (f *folder) lost() bool {
	at, err := os.Lstat(filepath.Join(f.dir, markerName))
	if err != nil {
		return true
	}
	held, err := f.marker.Stat()
	return err != nil || !os.SameFile(at, held)
}

// generations returns the numbers of the generations in the folder, ascending.
func (f *folder) generations() (numbers []uint64) {
	entries, _ := os.ReadDir(f.dir) // creating the new generation reports the error
	for _, e := range entries {
		if n, ok := generationNumber(e.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// keepOnly removes all generations but one. What it cannot remove stays until the next time, and is
// in the error.
func (f *folder) keepOnly(generation uint64) error {
	var errs []error
	for _, n := range f.generations() {
		if n != generation {
			errs = append(errs, os.RemoveAll(f.path(n))) // this removes a link, but not its target
		}
	}
	return errors.Join(errs...)
}

// path returns the path of a generation.
func (f *folder) path(generation uint64) string {
	return filepath.Join(f.dir, generationName(generation))
}

// generationName returns the folder name of generation n.
func generationName(n uint64) string { return fmt.Sprintf("%s%06d", generationPrefix, n) }

// generationNumber is the inverse of generationName. It accepts no other names.
func generationNumber(name string) (uint64, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(name, generationPrefix), 10, 63)
	return n, err == nil && name == generationName(n)
}

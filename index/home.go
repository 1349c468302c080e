package index

import (
	"bytes"
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
	// layout is the version of everything that this package decides about what
	// is stored: fields, document ids, grams, folding. An index of another
	// layout is made anew, so any change of these needs a new number. (Bleve
	// would go on with the old one without a word.)
	layout = 1

	markerName       = "nightjar-index"
	generationPrefix = "names-"
	maxMarker        = 4096 // bytes of the marker that are looked at
)

// markerText is what the marker file holds. Its first line is compared; the
// version of Unicode is in it because the folding's tables are Go's.
func markerText() string {
	return fmt.Sprintf("nightjar name index, layout %d, unicode %s\n", layout, unicode.Version) +
		"This folder is a cache of the data file beside it. While nightjar does not run it may be deleted;\n" +
		"it is then made anew.\n"
}

// A home is the folder of an index, locked against other processes:
//
//	nightjar-index     the marker, which says that the folder is an index's, and carries the lock
//	names-000007/      a generation: one Bleve index
//
// An index that is thrown away gets a new generation beside the old, which is
// then removed: the new never meets files, locks or goroutines of the old. The
// one with the highest number counts. Only folders named like a generation
// are ever removed; whatever else lies there stays.
type home struct {
	dir    string
	marker *os.File
}

// openHome locks dir, and makes it when it is not there. A stale error says
// that what it holds is of another layout and must be given up.
func openHome(dir string) (h *home, stale error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		if info, e := os.Stat(dir); e == nil && !info.IsDir() {
			return nil, nil, fmt.Errorf("%w: %s is not a folder", ErrForeign, dir)
		}
		return nil, nil, err
	}
	if err := checkOurs(dir); err != nil {
		return nil, nil, err
	}
	f, err := lockFile(filepath.Join(dir, markerName))
	if err != nil {
		return nil, nil, err
	}
	h = &home{dir: dir, marker: f}
	text, err := io.ReadAll(io.LimitReader(f, maxMarker))
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	if len(text) == 0 && len(h.generations()) == 0 {
		stale = errNone
	} else {
		stale = checkMarker(text)
	}
	return h, stale, nil
}

// errNone is the stale error of a folder that was empty or not there.
var errNone = errors.New("there was none")

// checkOurs returns ErrForeign when dir is neither empty nor marked.
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

// checkMarker compares the first line of a marker with the one that this
// version writes.
func checkMarker(text []byte) error {
	want, _, _ := strings.Cut(markerText(), "\n")
	line, _, whole := bytes.Cut(text, []byte("\n"))
	if !whole || string(line) != want {
		return fmt.Errorf("it is not of %q but of %.100q", want, line)
	}
	return nil
}

// writeMarker makes the folder one of this layout. Whatever is of another must
// be gone before.
func (h *home) writeMarker() error {
	if err := h.marker.Truncate(0); err != nil {
		return err
	}
	_, err := h.marker.WriteAt([]byte(markerText()), 0)
	return err
}

// lost reports whether the folder was deleted or replaced since it was opened.
func (h *home) lost() bool {
	at, err := os.Lstat(filepath.Join(h.dir, markerName))
	if err != nil {
		return true
	}
	held, err := h.marker.Stat()
	return err != nil || !os.SameFile(at, held)
}

// generations returns the numbers of the generations that are there, ascending.
func (h *home) generations() []uint64 {
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return nil
	}
	var numbers []uint64
	for _, e := range entries {
		if n, ok := generationNumber(e.Name()); ok {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// generationName returns the name of generation n's folder.
func generationName(n uint64) string { return fmt.Sprintf("%s%06d", generationPrefix, n) }

// generationNumber is the reverse of generationName, and takes no other name.
func generationNumber(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, generationPrefix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	return n, err == nil && name == generationName(n)
}

// path returns the path of generation n.
func (h *home) path(n uint64) string { return filepath.Join(h.dir, generationName(n)) }

// next returns a number above that of all generations.
func (h *home) next() uint64 {
	if g := h.generations(); len(g) > 0 {
		return g[len(g)-1] + 1
	}
	return 1
}

// removeBelow removes the generations with numbers below n. One that will not go
// is left for the next time; the error says so.
func (h *home) removeBelow(n uint64) error {
	var errs []error
	for _, g := range h.generations() {
		if g < n {
			errs = append(errs, os.RemoveAll(h.path(g))) // a link goes, what it points to stays
		}
	}
	return errors.Join(errs...)
}

// close gives the lock back.
func (h *home) close() error { return h.marker.Close() }

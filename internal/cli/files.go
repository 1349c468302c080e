package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// expandPatterns replaces patterns by the names of the files that match. A pattern that matches no
// file stays, so that the error names it.
func expandPatterns(names []string) []string {
	var files []string
	for _, name := range names {
		if _, err := os.Lstat(name); err != nil && strings.ContainsAny(name, "*?[") {
			if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
				files = append(files, found...)
				continue
			}
		}
		files = append(files, name)
	}
	return files
}

// openFile opens a file. Its errors do not repeat the name.
func openFile(file string) (*os.File, os.FileInfo, error) {
	f, err := os.Open(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("is a directory")
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// checkPresent returns an error if the archive's file does not exist, cannot be read or is empty.
func checkPresent(file string) error {
	f, info, err := openFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s: create it with nightjar serve, or name another one with "+
			"--db or NIGHTJAR_DB", file)
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case info.Size() == 0:
		err = fmt.Errorf("%s is empty: nightjar serve turns it into an archive", file)
	}
	return errors.Join(err, f.Close())
}

// refusedFiles returns an error that names the files that were refused, nil if there are none.
func refusedFiles(failed []string, of int) error {
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d files refused: %s", len(failed), of, shortList(failed))
}

func shortList(list []string) string {
	const most = 5
	text := ""
	for i, s := range list[:min(most, len(list))] {
		if i > 0 {
			text += ", "
		}
		text += s
	}
	if len(list) > most {
		text += " and others"
	}
	return text
}

// writeNew writes a file that must not exist. If writing fails, it removes the file.
func writeNew(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// safeFileName makes a text fit for file names on every system: at most 60 letters, digits, +, -
// and dots.
func safeFileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("+-.", r) {
			return r
		}
		return '-'
	}, s)
	if s = strings.Trim(s, ".-"); s == "" {
		s = "spectrum"
	}
	if r := []rune(s); len(r) > 60 {
		s = string(r[:60])
	}
	return s
}

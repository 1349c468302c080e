package archive

import (
	"io"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"nightjar/kv"
)

// cleanName makes a file's name what it is stored under, as Django does: without folders, blanks as
// underscores, and without all characters but letters, digits, dashes, underscores and dots.
func cleanName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.ReplaceAll(strings.TrimSpace(name), " ", "_")
	name = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune("-_.", r) {
			return r
		}
		return -1
	}, name)
	if name == "" || name == "." || name == ".." {
		return "file"
	}
	return name
}

// slug makes a name part of a path, as Django does: ASCII letters in lower case, digits and
// underscores, dashes for blanks.
func slug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(name) {
		switch {
		case r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_'):
			b.WriteRune(unicode.ToLower(r))
		case r == '-' || r < utf8.RuneSelf && unicode.IsSpace(r):
			b.WriteByte(' ')
		}
	}
	return strings.Trim(strings.Join(strings.Fields(b.String()), "-"), "-_")
}

// newPath finds a path for a file below /data/ that is not taken: target/facility/name, with a
// random suffix if need be.
func (s *Session) newPath(tx *kv.Tx, t *Target, facility, name string) (string, error) {
	folder := slug(t.Name)
	if folder == "" {
		folder = "target"
	}
	if facility = slug(facility); facility == "" {
		facility = "none"
	}
	name = cleanName(name)
	ext := path.Ext(name)
	for at := name; ; {
		p := folder + "/" + facility + "/" + at
		_, taken, err := tx.Lookup(kindPath, p)
		if err != nil || !taken {
			return p, err
		}
		suffix, err := s.randomSuffix()
		if err != nil {
			return "", err
		}
		at = strings.TrimSuffix(name, ext) + "_" + suffix + ext
	}
}

func (s *Session) randomSuffix() (string, error) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, 7)
	if _, err := io.ReadFull(s.a.o.Random, b); err != nil {
		return "", err
	}
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return string(b), nil
}

// contentTypes are the types of the files that astronomers have; everything else is bytes.
var contentTypes = map[string]string{
	".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain", ".dat": "text/plain", ".ascii": "text/plain",
	".ecsv": "text/plain", ".psv": "text/plain", ".log": "text/plain", ".json": "application/json", ".xml": "application/xml", ".vot": "application/x-votable+xml",
	".fits": "application/fits", ".fit": "application/fits", ".fts": "application/fits", ".fz": "application/fits",
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".svg": "image/svg+xml", ".pdf": "application/pdf",
	".gz": "application/gzip", ".html": "text/html", ".htm": "text/html",
}

func contentType(name string) string {
	if t, ok := contentTypes[strings.ToLower(path.Ext(name))]; ok {
		return t
	}
	return "application/octet-stream"
}

package ingest

import (
	"bytes"
	"io"
)

// finiteJSON reads JSON in which numbers may be NaN, Infinity and -Infinity, as Python and R write
// them, and passes on null for each. They are missing values in any format. Everything else,
// including a word that only begins like them, is passed on as it is. Since null is shorter or
// longer than the word, the positions of later bytes change.
type finiteJSON struct {
	r       io.Reader
	in      []byte // read and not yet passed on; begins at from
	from    int
	text    bool   // within a text
	escaped bool   // behind a backslash in a text
	null    string // what is left to pass on of a null
	err     error
}

// finiteWords begin only a number that is not finite, outside of texts.
var finiteWords = [][]byte{[]byte("NaN"), []byte("-NaN"), []byte("Infinity"), []byte("-Infinity")}

const finiteBuffer = 32 << 10

func newFiniteJSON(r io.Reader) *finiteJSON {
	return &finiteJSON{r: r, in: make([]byte, 0, finiteBuffer)}
}

// Read passes on the next bytes. A word is found even if two reads of the file split it.
func (f *finiteJSON) Read(out []byte) (n int, err error) {
	const longest = len("-Infinity")
	for n < len(out) {
		if f.null != "" {
			out[n], f.null = f.null[0], f.null[1:]
			n++
			continue
		}
		if len(f.in)-f.from < longest && f.err == nil {
			f.fill()
			continue
		}
		if f.from == len(f.in) {
			break
		}
		c := f.in[f.from]
		if !f.text && (c == 'N' || c == 'I' || c == '-') {
			if word := f.word(); word > 0 {
				f.from, f.null = f.from+word, "null"
				continue
			}
		}
		switch {
		case f.escaped:
			f.escaped = false
		case f.text && c == '\\':
			f.escaped = true
		case c == '"':
			f.text = !f.text
		}
		out[n] = c
		n, f.from = n+1, f.from+1
	}
	if n == 0 && len(out) > 0 {
		return 0, f.err
	}
	return n, nil
}

// word returns the length of the word for a number that is not finite that comes next; 0 for none.
func (f *finiteJSON) word() int {
	for _, w := range finiteWords {
		if bytes.HasPrefix(f.in[f.from:], w) {
			return len(w)
		}
	}
	return 0
}

// fill reads more bytes, once.
func (f *finiteJSON) fill() {
	rest := copy(f.in, f.in[f.from:])
	f.in, f.from = f.in[:rest], 0
	n, err := f.r.Read(f.in[rest:cap(f.in)])
	f.in, f.err = f.in[:rest+n], err
}

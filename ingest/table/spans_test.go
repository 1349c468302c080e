package table

import (
	"bytes"
	"testing"
)

// FuzzSpans: what is cut out of a line lies in it, in order, and nothing but what may lie between
// columns is lost.
func FuzzSpans(f *testing.F) {
	f.Add("61100.25 18.1 é", 0, 8, 9, 13, true)
	f.Add("ab-1", 0, 2, 3, 4, false)
	f.Add("\té", 0, 1, 1, 2, true)
	f.Fuzz(func(t *testing.T, line string, a, b, c, d int, bytesCount bool) {
		if a < 0 || b < a || c < b || d < c || d > 1000 {
			return
		}
		s := &Spans{Columns: []Span{{a, b}, {c, d}}, Names: []string{"a", "b"}, Between: ",", Bytes: bytesCount}
		cells, reason := s.Cut([]byte(line), nil)
		if reason != "" {
			return
		}
		if len(cells) != 2 {
			t.Fatalf("%q", cells)
		}
		kept := bytes.Join(cells, nil)
		drop := func(b []byte) []byte {
			return bytes.Map(func(r rune) rune {
				if r == ' ' || r == ',' {
					return -1
				}
				return r
			}, b)
		}
		if !bytes.Equal(drop(kept), drop([]byte(line))) {
			t.Fatalf("%q became %q", line, cells)
		}
	})
}

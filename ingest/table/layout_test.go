package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
)

func readLines(f bounded.File) (out []string, err error) {
	l := NewLines(f)
	for {
		line, err := l.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, string(line))
		if l.Number != len(out) {
			return out, fmt.Errorf("line %d is numbered %d", len(out), l.Number)
		}
	}
}

func TestLines(t *testing.T) {
	for text, want := range map[string][]string{
		"":                 nil,
		"a":                {"a"},
		"a\n":              {"a"},
		"a\nb":             {"a", "b"},
		"a\r\nb\r\n":       {"a", "b"},
		"a\rb\r":           {"a", "b"},
		"a\n\nb":           {"a", "", "b"},
		"a\r\rb":           {"a", "", "b"},
		"a\r\n\r\nb":       {"a", "", "b"},
		"a\n\rb":           {"a", "", "b"},
		"\n":               {""},
		"\r\n":             {""},
		"\xef\xbb\xbfa\nb": {"a", "b"},
		"\xef\xbb\xbf":     {""},
		"a\n\xef\xbb\xbfb": {"a", "\ufeffb"},
		"é\n" + strings.Repeat("x", 200000) + "\ny":    {"é", strings.Repeat("x", 200000), "y"},
		strings.Repeat("x", bounded.MaxLine) + "\r\ny": {strings.Repeat("x", bounded.MaxLine), "y"},
	} {
		got, err := readLines(fitstest.FileOf([]byte(text)))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%.20q: got %.40q %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"a\nb\x00c":  "line 2: not text: a NUL byte",
		"a\nb\xff\n": "line 2: not text: not valid UTF-8",
		"a\r\n" + strings.Repeat("x", bounded.MaxLine+1) + "\n": "line 2: the line is longer than 1048576 bytes",
		strings.Repeat("x", 3*bounded.MaxLine):                  "line 1: the line is longer than 1048576 bytes",
	} {
		_, err := readLines(fitstest.FileOf([]byte(text)))
		var r *bounded.Refusal
		if !errors.As(err, &r) || err.Error() != want {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestLinesInPieces: the lines are the same, however few bytes a read returns.
func TestLinesInPieces(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 200 {
		var b bytes.Buffer
		for range rnd.Intn(30) {
			b.WriteString(strings.Repeat("é", rnd.Intn(4)) + []string{"\n", "\r", "\r\n", "x"}[rnd.Intn(4)])
		}
		whole, err := readLines(fitstest.FileOf(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		l := NewLines(fitstest.FileOf(b.Bytes()))
		l.r, l.buf = iotest.OneByteReader(bytes.NewReader(b.Bytes())), make([]byte, 1)
		for i := 0; ; i++ {
			line, err := l.Next()
			if err == io.EOF {
				if i != len(whole) {
					t.Errorf("%q: %d lines, want %d", b.String(), i, len(whole))
				}
				break
			}
			if err != nil || i >= len(whole) || string(line) != whole[i] {
				t.Fatalf("%q: line %d is %q %v", b.String(), i, line, err)
			}
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		delim Delimiter
		line  string
		want  []string
		bad   string
	}{
		{',', "a, b ,\tc", []string{"a", "b", "c"}, ""},
		{',', "", []string{""}, ""},
		{',', ",", []string{"", ""}, ""},
		{',', "a,,", []string{"a", "", ""}, ""},
		{';', "a,b;c", []string{"a,b", "c"}, ""},
		{'\t', "a\t b\t\tc", []string{"a", "b", "", "c"}, ""},
		{'|', "a|b", []string{"a", "b"}, ""},
		{Blanks, "  a \t b  ", []string{"a", "b"}, ""},
		{Blanks, " ", nil, ""},
		{',', `"a,b",c`, []string{"a,b", "c"}, ""},
		{',', ` "a ""quoted"" b" , c`, []string{`a "quoted" b`, "c"}, ""},
		{',', `"",""""`, []string{"", `"`}, ""},
		{',', `a,"b"`, []string{"a", "b"}, ""},
		{',', `"a",`, []string{"a", ""}, ""},
		{',', `12" reflector,b`, []string{`12" reflector`, "b"}, ""},
		{'\t', "\"a\tb\"\tc", []string{"a\tb", "c"}, ""},
		{'\t', "\t\"b\"", []string{"", "b"}, ""},
		{Blanks, `"a b" c "d"`, []string{"a b", "c", "d"}, ""},
		{Blanks, ` "a b"  `, []string{"a b"}, ""},
		{',', `"a,b`, nil, "a quoted field is not closed on its line"},
		{',', `"a"b,c`, nil, "text follows a quoted field"},
		{Blanks, `"a"b`, nil, "text follows a quoted field"},
		{',', strings.Repeat(",", bounded.MaxColumns), nil, "more than 1000 fields"},
		{Blanks, strings.Repeat("a ", bounded.MaxColumns+1), nil, "more than 1000 fields"},
		{',', `"a"` + strings.Repeat(",", bounded.MaxColumns), nil, "more than 1000 fields"},
	} {
		cells, reason := c.delim.Split([]byte(c.line), nil)
		if reason != c.bad || reason == "" && !slices.Equal(Texts(cells), c.want) {
			t.Errorf("%s %.40q: got %.60q %q, want %q %q", c.delim, c.line, Texts(cells), reason, c.want, c.bad)
		}
	}
	cells, reason := Delimiter(',').Split([]byte(`"a""b",1,"x \"y`), [][]byte{[]byte("kept")})
	if want := []string{"kept", `a"b`, "1"}; reason != "text follows a quoted field" ||
		!slices.Equal(Texts(cells), want) {
		t.Errorf("the cells before the fault are %q: %s", Texts(cells), reason)
	}
}

func TestFindDelimiter(t *testing.T) {
	for text, want := range map[string]Delimiter{
		"time,filter,mag\n1,r,2\n":                    ',',
		"time, filter, mag\n1, r, 2\n":                ',',
		"time\tfilter\tmag\n1\tr\t2\n":                '\t',
		"time;filter;mag\n1,5;r;2,5\n":                ';',
		"time|filter (a, b)|mag\n1|r|2\n":             '|',
		"  time  filter  mag\n1 r 2\n":                Blanks,
		"time,mag,name\n1,2,SN 2020a\n3,4,SN 2020b\n": ',',
		"date,mag\n2020-01-01 10:20,15\n":             ',',
		"time (MJD) mag (AB) note\n1 2 a,b\n":         Blanks,
		"mjd mag, (r) error\n1 2 3\n":                 Blanks,
		"one\n1\n":                                    ',',
		"\"a,b\";\"c,d\"\n1;2\n":                      ';',
	} {
		if l, err := FindLayout(fitstest.FileOf([]byte(text)), nil); err != nil || l.Delimiter != want {
			t.Errorf("%q: got %s %v, want %s", text, l.Delimiter, err, want)
		}
	}
}

func TestLayout(t *testing.T) {
	l, err := FindLayout(fitstest.FileOf([]byte("\n# one\n  ## two \n\nwave (A) flux\n# three\n1 2\n\n3 4\n")), nil)
	if err != nil || l.Line != 5 || l.Above != "two" || !slices.Equal(l.First, []string{"wave (A)", "flux"}) ||
		len(l.Sample) != 2 {
		t.Errorf("%+v %v", l, err)
	}
	if l, err := FindLayout(fitstest.FileOf([]byte("# only\n")), nil); err != nil || l.Line != 0 {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := FindLayout(fitstest.FileOf([]byte(strings.Repeat(",", bounded.MaxColumns+5))), nil); err == nil {
		t.Error("a header of too many columns")
	}
	// the reader of rows reports a bad line after the header
	if _, err := FindLayout(fitstest.FileOf([]byte("a,b\n1,\xff\n")), nil); err != nil {
		t.Error(err)
	}
}

func FuzzSplit(f *testing.F) {
	for _, s := range []string{`"a,b",c`, `a "b" c`, "a\t\"\"\"\"", `"a`, ",,;|"} {
		f.Add(s, 0)
	}
	f.Fuzz(func(t *testing.T, line string, n int) {
		d := delimiters[(n%len(delimiters)+len(delimiters))%len(delimiters)]
		cells, reason := d.Split([]byte(line), nil)
		if len(cells) > bounded.MaxColumns || reason != "" {
			return
		}
		if strings.Contains(line, `"`) || d == Blanks {
			return
		}
		if want := strings.Count(line, string(rune(d))) + 1; len(cells) != want {
			t.Fatalf("%s %q: %d cells, want %d", d, line, len(cells), want)
		}
	})
}

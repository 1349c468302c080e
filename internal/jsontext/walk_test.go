package jsontext

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// walkAll walks through a document and returns how many tokens it has. The error of a refusal is
// its reason.
func walkAll(r io.Reader, limits Limits) (tokens int, err error) {
	limits.Refuse = func(reason string) error { return errors.New(reason) }
	for w := NewWalk(r, limits); ; tokens++ {
		if _, err := w.Step(); err != nil {
			return tokens, err
		}
	}
}

func TestWalkRefuses(t *testing.T) {
	limits := Limits{Value: 40, Depth: 3}
	for want, texts := range map[string][]string{
		"the JSON document ends too early":     {``, ` `, `[1`, `{"a"`, `["a`, `nul`},
		"more than one JSON value":             {`{} []`, `1 "a`, `1 ?`, `1` + strings.Repeat(" ", 50)},
		"JSON that is nested more than 3 deep": {`[[[[1]]]]`, `{"a":{"b":{"c":{}}}}`},
		"a value longer than 40 bytes": {`["` + strings.Repeat("x", 50) + `"]`,
			`{"` + strings.Repeat("x", 50) + `":1}`, `[` + strings.Repeat(" ", 50) + `1]`},
		"no valid JSON at byte ": {`]`, `[1,]`, `{1:2}`, `{"a":1]`, `[1 2]`},
	} {
		for _, text := range texts {
			_, err := walkAll(strings.NewReader(text), limits)
			if err == io.EOF || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v, want %s", text, err, want)
			}
		}
	}
	whole := `{"a": [[1, "x"], null, true], "b": "` + strings.Repeat("y", 30) + `"} `
	if n, err := walkAll(iotest.OneByteReader(strings.NewReader(whole)), limits); err != io.EOF || n != 11 {
		t.Errorf("%d tokens, %v", n, err)
	}
	for _, text := range []string{`[1, `, `1 `} {
		broken := io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrClosedPipe))
		if _, err := walkAll(broken, limits); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s and a read error: %v", text, err)
		}
	}
}

// FuzzWalk: a walk reads to the end of what package json calls valid, and of nothing else.
func FuzzWalk(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9"],"a":null}`, `[[[]]]`, `1 2`, `{1:2}`, `[1,]`, `]`, ` `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := walkAll(strings.NewReader(text), Limits{Value: 1 << 20, Depth: 9000})
		if (err == io.EOF) != json.Valid([]byte(text)) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

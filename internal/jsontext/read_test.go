package jsontext

import (
	"errors"
	"strings"
	"testing"
)

func TestCompactValue(t *testing.T) {
	for in, want := range map[string]string{
		` { "z" : 1 , "a" : 2.50, "M":[ 1, 2 ,{}] } `: `{"z":1,"a":2.50,"M":[1,2,{}]}`,
		`{"m":1,"n":0,"m":2}`:                         `{"m":2,"n":0}`,
		`{"a":1,"\u0061":2}`:                          `{"\u0061":2}`,
		`{"name":"x","type":1,"ra":2,"name":"longer than before","ra":{}}`: `{"name":"longer than before",` +
			`"type":1,"ra":{}}`,
		`"\ud800 \"x\" é"`: `"\ud800 \"x\" é"`,
		`[1e-400,-0.0,1E+5,12345678901234567890123]`: `[1e-400,-0.0,1E+5,` +
			`12345678901234567890123]`,
		"\t\n[]\r ": `[]`,
		`[{"a":{"a":1,"a":2},"b":[{"x":1,"x":3}]}]`: `[{"a":{"a":2},"b":[{"x":3}]}]`,
	} {
		if got, err := Compact(make([]byte, 0, 2*len(in)), []byte(in)); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", in, got, err)
		}
	}
	for _, in := range []string{``, `{`, `{"a"}`, `{"a":1,}`, `[1,]`, `{'a':1}`, `NaN`, `[Infinity]`, `1e400`, `-1e400`,
		`01`, `-`, `1.`, `.5`, `+1`, `1e`, `"`, `"\x"`, `"\u12g4"`,
		"\"\x01\"", "\"\xff\"", `tru`, `nulls`, `{} {}`, `{"a":1 "b":2}`, `[1 2]`, `00`, `-01`, "\ufeff{}",
		strings.Repeat("[", 1000), strings.Repeat("9", 400)} {
		if got, err := Compact(nil, []byte(in)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.40s: %s, %v", in, got, err)
		}
	}
}

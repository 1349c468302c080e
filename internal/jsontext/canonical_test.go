package jsontext

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func TestCanonical(t *testing.T) {
	form := func(s string) string {
		t.Helper()
		c, err := Compact(nil, []byte(s))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		form, _ := AppendCanonical(nil, c)
		return string(form)
	}
	for _, same := range [][]string{
		{`{"magnitude":15.5820,"filter":"r"}`, `{"filter":"r","magnitude":15.582}`,
			`{"filter":"\u0072","magnitude":1.5582e1}`},
		{`1`, `1.0`, `1e0`, `10e-1`}, {`0`, `-0`, `-0.0`, `0e5`}, {`9007199254740992`, `9007199254740992.0`},
		{`"\ud83d\ude00"`, `"😀"`}, {`"\/"`, `"/"`}, {`12345678901234567890123`, `12345678901234567890123`},
	} {
		for _, s := range same[1:] {
			if form(s) != form(same[0]) {
				t.Errorf("%s is not the same as %s", s, same[0])
			}
		}
	}
	different := []string{`1`, `"1"`, `[1]`, `{"1":1}`, `true`, `false`, `null`, `""`, `[]`, `{}`, `[[]]`, `[1,1]`,
		`{"a":1}`, `{"b":1}`, `{"a":[]}`, `1.0000000000000002`,
		`9007199254740993`,
		`9007199254740994`, `12345678901234567890123`, `12345678901234567890124`, `"a"`,
		`"a\u0000"`, `["a","b"]`, `["ab"]`, `{"a":1,"b":2}`, `{"a":{"b":2}}`, `"\ud800"`, `"\udfff"`}
	for i, a := range different {
		for _, b := range different[:i] {
			if form(a) == form(b) {
				t.Errorf("%s is the same as %s", a, b)
			}
		}
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9"],"a":null}`, `"\ud83d\ude00"`, `[[[]]]`, `1e400`,
		`{"time_origin":"upload","flux":[1]}`, ` [ true , false ] `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := Compact(make([]byte, 0, len(text)), text) // in place: nothing is copied as it grows
		if err != nil {
			return
		}
		if !json.Valid(got) || !json.Valid(text) {
			t.Fatalf("%q is not JSON", text)
		}
		again, err := Compact(nil, got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q becomes %q and then %q, %v", text, got, again, err)
		}
		var a, b any
		if json.Unmarshal(text, &a) == nil && json.Unmarshal(got, &b) == nil && !reflect.DeepEqual(a, b) {
			t.Fatalf("%q and %q say different things", text, got)
		}
		if form, _ := AppendCanonical(nil, got); len(form) == 0 {
			t.Fatal("no form")
		}
		j, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		parts := 0
		switch j.Kind() {
		case '{':
			parts = len(j.Members())
		case '[':
			parts = len(j.Items())
		case '"':
			j.Text()
		}
		if j.Len() != parts {
			t.Errorf("%s has %d parts, and not %d", j, parts, j.Len())
		}
	})
}

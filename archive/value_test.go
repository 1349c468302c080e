package archive

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"nightjar/internal/jsontext"
)

func TestCanonical(t *testing.T) {
	form := func(s string) string {
		t.Helper()
		c, err := jsontext.Compact(nil, []byte(s))
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		return string(canonical(nil, c))
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
		`9007199254740993`, `9007199254740994`, `12345678901234567890123`, `12345678901234567890124`, `"a"`, `"a\u0000"`, `["a","b"]`, `["ab"]`, `{"a":1,"b":2}`, `{"a":{"b":2}}`, `"\ud800"`, `"\udfff"`}
	for i, a := range different {
		for _, b := range different[:i] {
			if form(a) == form(b) {
				t.Errorf("%s is the same as %s", a, b)
			}
		}
	}
	for in, undated := range map[string]bool{`{"flux":[1],"wavelength":[2],"time_origin":"upload"}`: true,
		`{"flux":[1],"time_origin":"file"}`: false, `{"x":"time_origin"}`: false, `["time_origin","upload"]`: false} {
		if _, got := identityForm(nil, []byte(in)); got != undated {
			t.Errorf("%s: undated %t", in, got)
		}
	}
}

func TestDatumCodec(t *testing.T) {
	for _, d := range []Datum{
		{Code: 1, Target: 5, Time: -7, Value: []byte(`{}`)},
		{Code: 255, Target: 1 << 39, Time: math.MaxInt64, Source: "ZTF", Location: "here", Upload: 9,
			Products: []uint64{4}, Owners: []Owner{{User: 3}}, Value: []byte(`1`)},
		{Code: 2, Target: 1, Products: []uint64{4, 300}, Owners: []Owner{{User: 3, Groups: []uint64{1, 2}}, {User: 4}},
			Value: []byte(`[1]`)},
	} {
		b := datumCodec{}.Append(nil, &d)
		var got Datum
		if err := (datumCodec{}).Decode(b, &got); err != nil || !reflect.DeepEqual(got, d) {
			t.Errorf("%+v: %+v, %v", d, got, err)
		}
		for n := range len(b) - len(d.Value) {
			if err := (datumCodec{}).Decode(b[:n], &got); err == nil && n < 10 {
				t.Errorf("%d of %d bytes are a datum", n, len(b))
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
		got, err := jsontext.Compact(make([]byte, 0, len(text)), text) // in place: nothing is copied as it grows
		if err != nil {
			return
		}
		if !json.Valid(got) || !json.Valid(text) {
			t.Fatalf("%q is not JSON", text)
		}
		again, err := jsontext.Compact(nil, got)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q becomes %q and then %q, %v", text, got, again, err)
		}
		var a, b any
		if json.Unmarshal(text, &a) == nil && json.Unmarshal(got, &b) == nil && !reflect.DeepEqual(a, b) {
			t.Fatalf("%q and %q say different things", text, got)
		}
		if form, _ := canonicalValue(nil, got); len(form) == 0 {
			t.Fatal("no form")
		}
		identityForm(nil, got)
		j, err := jsontext.Parse(text)
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

func FuzzDatum(f *testing.F) {
	f.Add(datumCodec{}.Append(nil,
		&Datum{Code: 2, Target: 1, Products: []uint64{4, 300}, Owners: []Owner{{User: 3, Groups: []uint64{1, 2}}},
			Value: []byte(`[1]`)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Datum
		if (datumCodec{}).Decode(b, &d) != nil {
			return
		}
		var again Datum
		if err := (datumCodec{}).Decode(datumCodec{}.Append(nil, &d), &again); err != nil {
			t.Fatal(err)
		}
	})
}

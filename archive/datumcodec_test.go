package archive

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"

	"nightjar/internal/jsontext"
)

// TestDatumFurther decodes datums with fields of a later program, and keeps those fields.
func TestDatumFurther(t *testing.T) {
	for _, d := range []Datum{
		{Target: 1, Value: []byte("{}")},
		{Target: 1, Code: 2, Time: 3, Source: "s", Location: "l", Upload: 4, Products: []uint64{5}, Value: []byte("{}"),
			Owners: []Owner{{User: 6}}},
		{Target: 1, Products: []uint64{5, 6}, Owners: []Owner{{User: 6, Groups: []uint64{7}}, {User: 8}},
			Value: []byte("1")},
	} {
		d.further = "\x08\x01"
		stored := datumCodec{}.Append(nil, &d)
		var read Datum
		if err := (datumCodec{}).Decode(stored, &read); err != nil {
			t.Fatal(err)
		}
		if read.further != d.further || !bytes.Equal(read.Value, d.Value) || !slices.Equal(read.Products, d.Products) ||
			len(read.Owners) != len(d.Owners) {
			t.Errorf("read %+v, not %+v", read, d)
		}
		if again := (datumCodec{}).Append(nil, &read); !bytes.Equal(again, stored) {
			t.Errorf("stored again as %x, not %x", again, stored)
		}
		stored[0] |= 1 << 7
		if err := (datumCodec{}).Decode(stored, &read); err == nil {
			t.Error("a datum of an unknown form was read")
		}
	}
}

func TestUndated(t *testing.T) {
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

func FuzzIdentityForm(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9"],"a":null}`, `"\ud83d\ude00"`, `1e400`,
		`{"time_origin":"upload","flux":[1]}`, ` [ true , false ] `} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		value, err := jsontext.Compact(nil, text)
		if err != nil {
			return
		}
		if form, _ := identityForm(nil, value); len(form) == 0 {
			t.Fatal("no form")
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

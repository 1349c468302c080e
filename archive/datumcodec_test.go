package archive

import (
	"bytes"
	"slices"
	"testing"
)

// TestDatumFurther decodes a datum with fields of a later program, whatever else it has, and keeps
// them.
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
			t.Error("a datum of an unknown form is read")
		}
	}
}

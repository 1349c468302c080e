package api

import (
	"testing"

	"nightjar/api/wire"
	"nightjar/archive"
)

func TestWriteDatum(t *testing.T) {
	for _, v := range []*archive.DatumView{
		{Datum: &archive.Datum{ID: 1, Target: 2, Time: 1262304000e6, Value: []byte(`{"magnitude":15.5}`)},
			Type: "photometry"},
		{Datum: &archive.Datum{ID: 1 << 39, Target: 77, Time: -1, Source: "a \"b\"\u2028", Location: "\x01é\xff",
			Value: []byte(`[1]`)}, Type: "x", Product: 9},
	} {
		var fast, plain wire.Writer
		for range 2 { // with and without a comma before it
			writeDatum(&fast, v)
			writeRow(&plain, datumColumns, v)
		}
		if string(fast.Buf) != string(plain.Buf) {
			t.Errorf("%s\nis not\n%s", fast.Buf, plain.Buf)
		}
	}
}

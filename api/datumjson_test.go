package api

import (
	"testing"
	"time"

	"nightjar/archive"
)

func TestWriteDatum(t *testing.T) {
	for _, v := range []*archive.DatumView{
		{Datum: &archive.Datum{ID: 1, Target: 2, Time: 1262304000e6, Value: []byte(`{"magnitude":15.5}`)}, Type: "photometry"},
		{Datum: &archive.Datum{ID: 1 << 39, Target: 77, Time: -1, Source: "a \"b\"\u2028", Location: "\x01é\xff", Value: []byte(`[1]`)}, Type: "x", Product: 9},
	} {
		var fast, plain writer
		for range 2 { // with and without a comma before it
			writeDatum(&fast, v)
			writeRow(&plain, datumColumns, v)
		}
		if string(fast.buf) != string(plain.buf) {
			t.Errorf("%s\nis not\n%s", fast.buf, plain.buf)
		}
	}
}

func TestAppendTime(t *testing.T) {
	for _, micros := range []int64{0, 1, -1, minTime, maxTime, 951782399999999, 951782400000000, -2203891200000000, 4107542399000000, 1262304000120000} {
		layout := "2006-01-02T15:04:05.000000Z"
		if micros%1e6 == 0 {
			layout = "2006-01-02T15:04:05Z"
		}
		if got, want := string(appendTime(nil, micros)), time.UnixMicro(micros).UTC().Format(layout); got != want {
			t.Errorf("%d: %s, not %s", micros, got, want)
		}
	}
	for day := int64(-719162); day < 2932896; day += 17 {
		got, want := string(appendTime(nil, day*86400e6)), time.Unix(day*86400, 0).UTC().Format(time.RFC3339)
		if got != want {
			t.Fatalf("day %d: %s, not %s", day, got, want)
		}
	}
}

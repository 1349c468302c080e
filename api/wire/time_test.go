package wire

import (
	"testing"
	"time"
)

// TestTimes: the spellings of a time that a TOM takes, and those that it refuses.
func TestTimes(t *testing.T) {
	for text, want := range map[string]string{
		"2020-01-01":                    "2020-01-01T00:00:00Z",
		"2020-01-01T01:02":              "2020-01-01T01:02:00Z",
		"2020-01-01 01:02:03":           "2020-01-01T01:02:03Z",
		"2020-01-01T01:02:03.123456789": "2020-01-01T01:02:03.123456Z",
		"2020-01-01T01:02:03,5Z":        "2020-01-01T01:02:03.5Z",
		"2020-1-1T1:02:03Z":             "2020-01-01T01:02:03Z",
		"2020-1-1 1:2":                  "2020-01-01T01:02:00Z",
		"2020-01-01T01:02:03 Z":         "2020-01-01T01:02:03Z",
		"2020-01-01T01:02:03 +0530":     "2019-12-31T19:32:03Z",
		"2020-01-01T01:02:03-08":        "2020-01-01T09:02:03Z",
		"20200101T010203Z":              "2020-01-01T01:02:03Z",
		"20200101T010203.25+01:00":      "2020-01-01T00:02:03.25Z",
		"20200101T0102":                 "2020-01-01T01:02:00Z",
		"20200101":                      "2020-01-01T00:00:00Z",
		"":                              MsgTimeFormat,
		" 2020-01-01":                   MsgTimeFormat,
		"2020":                          MsgTimeFormat,
		"2020-1-1":                      MsgTimeFormat,
		"2020-13-01T00:00:00Z":          MsgTimeFormat,
		"2020-02-30T00:00:00Z":          MsgTimeFormat,
		"20200230":                      MsgTimeFormat,
		"2020-01-01T24:00:00Z":          MsgTimeFormat,
		"2020-01-01T01:60:00Z":          MsgTimeFormat,
		"2020-01-01T01:02:60Z":          MsgTimeFormat,
		"2020-01-01T01:02:03.Z":         MsgTimeFormat,
		"2020-01-01t01:02:03z":          MsgTimeFormat,
		"2020-01-01T01:02:03ZZ":         MsgTimeFormat,
		"2020-01-01T01:02:03+25:00":     MsgTimeFormat,
		"10000-01-01T00:00:00Z":         MsgTimeFormat,
		"01/02/2020":                    MsgTimeFormat,
		"58849.5":                       MsgTimeFormat,
		"20200101010203":                MsgTimeFormat,
		"0001-01-01T00:00:00+01:00":     msgTimeRange,
		"9999-12-31T23:59:59-01:00":     msgTimeRange,
	} {
		micros, got := ParseTime(text)
		if got == "" {
			got = time.UnixMicro(micros).UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestAppendTime(t *testing.T) {
	for _, micros := range []int64{0, 1, -1, minTime, maxTime, 951782399999999, 951782400000000, -2203891200000000,
		4107542399000000, 1262304000120000} {
		layout := "2006-01-02T15:04:05.000000Z"
		if micros%1e6 == 0 {
			layout = "2006-01-02T15:04:05Z"
		}
		if got, want := string(AppendTime(nil, micros)), time.UnixMicro(micros).UTC().Format(layout); got != want {
			t.Errorf("%d: %s, not %s", micros, got, want)
		}
	}
	for day := int64(-719162); day < 2932896; day += 17 {
		got, want := string(AppendTime(nil, day*86400e6)), time.Unix(day*86400, 0).UTC().Format(time.RFC3339)
		if got != want {
			t.Fatalf("day %d: %s, not %s", day, got, want)
		}
	}
}

// FuzzTime reads times of the wire: what the standard library reads as well is the same instant,
// and what is read can be written.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"2026-01-02T03:04:05.678901Z", "2026-01-02 03:04", "2026-01-02", "2026-02-29",
		"0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.9999999Z", "2026-01-02T03:04:05+0100",
		"2026-01-02T24:00:00Z", "2026-01-02T03:04:60Z", "2026-01-02T"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, problem := ParseTime(s)
		if problem != "" {
			return
		}
		if got < minTime || got > maxTime {
			t.Fatalf("%q is %d", s, got)
		}
		if again, problem := ParseTime(string(AppendTime(nil, got))); problem != "" || again != got {
			t.Fatalf("%q is %d, which is written %s and read as %d, %s", s, got, AppendTime(nil, got), again, problem)
		}
		if want, err := time.Parse(time.RFC3339Nano, s); err == nil &&
			want.Truncate(time.Microsecond).UnixMicro() != got {
			t.Fatalf("%q is %d, and not %d", s, got, want.UnixMicro())
		}
	})
}

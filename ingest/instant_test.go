package ingest

import (
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestParseInstant(t *testing.T) {
	for _, c := range []struct {
		text string
		kind scaleKind
		want string // RFC 3339 with microseconds, or ! and part of the reason
	}{
		// numbers, exact to the microsecond
		{"58849", kindMJD, "2020-01-01T00:00:00Z"},
		{"40587", kindMJD, "1970-01-01T00:00:00Z"},
		{"0", kindMJD, "1858-11-17T00:00:00Z"},
		{"-10.5", kindMJD, "1858-11-06T12:00:00Z"},
		{"-0.00000000001", kindMJD, "1858-11-16T23:59:59.999999Z"},
		{"+55959.07", kindMJD, "2012-02-02T01:40:48Z"},
		{"5.5959e4", kindMJD, "2012-02-02T00:00:00Z"},
		{"5.5959D4", kindMJD, "2012-02-02T00:00:00Z"},
		{"5595907e-2", kindMJD, "2012-02-02T01:40:48Z"},
		{"0.0005595907E8", kindMJD, "2012-02-02T01:40:48Z"},
		{"000055959.0700", kindMJD, "2012-02-02T01:40:48Z"},
		{"55959.", kindMJD, "2012-02-02T00:00:00Z"},
		{".5", kindMJD, "1858-11-17T12:00:00Z"},
		{"55959.123456789", kindMJD, "2012-02-02T02:57:46.66657Z"}, // a float64 gives .666569
		{"2455959.57", kindJD, "2012-02-02T01:40:48Z"},
		{"2440587.5", kindJD, "1970-01-01T00:00:00Z"},
		{"2455959.570000000001", kindJD, "2012-02-02T01:40:48Z"},
		{"2400000", kindJD, "1858-11-16T12:00:00Z"},
		{"1577836800.25", kindUnix, "2020-01-01T00:00:00.25Z"},
		{"-1", kindUnix, "1969-12-31T23:59:59Z"},

		// half a microsecond is 1/172,800,000,000 of a day: ties need binary fractions of it
		{"0.000000000005787037037037037037", kindMJD, "1858-11-17T00:00:00Z"}, // 0.49999...
		{"0.000000000005787037037037037038", kindMJD, "1858-11-17T00:00:00.000001Z"},
		{"1577836800.0000005", kindUnix, "2020-01-01T00:00:00Z"}, // a tie goes to the even microsecond
		{"1577836800.0000015", kindUnix, "2020-01-01T00:00:00.000002Z"},
		{"1577836800.0000025", kindUnix, "2020-01-01T00:00:00.000002Z"},
		{"1577836800.00000250000000000000000000000000001", kindUnix, "2020-01-01T00:00:00.000003Z"},
		{"1577836800.00000149999999999999999999999999999", kindUnix, "2020-01-01T00:00:00.000001Z"},
		{"-0.0000005", kindUnix, "1970-01-01T00:00:00Z"},
		{"-0.0000015", kindUnix, "1969-12-31T23:59:59.999998Z"},
		{"0.00001064814814814814814814814814814814814814815", kindMJD, "1858-11-17T00:00:00.92Z"},
		{"58849.000000000028935185185185185185185", kindMJD, "2020-01-01T00:00:00.000002Z"}, // 2.49999... of a microsecond

		// names that do not tell
		{"55959.07", kindTime, "2012-02-02T01:40:48Z"},
		{"2455959.57", kindTime, "2012-02-02T01:40:48Z"},
		{"2400000", kindTime, "1858-11-16T12:00:00Z"},
		{"2500000", kindTime, "2132-08-31T12:00:00Z"},
		{"2399999.99", kindTime, "8429-11-07T23:45:36Z"}, // an MJD, odd as it is
		{"15000", kindTime, "1899-12-12T00:00:00Z"},
		{"15000", kindUntold, "!may be a date of any kind"},
		{"80000.1", kindUntold, "!may be a date of any kind"},
		{"2020.5", kindUntold, "!may be a date of any kind"},
		{"20200101", kindUntold, "!may be a date of any kind"},
		{"58849.5", kindUntold, "2020-01-01T12:00:00Z"},
		{"2458849.5", kindUntold, "2020-01-01T00:00:00Z"},

		// names that contradict the number
		{"2399999.99999", kindJD, "!below 2,400,000"},
		{"58849", kindJD, "!below 2,400,000"},
		{"-2458849", kindJD, "!below 2,400,000"},
		{"2458849.5", kindMJD, "!above 2,400,000"},
		{"2400000.1", kindMJD, "!above 2,400,000"},
		{"2400000", kindMJD, "8429-11-08T00:00:00Z"},

		// the ends of the range
		{"-678575", kindMJD, "0001-01-01T00:00:00Z"},
		{"-678575.000000000001", kindMJD, "0001-01-01T00:00:00Z"}, // rounds to it
		{"-678575.00000000001", kindMJD, "!out of range"},
		{"2973483.9999999999", kindTime, "9999-12-31T23:59:59.999991Z"},
		{"2973484", kindTime, "!out of range"},
		{"1e12", kindTime, "!out of range"},
		{"1e9999", kindTime, "!out of range"},
		{"1e-9999", kindTime, "1858-11-17T00:00:00Z"},
		{"99999999999999999999999", kindUnix, "!out of range"},
		{"253402300799.9999994", kindUnix, "9999-12-31T23:59:59.999999Z"},
		{"253402300799.9999995", kindUnix, "!out of range"},

		// ISO 8601
		{"2020-01-31", kindTime, "2020-01-31T00:00:00Z"},
		{"2020-01-31T10:20", kindTime, "2020-01-31T10:20:00Z"},
		{"2020-01-31 10:20:30", kindMJD, "2020-01-31T10:20:30Z"},
		{"2020-01-31t10:20:30z", kindJD, "2020-01-31T10:20:30Z"},
		{"2020-01-31T10:20:30.123456Z", kindUntold, "2020-01-31T10:20:30.123456Z"},
		{"2020-01-31T10:20:30.1234565", kindUntold, "2020-01-31T10:20:30.123456Z"},
		{"2020-01-31T10:20:30.1234575", kindUntold, "2020-01-31T10:20:30.123458Z"},
		{"2020-01-31T10:20:30.12345750001", kindUntold, "2020-01-31T10:20:30.123458Z"},
		{"2019-12-31T23:59:59.9999999", kindUntold, "2020-01-01T00:00:00Z"},
		{"2020-01-31T10:20:30+02:00", kindUntold, "2020-01-31T08:20:30Z"},
		{"2020-01-31T10:20-0530", kindUntold, "2020-01-31T15:50:00Z"},
		{"2020-01-31T10:20+02", kindUntold, "2020-01-31T08:20:00Z"},
		{"2000-02-29", kindUntold, "2000-02-29T00:00:00Z"},
		{"2016-12-31T23:59:60", kindUntold, "2017-01-01T00:00:00Z"},
		{"2016-12-31T23:59:60.5Z", kindUntold, "2017-01-01T00:00:00.5Z"},
		{"2017-01-01T00:59:60+01:00", kindUntold, "2017-01-01T00:00:00Z"},
		{"2016-12-31T22:59:60", kindUntold, "!second 60"},
		{"1900-02-29", kindUntold, "!no such day"},
		{"2020-02-30", kindUntold, "!no such day"},
		{"2020-13-01", kindUntold, "!no such day"},
		{"0000-01-01", kindUntold, "!no such day"},
		{"0001-01-01T00:00+01:00", kindUntold, "!out of range"},
		{"9999-12-31T23:59:60", kindUntold, "!out of range"},
		{"2020-01-31T24:00", kindUntold, "!not an ISO 8601"},
		{"2020-01-31T10:60", kindUntold, "!not an ISO 8601"},
		{"2020-01-31T10:20:61", kindUntold, "!not an ISO 8601"},
		{"2020-01-31T10:20:3", kindUntold, "!not an ISO 8601"},
		{"2020-01-31T10", kindUntold, "!not an ISO 8601"},
		{"2020-01-31X10:20", kindUntold, "!not an ISO 8601"},
		{"2020-01-31T10:20:30+2", kindUntold, "!not an ISO 8601"},
		{"2020-01-31T10:20:30 CET", kindUntold, "!not an ISO 8601"},
		{"31/01/2020", kindUntold, "!not a time"},
		{"yesterday", kindTime, "!not a time"},
		{"", kindTime, "!not a time"},
		{"1e", kindTime, "!not a time"},
		{".", kindTime, "!not a time"},
		{strings.Repeat("9", 129), kindTime, "!not a time"},
	} {
		got, reason := parseInstant([]byte(c.text), c.kind)
		if part, refused := strings.CutPrefix(c.want, "!"); refused {
			if !strings.Contains(reason, part) {
				t.Errorf("%q: got %s and reason %q, want %q", c.text, timeText(got.micros), reason, part)
			}
		} else if reason != "" || timeText(got.micros) != c.want {
			t.Errorf("%q: got %s %s, want %s", c.text, timeText(got.micros), reason, c.want)
		}
	}
}

// TestEveryTie goes through exact halves: a tie is a decimal with 5 behind the last microsecond.
func TestEveryTie(t *testing.T) {
	for n := int64(-50); n <= 50; n++ {
		text := big.NewRat(2*n+1, 2_000_000).FloatString(7)
		d, ok := parseDecimal([]byte(text))
		got, ok2 := d.micros(secondMicros)
		even := n
		if n&1 != 0 {
			even = n + 1
		}
		if !ok || !ok2 || got != even {
			t.Errorf("%s s is %d microseconds, want %d", text, got, even)
		}
	}
}

func TestLeapSeconds(t *testing.T) {
	days := []string{"1972-06-30", "1972-12-31", "1973-12-31", "1974-12-31", "1975-12-31", "1976-12-31", "1977-12-31",
		"1978-12-31", "1979-12-31", "1981-06-30", "1982-06-30", "1983-06-30", "1985-06-30", "1987-12-31", "1989-12-31",
		"1990-12-31", "1992-06-30", "1993-06-30", "1994-06-30", "1995-12-31", "1997-06-30", "1998-12-31", "2005-12-31",
		"2008-12-31", "2012-06-30", "2015-06-30", "2016-12-31"}
	if len(days) != len(leapDays) {
		t.Fatalf("%d days", len(leapDays))
	}
	for i, day := range days {
		noon, _ := parseInstant([]byte(day+"T12:00"), kindTime)
		if !onLeapDay(noon.micros) || onLeapDay(noon.micros+dayMicros) || onLeapDay(noon.micros-dayMicros) {
			t.Errorf("%s is day %d of the list", day, leapDays[i])
		}
		// the second before the leap second, the leap second itself, and the second after
		end := noon.micros + dayMicros/2
		tai := end + (10+int64(i))*secondMicros
		for after, want := range map[int64]int64{-1: end - secondMicros, 0: end, 1: end, 2: end + secondMicros} {
			if got, ok := utcFromTAI(tai + after*secondMicros); !ok || got != want {
				t.Errorf("%s: TAI %+d s is %s, want %s", day, after, timeText(got), timeText(want))
			}
		}
	}
	if onLeapDay(-1) || onLeapDay(minInstant) {
		t.Error("there were no leap seconds before 1972")
	}
}

func TestScalesToUTC(t *testing.T) {
	for _, c := range []struct{ scale, in, want string }{
		{"", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z"},
		{"UTC", "2020-01-01T00:00:00", "2020-01-01T00:00:00Z"},
		{"TAI", "2020-01-01T00:00:37", "2020-01-01T00:00:00Z"},
		{"tt(bipm08)", "2020-01-01T00:01:09.184", "2020-01-01T00:00:00Z"},
		{"TDT", "1999-01-01T00:01:04.184", "1999-01-01T00:00:00Z"},
		{"TAI", "1972-01-01T00:00:10", "1972-01-01T00:00:00Z"},
		{"TAI", "1972-01-01T00:00:09", "!before 1972"},
		{"TT", "1965-01-01T00:00:09", "!before 1972"},
		{"TDB", "2020-01-01T00:00:00", "2019-12-31T23:58:50.8161Z"},
		{"TCB", "2020-01-01T00:00:00", "2019-12-31T23:58:29.776846Z"},
		{"UT1", "2020-01-01T00:00:00", "!TIMESYS = UT1"},
		{"GPS", "2020-01-01T00:00:00", "2019-12-31T23:59:42Z"},
	} {
		in, _ := parseInstant([]byte(c.in), kindTime)
		got, _, reason := toUTC(in.micros, textKeys{"TIMESYS": c.scale}.get)
		if part, refused := strings.CutPrefix(c.want, "!"); refused != (reason != "") || !strings.Contains(reason, part) && refused ||
			!refused && timeText(got) != c.want {
			t.Errorf("%s %s: got %s %q, want %s", c.scale, c.in, timeText(got), reason, c.want)
		}
	}
}

// FuzzTime compares decimal times with big.Rat and ISO 8601 with package time.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"58849.5", "-10.5", "5.5959e4", "0.000000000005787037037037037037", "1577836800.0000005", "1e-30",
		"2455959.57", "1e12", "00.10D3", "2020-01-31T10:20:30.1234565+02:00", "2016-12-31T23:59:60", "2020-01-31 10:20", "1e9999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for kind := kindMJD; kind <= kindUntold; kind++ {
			in, reason := parseInstant([]byte(s), kind)
			if reason == "" && (in.micros < minInstant || in.micros > maxInstant) {
				t.Fatalf("%q: %d is out of range", s, in.micros)
			}
		}
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil && at.Nanosecond()%1000 == 0 && len(s) < 28 && !strings.Contains(s, ",") {
			if in, reason := parseISO([]byte(s)); reason == "" && in.micros != at.UnixMicro() {
				t.Fatalf("%q: got %s, want %s", s, timeText(in.micros), at)
			}
		}
		d, ok := parseDecimal([]byte(s))
		if !ok {
			return
		}
		exact, ok := new(big.Rat).SetString(string(d.appendJSON(nil)))
		if !ok {
			t.Fatalf("%q: %s is not a number", s, d.appendJSON(nil))
		}
		for _, unit := range []int64{1, secondMicros, dayMicros} {
			want := roundHalfEven(new(big.Rat).Mul(exact, new(big.Rat).SetInt64(unit)))
			got, ok := d.micros(unit)
			if ok && (!want.IsInt64() || want.Int64() != got) {
				t.Fatalf("%q * %d: got %d, want %s", s, unit, got, want)
			}
			if !ok && want.IsInt64() && want.CmpAbs(big.NewInt(1<<61)) < 0 {
				t.Fatalf("%q * %d: refused, want %s", s, unit, want)
			}
		}
	})
}

// roundHalfEven is the oracle: the nearest integer, ties to the even one.
func roundHalfEven(r *big.Rat) *big.Int {
	num, den := new(big.Int).Mul(r.Num(), big.NewInt(2)), r.Denom()
	floor, rest := new(big.Int).DivMod(r.Num(), den, new(big.Int))
	num.Mul(rest, big.NewInt(2))
	switch num.Cmp(den) {
	case 1:
		floor.Add(floor, big.NewInt(1))
	case 0:
		if floor.Bit(0) == 1 {
			floor.Add(floor, big.NewInt(1))
		}
	}
	return floor
}

package instant

import (
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestParseInstant(t *testing.T) {
	for _, c := range []struct {
		text string
		kind Kind
		want string // RFC 3339 with microseconds, or ! and part of the reason
	}{
		// numbers, exact to the microsecond
		{"58849", KindMJD, "2020-01-01T00:00:00Z"},
		{"40587", KindMJD, "1970-01-01T00:00:00Z"},
		{"0", KindMJD, "1858-11-17T00:00:00Z"},
		{"-10.5", KindMJD, "1858-11-06T12:00:00Z"},
		{"-0.00000000001", KindMJD, "1858-11-16T23:59:59.999999Z"},
		{"+55959.07", KindMJD, "2012-02-02T01:40:48Z"},
		{"5.5959e4", KindMJD, "2012-02-02T00:00:00Z"},
		{"5.5959D4", KindMJD, "2012-02-02T00:00:00Z"},
		{"5595907e-2", KindMJD, "2012-02-02T01:40:48Z"},
		{"0.0005595907E8", KindMJD, "2012-02-02T01:40:48Z"},
		{"000055959.0700", KindMJD, "2012-02-02T01:40:48Z"},
		{"55959.", KindMJD, "2012-02-02T00:00:00Z"},
		{".5", KindMJD, "1858-11-17T12:00:00Z"},
		{"55959.123456789", KindMJD, "2012-02-02T02:57:46.66657Z"}, // a float64 gives .666569
		{"2455959.57", KindJD, "2012-02-02T01:40:48Z"},
		{"2440587.5", KindJD, "1970-01-01T00:00:00Z"},
		{"2455959.570000000001", KindJD, "2012-02-02T01:40:48Z"},
		{"2400000", KindJD, "1858-11-16T12:00:00Z"},
		{"1577836800.25", KindUnix, "2020-01-01T00:00:00.25Z"},
		{"-1", KindUnix, "1969-12-31T23:59:59Z"},

		// half a microsecond is 1/172,800,000,000 of a day, so ties need binary fractions of it
		{"0.000000000005787037037037037037", KindMJD, "1858-11-17T00:00:00Z"}, // 0.49999...
		{"0.000000000005787037037037037038", KindMJD, "1858-11-17T00:00:00.000001Z"},
		{"1577836800.0000005", KindUnix, "2020-01-01T00:00:00Z"}, // a tie goes to the even microsecond
		{"1577836800.0000015", KindUnix, "2020-01-01T00:00:00.000002Z"},
		{"1577836800.0000025", KindUnix, "2020-01-01T00:00:00.000002Z"},
		{"1577836800.00000250000000000000000000000000001", KindUnix, "2020-01-01T00:00:00.000003Z"},
		{"1577836800.00000149999999999999999999999999999", KindUnix, "2020-01-01T00:00:00.000001Z"},
		{"-0.0000005", KindUnix, "1970-01-01T00:00:00Z"},
		{"-0.0000015", KindUnix, "1969-12-31T23:59:59.999998Z"},
		{"0.00001064814814814814814814814814814814814814815", KindMJD, "1858-11-17T00:00:00.92Z"},
		// 2.49999... of a microsecond
		{"58849.000000000028935185185185185185185", KindMJD, "2020-01-01T00:00:00.000002Z"},

		// names that do not tell how time is counted
		{"55959.07", KindTime, "2012-02-02T01:40:48Z"},
		{"2455959.57", KindTime, "2012-02-02T01:40:48Z"},
		{"2400000", KindTime, "1858-11-16T12:00:00Z"},
		{"2500000", KindTime, "2132-08-31T12:00:00Z"},
		{"2399999.99", KindTime, "8429-11-07T23:45:36Z"}, // an MJD, although an odd one
		{"15000", KindTime, "1899-12-12T00:00:00Z"},
		{"15000", KindUnknown, "!may be a date of any kind"},
		{"80000.1", KindUnknown, "!may be a date of any kind"},
		{"2020.5", KindUnknown, "!may be a date of any kind"},
		{"20200101", KindUnknown, "!may be a date of any kind"},
		{"58849.5", KindUnknown, "2020-01-01T12:00:00Z"},
		{"2458849.5", KindUnknown, "2020-01-01T00:00:00Z"},

		// names that contradict the number
		{"2399999.99999", KindJD, "!below 2,400,000"},
		{"58849", KindJD, "!below 2,400,000"},
		{"-2458849", KindJD, "!below 2,400,000"},
		{"2458849.5", KindMJD, "!above 2,400,000"},
		{"2400000.1", KindMJD, "!above 2,400,000"},
		{"2400000", KindMJD, "8429-11-08T00:00:00Z"},

		// the ends of the range
		{"-678575", KindMJD, "0001-01-01T00:00:00Z"},
		{"-678575.000000000001", KindMJD, "0001-01-01T00:00:00Z"}, // rounds to it
		{"-678575.00000000001", KindMJD, "!out of range"},
		{"2973483.9999999999", KindTime, "9999-12-31T23:59:59.999991Z"},
		{"2973484", KindTime, "!out of range"},
		{"1e12", KindTime, "!out of range"},
		{"1e9999", KindTime, "!out of range"},
		{"1e-9999", KindTime, "1858-11-17T00:00:00Z"},
		{"99999999999999999999999", KindUnix, "!out of range"},
		{"253402300799.9999994", KindUnix, "9999-12-31T23:59:59.999999Z"},
		{"253402300799.9999995", KindUnix, "!out of range"},

		// ISO 8601
		{"2020-01-31", KindTime, "2020-01-31T00:00:00Z"},
		{"2020-01-31T10:20", KindTime, "2020-01-31T10:20:00Z"},
		{"2020-01-31 10:20:30", KindMJD, "2020-01-31T10:20:30Z"},
		{"2020-01-31t10:20:30z", KindJD, "2020-01-31T10:20:30Z"},
		{"2020-01-31T10:20:30.123456Z", KindUnknown, "2020-01-31T10:20:30.123456Z"},
		{"2020-01-31T10:20:30.1234565", KindUnknown, "2020-01-31T10:20:30.123456Z"},
		{"2020-01-31T10:20:30.1234575", KindUnknown, "2020-01-31T10:20:30.123458Z"},
		{"2020-01-31T10:20:30.12345750001", KindUnknown, "2020-01-31T10:20:30.123458Z"},
		{"2019-12-31T23:59:59.9999999", KindUnknown, "2020-01-01T00:00:00Z"},
		{"2020-01-31T10:20:30+02:00", KindUnknown, "2020-01-31T08:20:30Z"},
		{"2020-01-31T10:20-0530", KindUnknown, "2020-01-31T15:50:00Z"},
		{"2020-01-31T10:20+02", KindUnknown, "2020-01-31T08:20:00Z"},
		{"2000-02-29", KindUnknown, "2000-02-29T00:00:00Z"},
		{"2016-12-31T23:59:60", KindUnknown, "2017-01-01T00:00:00Z"},
		{"2016-12-31T23:59:60.5Z", KindUnknown, "2017-01-01T00:00:00.5Z"},
		{"2017-01-01T00:59:60+01:00", KindUnknown, "2017-01-01T00:00:00Z"},
		{"2016-12-31T22:59:60", KindUnknown, "!second 60"},
		{"1900-02-29", KindUnknown, "!no such day"},
		{"2020-02-30", KindUnknown, "!no such day"},
		{"2020-13-01", KindUnknown, "!no such day"},
		{"0000-01-01", KindUnknown, "!no such day"},
		{"0001-01-01T00:00+01:00", KindUnknown, "!out of range"},
		{"9999-12-31T23:59:60", KindUnknown, "!out of range"},
		{"2020-01-31T24:00", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31T10:60", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31T10:20:61", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31T10:20:3", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31T10", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31X10:20", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31T10:20:30+2", KindUnknown, "!not an ISO 8601"},
		{"2020-01-31T10:20:30 CET", KindUnknown, "!not an ISO 8601"},
		{"31/01/2020", KindUnknown, "!not a time"},
		{"yesterday", KindTime, "!not a time"},
		{"", KindTime, "!not a time"},
		{"1e", KindTime, "!not a time"},
		{".", KindTime, "!not a time"},
		{strings.Repeat("9", 129), KindTime, "!not a time"},
	} {
		got, reason := Parse([]byte(c.text), c.kind)
		if part, refused := strings.CutPrefix(c.want, "!"); refused {
			if !strings.Contains(reason, part) {
				t.Errorf("%q: got %s and reason %q, want %q", c.text, Text(got.Micros), reason, part)
			}
		} else if reason != "" || Text(got.Micros) != c.want {
			t.Errorf("%q: got %s %s, want %s", c.text, Text(got.Micros), reason, c.want)
		}
	}
}

// TestEveryTie tries exact halves: decimals with a 5 after the last microsecond.
func TestEveryTie(t *testing.T) {
	for n := int64(-50); n <= 50; n++ {
		text := big.NewRat(2*n+1, 2_000_000).FloatString(7)
		d, ok := ParseDecimal([]byte(text))
		got, ok2 := d.Micros(SecondMicros)
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
		noon, _ := Parse([]byte(day+"T12:00"), KindTime)
		if !OnLeapDay(noon.Micros) || OnLeapDay(noon.Micros+DayMicros) || OnLeapDay(noon.Micros-DayMicros) {
			t.Errorf("%s is day %d of the list", day, leapDays[i])
		}
		// the second before the leap second, the leap second itself, and the second after
		end := noon.Micros + DayMicros/2
		tai := end + (10+int64(i))*SecondMicros
		for after, want := range map[int64]int64{-1: end - SecondMicros, 0: end, 1: end, 2: end + SecondMicros} {
			if got, ok := utcFromTAI(tai + after*SecondMicros); !ok || got != want {
				t.Errorf("%s: TAI %+d s is %s, want %s", day, after, Text(got), Text(want))
			}
		}
	}
	if OnLeapDay(-1) || OnLeapDay(MinInstant) {
		t.Error("there were no leap seconds before 1972")
	}
}

// FuzzTime compares decimal times with big.Rat and ISO 8601 with package time.
func FuzzTime(f *testing.F) {
	for _, s := range []string{"58849.5", "-10.5", "5.5959e4", "0.000000000005787037037037037037",
		"1577836800.0000005", "1e-30",
		"2455959.57", "1e12", "00.10D3", "2020-01-31T10:20:30.1234565+02:00", "2016-12-31T23:59:60",
		"2020-01-31 10:20", "1e9999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for kind := KindMJD; kind <= KindUnknown; kind++ {
			in, reason := Parse([]byte(s), kind)
			if reason == "" && (in.Micros < MinInstant || in.Micros > MaxInstant) {
				t.Fatalf("%q: %d is out of range", s, in.Micros)
			}
		}
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil && at.Nanosecond()%1000 == 0 && len(s) < 28 &&
			!strings.Contains(s, ",") {
			if in, reason := ParseISO([]byte(s)); reason == "" && in.Micros != at.UnixMicro() {
				t.Fatalf("%q: got %s, want %s", s, Text(in.Micros), at)
			}
		}
		d, ok := ParseDecimal([]byte(s))
		if !ok {
			return
		}
		exact, ok := new(big.Rat).SetString(string(d.AppendJSON(nil)))
		if !ok {
			t.Fatalf("%q: %s is not a number", s, d.AppendJSON(nil))
		}
		for _, unit := range []int64{1, SecondMicros, DayMicros} {
			want := roundHalfEven(new(big.Rat).Mul(exact, new(big.Rat).SetInt64(unit)))
			got, ok := d.Micros(unit)
			if ok && (!want.IsInt64() || want.Int64() != got) {
				t.Fatalf("%q * %d: got %d, want %s", s, unit, got, want)
			}
			if !ok && want.IsInt64() && want.CmpAbs(big.NewInt(1<<61)) < 0 {
				t.Fatalf("%q * %d: refused, want %s", s, unit, want)
			}
		}
	})
}

// roundHalfEven returns the nearest integer, and the even one of two.
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

func BenchmarkParseInstant(b *testing.B) {
	text := []byte("55959.06999999983")
	for b.Loop() {
		if _, reason := Parse(text, KindTime); reason != "" {
			b.Fatal(reason)
		}
	}
}

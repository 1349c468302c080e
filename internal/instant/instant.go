package instant

import (
	"errors"
	"fmt"
	"time"

	"nightjar/internal/problem"
)

// Kind is how a number in a column or under a keyword counts time, as far as its name tells.
type Kind uint8

const (
	KindMJD     Kind = iota // the name says Modified Julian Date
	KindJD                  // the name says Julian Date
	KindUnix                // the name says seconds since 1970
	KindTime                // a TOM's "time": an MJD, or a JD where the value is one
	KindUnknown             // "date", "epoch", ...: the value must tell by itself
	KindCount               // days or seconds since a stated time; only Clock reads these
)

const (
	JDOfUnixHalves = 2*2_440_587 + 1 // twice the JD of 1970-01-01, which is 2440587.5
	MinInstant     = -62_135_596_800 * SecondMicros
	MaxInstant     = 253_402_300_800*SecondMicros - 1
)

// Time is a time read from text.
type Time struct {
	Micros   int64 // of UTC, as Point.Time
	Form     Form
	DateOnly bool  // no time of day was given; midnight is taken
	Leap     bool  // 23:59:60 was written; the next day's 00:00:00 is taken
	Shift    int64 // microseconds that were subtracted to come from the file's scale to UTC
}

// Form is how an instant was written.
type Form uint8

const (
	FormMJD Form = iota
	FormJD
	formUnix
	FormISO
	FormCount
)

func (f Form) String() string {
	return [...]string{"MJD", "JD", "Unix seconds", "ISO 8601", "days since a stated date"}[f]
}

// Parse reads a time: a number counted as kind says, or ISO 8601 text. reason is "" when it was
// understood.
//
// A JD below 2,400,000 under a name that says JD, or an MJD above it under one that says MJD, is
// refused: JD-2400000 and JD-2450000 are common, and half a day off. Under names that do not tell,
// 2,400,000 to 2,500,000 is a JD and the rest an MJD; except for a TOM's "time" an MJD must then be
// between 40,000 and 80,000 (1968 to 2077).
func Parse(text []byte, kind Kind) (t Time, reason string) {
	d, ok := ParseDecimal(text)
	if !ok {
		return ParseDateText(text)
	}
	unit := DayMicros
	if kind == KindUnix {
		unit = SecondMicros
	}
	n, ok := d.Micros(unit)
	if !ok {
		return t, problem.Quoted(text) + outOfRange
	}
	zero := MJDOfUnix * DayMicros
	switch {
	case kind == KindUnix:
		t.Form, zero = formUnix, 0
	case kind == KindJD && n < 2_400_000*DayMicros:
		return t, problem.Quoted(text) + " is below 2,400,000, so it is no Julian date"
	case kind == KindMJD && n > 2_400_000*DayMicros:
		return t, problem.Quoted(text) + " is above 2,400,000, so it is no Modified Julian Date"
	case kind == KindMJD:
	case kind == KindJD || n >= 2_400_000*DayMicros && n <= 2_500_000*DayMicros:
		t.Form, zero = FormJD, JDOfUnixHalves*(DayMicros/2)
	case kind == KindUnknown && (n < 40_000*DayMicros || n > 80_000*DayMicros):
		return t, problem.Quoted(text) + " may be a date of any kind; name the column mjd, jd or unixtime"
	}
	t.Micros = n - zero
	if t.Micros < MinInstant || t.Micros > MaxInstant {
		return t, problem.Quoted(text) + outOfRange
	}
	return t, ""
}

const outOfRange = " is out of range: years 1 to 9999"

// ParseISO reads YYYY-MM-DD, or that with T or a blank and hh:mm[:ss[.frac]] and Z or an offset
// (+hh:mm, +hhmm, +hh) behind it; UTC where no zone is given. Digits beyond the microsecond round
// half to even.
func ParseISO(text []byte) (t Time, reason string) {
	t.Form = FormISO
	bad := func() (Time, string) { return Time{}, problem.Quoted(text) + " is not an ISO 8601 date" }
	b := text
	year, ok1 := takeDigits(&b, 4, 0)
	month, ok2 := takeDigits(&b, 2, '-')
	day, ok3 := takeDigits(&b, 2, '-')
	if !ok1 || !ok2 || !ok3 {
		return bad()
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year == 0 || date.Year() != year || int(date.Month()) != month || date.Day() != day {
		return Time{}, problem.Quoted(text) + ": there is no such day"
	}
	t.Micros = date.Unix() * SecondMicros
	if len(b) == 0 {
		t.DateOnly = true
		return t, ""
	}
	if b[0]|0x20 != 't' && b[0] != ' ' {
		return bad()
	}
	b = b[1:]
	clock, sixty, ok := parseClock(&b)
	if !ok {
		return bad()
	}
	offset, ok := parseZone(b)
	if !ok {
		return bad()
	}
	t.Micros += clock - offset
	if sixty {
		// second 60 was counted on, so a true leap second is the first second of a day now
		if ((t.Micros%DayMicros)+DayMicros)%DayMicros >= SecondMicros {
			return Time{}, problem.Quoted(text) + ": second 60 is not at the end of a day of UTC"
		}
		t.Leap = true
	}
	if t.Micros < MinInstant || t.Micros > MaxInstant {
		return Time{}, problem.Quoted(text) + outOfRange
	}
	return t, ""
}

// parseClock reads hh:mm[:ss[.frac]] off the front of b: microseconds since midnight, and whether
// the second is 60.
func parseClock(b *[]byte) (micros int64, sixty, ok bool) {
	hour, ok1 := takeDigits(b, 2, 0)
	minute, ok2 := takeDigits(b, 2, ':')
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false, false
	}
	micros = int64(hour*60+minute) * 60 * SecondMicros
	if len(*b) == 0 || (*b)[0] != ':' {
		return micros, false, true
	}
	rest := (*b)[1:]
	n := CountDigits(rest)
	if n != 2 {
		return 0, false, false
	}
	if n < len(rest) && rest[n] == '.' {
		n += 1 + CountDigits(rest[n+1:])
	}
	d, ok := ParseDecimal(rest[:n])
	if !ok {
		return 0, false, false
	}
	seconds, _ := d.Micros(SecondMicros)
	whole := int(rest[0]-'0')*10 + int(rest[1]-'0')
	if whole > 60 {
		return 0, false, false
	}
	*b = rest[n:]
	return micros + seconds, whole == 60, true
}

// parseZone reads Z or an offset of at most a day, in microseconds to the east.
func parseZone(b []byte) (micros int64, ok bool) {
	if len(b) == 0 || len(b) == 1 && b[0]|0x20 == 'z' {
		return 0, true
	}
	sign := int64(1)
	switch b[0] {
	case '-':
		sign = -1
	case '+':
	default:
		return 0, false
	}
	b = b[1:]
	hour, ok := takeDigits(&b, 2, 0)
	minute := 0
	if ok && len(b) > 0 {
		sep := byte(0)
		if b[0] == ':' {
			sep = ':'
		}
		minute, ok = takeDigits(&b, 2, sep)
	}
	if !ok || len(b) > 0 || hour > 23 || minute > 59 {
		return 0, false
	}
	return sign * int64(hour*60+minute) * 60 * SecondMicros, true
}

// takeDigits reads a number of n digits off the front of b, after the separator unless that is 0.
func takeDigits(b *[]byte, n int, separator byte) (v int, ok bool) {
	s := *b
	if separator != 0 {
		if len(s) == 0 || s[0] != separator {
			return 0, false
		}
		s = s[1:]
	}
	if len(s) < n {
		return 0, false
	}
	for _, c := range s[:n] {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	*b = s[n:]
	return v, true
}

// IsClock tells whether text is a time of day without a date.
func IsClock(text []byte) bool {
	_, _, ok := parseClock(&text)
	return ok && len(text) == 0
}

// Text is an instant in a message: UTC, ISO 8601.
func Text(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}

// ParseMJD reads a Modified Julian Date from its decimal text, as microseconds of UTC since 1970,
// half to even. The error says why it is none.
func ParseMJD(text string) (micros int64, err error) {
	if _, ok := ParseDecimal([]byte(text)); !ok {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	t, reason := Parse([]byte(text), KindMJD)
	if reason != "" {
		return 0, errors.New(reason)
	}
	return t.Micros, nil
}

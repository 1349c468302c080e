package instant

import (
	"errors"
	"fmt"
	"time"

	"nightjar/internal/problem"
)

// Kind is how the numbers of a column or a keyword count time, as far as its name tells.
type Kind uint8

const (
	KindMJD     Kind = iota // the name says Modified Julian Date
	KindJD                  // the name says Julian Date
	KindUnix                // the name says seconds since 1970
	KindTime                // a TOM's "time": an MJD of any year, or a JD if the value is one
	KindUnknown             // "date", "epoch", ...: the value itself must tell
	KindCount               // days or seconds since a given time; only Clock reads these
)

const (
	JDOfUnixHalves = 2*2_440_587 + 1                  // twice the JD of 1970-01-01, which is 2440587.5
	MinInstant     = -62_135_596_800 * SecondMicros   // the beginning of year 1
	MaxInstant     = 253_402_300_800*SecondMicros - 1 // the end of year 9999
)

// Time is a time read from text.
type Time struct {
	Micros   int64 // of UTC since 1970-01-01
	Form     Form
	DateOnly bool  // there is no time of day; midnight is assumed
	Leap     bool  // the text says 23:59:60; the next day's 00:00:00 is returned
	Shift    int64 // microseconds subtracted to convert the time to UTC
}

// Form is how a time was written.
type Form uint8

// The forms of a time. FormCount is days or seconds since a given time.
const (
	FormMJD Form = iota
	FormJD
	formUnix
	FormISO
	FormCount
)

// String names the form in a report.
func (f Form) String() string {
	return [...]string{"MJD", "JD", "Unix seconds", "ISO 8601", "days since a stated date"}[f]
}

// Parse reads a time: a number counted as kind says, or text as [ParseDateText] reads it. reason is
// "" if it was understood.
//
// A JD below 2,400,000 is refused if the name says JD, and an MJD above it if the name says MJD:
// JD-2400000 and JD-2450000 are common, and half a day off. If the name does not tell, 2,400,000 to
// 2,500,000 is a JD and any other number an MJD. The MJD must then be between 40,000 and 80,000
// (1968 to 2077), except for KindTime.
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
		return t, problem.Quoted(text) + " is below 2,400,000, so it is not a Julian date"
	case kind == KindMJD && n > 2_400_000*DayMicros:
		return t, problem.Quoted(text) + " is above 2,400,000, so it is not a Modified Julian Date"
	case kind == KindMJD:
	case kind == KindJD || n >= 2_400_000*DayMicros && n <= 2_500_000*DayMicros:
		t.Form, zero = FormJD, JDOfUnixHalves*(DayMicros/2)
	case kind == KindUnknown && (n < 40_000*DayMicros || n > 80_000*DayMicros):
		return t, problem.Quoted(text) + " may be a date of any kind: an MJD is from 40,000 to 80,000, a JD from " +
			"2,400,000 to 2,500,000"
	}
	t.Micros = n - zero
	if t.Micros < MinInstant || t.Micros > MaxInstant {
		return t, problem.Quoted(text) + outOfRange
	}
	return t, ""
}

const outOfRange = " is out of range: years 1 to 9999"

// ParseISO reads YYYY-MM-DD, optionally followed by T or a blank, hh:mm[:ss[.frac]] and Z or an
// offset (+hh:mm, +hhmm, +hh). Without a zone the time is UTC. Digits beyond the microsecond are
// rounded half to even. reason is "" if the text was understood.
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
		// clock includes second 60, so that a true leap second is now the first second of a day
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

// parseClock reads hh:mm[:ss[.frac]] at the head of b: microseconds since midnight, and whether the
// second is 60.
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

// parseZone reads Z or an offset of less than a day, in microseconds to the east.
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

// takeDigits reads a number of n digits at the head of b, after the separator unless that is 0.
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

// IsClock reports whether a text is a time of day without a date.
func IsClock(text []byte) bool {
	_, _, ok := parseClock(&text)
	return ok && len(text) == 0
}

// Text formats a time for a message: UTC, ISO 8601.
func Text(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}

// ParseMJD reads a Modified Julian Date from its decimal text, as microseconds of UTC since 1970,
// rounded half to even.
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

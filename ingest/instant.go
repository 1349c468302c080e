package ingest

import (
	"errors"
	"fmt"
	"time"
)

// scaleKind is how a number in a column or under a keyword counts time, as far as its name tells.
type scaleKind uint8

const (
	kindMJD    scaleKind = iota // the name says Modified Julian Date
	kindJD                      // the name says Julian Date
	kindUnix                    // the name says seconds since 1970
	kindTime                    // a TOM's "time": an MJD, or a JD where the value is one
	kindUntold                  // "date", "epoch", ...: the value must tell by itself
	kindCount                   // days or seconds since a stated time; only timeName reads these
)

const (
	jdOfUnixHalves = 2*2_440_587 + 1 // twice the JD of 1970-01-01, which is 2440587.5
	minInstant     = -62_135_596_800 * secondMicros
	maxInstant     = 253_402_300_800*secondMicros - 1
)

// instant is a time read from text.
type instant struct {
	micros   int64 // of UTC, as Point.Time
	form     form
	dateOnly bool  // no time of day was given; midnight is taken
	leap     bool  // 23:59:60 was written; the next day's 00:00:00 is taken
	shift    int64 // microseconds that were subtracted to come from the file's scale to UTC
}

// form is how an instant was written.
type form uint8

const (
	formMJD form = iota
	formJD
	formUnix
	formISO
	formCount
)

func (f form) String() string {
	return [...]string{"MJD", "JD", "Unix seconds", "ISO 8601", "days since a stated date"}[f]
}

// parseInstant reads a time: a number counted as kind says, or ISO 8601 text. reason is "" when it was understood.
//
// A JD below 2,400,000 under a name that says JD, or an MJD above it under one that says MJD, is refused: JD-2400000 and
// JD-2450000 are common, and half a day off. Under names that do not tell, 2,400,000 to 2,500,000 is a JD and the rest
// an MJD; except for a TOM's "time" an MJD must then be between 40,000 and 80,000 (1968 to 2077).
func parseInstant(text []byte, kind scaleKind) (t instant, reason string) {
	d, ok := parseDecimal(text)
	if !ok {
		return parseDateText(text)
	}
	unit := dayMicros
	if kind == kindUnix {
		unit = secondMicros
	}
	n, ok := d.micros(unit)
	if !ok {
		return t, quoted(text) + outOfRange
	}
	zero := mjdOfUnix * dayMicros
	switch {
	case kind == kindUnix:
		t.form, zero = formUnix, 0
	case kind == kindJD && n < 2_400_000*dayMicros:
		return t, quoted(text) + " is below 2,400,000, so it is no Julian date"
	case kind == kindMJD && n > 2_400_000*dayMicros:
		return t, quoted(text) + " is above 2,400,000, so it is no Modified Julian Date"
	case kind == kindMJD:
	case kind == kindJD || n >= 2_400_000*dayMicros && n <= 2_500_000*dayMicros:
		t.form, zero = formJD, jdOfUnixHalves*(dayMicros/2)
	case kind == kindUntold && (n < 40_000*dayMicros || n > 80_000*dayMicros):
		return t, quoted(text) + " may be a date of any kind; name the column mjd, jd or unixtime"
	}
	t.micros = n - zero
	if t.micros < minInstant || t.micros > maxInstant {
		return t, quoted(text) + outOfRange
	}
	return t, ""
}

const outOfRange = " is out of range: years 1 to 9999"

// parseISO reads YYYY-MM-DD, or that with T or a blank and hh:mm[:ss[.frac]] and Z or an offset (+hh:mm, +hhmm, +hh)
// behind it; UTC where no zone is given. Digits beyond the microsecond round half to even.
func parseISO(text []byte) (t instant, reason string) {
	t.form = formISO
	bad := func() (instant, string) { return instant{}, quoted(text) + " is not an ISO 8601 date" }
	b := text
	year, ok1 := fixed(&b, 4, 0)
	month, ok2 := fixed(&b, 2, '-')
	day, ok3 := fixed(&b, 2, '-')
	if !ok1 || !ok2 || !ok3 {
		return bad()
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if year == 0 || date.Year() != year || int(date.Month()) != month || date.Day() != day {
		return instant{}, quoted(text) + ": there is no such day"
	}
	t.micros = date.Unix() * secondMicros
	if len(b) == 0 {
		t.dateOnly = true
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
	t.micros += clock - offset
	if sixty {
		// second 60 was counted on, so a true leap second is the first second of a day now
		if ((t.micros%dayMicros)+dayMicros)%dayMicros >= secondMicros {
			return instant{}, quoted(text) + ": second 60 is not at the end of a day of UTC"
		}
		t.leap = true
	}
	if t.micros < minInstant || t.micros > maxInstant {
		return instant{}, quoted(text) + outOfRange
	}
	return t, ""
}

// parseClock reads hh:mm[:ss[.frac]] off the front of b: microseconds since midnight, and whether the second is 60.
func parseClock(b *[]byte) (micros int64, sixty, ok bool) {
	hour, ok1 := fixed(b, 2, 0)
	minute, ok2 := fixed(b, 2, ':')
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, false, false
	}
	micros = int64(hour*60+minute) * 60 * secondMicros
	if len(*b) == 0 || (*b)[0] != ':' {
		return micros, false, true
	}
	rest := (*b)[1:]
	n := countDigits(rest)
	if n != 2 {
		return 0, false, false
	}
	if n < len(rest) && rest[n] == '.' {
		n += 1 + countDigits(rest[n+1:])
	}
	d, ok := parseDecimal(rest[:n])
	if !ok {
		return 0, false, false
	}
	seconds, _ := d.micros(secondMicros)
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
	hour, ok := fixed(&b, 2, 0)
	minute := 0
	if ok && len(b) > 0 {
		sep := byte(0)
		if b[0] == ':' {
			sep = ':'
		}
		minute, ok = fixed(&b, 2, sep)
	}
	if !ok || len(b) > 0 || hour > 23 || minute > 59 {
		return 0, false
	}
	return sign * int64(hour*60+minute) * 60 * secondMicros, true
}

// fixed reads a number of n digits off the front of b, after the separator unless that is 0.
func fixed(b *[]byte, n int, separator byte) (v int, ok bool) {
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

// isClock tells whether text is a time of day without a date.
func isClock(text []byte) bool {
	_, _, ok := parseClock(&text)
	return ok && len(text) == 0
}

// timeText is an instant in a message: UTC, ISO 8601.
func timeText(micros int64) string {
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}

// ParseMJD reads a Modified Julian Date from its decimal text, as microseconds of UTC since 1970, half to even. The error says why it is none.
func ParseMJD(text string) (micros int64, err error) {
	if _, ok := parseDecimal([]byte(text)); !ok {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	t, reason := parseInstant([]byte(text), kindMJD)
	if reason != "" {
		return 0, errors.New(reason)
	}
	return t.micros, nil
}

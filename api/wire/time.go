package wire

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Messages of Django REST framework.
const (
	MsgTimeFormat = "Datetime has wrong format. Use one of these formats instead: " +
		"YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
	msgTimeRange = "Datetime value out of range."
)

// The first and the last timestamp, in microseconds of UTC since 1970.
var (
	minTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxTime = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
)

// ParseTime reads an ISO 8601 time, YYYY-MM-DD[(T or blank)hh:mm[:ss[.fraction]][zone]], in
// microseconds of UTC since 1970. A time without a zone is UTC. Digits beyond microseconds are cut
// off, as in a TOM. Other spellings that a TOM accepts are read too, see normalizeTime. problem is
// a message, or "" if the time is good.
func ParseTime(s string) (micros int64, problem string) {
	micros, problem = parseISO(s)
	if problem == MsgTimeFormat {
		if s, ok := normalizeTime(s); ok {
			return parseISO(s)
		}
	}
	return micros, problem
}

// Spellings that Python and Django accept in addition: numbers of one digit, a comma before the
// fraction, blanks before the zone, and no dashes and colons at all.
var (
	looseTime = regexp.MustCompile(
		`^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d+))?)?\s*` +
			`(Z|[+-]\d{2}(?::?\d{2})?)?$`)
	basicTime = regexp.MustCompile(
		`^(\d{4})(\d{2})(\d{2})(?:[T ](\d{2})(\d{2})(?:(\d{2})(?:[.,](\d+))?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$`)
)

// normalizeTime returns a time of another spelling in the usual one.
func normalizeTime(s string) (usual string, ok bool) {
	part := looseTime.FindStringSubmatch(s)
	if part == nil {
		part = basicTime.FindStringSubmatch(s)
	}
	if part == nil {
		return "", false
	}
	for i := 2; i <= 6; i++ {
		part[i] = ("00" + part[i])[len(part[i]):]
	}
	return fmt.Sprintf("%s-%s-%sT%s:%s:%s.%s0%s", part[1], part[2], part[3], part[4], part[5], part[6],
		part[7], part[8]), true
}

// parseISO reads a time in the usual spelling.
func parseISO(s string) (micros int64, problem string) {
	date, clock := s, ""
	if len(s) > 10 {
		if s[10] != 'T' && s[10] != ' ' {
			return 0, MsgTimeFormat
		}
		date, clock = s[:10], s[11:]
	}
	days, ok := parseDate(date)
	if !ok || len(s) == 11 {
		return 0, MsgTimeFormat
	}
	t := days * 86400e6
	if clock != "" {
		clock, offset, ok := cutZone(clock)
		micros, good := parseClock(clock)
		if !ok || !good {
			return 0, MsgTimeFormat
		}
		t += micros - offset
	}
	if t < minTime || t > maxTime {
		return 0, msgTimeRange
	}
	return t, ""
}

// parseDate reads YYYY-MM-DD, of the years 1 to 9999, as days since 1970-01-01.
func parseDate(s string) (days int64, ok bool) {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, ok1 := twoDigits(s, 99)
	year, ok2 := twoDigits(s[2:], 99)
	month, ok3 := twoDigits(s[5:], 12)
	day, ok4 := twoDigits(s[8:], 31)
	if year += 100 * century; !ok1 || !ok2 || !ok3 || !ok4 || year < 1 {
		return 0, false
	}
	days = daysOf(year, month, day)
	y, m, d := civil(days)
	return days, y == year && m == month && d == day
}

// cutZone cuts the zone off a time of day. offset is in microseconds.
func cutZone(s string) (clock string, offset int64, ok bool) {
	if clock, ok := strings.CutSuffix(s, "Z"); ok {
		return clock, 0, true
	}
	at := strings.LastIndexAny(s, "+-")
	if at < 0 {
		return s, 0, true
	}
	zone := strings.Replace(s[at+1:], ":", "", 1)
	if len(zone) == 2 {
		zone += "00"
	}
	h, good1 := twoDigits(zone, 23)
	m, good2 := 0, len(zone) == 4
	if good2 {
		m, good2 = twoDigits(zone[2:], 59)
	}
	if !good1 || !good2 {
		return "", 0, false
	}
	offset = int64(h*60+m) * 60e6
	if s[at] == '-' {
		offset = -offset
	}
	return s[:at], offset, true
}

// parseClock reads hh:mm[:ss[.fraction]].
func parseClock(s string) (micros int64, ok bool) {
	h, ok1 := twoDigits(s, 23)
	if !ok1 || len(s) < 5 || s[2] != ':' {
		return 0, false
	}
	m, ok2 := twoDigits(s[3:], 59)
	micros = int64(h*60+m) * 60e6
	if rest := s[5:]; rest != "" {
		if rest[0] != ':' {
			return 0, false
		}
		sec, ok := twoDigits(rest[1:], 59)
		if !ok {
			return 0, false
		}
		micros += int64(sec) * 1e6
		if fraction := rest[3:]; fraction != "" {
			if fraction[0] != '.' || len(fraction) == 1 || strings.Trim(fraction[1:], "0123456789") != "" {
				return 0, false
			}
			six := (fraction[1:] + "000000")[:6]
			n, _ := strconv.Atoi(six)
			micros += int64(n)
		}
	}
	return micros, ok2
}

// twoDigits reads the number of two digits at the beginning of s.
func twoDigits(s string, most int) (n int, ok bool) {
	if len(s) < 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	n = int(s[0]-'0')*10 + int(s[1]-'0')
	return n, n <= most
}

// AppendTime appends a time, in microseconds since 1970, as Django REST framework writes it: in
// UTC, with six digits after the second unless they are zero.
func AppendTime(dst []byte, micros int64) []byte {
	const day = 86400e6
	days := micros / day
	clock := micros - days*day
	if clock < 0 {
		days, clock = days-1, clock+day
	}
	year, month, dom := civil(days)
	dst = append(dst, "0000-00-00T00:00:00"...)
	b := dst[len(dst)-19:]
	putTwo(b, year/100)
	putTwo(b[2:], year%100)
	putTwo(b[5:], month)
	putTwo(b[8:], dom)
	sec, us := int(clock/1e6), int(clock%1e6)
	putTwo(b[11:], sec/3600)
	putTwo(b[14:], sec/60%60)
	putTwo(b[17:], sec%60)
	if us != 0 {
		dst = appendDigits(append(dst, '.'), us, 6)
	}
	return append(dst, 'Z')
}

func putTwo(b []byte, n int) { b[0], b[1] = byte('0'+n/10), byte('0'+n%10) }

// daysOf returns the days since 1970-01-01 of a date. It is the inverse of civil.
func daysOf(year, month, day int) int64 {
	if month -= 3; month < 0 {
		year, month = year-1, month+12
	}
	return int64(365*year+year/4-year/100+year/400+(153*month+2)/5+day-1) - 719468
}

// civil returns the date of a day since 1970-01-01 in the proleptic Gregorian calendar. Internally
// years begin with March, so that the leap day is the last of a year, and five months always have
// 153 days.
func civil(days int64) (year, month, day int) {
	const era = 146097 // days of 400 years
	days += 719468     // since 0000-03-01
	e := days / era
	d := int(days - e*era)
	y := (d - d/1460 + d/36524 - d/146096) / 365
	d -= 365*y + y/4 - y/100
	m := (5*d + 2) / 153
	year, month, day = y+400*int(e), m+3, d-(153*m+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func appendDigits(dst []byte, n, width int) []byte {
	for div := pow10[width-1]; div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

var pow10 = [...]int{1, 10, 100, 1000, 10_000, 100_000}

package api

import (
	"strconv"
	"strings"
	"time"
)

const (
	msgTimeFormat = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
	msgTimeRange  = "Datetime value out of range."
)

// The first and the last microsecond that a timestamp can be, those of the years 1 and 9999.
var (
	minTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxTime = time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC).UnixMicro()
)

// parseTime reads a time of ISO 8601, YYYY-MM-DD[(T or blank)hh:mm[:ss[.fraction]][zone]], as microseconds of UTC since 1970. Without a zone it is UTC; digits beyond microseconds are
// cut off, as a TOM does. problem is "" when it is one.
func parseTime(s string) (micros int64, problem string) {
	date, clock := s, ""
	if len(s) > 10 {
		if s[10] != 'T' && s[10] != ' ' {
			return 0, msgTimeFormat
		}
		date, clock = s[:10], s[11:]
	}
	day, err := time.Parse(time.DateOnly, date)
	if err != nil || len(date) != 10 || day.Year() < 1 || len(s) == 11 {
		return 0, msgTimeFormat
	}
	t := day.UnixMicro()
	if clock != "" {
		clock, offset, ok := cutZone(clock)
		micros, good := parseClock(clock)
		if !ok || !good {
			return 0, msgTimeFormat
		}
		t += micros - offset
	}
	if t < minTime || t > maxTime {
		return 0, msgTimeRange
	}
	return t, ""
}

// cutZone takes the zone off a time of day; the offset is in microseconds.
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

// twoDigits reads a number of two digits at the head of s.
func twoDigits(s string, most int) (n int, ok bool) {
	if len(s) < 2 || s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9' {
		return 0, false
	}
	n = int(s[0]-'0')*10 + int(s[1]-'0')
	return n, n <= most
}

// appendTime writes microseconds since 1970 as Django REST framework does: in UTC, with six digits after the second unless they are zero.
func appendTime(dst []byte, micros int64) []byte {
	t := time.UnixMicro(micros).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendDigits(dst, year, 4)
	dst = appendDigits(append(dst, '-'), int(month), 2)
	dst = appendDigits(append(dst, '-'), day, 2)
	dst = appendDigits(append(dst, 'T'), hour, 2)
	dst = appendDigits(append(dst, ':'), minute, 2)
	dst = appendDigits(append(dst, ':'), second, 2)
	if us := t.Nanosecond() / 1000; us != 0 {
		dst = appendDigits(append(dst, '.'), us, 6)
	}
	return append(dst, 'Z')
}

func appendDigits(dst []byte, n, width int) []byte {
	for div := pow10[width-1]; div > 0; div /= 10 {
		dst = append(dst, byte('0'+n/div%10))
	}
	return dst
}

var pow10 = [...]int{1, 10, 100, 1000, 10_000, 100_000}

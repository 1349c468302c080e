package instant

import (
	"bytes"
	"strconv"
	"strings"

	"nightjar/internal/problem"
)

// ParseDateText reads a date written as text: ISO 8601 in its variants (2020-01-31T10:20:30,
// 2020-01-31 10:20, 20200131T102030, 2020-031 with the day of the year); a fraction of the day
// (2020-01-31.4312, 2020 01 31.4312); slashes or points instead of dashes if the year comes first;
// and the month as its English name (2020-Jan-31, 31-Jan-2020). A date in numbers that begins with
// the day or the month is refused, because it is ambiguous. reason is "" if the date was
// understood.
func ParseDateText(text []byte) (t Time, reason string) {
	bad := func() (Time, string) { return Time{}, problem.Quoted(text) + " is not a time" }
	if len(text) < 7 || len(text) > MaxNumber {
		return bad()
	}
	if len(text) >= 10 && text[4] == '-' && text[7] == '-' && CountDigits(text[8:10]) == 2 &&
		(len(text) == 10 || text[10] != '.') {
		return ParseISO(text)
	}
	day, clock := splitClock(text)
	year, month, date, fraction, ok := dateFields(day)
	if !ok {
		return bad()
	}
	iso := append(append(append(append(append([]byte{}, year...), '-'), month...), '-'), date...)
	if len(clock) > 0 {
		if len(fraction) > 0 {
			return bad()
		}
		if n := CountDigits(clock); n == 6 || n == 4 { // hhmmss
			spaced := append(append(append([]byte{}, clock[:2]...), ':'), clock[2:4]...)
			if n == 6 {
				spaced = append(append(spaced, ':'), clock[4:6]...)
			}
			clock = append(spaced, clock[n:]...)
		}
		iso = append(append(iso, 'T'), clock...)
	}
	if t, reason = ParseISO(iso); reason != "" {
		return Time{}, problem.Quoted(text) + strings.TrimPrefix(reason, problem.Quoted(iso))
	}
	if len(fraction) > 0 {
		d, ok := ParseDecimal(append([]byte{'0'}, fraction...))
		micros, fits := d.Micros(DayMicros)
		if !ok || !fits {
			return bad()
		}
		t.Micros += micros
		t.DateOnly = false
	}
	return t, ""
}

// splitClock splits a date from the time of day after it, at the T or at the blank before a number
// with colons.
func splitClock(text []byte) (day, clock []byte) {
	for i := len(text) - 1; i >= 6; i-- {
		c := text[i]
		if c == 'T' || c == 't' && i+1 < len(text) || c == ' ' && bytes.IndexByte(text[i:], ':') > 0 {
			if i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				return bytes.TrimRight(text[:i], " "), text[i+1:]
			}
		}
	}
	return text, nil
}

// dateFields splits a date into year, month and day in digits, and the fraction of the day with its
// point.
func dateFields(day []byte) (year, month, date, fraction []byte, ok bool) {
	if n := CountDigits(day); n == 8 && len(day) == 8 { // 20200131
		return day[:4], day[4:6], day[6:], nil, true
	}
	// 2020-031
	if n := CountDigits(day); n == 4 && len(day) == 8 && (day[4] == '-' || day[4] == ' ') && CountDigits(day[5:]) == 3 {
		return ordinal(day[:4], day[5:])
	}
	var sep string
	for _, s := range []string{"-", "/", " ", "."} {
		if bytes.Count(day, []byte(s)) >= 2 {
			sep = s
			break
		}
	}
	if sep == "" {
		return nil, nil, nil, nil, false
	}
	parts := strings.Split(string(day), sep)
	if sep == " " {
		parts = strings.Fields(string(day))
	}
	if sep == "." && len(parts) == 4 {
		parts = []string{parts[0], parts[1], parts[2] + "." + parts[3]}
	}
	if len(parts) != 3 {
		return nil, nil, nil, nil, false
	}
	if m, named := monthNumber(parts[1]); named {
		parts[1] = m
		if len(parts[2]) == 4 { // 31-Jan-2020
			parts[0], parts[2] = parts[2], parts[0]
		}
	}
	whole, rest, point := strings.Cut(parts[2], ".")
	if point {
		rest = "." + rest
	}
	if len(parts[0]) != 4 {
		return nil, nil, nil, nil, false
	}
	for _, p := range []*string{&parts[1], &whole} {
		if len(*p) == 1 {
			*p = "0" + *p
		}
	}
	return []byte(parts[0]), []byte(parts[1]), []byte(whole), []byte(rest), true
}

// ordinal converts the day of a year into month and day.
func ordinal(year, day []byte) (y, month, date, fraction []byte, ok bool) {
	n, _ := strconv.Atoi(string(day))
	yr, err := strconv.Atoi(string(year))
	if err != nil || n < 1 {
		return nil, nil, nil, nil, false
	}
	for m, length := range [...]int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31} {
		if m == 1 && (yr%4 == 0 && yr%100 != 0 || yr%400 == 0) {
			length++
		}
		if n <= length {
			two := func(v int) []byte { return []byte{byte('0' + v/10), byte('0' + v%10)} }
			return year, two(m + 1), two(n), nil, true
		}
		n -= length
	}
	return nil, nil, nil, nil, false
}

// monthNumber returns the number of a month by its English name or the first three letters of it.
func monthNumber(text string) (string, bool) {
	const names = "january  february march    april    may      june     july     august   septemberoctober  " +
		"november december "
	if len(text) < 3 {
		return "", false
	}
	text = strings.ToLower(text)
	for m := range 12 {
		name := strings.TrimRight(names[m*9:m*9+9], " ")
		if name == text || name[:3] == text {
			return string([]byte{byte('0' + (m+1)/10), byte('0' + (m+1)%10)}), true
		}
	}
	return "", false
}

package sky

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Angles are read as people write and paste them:
//
//	206.75875   206.75875°   206.75875 deg   206,75875   13.7839h
//	13:47:02.1  13 47 02.1   13h47m02.1s     13ʰ47ᵐ02ˢ.1
//	-12:30:00   12:30:00 S   S 12 30 00      −12°30′00″   12d30m00s N
//
// What can be read in two ways is refused. ui/static/angles.js reads the same texts; both are
// tested with testdata/angles.json.

// maxAngle is the longest text in bytes that is read as an angle, or as two.
const maxAngle = 200

// ParseRA reads a right ascension: decimal degrees, or hours, minutes and seconds. Sexagesimal
// numbers with a sign of degrees are degrees. It returns degrees, 0 <= ra < 360; the full circle
// is 0. The error says why the text is refused.
func ParseRA(s string) (float64, error) {
	a, err := parseAngle(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a right ascension%w", shown(s), err)
	case a.hemisphere != "":
		return 0, fmt.Errorf("%q is not a right ascension: it has a north or a south", shown(s))
	}
	deg := a.value
	hours := a.unit == "h" || a.unit == "" && a.sexagesimal
	if hours {
		deg *= 15
	}
	switch {
	case hours && deg > 360:
		return 0, fmt.Errorf("right ascension %q is in hours, and not between 0 and 24; write degrees as 206d45m00s",
			shown(s))
	case deg < 0 || deg > 360:
		return 0, fmt.Errorf("right ascension %q is not between 0 and 360 degrees", shown(s))
	}
	return math.Mod(deg, 360) + 0, nil
}

// ParseDec reads a declination: decimal degrees, or degrees, minutes and seconds, with a sign, or
// with N or S before or after it. It returns degrees, -90 <= dec <= 90. The error says why the text
// is refused.
func ParseDec(s string) (float64, error) {
	a, err := parseAngle(s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a declination%w", shown(s), err)
	case a.unit == "h":
		return 0, fmt.Errorf("%q is not a declination: it is in hours", shown(s))
	case a.bareS:
		return 0, fmt.Errorf("%q is not a declination%w", shown(s), errSouth)
	case a.value < -90 || a.value > 90:
		return 0, fmt.Errorf("declination %q is not between -90 and 90 degrees", shown(s))
	}
	return a.value + 0, nil // no negative zero
}

// ParsePair reads a right ascension and a declination out of one text, as in
// "13:47:02.1 -12:30:00", "206.75875, -12.5" or "13 47 02.1 12 30 00". A sign, a semicolon, a comma
// or blanks separate them.
func ParsePair(s string) (ra, dec float64, err error) {
	if a, b, ok := splitPair(normal(s)); ok {
		var err1, err2 error
		if ra, err1 = ParseRA(a); err1 == nil {
			if dec, err2 = ParseDec(b); err2 == nil {
				return ra, dec, nil
			}
		}
	}
	return 0, 0, fmt.Errorf("%q is not a right ascension and a declination", shown(s))
}

const north = `(?:[Nn]orth|NORTH|[Ss]outh|SOUTH)`

var (
	signSplit = regexp.MustCompile(`^(\+?[^+-]*[0-9hdmsHDMS'".]) *,? *([+-][^+-]*)$`)
	poleSplit = regexp.MustCompile(`^(.*[0-9hdmsHDMS'".]) *,? +((?:N|S|n|` + north + `) *[0-9].*)$`)
	lastPole  = regexp.MustCompile(` +(?:N|S|n|s|` + north + `)$`)
	// hours and minutes with their letters, and seconds without one
	bareSeconds = regexp.MustCompile(`^[^:]*[hHdD'].*[0-9]$`)
)

// splitPair cuts a normal text into two.
func splitPair(s string) (ra, dec string, ok bool) {
	if a, b, ok := strings.Cut(s, ";"); ok {
		return a, b, true
	}
	if m := signSplit.FindStringSubmatch(s); m != nil {
		return m[1], m[2], true
	}
	if m := poleSplit.FindStringSubmatch(s); m != nil {
		return m[1], m[2], !bareSeconds.MatchString(m[1]) // or the S may belong to the seconds
	}
	if a, b, ok := strings.Cut(s, ","); ok {
		// 206,75 and 13:47:02,1 may be one number
		return a, b, strings.HasPrefix(b, " ") || strings.Contains(a, ".") || strings.ContainsAny(b, ".:m'")
	}
	pole := lastPole.FindString(s)
	words := strings.Fields(strings.TrimSuffix(s, pole))
	switch len(words) {
	case 2: // 10 20 may be one sexagesimal number
		return words[0], words[1] + pole, strings.Contains(words[0], ".") && !strings.Contains(words[0], ":") ||
			strings.ContainsAny(words[0], ".:hdm") && strings.ContainsAny(words[1], ".:dm'")
	case 6:
		return strings.Join(words[:3], " "), strings.Join(words[3:], " ") + pole, true
	}
	return "", "", false
}

// shown cuts a text for a message.
func shown(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

// The errors of parseAngle are the ends of a message; errAngle adds nothing to it.
var (
	errAngle  = errors.New("")
	errComma  = errors.New(": its comma may be a decimal point, or stand between two numbers; write a point")
	errSouth  = errors.New(": its s may mean seconds or south; write 12d30m00s for seconds and S 12:30:00 for south")
	errSigned = errors.New(": it has both a sign and a north or a south that do not go together")
)

// written maps what web pages and word processors write to what is read here. A character that maps
// to nothing is invisible.
var written = strings.NewReplacer(
	"\u200b", "", "\u200c", "", "\u200d", "", "\u2060", "", "\ufeff", "", "\u00ad", "", "\u200e", "", "\u200f", "",
	"\u00a0", " ", "\u2000", " ", "\u2001", " ", "\u2002", " ", "\u2003", " ", "\u2004", " ", "\u2005", " ",
	"\u2006", " ", "\u2007", " ", "\u2008", " ", "\u2009", " ", "\u200a", " ", "\u202f", " ", "\u205f", " ",
	"\u3000", " ", "\t", " ", "\n", " ", "\r", " ",
	"\u2212", "-", "\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\ufe63", "-", "\uff0d", "-",
	"°", "d", "º", "d", "˚", "d", "ᵈ", "d", "ʰ", "h", "ᵐ", "m", "ˢ", "s",
	"''", `"`, "′′", `"`, "’’", `"`, "″", `"`, "”", `"`, "“", `"`, "ʺ", `"`,
	"′", "'", "’", "'", "‘", "'", "ʹ", "'", "´", "'",
)

// normal returns a text with plain blanks, dashes and marks.
func normal(s string) string { return strings.Trim(written.Replace(s), " ") }

// angle is an angle as it is written.
type angle struct {
	value       float64
	sexagesimal bool
	unit        string // h, d or ""
	hemisphere  string // n, s or ""
	bareS       bool   // a small s at the end of a number with neither sign, units nor hemisphere
}

// part is the last part of a sexagesimal number.
const part = `[0-9]+(?:[.,][0-9]*)?`

var (
	before   = regexp.MustCompile(`^(N|S|n|s|` + north + `) *([0-9.,].*)$`)
	after    = regexp.MustCompile(`^(.*[^ ]) *(N|S|n|` + north + `)$`)
	capitals = regexp.MustCompile(`^[+-]? *[0-9]+ *[HD] *[0-9]+ *M *[0-9.,]+S$`)
	decimal  = regexp.MustCompile(`^([+-]?) ?([0-9]+\.?[0-9]*|\.[0-9]+|[0-9]+,[0-9]+)(e[+-]?[0-9]+)? *` +
		`(d|deg|degs|degrees?|h|hrs?|hours?)?$`)
	colons = regexp.MustCompile(`^([+-]?) ?([0-9]+) ?: ?(` + part + `)(?: ?: ?(` + part + `)s?)?$`)
	blanks = regexp.MustCompile(`^([+-]?) ?([0-9]+) +(` + part + `)(?: +(` + part + `)s?)?$`)
	units  = regexp.MustCompile(`^([+-]?) ?([0-9]+) *([hd]) *(` + part + `) *` +
		`(?:([m']) *(?:(` + part + `) *([s"])?([.,][0-9]+)?)?)?$`)
	fewDigits = regexp.MustCompile(`^[0-9]{1,2}$`)
)

// parseAngle reads a number, or two or three sexagesimal ones, of which the first has the sign
// (even if it is 0).
func parseAngle(text string) (a angle, err error) {
	if len(text) > maxAngle {
		return a, errAngle
	}
	s := normal(text)
	if capitals.MatchString(s) {
		s = strings.ToLower(s)
	} else if m := before.FindStringSubmatch(s); m != nil {
		a.hemisphere, s = strings.ToLower(m[1][:1]), m[2]
	} else if m := after.FindStringSubmatch(s); m != nil {
		a.hemisphere, s = strings.ToLower(m[2][:1]), m[1]
	}
	if a.hemisphere != "" && before.MatchString(s) {
		return a, errAngle
	}
	s = strings.ToLower(s)
	var sign, first, minutes, seconds string
	last := "s" // the mark of the last part, "" if it has none
	if m := decimal.FindStringSubmatch(s); m != nil {
		sign, first = m[1], m[2]
		if whole, fraction, ok := strings.Cut(first, ","); ok {
			// 206,75 may be a right ascension and a declination; 206,75875 and -12,5 may not
			if sign == "" && m[3] == "" && m[4] == "" && len(whole) <= 3 && fewDigits.MatchString(fraction) {
				return a, errComma
			}
			first = whole + "." + fraction
		}
		first += m[3]
		if m[4] != "" {
			a.unit = m[4][:1]
		}
	} else if m := units.FindStringSubmatch(s); m != nil {
		sign, first, a.unit, minutes, seconds = m[1], m[2], m[3], m[4], m[6]
		if last = m[5]; seconds != "" {
			last = m[7]
		}
		if m[8] != "" { // 02s.1 is 2.1 seconds
			if last == "" || strings.ContainsAny(seconds, ".,") {
				return a, errAngle
			}
			seconds += m[8]
		}
	} else if m = colons.FindStringSubmatch(s); m == nil {
		m = blanks.FindStringSubmatch(s)
		if m == nil {
			if strings.HasSuffix(s, " s") {
				return a, errSouth
			}
			return a, errAngle
		}
		sign, first, minutes, seconds = m[1], m[2], m[3], m[4]
	} else {
		sign, first, minutes, seconds = m[1], m[2], m[3], m[4]
	}
	switch {
	case a.hemisphere == "s" && last == "" && after.MatchString(normal(text)):
		return a, errSouth // 12d30m00S
	case a.hemisphere == "s" && sign != "", a.hemisphere == "n" && sign == "-":
		return a, errSigned
	}
	a.sexagesimal = minutes != ""
	a.bareS = a.sexagesimal && a.unit == "" && sign == "" && a.hemisphere == "" && strings.HasSuffix(s, "s")
	if a.value, err = sexagesimal(first, minutes, seconds); err != nil {
		return a, err
	}
	if sign == "-" || a.hemisphere == "s" {
		a.value = -a.value
	}
	return a, nil
}

// sexagesimal returns the value of a number with minutes and seconds, each of which may be "".
func sexagesimal(first, minutes, seconds string) (float64, error) {
	var parts [3]float64
	for i, text := range []string{first, minutes, seconds} {
		if text == "" {
			continue
		}
		f, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
		if err != nil || math.IsInf(f, 0) || i > 0 && f >= 60 || i == 1 && seconds != "" && f != math.Trunc(f) {
			return 0, errAngle
		}
		parts[i] = f
	}
	if minutes == "" {
		return parts[0], nil
	}
	return ((parts[0]*60+parts[1])*60 + parts[2]) / 3600, nil
}

// FormatRA writes degrees as hours, minutes and seconds with two decimals: 13:47:02.10.
func FormatRA(deg float64) string {
	n := int64(math.Round(deg / 15 * 3600 * 100))
	n %= 24 * 3600 * 100
	return fmt.Sprintf("%02d:%02d:%02d.%02d", n/360000, n/6000%60, n/100%60, n%100)
}

// FormatDec writes degrees with minutes and seconds of arc, one decimal and a sign: -12:30:00.0.
func FormatDec(deg float64) string {
	sign := "+"
	if deg < 0 {
		sign = "-"
	}
	n := int64(math.Round(math.Abs(deg) * 3600 * 10))
	return fmt.Sprintf("%s%02d:%02d:%02d.%d", sign, n/36000, n/600%60, n/10%60, n%10)
}

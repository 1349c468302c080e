package ingest

import (
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// timeFormats are the values of time_format, for messages.
const timeFormats = "mjd, jd, hjd, bjd, btjd, bkjd, rjd, gaia, unix or iso, with an optional scale (mjd_tt) or a " +
	"number that was subtracted (jd-2450000), or days:DATE for days since a date"

// waysOut says how to state the origin of times.
const waysOut = "; say what it is counted from with time_format: jd-2450000 (or another number that was " +
	"subtracted), rjd (JD-2400000), btjd (TESS), bkjd (Kepler), gaia (days since J2010.0), days:2020-01-01 (days " +
	"since a date), unix, mjd or jd"

// timeFormatNamed reads what the name of a column, its unit or the user's time_format says about
// its numbers: mjd, jd, hjd, bjd, btjd, bkjd, rjd, gaia, unix or iso, with an optional scale
// (bjd_tdb, jd(tcb)) or the number that was subtracted (jd-2450000, JD (2450000+)), or days:DATE
// and days since DATE. ok is false for anything else.
func timeFormatNamed(text string) (n instant.Clock, ok bool) {
	if n, ok, since := timeSince(text); since {
		return n, ok
	}
	text = foldTime(text)
	offset, shifted, scaled := "", false, false
	text, n.Scale, scaled = cutScale(text)
	if text != "iso8601" && text != "iso_8601" {
		text, offset, shifted = cutOffset(text)
	}
	if !scaled {
		text, n.Scale, scaled = cutScale(text)
	}
	n.ScaleKnown = scaled
	switch text {
	case "mjd", "mjdate":
		n.Kind = instant.KindMJD
	case "jd":
		n.Kind = instant.KindJD
	case "hjd", "hmjd", "mhjd":
		n.Kind, n.Ref = instant.KindJD, "heliocentric"
		if text != "hjd" {
			n.Kind = instant.KindMJD
		}
		if !scaled {
			n.Assumed = "heliocentric dates: the scale UTC is assumed"
		}
	case "bjd", "bmjd", "mbjd":
		n.Kind, n.Ref = instant.KindJD, "barycentric"
		if text != "bjd" {
			n.Kind = instant.KindMJD
		}
		if !scaled {
			n.Scale, n.Assumed = instant.ScaleTDB, "barycentric dates: the scale TDB is assumed"
		}
	case "time", "date", "t", "days":
		if n.Kind = instant.KindUnknown; !shifted {
			return n, false // timeOf knows these
		}
	case "btjd", "bkjd", "rjd", "gaia":
		return n, !shifted && countNamed(&n, text)
	case "unix", "unixtime", "unix_time":
		n.Kind = instant.KindUnix
		return n, !shifted
	case "iso", "isot", "iso_8601", "iso8601", "fits":
		n.Kind = instant.KindUnknown
		return n, !shifted
	default:
		return n, false
	}
	return n, !shifted || shift(&n, offset)
}

// countNamed sets the origin of a way of counting that has a name of its own: Gaia's days since
// J2010.0 in TCB (gea.esac.esa.int/archive/documentation), and reduced Julian dates, which are
// JD-2400000. ok is false if the clock has another scale.
func countNamed(n *instant.Clock, name string) (ok bool) {
	zero, scale := "2400000", n.Scale
	switch name {
	case "btjd":
		zero, scale, n.Ref = "2457000", instant.ScaleTDB, "barycentric"
	case "bkjd":
		zero, scale, n.Ref = "2454833", instant.ScaleTDB, "barycentric"
	case "gaia":
		zero, n.Ref = "2455197.5", "barycentric"
		scale, _ = instant.ScaleOf("TCB")
	}
	if n.ScaleKnown && n.Scale != scale {
		return false
	}
	n.Kind, n.Scale = instant.KindJD, scale
	return shift(n, zero)
}

// shift makes a clock of Julian or Modified Julian Dates one that counts from a number of them. A
// clock that does not say which counts from either, by the number. ok is false for a number from
// which nobody counts.
func shift(n *instant.Clock, number string) (ok bool) {
	d, ok := instant.ParseDecimal([]byte(number))
	zero, fits := d.Micros(instant.DayMicros)
	if !ok || !fits || d.Neg {
		return false
	}
	julian := zero >= 2_400_000*instant.DayMicros && zero <= 2_500_000*instant.DayMicros
	switch {
	case julian && n.Kind != instant.KindMJD:
		zero -= instant.JDOfUnixHalves * (instant.DayMicros / 2)
	case n.Kind != instant.KindJD && zero >= 1000*instant.DayMicros && zero <= 100_000*instant.DayMicros:
		zero -= instant.MJDOfUnix * instant.DayMicros
	default:
		return false
	}
	n.Kind, n.Zero, n.Unit = instant.KindCount, zero, instant.DayMicros
	return true
}

// timeSince reads days:DATE and days since DATE, and the same of seconds, where DATE is ISO 8601, a
// JD or an MJD, with an optional scale behind it. since is false for other texts.
func timeSince(text string) (n instant.Clock, ok, since bool) {
	text = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "_", " ")
	date := ""
	for _, unit := range []string{"days", "day", "d", "seconds", "second", "sec", "s"} {
		for _, word := range []string{":", " since "} {
			if rest, found := strings.CutPrefix(text, unit+word); found {
				date, since = strings.TrimSpace(rest), true
				n.Kind, n.Unit = instant.KindCount, instant.DayMicros
				if unit[0] == 's' {
					n.Unit = instant.SecondMicros
				}
			}
		}
	}
	if !since {
		return n, false, false
	}
	if i := strings.LastIndexByte(date, ' '); i > 0 {
		if scale, known := instant.ScaleOf(date[i+1:]); known {
			n.Scale, n.ScaleKnown, date = scale, true, date[:i]
		}
	}
	if b := []byte(date); len(b) >= 10 && b[4] == ' ' && b[7] == ' ' { // the name of a column that was folded
		b[4], b[7] = '-', '-'
		date = string(b)
	}
	t, reason := instant.Parse([]byte(date), instant.KindUnknown)
	n.Zero = t.Micros
	return n, reason == "", true
}

// foldTime folds the name of a way of counting time, and spells it as timeFormatNamed knows it:
// "J.D.-2400000", "Julian Day (2450000+)" and "Heliocentric JD" become jd_2400000, jd_2450000+ and
// hjd.
func foldTime(text string) string {
	text = strings.NewReplacer("−", "-", "–", "-", "—", "-", "(", " ", ")", " ", "[", " ", "]", " ").Replace(text)
	text = fold(text)
	for _, tail := range []string{"days", "day", "d"} {
		text = strings.TrimRight(strings.TrimSuffix(text, ",_"+tail), "_, ")
	}
	b := make([]byte, 0, len(text))
	for i := range len(text) {
		switch c := text[i]; {
		case c == '.' && len(b) > 0 && b[len(b)-1] >= 'a' && b[len(b)-1] <= 'z':
		case c == '_' && len(b) > 0 && b[len(b)-1] == '_':
		default:
			b = append(b, c)
		}
	}
	return timeWords.Replace(string(b))
}

var timeWords = strings.NewReplacer("reduced_julian_date", "rjd", "reduced_jd", "rjd",
	"modified_julian_date", "mjd", "modified_julian_day", "mjd", "modified_jd", "mjd",
	"heliocentric_julian_date", "hjd", "heliocentric_julian_day", "hjd", "heliocentric_jd", "hjd", "helio_jd", "hjd",
	"barycentric_julian_date", "bjd", "barycentric_julian_day", "bjd", "barycentric_jd", "bjd", "bary_jd", "bjd",
	"geocentric_julian_date", "jd", "geocentric_jd", "jd", "julian_date", "jd", "julian_day", "jd", "julianday", "jd",
	"juliandate", "jd")

// cutScale splits off the scale behind a folded name.
func cutScale(text string) (rest string, scale instant.Scale, found bool) {
	i := strings.LastIndexByte(text, '_')
	if i <= 0 || i+1 == len(text) {
		return text, instant.ScaleUTC, false
	}
	if s, known := instant.ScaleOf(text[i+1:]); known {
		return text[:i], s, true
	}
	return text, instant.ScaleUTC, false
}

// cutOffset splits off the number that was subtracted, as in jd_2450000, hjd_2450000+ and
// jd_2,450,000.
func cutOffset(text string) (rest, number string, found bool) {
	number = strings.TrimRight(text, "+")
	i := len(number)
	for i > 0 && (strings.IndexByte("0123456789,.", number[i-1]) >= 0 ||
		number[i-1] == 'e' && i < len(number) && i > 1 && number[i-2] >= '0' && number[i-2] <= '9') {
		i--
	}
	rest, number = strings.TrimRight(number[:i], "_+"), strings.ReplaceAll(number[i:], ",", "")
	if rest == "" || number == "" {
		return text, "", false
	}
	return rest, number, true
}

// isOffset reads a unit that is the number that was subtracted, as in HJD (2450000+).
func isOffset(unit string) (number string, ok bool) {
	number = strings.Trim(strings.NewReplacer("−", "-", "–", "-", ",", "", " ", "").Replace(unit), "+-")
	return number, len(number) > 3 && strings.Trim(number, "0123456789.") == ""
}

// timeOf returns how a column counts time, by its folded name without the unit, and the unit. ok is
// false if it is not a time.
func timeOf(base, unit string) (t instant.Clock, ok bool) {
	switch base {
	case "mjdobs", "mjd_obs", "obs_mjd", "obsmjd", "mjd_start", "mjd_mid", "midpoint_mjd", "epochmean":
		t.Kind = instant.KindMJD
	case "midpointmjdtai", "midpointtai", "expmidptmjd": // Rubin Observatory
		t.Kind, t.Scale = instant.KindMJD, instant.ScaleTAI
	case "time", "time_bin_start":
		t.Kind = instant.KindTime
	case "date", "obsdate", "obs_date", "date_obs", "dateobs", "timestamp", "datetime", "obstime", "obs_time",
		"ut", "utc", "epoch":
		t.Kind = instant.KindUnknown
	case "phase":
		t.Refused = "a phase is not a time"
		return t, true
	case "tbjd", "tjd", "thjd":
		t.Refused = "truncated dates count from several days; say from which with time_format, such as bjd-2457000"
		return t, true
	default:
		if t, ok = timeFormatNamed(base); !ok {
			t, ok = timeFormatNamed(withoutFillers(base))
		}
		if !ok {
			return t, false
		}
	}
	return withUnit(t, unit), true
}

// withoutFillers removes a word from the folded name of a time that says nothing about how it
// counts, as in time_jd and jd_mid; "" if there is none.
func withoutFillers(base string) string {
	for _, word := range []string{"time_", "date_", "obs_", "mid_", "midpoint_"} {
		if rest, ok := strings.CutPrefix(base, word); ok {
			return rest
		}
	}
	for _, word := range []string{"_obs", "_mid", "_mean", "_avg", "_start"} {
		if rest, ok := strings.CutSuffix(base, word); ok {
			return rest
		}
	}
	return ""
}

// withUnit adds what the unit of a time column says.
func withUnit(t instant.Clock, unit string) instant.Clock {
	days := t.Kind == instant.KindMJD || t.Kind == instant.KindJD || t.Kind == instant.KindCount
	switch fold(unit) {
	case "":
		return t
	case "d", "day", "days":
		if !days {
			t.Refused = "the column does not say from when its days count" + waysOut
		}
		return t
	case "s", "sec", "seconds":
		if t.Kind == instant.KindUnix {
			return t
		}
	}
	if number, ok := isOffset(unit); ok {
		if t.Kind == instant.KindUnix || t.Kind == instant.KindCount || !shift(&t, number) {
			t.Refused = "the number " + problem.Quoted(unit) + " behind the name is not understood"
		}
		return t
	}
	if scale, ok := instant.ScaleOf(unit); ok {
		if t.Scale != instant.ScaleUTC && scale != t.Scale && t.Assumed == "" {
			t.Refused = "the name says " + t.Scale.String() + " and the unit " + scale.String()
		}
		t.Scale, t.ScaleKnown, t.Assumed = scale, true, ""
		return t
	}
	byUnit, ok := timeFormatNamed(unit)
	switch {
	case !ok:
		t.Refused = "the unit " + problem.Quoted(unit) + " is not understood"
	case days && t.Kind != byUnit.Kind && byUnit.Kind != instant.KindCount:
		t.Refused = "the name and the unit " + problem.Quoted(unit) + " contradict each other"
	default:
		if byUnit.Scale == instant.ScaleUTC {
			byUnit.Scale, byUnit.ScaleKnown = t.Scale, byUnit.ScaleKnown || t.ScaleKnown
		}
		if byUnit.Ref == "" {
			byUnit.Ref = t.Ref
		}
		return byUnit
	}
	return t
}

func isTimeName(name string) bool {
	base, unit := cutUnit(name)
	_, ok := timeOf(fold(base), unit)
	return ok
}

// openTime returns how an Open Catalog counts time, by its u_time: MJD, which is the default, or
// JD, both UTC.
func openTime(unit string) (t instant.Clock, ok bool) {
	switch fold(unit) {
	case "", "mjd":
		return instant.Clock{Kind: instant.KindMJD}, true
	case "jd":
		return instant.Clock{Kind: instant.KindJD}, true
	}
	return instant.Clock{}, false
}

// dateKey is a keyword that may give the date of a spectrum, and how a number in it counts.
type dateKey struct {
	key  string
	kind instant.Kind
}

// dateKeys are in order of preference, spelt with dashes; files may have underscores.
var dateKeys = []dateKey{
	{"MJD-OBS", instant.KindMJD}, {"MJD", instant.KindMJD}, {"JD", instant.KindJD},
	{"MJD-AVG", instant.KindMJD}, {"DATE-AVG", instant.KindUnknown}, {"UTMIDDLE", instant.KindUnknown},
	{"DATE-OBS", instant.KindUnknown}, {"MJD-BEG", instant.KindMJD}, {"DATE-BEG", instant.KindUnknown},
	{"OBS-DATE", instant.KindUnknown}, {"AVE-MJD", instant.KindMJD}, {"EXPSTART", instant.KindMJD},
}

// isDateKey reports whether a keyword gives the date of a spectrum.
func isDateKey(key string) bool {
	return slices.ContainsFunc(dateKeys, func(d dateKey) bool { return d.key == key })
}

// clockKeys give the time of day if DATE-OBS has only the day, as it did before 1999.
var clockKeys = []string{"UT", "UTSHUT", "TIME-OBS", "UTSTART", "UTC-OBS", "UTC", "UT-OBS", "UT-START", "UTC-START"}

// secondsText formats microseconds as seconds.
func secondsText(micros int64) string {
	return strconv.FormatFloat(float64(micros)/1e6, 'f', -1, 64) + " s"
}

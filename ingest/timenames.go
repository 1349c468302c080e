package ingest

import (
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// timeFormats are the values of time_format, for messages.
const timeFormats = "mjd, jd, hjd, bjd, btjd, bkjd, unix or iso, with an optional scale (mjd_tt) or an offset that " +
	"was subtracted (jd-2450000)"

// timeFormatNamed reads what the name of a column, its unit or the user's time_format says about
// its numbers: mjd, jd, hjd, bjd, btjd, bkjd, unix or iso, with an optional scale (bjd_tdb,
// jd(tcb)) or the offset that was subtracted (jd-2450000). ok is false for anything else.
func timeFormatNamed(text string) (n instant.Clock, ok bool) {
	text = fold(text)
	if base, scale, found := strings.Cut(text, "("); found && strings.HasSuffix(scale, ")") {
		text = strings.TrimRight(base, "_") + "_" + strings.TrimSuffix(scale, ")")
	}
	text, offset, shifted, ok := cutOffset(text)
	if !ok {
		return n, false
	}
	scaled := false
	if i := strings.LastIndexByte(text, '_'); i > 0 {
		if s, known := instant.ScaleOf(text[i+1:]); known && text[i+1:] != "" {
			n.Scale, n.ScaleKnown, scaled, text = s, true, true, text[:i]
		}
	}
	switch text {
	case "mjd", "modified_julian_date", "mjdate":
		n.Kind = instant.KindMJD
	case "jd", "julian_date":
		n.Kind = instant.KindJD
	case "hjd", "helio_jd", "heliocentric_julian_date", "hmjd", "mhjd":
		n.Kind, n.Ref = instant.KindJD, "heliocentric"
		if strings.Contains(text, "m") && len(text) == 4 {
			n.Kind = instant.KindMJD
		}
		if !scaled {
			n.Assumed = "heliocentric dates: the scale UTC is assumed"
		}
	case "bjd", "barycentric_julian_date", "bmjd", "mbjd":
		n.Kind, n.Ref = instant.KindJD, "barycentric"
		if strings.Contains(text, "m") && len(text) == 4 {
			n.Kind = instant.KindMJD
		}
		if !scaled {
			n.Scale, n.Assumed = instant.ScaleTDB, "barycentric dates: the scale TDB is assumed"
		}
	case "btjd", "bkjd":
		if shifted || scaled && n.Scale != instant.ScaleTDB {
			return n, false
		}
		n.Ref, n.Scale, shifted, offset = "barycentric", instant.ScaleTDB, true, "2457000"
		if text == "bkjd" {
			offset = "2454833"
		}
		n.Kind = instant.KindJD
	case "unix", "unixtime", "unix_time":
		if shifted {
			return n, false
		}
		n.Kind = instant.KindUnix
	case "iso", "isot", "iso_8601", "iso8601", "fits":
		if shifted {
			return n, false
		}
		n.Kind = instant.KindUnknown
	default:
		return n, false
	}
	if shifted {
		d, ok := instant.ParseDecimal([]byte(offset))
		zero, fits := d.Micros(instant.DayMicros)
		if !ok || !fits {
			return n, false
		}
		if n.Kind == instant.KindJD {
			zero -= instant.JDOfUnixHalves * (instant.DayMicros / 2)
		} else {
			zero -= instant.MJDOfUnix * instant.DayMicros
		}
		n.Kind, n.Zero, n.Unit = instant.KindCount, zero, instant.DayMicros
	}
	return n, true
}

// cutOffset splits off the days that were subtracted, as in jd_2450000 and "bjd - 2457000, days".
// ok is false if the name ends with a number that cannot be such an offset.
func cutOffset(text string) (base, offset string, found, ok bool) {
	text = strings.NewReplacer("−", "-", "–", "-").Replace(text)
	for _, tail := range []string{"days", "day", "d"} {
		text = strings.TrimRight(strings.TrimSuffix(text, ",_"+tail), "_, ")
	}
	i := strings.LastIndexAny(text, "_-")
	if i <= 0 || i+1 == len(text) || text[i+1] < '0' || text[i+1] > '9' {
		return text, "", false, true
	}
	offset = text[i+1:]
	days, err := strconv.ParseFloat(offset, 64)
	if err != nil || days < 1000 || days > 2_600_000 {
		return text, "", false, false
	}
	return strings.TrimRight(text[:i], "_-"), offset, true, true
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
	case "tbjd":
		t.Refused = "truncated dates count from several days; say from which, such as bjd-2457000"
		return t, true
	default:
		if t, ok = timeFormatNamed(base); !ok {
			return t, false
		}
	}
	return withUnit(t, unit), true
}

// withUnit adds what the unit of a time column says.
func withUnit(t instant.Clock, unit string) instant.Clock {
	days := t.Kind == instant.KindMJD || t.Kind == instant.KindJD || t.Kind == instant.KindCount
	switch fold(unit) {
	case "":
		return t
	case "d", "day", "days":
		if !days {
			t.Refused = "the column does not say from when its days count; name it mjd or jd"
		}
		return t
	case "s", "sec", "seconds":
		if t.Kind == instant.KindUnix {
			return t
		}
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
	{"MJD-OBS", instant.KindMJD}, {"MJD", instant.KindMJD}, {"JD", instant.KindJD}, {"MJD-AVG",
		instant.KindMJD}, {"DATE-AVG", instant.KindUnknown},
	{"UTMIDDLE", instant.KindUnknown}, {"DATE-OBS", instant.KindUnknown}, {"MJD-BEG", instant.KindMJD}, {"DATE-BEG",
		instant.KindUnknown},
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

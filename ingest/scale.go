package ingest

import (
	"math"
	"strconv"
	"strings"
)

// timeScale is the scale in which a time is counted.
type timeScale uint8

const (
	scaleUTC timeScale = iota
	scaleTAI
	scaleTT
	scaleTDB
	scaleTCB
	scaleGPS
)

func (s timeScale) String() string {
	return [...]string{"UTC", "TAI", "TT", "TDB", "TCB", "GPS"}[s]
}

// scaleOf reads the name of a scale in any case, as TT(BIPM08) too; no name is UTC.
func scaleOf(text string) (s timeScale, ok bool) {
	text, _, _ = strings.Cut(strings.ToUpper(strings.TrimSpace(text)), "(")
	switch strings.TrimSpace(text) {
	case "", "UTC", "UT", "GMT", "Z":
		return scaleUTC, true
	case "TAI", "IAT":
		return scaleTAI, true
	case "TT", "TDT", "ET":
		return scaleTT, true
	case "TDB":
		return scaleTDB, true
	case "TCB":
		return scaleTCB, true
	case "GPS":
		return scaleGPS, true
	}
	return scaleUTC, false
}

// toUTC converts a time of a scale, both in microseconds since 1970-01-01 in days of 86,400 s. ok is false before 1972,
// when UTC and TAI did not differ by whole seconds.
func (s timeScale) toUTC(t int64) (utc int64, ok bool) {
	switch s {
	case scaleTAI:
		return utcFromTAI(t)
	case scaleGPS:
		return utcFromTAI(t + 19*secondMicros)
	case scaleTT:
		return utcFromTT(t)
	case scaleTDB:
		return utcFromTT(t - tdbMinusTT(t))
	case scaleTCB:
		t -= tcbMinusTDB(t)
		return utcFromTT(t - tdbMinusTT(t))
	}
	return t, true
}

const centuryMicros = 36_525 * float64(dayMicros)

// startOf2000 is J2000.0, JD 2451545, in microseconds since 1970.
const startOf2000 = int64(10_957)*dayMicros + dayMicros/2

// tdbMinusTT is the periodic difference of the two scales in microseconds, to about 10 microseconds from 1600 to 2200
// (Kaplan 2005, USNO Circular 179, equation 2.6, which neglects where on Earth the clock stands).
func tdbMinusTT(t int64) int64 {
	c := float64(t-startOf2000) / centuryMicros
	seconds := 0.001657*math.Sin(628.3076*c+6.2401) + 0.000022*math.Sin(575.3385*c+4.2970) +
		0.000014*math.Sin(1256.6152*c+6.1969) + 0.000005*math.Sin(606.9777*c+4.0212) +
		0.000005*math.Sin(52.9691*c+0.4444) + 0.000002*math.Sin(21.3299*c+5.5431) +
		0.000010*c*math.Sin(628.3076*c+4.2490)
	return int64(math.RoundToEven(seconds * 1e6))
}

// tcbMinusTDB is the linear drift of TCB in microseconds (IAU 2006 resolution B3).
func tcbMinusTDB(t int64) int64 {
	const (
		lb   = 1.550519768e-8
		tdb0 = -6.55e-5 // s
	)
	// JD 2443144.5003725 is 1977-01-01T00:00:32.184
	const zero = int64(43_144-mjdOfUnix)*dayMicros + 32_184_000
	return int64(math.RoundToEven(lb*float64(t-zero) - tdb0*1e6))
}

// timeName is what is told of a time column by its name, its unit or the uploader: what its numbers count.
type timeName struct {
	kind    scaleKind
	scale   timeScale
	told    bool   // the scale was told, also when it is UTC
	ref     string // "heliocentric", "barycentric"; "" for times at the Earth
	zero    int64  // kindCount: the instant of 0
	unit    int64  // kindCount: microseconds of 1
	assumed string // what of this nobody told; "" when all was
	refused string // why the column cannot be the time; "" when it can
}

// parse reads a time and converts it to UTC. reason is "" when it was understood.
func (n timeName) parse(text []byte) (t instant, reason string) {
	if n.kind == kindCount {
		t, reason = n.count(text)
	} else {
		t, reason = parseInstant(text, n.kind)
	}
	if reason != "" || n.scale == scaleUTC {
		return t, reason
	}
	utc, ok := n.scale.toUTC(t.micros)
	if !ok {
		return t, quoted(text) + ": times of " + n.scale.String() + " before 1972 are not converted to UTC"
	}
	t.shift, t.micros = t.micros-utc, utc
	return t, ""
}

// count reads a number of units since the column's zero.
func (n timeName) count(text []byte) (t instant, reason string) {
	d, ok := parseDecimal(text)
	if !ok {
		return t, quoted(text) + " is not a time"
	}
	micros, ok := d.micros(n.unit)
	if !ok || micros > maxInstant || micros < minInstant {
		return t, quoted(text) + outOfRange
	}
	t.form, t.micros = formCount, micros+n.zero
	if t.micros < minInstant || t.micros > maxInstant {
		return t, quoted(text) + outOfRange
	}
	return t, ""
}

// describe is how a report names the way of counting, as "BJD, TDB".
func (n timeName) describe(form string) string {
	if n.ref != "" {
		form = n.ref + " " + form
	}
	if n.scale != scaleUTC {
		form += ", " + n.scale.String()
	}
	return form
}

// timeFormatNamed reads what a column's name, its unit or the upload's time_format says of the numbers: mjd, jd, hjd, bjd,
// btjd, bkjd, unix or iso; with a scale behind it, as bjd_tdb and jd(tcb); or with what was taken off, as jd-2450000. ok is
// false for anything else.
func timeFormatNamed(text string) (n timeName, ok bool) {
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
		if s, known := scaleOf(text[i+1:]); known && text[i+1:] != "" {
			n.scale, n.told, scaled, text = s, true, true, text[:i]
		}
	}
	switch text {
	case "mjd", "modified_julian_date":
		n.kind = kindMJD
	case "jd", "julian_date":
		n.kind = kindJD
	case "hjd", "helio_jd", "heliocentric_julian_date", "hmjd", "mhjd":
		n.kind, n.ref = kindJD, "heliocentric"
		if strings.Contains(text, "m") && len(text) == 4 {
			n.kind = kindMJD
		}
		if !scaled {
			n.assumed = "heliocentric dates: the scale UTC is assumed"
		}
	case "bjd", "barycentric_julian_date", "bmjd", "mbjd":
		n.kind, n.ref = kindJD, "barycentric"
		if strings.Contains(text, "m") && len(text) == 4 {
			n.kind = kindMJD
		}
		if !scaled {
			n.scale, n.assumed = scaleTDB, "barycentric dates: the scale TDB is assumed"
		}
	case "btjd", "bkjd":
		if shifted || scaled && n.scale != scaleTDB {
			return n, false
		}
		n.ref, n.scale, shifted, offset = "barycentric", scaleTDB, true, "2457000"
		if text == "bkjd" {
			offset = "2454833"
		}
		n.kind = kindJD
	case "unix", "unixtime", "unix_time":
		if shifted {
			return n, false
		}
		n.kind = kindUnix
	case "iso", "isot", "iso_8601", "iso8601", "fits":
		if shifted {
			return n, false
		}
		n.kind = kindUntold
	default:
		return n, false
	}
	if shifted {
		d, ok := parseDecimal([]byte(offset))
		zero, fits := d.micros(dayMicros)
		if !ok || !fits {
			return n, false
		}
		if n.kind == kindJD {
			zero -= jdOfUnixHalves * (dayMicros / 2)
		} else {
			zero -= mjdOfUnix * dayMicros
		}
		n.kind, n.zero, n.unit = kindCount, zero, dayMicros
	}
	return n, true
}

// cutOffset takes a number of days that were subtracted off the end of a name, as in jd_2450000 and "bjd - 2457000, days". A
// number that is none of days since long ago is no offset and refuses the name.
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

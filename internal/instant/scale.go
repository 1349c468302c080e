package instant

import (
	"math"
	"strings"

	"nightjar/internal/problem"
)

// Scale is a time scale.
type Scale uint8

// The time scales.
const (
	ScaleUTC Scale = iota
	ScaleTAI
	scaleTT
	ScaleTDB
	scaleTCB
	scaleGPS
)

// String returns the abbreviation of the scale, such as "TDB".
func (s Scale) String() string {
	return [...]string{"UTC", "TAI", "TT", "TDB", "TCB", "GPS"}[s]
}

// ScaleOf returns the scale with a name, in any case, with or without a realization as in
// TT(BIPM08). No name is UTC.
func ScaleOf(text string) (s Scale, ok bool) {
	text, _, _ = strings.Cut(strings.ToUpper(strings.TrimSpace(text)), "(")
	switch strings.TrimSpace(text) {
	case "", "UTC", "UT", "GMT", "Z":
		return ScaleUTC, true
	case "TAI", "IAT":
		return ScaleTAI, true
	case "TT", "TDT", "ET":
		return scaleTT, true
	case "TDB":
		return ScaleTDB, true
	case "TCB":
		return scaleTCB, true
	case "GPS":
		return scaleGPS, true
	}
	return ScaleUTC, false
}

// ToUTC converts a time of the scale to UTC, both in microseconds since 1970-01-01 in days of
// 86,400 s. ok is false before 1972, when UTC and TAI did not differ by whole seconds.
func (s Scale) ToUTC(t int64) (utc int64, ok bool) {
	switch s {
	case ScaleTAI:
		return utcFromTAI(t)
	case scaleGPS:
		return utcFromTAI(t + 19*SecondMicros)
	case scaleTT:
		return utcFromTT(t)
	case ScaleTDB:
		return utcFromTT(t - tdbMinusTT(t))
	case scaleTCB:
		t -= tcbMinusTDB(t)
		return utcFromTT(t - tdbMinusTT(t))
	}
	return t, true
}

const centuryMicros = 36_525 * float64(DayMicros)

// startOf2000 is J2000.0, JD 2451545, in microseconds since 1970.
const startOf2000 = int64(10_957)*DayMicros + DayMicros/2

// tdbMinusTT is the periodic difference of the two scales in microseconds, to about 10 microseconds
// from 1600 to 2200 (Kaplan 2005, USNO Circular 179, equation 2.6, which neglects where on Earth
// the clock is).
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
	const zero = int64(43_144-MJDOfUnix)*DayMicros + 32_184_000
	return int64(math.RoundToEven(lb*float64(t-zero) - tdb0*1e6))
}

// Clock describes how a column counts time, by its name, its unit or what the user says.
type Clock struct {
	Kind       Kind
	Scale      Scale
	ScaleKnown bool   // the scale is given, even if it is UTC
	Ref        string // "heliocentric", "barycentric"; "" for times at the Earth
	Zero       int64  // KindCount: the time of 0
	Unit       int64  // KindCount: microseconds of 1
	Assumed    string // what had to be assumed; "" for nothing
	Refused    string // why the column cannot be the time; "" if it can
}

// Parse reads a time and converts it to UTC. reason is "" if it was understood.
func (n Clock) Parse(text []byte) (t Time, reason string) {
	if n.Kind == KindCount {
		t, reason = n.count(text)
	} else {
		t, reason = Parse(text, n.Kind)
	}
	if reason != "" || n.Scale == ScaleUTC {
		return t, reason
	}
	utc, ok := n.Scale.ToUTC(t.Micros)
	if !ok {
		return t, problem.Quoted(text) + ": times of " + n.Scale.String() + " before 1972 are not converted to UTC"
	}
	t.Shift, t.Micros = t.Micros-utc, utc
	return t, ""
}

// count reads a number of units since Zero.
func (n Clock) count(text []byte) (t Time, reason string) {
	d, ok := ParseDecimal(text)
	if !ok {
		return t, problem.Quoted(text) + " is not a time"
	}
	micros, ok := d.Micros(n.Unit)
	julian := micros >= 2_400_000*DayMicros && micros <= 2_500_000*DayMicros
	if ok && julian && n.Unit == DayMicros && n.Zero >= -MJDOfUnix*DayMicros {
		return t, problem.Quoted(text) + " is a Julian date, and no number of days since " + Text(n.Zero)
	}
	if !ok || micros > MaxInstant || micros < MinInstant {
		return t, problem.Quoted(text) + outOfRange
	}
	t.Form, t.Micros = FormCount, micros+n.Zero
	if t.Micros < MinInstant || t.Micros > MaxInstant {
		return t, problem.Quoted(text) + outOfRange
	}
	return t, ""
}

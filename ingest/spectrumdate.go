package ingest

import (
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// specDate is the date of a spectrum.
type specDate struct {
	micros int64 // UTC, as Point.Time
	timed  bool
}

// spectrumDate finds the date: the user's, that of the first keyword that has one, or that in the
// name of the file. get looks up a keyword in capitals with dashes. A date that cannot be read is a
// problem at place.
func (j *job) spectrumDate(get func(key string) (string, bool), place bounded.Problem) specDate {
	key, kind := findDateKey(get, j.notes)
	text, _ := get(key)
	if given := strings.TrimSpace(j.options.DateObs); given != "" {
		t, reason := instant.Parse([]byte(given), instant.KindTime)
		if reason != "" {
			j.problem(bounded.Problem{Column: "date_obs", Reason: reason})
			return specDate{}
		}
		if key != "" {
			j.warn("the date %s of the upload is used; %s = %s in the file is not", problem.Clip(given), key,
				problem.Clip(text))
		} else {
			j.warn("the date %s, read as %s, was given with the upload (date_obs)", problem.Clip(given),
				instant.Text(t.Micros))
		}
		j.warnDate("date_obs", t)
		return specDate{micros: t.Micros, timed: true}
	}
	place.Column = key
	var t instant.Time
	reason := ""
	switch {
	case key != "":
		t, reason = parseDate(key, text, kind, get)
	default:
		var ok bool
		if t, ok = dateInName(j.file.Name); !ok {
			j.warn("the file gives no date, so the time of the upload is taken: give the date with the upload " +
				"(date_obs)")
			return specDate{}
		}
		j.warn("the date %s is taken from the file's name", instant.Text(t.Micros))
		return specDate{micros: t.Micros, timed: true}
	}
	// a two-digit year may be meant for this century
	if old, ok := oldDate(strings.TrimSpace(text)); ok && reason == "" && old < "1970" {
		j.warn("%s = %s is taken for a day of %s: in FITS two digits are a year from 1900 to 1999", key,
			problem.Clip(text), old[:4])
	}
	if reason == "" {
		var scale instant.Scale
		given := t.Micros
		t.Micros, scale, reason = toUTC(given, get)
		if reason == "" && scale != instant.ScaleUTC {
			j.warn("%s is %s: %s were subtracted to get UTC", key, scale, secondsText(given-t.Micros))
		}
	}
	if reason != "" {
		place.Reason = reason
		j.problem(place)
		return specDate{}
	}
	j.warnDate(key, t)
	return specDate{micros: t.Micros, timed: true}
}

// findDateKey returns the first keyword that has a value; "" for none. Headers write an MJD or JD
// of 0 if they have none.
func findDateKey(get func(string) (string, bool), n *notes) (string, instant.Kind) {
	for _, k := range dateKeys {
		text, ok := get(k.key)
		if !ok || missing([]byte(strings.TrimSpace(text))) {
			continue
		}
		if k.key == "UTMIDDLE" && instant.IsClock([]byte(strings.TrimSpace(text))) {
			continue // a time of day without its date
		}
		if d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(text))); ok && d.Zero() {
			n.warn("%s is 0 and taken for missing", k.key)
			continue
		}
		return k.key, k.kind
	}
	return "", instant.KindMJD
}

// parseDate reads the date in a keyword.
func parseDate(key, text string, kind instant.Kind, get func(string) (string, bool)) (instant.Time, string) {
	text = strings.TrimSpace(text)
	for _, zone := range []string{" UTC", " UT"} {
		text = strings.TrimSuffix(text, zone)
	}
	if old, ok := oldDate(text); ok {
		text = old
	}
	t, reason := instant.Parse([]byte(text), kind)
	if reason != "" || !t.DateOnly || key != "DATE-OBS" {
		return t, reason
	}
	for _, k := range clockKeys {
		clock, _ := get(k)
		if clock = strings.TrimSpace(clock); clock == "" {
			continue
		}
		if len(clock) > 1 && clock[1] == ':' {
			clock = "0" + clock
		}
		if instant.IsClock([]byte(clock)) {
			return instant.ParseISO([]byte(text + "T" + clock))
		}
	}
	if start, ok := get("EXPSTART"); ok { // HST and JWST: an MJD
		if exact, reason := instant.Parse([]byte(strings.TrimSpace(start)), instant.KindMJD); reason == "" {
			return exact, ""
		}
	}
	return t, ""
}

// oldDate converts dd/mm/yy, which FITS used for the years 1900 to 1999.
func oldDate(text string) (string, bool) {
	if len(text) != 8 || text[2] != '/' || text[5] != '/' {
		return "", false
	}
	return "19" + text[6:] + "-" + text[3:5] + "-" + text[:2], true
}

// toUTC converts a time by the TIMESYS of the file. UTC and no TIMESYS leave it unchanged; an
// unknown scale is refused.
func toUTC(t int64, get func(string) (string, bool)) (utc int64, scale instant.Scale, reason string) {
	text, _ := get("TIMESYS")
	scale, ok := instant.ScaleOf(text)
	if !ok {
		return 0, scale, "times of the scale TIMESYS = " + problem.Clip(text) +
			" are not read; give the date with the upload"
	}
	if utc, ok = scale.ToUTC(t); !ok {
		return 0, scale, "times of the scale TIMESYS = " + problem.Clip(text) + " before 1972 are not converted to UTC"
	}
	return utc, scale, ""
}

// warnDate warns about what had to be assumed about a date.
func (j *job) warnDate(key string, t instant.Time) {
	if t.Form == instant.FormJD && key != "JD" {
		j.warn("%s is between 2,400,000 and 2,500,000 and taken for a Julian date", key)
	}
	if t.DateOnly {
		j.warn("%s has no time of day: 00:00 UTC is assumed", key)
	}
	if t.Leap {
		j.warn("%s is 23:59:60 and became 00:00:00 of the next day", key)
	}
	if instant.OnLeapDay(t.Micros) {
		j.warn("%s is on a day that ended with a leap second; times are kept in days of 86,400 s", key)
	}
}

// dateInName finds a date as archives write it in names of files, such as 2019-09-05_01-02-03.
func dateInName(name string) (t instant.Time, ok bool) {
	const length = len("2019-09-05_01-02-03")
	for i := 0; i+length <= len(name); i++ {
		text := []byte(name[i : i+length])
		if text[10] != '_' || text[13] != '-' || text[16] != '-' {
			continue
		}
		text[10], text[13], text[16] = 'T', ':', ':'
		if t, reason := instant.ParseISO(text); reason == "" {
			return t, true
		}
	}
	return t, false
}

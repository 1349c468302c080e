package ingest

import (
	"strconv"
	"strings"

	"nightjar/internal/instant"
)

// describe is how a report names the way of counting, as "BJD, TDB".
func describe(n instant.Clock, form string) string {
	if n.Ref != "" {
		form = n.Ref + " " + form
	}
	if n.Scale != instant.ScaleUTC {
		form += ", " + n.Scale.String()
	}
	return form
}

// timeFormatNamed reads what a column's name, its unit or the upload's time_format says of the numbers: mjd, jd, hjd, bjd,
// btjd, bkjd, unix or iso; with a scale behind it, as bjd_tdb and jd(tcb); or with what was taken off, as jd-2450000. ok is
// false for anything else.
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
			n.Scale, n.Told, scaled, text = s, true, true, text[:i]
		}
	}
	switch text {
	case "mjd", "modified_julian_date":
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
		n.Kind = instant.KindUntold
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

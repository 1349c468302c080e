package ingest

import (
	"strings"
	"testing"

	"nightjar/internal/instant"
)

// TestTimeOrigins: the name or the unit of a column, the upload, or a keyword of the file says from
// which day times are counted.
func TestTimeOrigins(t *testing.T) {
	const noon = "2026-06-01T12:00:00Z" // MJD 61192.5, JD 2461193
	for _, c := range []struct{ header, value, format, when string }{
		{header: "Julian Day (2450000+)", value: "11193"}, {header: "J.D.-2400000", value: "61193"},
		{header: "JD - 2400000", value: "61193"}, {header: "JD-2,450,000", value: "11193"},
		{header: "JD–2450000", value: "11193"}, {header: "JD (-2450000)", value: "11193"},
		{header: "JD(2450000+)", value: "11193"}, {header: "JD 2450000+", value: "11193"},
		{header: "JD+2450000", value: "11193"}, {header: "JD-2.45e6", value: "11193"},
		{header: "JD_2450000", value: "11193"}, {header: "JD-2450000.5", value: "11192.5"},
		{header: "Julian Date - 2450000", value: "11193"}, {header: "Julian Day", value: "2461193"},
		{header: "JD_UTC-2450000", value: "11193"}, {header: "MJD-50000", value: "11192.5"},
		{header: "MJD (60000+)", value: "1192.5"}, {header: "RJD", value: "61193"}, {header: "rjd", value: "61193"},
		{header: "Reduced JD", value: "61193"}, {header: "time (JD-2450000)", value: "11193"},
		{header: "time-2450000", value: "11193"}, {header: "t-2450000", value: "11193"},
		{header: "Date (2450000+)", value: "11193"}, {header: "time (days since 2026-01-01)", value: "151.5"},
		{header: "days since 2026-01-01", value: "151.5"}, {header: "mjd", value: "61192.5"},
		{header: "HJD-2450000", value: "11193"}, {header: "H.J.D. - 2450000", value: "11193"},
		{header: "HJD (2450000+)", value: "11193"}, {header: "Heliocentric JD - 2450000", value: "11193"},
		{header: "time", value: "61192.5"}, {header: "time", value: "2461193"},
		{header: "BJD_UTC - 2457000", value: "4193"}, {header: "BJD(UTC)-2457000", value: "4193"},
		{header: "time", value: "11193", format: "jd-2450000"}, {header: "time", value: "61193", format: "rjd"},
		{header: "time", value: "61193", format: "RJD"}, {header: "t", value: "1192.5", format: "mjd-60000"},
		{header: "time", value: "151.5", format: "days:2026-01-01"},
		{header: "time", value: "151.5", format: "days since 2026-01-01T00:00:00"},
		{header: "time", value: "4193", format: "days:2457000"},
		{header: "time", value: "1192.5", format: "days:60000"},
		{header: "time", value: "43200", format: "seconds:2026-06-01"},
		// TDB-UTC is 69.184 s + 0.0009 s (Astronomical Almanac), TCB-TDB 24.1786 s (IAU 2006)
		{header: "time", value: "4193", format: "btjd", when: "2026-06-01T11:58:50.81511Z"},
		{header: "BTJD", value: "4193", when: "2026-06-01T11:58:50.81511Z"},
		{header: "time", value: "4193", format: "days:2457000 TDB", when: "2026-06-01T11:58:50.81511Z"},
		{header: "time", value: "6360", format: "bkjd", when: "2026-06-01T11:58:50.81511Z"},
		{header: "time", value: "5995.5", format: "gaia", when: "2026-06-01T11:58:26.636389Z"},
		{header: "jd", value: "11193", format: "jd-2450000"}, {header: "time_jd", value: "2461193"},
		{header: "JD-OBS", value: "2461193"}, {header: "obs_mjd_utc", value: "61192.5"},
		{header: "MJD-MID", value: "61192.5"}, {header: "time_jd-2450000", value: "11193"},
		{header: "hjd", value: "11193", format: "hjd-2450000"},
	} {
		points, _, err := process("photometry", "a.csv", []byte("\""+c.header+"\",mag\n"+c.value+",15\n"),
			Options{TimeFormat: c.format, TimeColumn: map[bool]string{true: c.header}[c.header == "t"]})
		when := c.when
		if when == "" {
			when = noon
		}
		if err != nil || len(points) != 1 || instant.Text(points[0].Time) != when {
			t.Errorf("%s %s %s: %v %v", c.header, c.value, c.format, err, points)
			if len(points) > 0 {
				t.Error(instant.Text(points[0].Time))
			}
		}
	}
	for keyword, value := range map[string]string{"TIMEZERO = 2457000": "4193", "time_zero: 2026-01-01": "151.5",
		"MJDREF = 60000": "1192.5", "JDREF: 2450000": "11193", "time origin: 60000": "1192.5"} {
		points, report, err := process("photometry", "a.csv", []byte("# "+keyword+"\ntime,mag\n"+value+",15\n"),
			Options{})
		if err != nil || len(points) != 1 || instant.Text(points[0].Time) != noon ||
			!strings.Contains(strings.Join(report.Warnings, "\n"), "column time: counted from") {
			t.Errorf("%s: %v %v %q", keyword, err, points, report.Warnings)
		}
	}
	for _, c := range []struct{ header, value, says string }{
		{"time", "3450.1", "time_format"}, {"time", "9812.5", "time_format"}, {"time", "11100.4", "time_format"},
		{"Time", "39999.9", "time_format"}, {"time", "80000.1", "time_format"}, {"time", "2399999", "time_format"},
		{"time", "2500001", "time_format"}, {"time", "1.7e9", "time_format"}, {"time", "0.53", "time_format"},
		{"date", "20260601", "time_format"}, {"epoch", "2026.4", "time_format"}, {"obstime", "120", "time_format"},
		{"hjd", "9812.5", "time_format"}, {"bjd", "3450.1", "time_format"}, {"jd", "61193", "time_format"},
		{"tjd", "11193", "time_format"}, {"TBJD", "11193", "time_format"}, {"BTJD", "2461193", "is a Julian date"},
		{"JD-2450000", "2461193", "is a Julian date"}, {"JD-2", "11193", "no time column"},
		{"JD (12)", "11193", "not understood"}, {"mjd", "2461193", "above 2,400,000"}, {"phase", "0.3", "phase"},
		{"JD-60000", "1193", "no time column"}, {"time (d)", "1193", "time_format"},
	} {
		points, _, err := process("photometry", "a.csv", []byte("\""+c.header+"\",mag\n"+c.value+",15\n"), Options{})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s: %v, %d points", c.header, c.value, err, len(points))
		}
	}
	for _, format := range []string{"stardate", "jd-12", "days:", "days:yesterday", "days:12", "btjd_tt", "gaia_utc",
		"rjd-5000", "days since", "iso-2450000", "mjd-2450000", "time", "date"} {
		if _, _, err := process("photometry", "a.csv", []byte("time,mag\n61193,15\n"),
			Options{TimeFormat: format}); err == nil || !strings.Contains(err.Error(), "column time_format: ") {
			t.Errorf("%s: %v", format, err)
		}
	}
}

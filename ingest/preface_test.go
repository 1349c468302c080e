package ingest

import (
	"strings"
	"testing"
)

// TestPreface: lines above the header that are no comments are a preface; their keywords count, and
// the report says how many there are.
func TestPreface(t *testing.T) {
	const want = `{"mjd":61100.5,"magnitude":18.1,"filter":"r"}` + "\n" +
		`{"mjd":61101.5,"magnitude":18.2,"filter":"g"}`
	const rows = "61100.5,18.1,r\n61101.5,18.2,g\n"
	blanks := strings.ReplaceAll(rows, ",", "  ")
	const one = "1 line above the header in line 2 taken for a preface"
	for _, c := range []struct{ name, text, want, warning string }{
		{"a title", "Light curve of a star, by us\nmjd,mag,filter\n" + rows, want, one},
		{"a title of as many words", "A light curve\nmjd mag filter\n" + blanks, want, one},
		{"several lines", "Telescope: 1 m; seen in 2026\n\nObject = x\n# a comment\nmjd  mag  filter\n--- --- ---\n" +
			blanks,
			want, "2 lines above the header in line 5 taken for a preface"},
		{"a title as long as a row", "Name,A star,of ours\nmjd,mag,filter\n" + rows, want, one},
		{"keywords of sncosmo", "@name SN X\n@z 0.05\n# mjd mag filter\n" + blanks, want,
			"the columns are named by the " +
				"comment above them: 'mjd', 'mag', 'filter'"},
		{"bands", "A list\nMJD g gerr r rerr\n61100.5 nan nan 18.1 0.1\n61101.5 18.2 0.1 nan nan\n",
			`{"mjd":61100.5,"filter":"r","magnitude":18.1,"error":0.1}` + "\n" +
				`{"mjd":61101.5,"filter":"g","magnitude":18.2,"error":0.1}`, one},
	} {
		points, report, err := process("photometry", "t.txt", []byte(c.text), Options{})
		if err != nil || values(points) != c.want || !strings.Contains(strings.Join(report.Warnings, "\n"), c.warning) {
			t.Errorf("%s: %v %q, got\n%s", c.name, err, report.Warnings, values(points))
		}
	}
	points, _, err := process("spectroscopy", "t.txt",
		[]byte("A spectrum\nDATE-OBS: 2026-03-01T06:00:00\nwavelength (nm) flux (Jy)\n400 1.5\n401 1.25\n"), Options{})
	if err != nil || !points[0].Timed || !strings.Contains(values(points), `"wavelength_units":"nm"`) {
		t.Errorf("%v %s", err, values(points))
	}
	for name, text := range map[string]string{
		"two tables":        "a,b\n1,2\n3,4\nmjd,mag\n61100.5,18\n",
		"no header":         "A title\n61100.5 18\n61101.5 18\n",
		"a name in a title": "The mag of a star by time mjd\nx y z\n61100.5 18 1\n",
		"keys among rows":   "mjd mag\n61100.5 18\n@z 0.5\n",
	} {
		if points, _, err := process("photometry", "t.txt", []byte(text), Options{}); err == nil {
			t.Errorf("%s: read as %s", name, values(points))
		}
	}
}

// TestSALT: a light curve for SALT2 names a column in each comment, and may have its band, system
// and instrument in keywords.
func TestSALT(t *testing.T) {
	points, report, err := process("photometry", "lc.list",
		[]byte("@SN 99xx\n@Z_HELIO 0.1\n# made up\n#Date :\n#Flux :\n"+
			"#Fluxerr : its error\n#ZP :\n#Filter : instrument and band\n#MagSys :\n#end :\n"+
			"53083.5 80.0 8.0 25.0 CAM::g AB\n53084.5 1.0 8.0 25.0 CAM::r AB\n"), Options{})
	const want = `{"date":53083.5,"flux":80.0,"flux_error":8.0,"zero_point":25.0,"filter":"CAM::g","magsys":"AB"`
	if err != nil || len(points) != 2 || !strings.HasPrefix(values(points), want) ||
		report.Columns[0].Unit != "MJD" {
		t.Errorf("%v %+v, got\n%s", err, report.Columns, values(points))
	}
	const keys = "@INSTRUMENT CAM\n@BAND g\n@MAGSYS VEGA\n#Date : MJD\n#Flux : ADU\n#Fluxerr : see\n#ZP :\n#end\n"
	points, report, err = process("photometry", "lc2fit_g.dat", []byte(keys+"53083.60 81.5 7.5 32.5\n"), Options{})
	const constant = `{"date":53083.60,"flux":81.5,"flux_error":7.5,"zero_point":32.5,"filter":"g","magsys":"VEGA",` +
		`"instrument":"CAM"`
	if err != nil || !strings.HasPrefix(values(points), constant) {
		t.Errorf("%v %q, got\n%s", err, report.Warnings, values(points))
	}
	for _, bad := range []string{"53083.60 81.5 7.5\n", "53083.60 81.5 7.5 32.5 1\n"} {
		if points, _, err := process("photometry", "a", []byte(keys+"53083.60 81.5 7.5 32.5\n"+bad),
			Options{}); err == nil {
			t.Errorf("%q: read as %s", bad, values(points))
		}
	}
}

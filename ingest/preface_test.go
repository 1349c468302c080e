package ingest

import (
	"strings"
	"testing"
)

// TestPreface: lines above the header that are no comments are a preface; their keywords count, and
// the report says how many there are.
func TestPreface(t *testing.T) {
	const want = `{"mjd":61100.5,"magnitude":18.1,"filter":"r"}` + "\n" + `{"mjd":61101.5,"magnitude":18.2,"filter":"g"}`
	const rows = "61100.5,18.1,r\n61101.5,18.2,g\n"
	blanks := strings.ReplaceAll(rows, ",", "  ")
	const one = "1 line above the header in line 2 taken for a preface"
	for _, c := range []struct{ name, text, want, warning string }{
		{"a title", "Light curve of a star, by us\nmjd,mag,filter\n" + rows, want, one},
		{"a title of as many words", "A light curve\nmjd mag filter\n" + blanks, want, one},
		{"several lines", "Telescope: 1 m; seen in 2026\n\nObject = x\n# a comment\nmjd  mag  filter\n--- --- ---\n" + blanks,
			want, "2 lines above the header in line 5 taken for a preface"},
		{"a title as long as a row", "Name,A star,of ours\nmjd,mag,filter\n" + rows, want, one},
		{"keywords of sncosmo", "@name SN X\n@z 0.05\n# mjd mag filter\n" + blanks, want, "the columns are named by the " +
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

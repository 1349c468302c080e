package ingest

import (
	"strings"
	"testing"
)

// TestNamesOfObjects: identifiers that are texts name the objects of rows; a column of other names
// is no more than a warning.
func TestNamesOfObjects(t *testing.T) {
	o := Options{Names: []string{"ZTF18a"}}
	for _, c := range []struct{ header, first, second, objects, warning string }{
		{"objectId", "ZTF18a", "ZTF18b", "ZTF18a", ""},
		{"oid", "ZTF18a", "ZTF18b", "ZTF18a", ""},
		{"objectId", "ZTF18b", "ZTF18b", "ZTF18b ZTF18b", "the rows are of 'ZTF18b', which is not a name"},
		{"objectid", "101", "102", " ", ""},
		{"oid,object", "x,ZTF18a", "y,ZTF18a", "ZTF18a ZTF18a", ""},
		{"name", "SN 1", "SN 2", " ", "column name holds several names, such as 'SN 1' and 'SN 2'"},
		{"name", "SN 1", "SN 1", " ", ""},
		{"star", "1", "2", " ", ""},
	} {
		points, report, err := process("photometry", "lc.csv",
			[]byte("mjd,mag,filter,"+c.header+"\n58000,18,g,"+c.first+"\n58001,19,g,"+c.second+"\n"), o)
		var objects []string
		for _, p := range points {
			objects = append(objects, p.Object)
		}
		warnings := strings.Join(report.Warnings, "\n")
		if err != nil || strings.Join(objects, " ") != c.objects || !strings.Contains(warnings, c.warning) ||
			c.warning == "" && warnings != "" {
			t.Errorf("%s %s: %v %q %s", c.header, c.first, err, objects, warnings)
		}
	}
}

// TestNamesOfLimits: a limiting magnitude may be named by the number of its errors.
func TestNamesOfLimits(t *testing.T) {
	for name, limit := range map[string]bool{"limit_5sigma": true, "5sigmalim": true, "lim_mag_5sig": true,
		"UL 3sigma": true, "limiting_mag_3sigma": true, "3sig_upper_limit": true, "n_sigma": false, "5sigma": false,
		"limit_sigma": false, "limb_5sig": false} {
		points, _, err := process("photometry", "lc.csv", []byte("mjd,mag,"+name+"\n58000,18,20.5\n"), Options{})
		if err != nil || strings.Contains(values(points), `"limit":20.5`) != limit {
			t.Errorf("%s: %v %s", name, err, values(points))
		}
	}
	points, _, err := process("photometry", "lc.csv",
		[]byte("mjd,mag,err\n58000,18,#N/A\n58001,18,\\N\n58002,18,<NA>\n58003,18,—\n"), Options{})
	if err != nil || len(points) != 4 || strings.Contains(values(points), "error") {
		t.Errorf("%v %s", err, values(points))
	}
}

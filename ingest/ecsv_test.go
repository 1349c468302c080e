package ingest

import (
	"strings"
	"testing"

	"nightjar/internal/instant"
)

const ecsvStart = "# %ECSV 1.0\n# ---\n"

// TestECSVYAML: the header may use all of YAML, with members in braces, nested ones, ordered
// mappings, anchors, merge keys and texts over several lines.
func TestECSVYAML(t *testing.T) {
	const rows = "mjd mag y\n61100.25 18.10 g\n"
	const want = `{"mjd":61100.25,"magnitude":18.10,"y":"g"}`
	for _, c := range []struct{ name, header string }{
		{"nested meta of columns", "datatype:\n- name: mjd\n  unit: d\n  datatype: float64\n  meta: !!omap\n" +
			"  - {ucd: time.epoch}\n  - {width: 10}\n- name: mag\n  datatype: float32\n" +
			"  description: '[0/9.6]? it''s a magnitude'\n  meta: !!omap\n  - values: {'null': .nan, name: other}\n" +
			"- {name: y, datatype: string}\nschema: astropy-2.0\n"},
		{"one flow", "{datatype: [{name: mjd, datatype: float64}, {name: \"mag\", datatype: float64},\n" +
			"  {name: y, datatype: string, meta: {a: [1, {name: b}]}}], delimiter: ' ', meta: {a: {b: c}}}\n"},
		{"anchors and merges", "number: &number {unit: d, datatype: float64}\ndatatype:\n" +
			"- {name: mjd, <<: *number}\n- name: &name mag\n  <<: [{unit: mag}, *number]\n" +
			"- {name: y, datatype: string}\nmeta: {again: *name}\n"},
		{"texts over several lines", "datatype:\n- {name: mjd, datatype: float64}\n- name: >-\n    mag\n  " +
			"description: |\n" +
			"    - name: other\n    - name: another\n  datatype: float64\n- name: !!str y\n  datatype: string\n"},
		{"keys with quotes", "\"datatype\":\n  -   'name': mjd\n      'datatype': float64\n  - {'name': 'mag'}\n" +
			"  - {name: y, datatype: string} # the band\n"},
	} {
		header := "# " + strings.ReplaceAll(strings.TrimSuffix(c.header, "\n"), "\n", "\n# ") + "\n"
		points, _, err := process("photometry", "t.ecsv", []byte(ecsvStart+header+rows), Options{})
		if err != nil || values(points) != want {
			t.Errorf("%s: %v, got %s", c.name, err, values(points))
		}
	}
}

// TestECSVRefused: what is not YAML is refused with its line; what would cost too much is refused.
func TestECSVRefused(t *testing.T) {
	const columns = "# datatype:\n# - {name: mjd, datatype: float64}\n# - {name: mag, datatype: float64}\n"
	bomb := "# a: &a [x, x, x, x, x, x, x, x]\n"
	for name := 'b'; name < 'z'; name++ {
		a := string(name - 1)
		bomb += "# " + string(name) + ": &" + string(name) + " [*" + strings.Repeat(a+", *", 7) + a + "]\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"a brace that is not closed", "# datatype:\n# - {name: mjd, datatype: float64\n# - {name: mag}\n",
			"not valid YAML"},
		{"too deep", columns + "# meta: " + strings.Repeat("[", 101) + strings.Repeat("]", 101) + "\n", "depth of 100"},
		{"too many nodes", columns + "# meta: [" + strings.Repeat("a,", 200_000) + "a]\n", "more than 200000 nodes"},
		{"mappings that are merged again and again", columns + "# meta: &m {a: 1, <<: [*m, *m, *m, *m, *m]}\n",
			"too long to read"},
		{"no list of columns", "# datatype: {name: mjd}\n", "describes no columns"},
	} {
		_, _, err := process("photometry", "t.ecsv", []byte(ecsvStart+c.text+"mjd mag\n61100.5 18\n"), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	points, _, err := process("photometry", "t.ecsv",
		[]byte(ecsvStart+bomb+columns+"# meta: {all: *y}\nmjd mag\n61100.5 18\n"), Options{})
	if err != nil || len(points) != 1 {
		t.Errorf("aliases of aliases: %v", err)
	}
}

// TestECSVSerialized: a Time in two numbers is their exact sum, and a value under a mask is
// missing.
func TestECSVSerialized(t *testing.T) {
	const header = "# delimiter: ','\n# datatype:\n# - {name: t.jd1, unit: d, datatype: float64}\n" +
		"# - {name: t.jd2, unit: d, datatype: float64}\n# - {name: mag, datatype: float64}\n" +
		"# - {name: err, datatype: float64}\n# - {name: err.mask, datatype: bool}\n# meta: !!omap\n" +
		"# - __serialized_columns__:\n#     err:\n#       __class__: astropy.table.column.MaskedColumn\n" +
		"#       data: !astropy.table.SerializedColumn {name: err}\n" +
		"#       mask: !astropy.table.SerializedColumn {name: err.mask}\n" +
		"#     t:\n#       __class__: astropy.time.core.Time\n#       format: mjd\n" +
		"#       jd1: !astropy.table.SerializedColumn {name: t.jd1}\n" +
		"#       jd2: !astropy.table.SerializedColumn {name: t.jd2}\n#       scale: utc\n" +
		"t.jd1,t.jd2,mag,err,err.mask\n"
	points, report, err := process("photometry", "t.ecsv", []byte(ecsvStart+header+
		"2461101.0,-0.24999999999,18.1,0.25,False\n2461102.5,1.5e-1,18.2,0.5,True\n"), Options{})
	if err != nil || len(points) != 2 {
		t.Fatal(err)
	}
	const want = `{"t":2461100.75000000001,"magnitude":18.1,"error":0.25}` + "\n" +
		`{"t":2461102.65,"magnitude":18.2}`
	if got := values(points); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := instant.Text(points[0].Time); got != "2026-03-01T06:00:00.000001Z" {
		t.Error(got)
	}
	checkWarnings(t, report.Warnings, []string{"column t.jd2 is left out: its days are added to those of 't.jd1'",
		"column err.mask is left out: it is the mask of 'err'"})
	for _, bad := range []string{"x,0.5", "2461101,x", "2461101,1e999999999", "1e300,0.5"} {
		if _, _, err := process("photometry", "t.ecsv", []byte(ecsvStart+header+bad+",18,0.1,False\n"),
			Options{}); err == nil || !strings.Contains(err.Error(), "line 23, column t: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

package ingest

import (
	"strings"
	"testing"
)

// TestMagnitudeUnits: numbers in units of flux, in millimagnitudes or in percent are not taken for
// magnitudes, whatever the name of their column says.
func TestMagnitudeUnits(t *testing.T) {
	for _, c := range []struct{ header, row, want, warning string }{
		{"mag,err (mmag)", "18,3", `"magnitude":18,"err (mmag)":3`, "numbers in mmag are no magnitudes"},
		{"mag,err [%]", "18,3", `"magnitude":18,"err [%]":3`, "not as error"},
		{"mag,limit (uJy)", "18,3", `"magnitude":18,"limit (uJy)":3`, "the limits are fluxes"},
		{"brightness (uJy),err (uJy)", "18,3", `"flux":18,"flux_unit":"uJy","flux_error":3`, "is no magnitude"},
		{"flux (uJy),error (uJy)", "18,3", `"flux":18,"flux_unit":"uJy","flux_error":3`, "taken for the error of the"},
		{"mag,e_mag,flux (mJy),error (mJy)", "18,1,2,3",
			`"magnitude":18,"error":1,"flux":2,"flux_unit":"mJy","flux_error":3`, "is no error, but a flux error"},
		{"m (ADU),err", "1800,3", `"flux":1800,"flux_unit":"adu","flux_error":3`, "says that it is no magnitude"},
		{"mag (AB),err (1 sigma)", "18,.3", `"magnitude":18,"error":0.3`, ""},
		{"mag (V),limit (3 sigma)", "18,20", `"magnitude":18,"limit":20`, ""},
		{"mag [Vega mag],e_mag [mag]", "18,.3", `"magnitude":18,"error":0.3`, ""},
	} {
		points, report, err := process("photometry", "lc.csv", []byte("mjd,"+c.header+",filter\n58000,"+c.row+",g\n"),
			Options{})
		warnings := strings.Join(report.Warnings, "\n")
		if err != nil || values(points) != `{"mjd":58000,`+c.want+`,"filter":"g"}` ||
			!strings.Contains(warnings, c.warning) || c.warning == "" && warnings != "" {
			t.Errorf("%s: %v %s, got %s", c.header, err, warnings, values(points))
		}
	}
	for header, o := range map[string]Options{
		"mag (mmag),e":        {},
		"mag,scatter (mmag)":  {Columns: map[string]string{"error": "scatter (mmag)"}},
		"mag,brightness (Jy)": {Columns: map[string]string{"magnitude": "brightness (Jy)"}},
	} {
		points, _, err := process("photometry", "lc.csv", []byte("mjd,filter,"+header+"\n58000,g,18,3\n"), o)
		if err == nil || !strings.Contains(err.Error(), "are no magnitudes") {
			t.Errorf("%s: %v, got %s", header, err, values(points))
		}
	}
	const ecsv = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: mjd, datatype: float64}\n" +
		"# - {name: mag, unit: mag, datatype: float64}\n# - {name: mag_err, unit: mmag, datatype: float64}\n" +
		"mjd mag mag_err\n58000 18 0.5\n"
	points, _, err := process("photometry", "lc.ecsv", []byte(ecsv), Options{})
	if err != nil || values(points) != `{"mjd":58000,"magnitude":18,"mag_err":0.5}` {
		t.Errorf("%v, got %s", err, values(points))
	}
}

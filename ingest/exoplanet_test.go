package ingest

import (
	"slices"
	"strings"
	"testing"

	"nightjar/internal/instant"
)

const exoplanetSample = `#TYPE=EXOPLANET
#OBSCODE=TST01
#SOFTWARE=by hand
#DELIM=,
#DATE_TYPE=BJD_TDB
#OBSTYPE=CCD
#STAR_NAME=HAT-P-99
#EXOPLANET_NAME=HAT-P-99 b
#EXPOSURE_TIME=60
#FILTER=CV
#FILTER-XC={"name": "CV", "width": [350.0, 850.0]}
#DETREND_PARAMETERS=AIRMASS, AIRMASS CORRECTION FUNCTION
#MEASUREMENT_TYPE=Rnflux
#PRIORS=Period=2.15 +/- 0.01,Rp/R*=0.15
# The data may be used freely.
#DATE,DIFF,ERR,DETREND_1,DETREND_2
2458849.7534,0.9987,0.0011,1.5,1.01
2458849.7541,0.9991,na,1.49,n/a
`

// TestExoplanetReport: what MEASUREMENT_TYPE says is never an apparent magnitude.
func TestExoplanetReport(t *testing.T) {
	const end = `,"filter":"CV","relative_flux":true}`
	head, _, _ := strings.Cut(exoplanetSample, "2458849")
	magnitudes := strings.NewReplacer("Rnflux", "Dmag", "BJD_TDB", "HJD_UTC", "DELIM=,", "DELIM=tab").Replace(head) +
		"2458849.7534\t-0.012\t0.0011\t1.5\t1.01\n"
	for _, c := range []struct {
		photometryCase
		when string
	}{
		{when: "2020-01-01T06:03:44.576093Z", photometryCase: photometryCase{name: "flux", text: exoplanetSample,
			values: []string{
				`{"date":2458849.7534,"flux":0.9987,"flux_error":0.0011,"detrend_1":1.5,"detrend_2":1.01,` +
					`"time_ref":"barycentric"` + end,
				`{"date":2458849.7541,"flux":0.9991,"detrend_1":1.49,"time_ref":"barycentric"` + end},
			warnings: []string{"'AIRMASS, AIRMASS CORRECTION FUNCTION'", "relative to", "converted to UTC",
				"barycentric"}}},
		{when: "2020-01-01T06:04:53.76Z", photometryCase: photometryCase{name: "magnitudes", text: magnitudes,
			values: []string{`{"date":2458849.7534,"differential_magnitude":-0.012,"error":0.0011,"detrend_1":1.5,` +
				`"detrend_2":1.01,"time_ref":"heliocentric","filter":"CV"}`},
			warnings: []string{"AIRMASS", "heliocentric"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.photometryCase.run(t)
			points, report, err := process("photometry", "lc.txt", []byte(c.text), Options{})
			if err != nil || instant.Text(points[0].Time) != c.when || points[0].Source != "TST01" ||
				points[0].Object != "HAT-P-99" || report.Format != "AAVSO exoplanet report" {
				t.Errorf("%s: %+v %v", report.Format, points, err)
			}
		})
	}
	for _, name := range []string{"HAT-P-99", "hat-p-99b", "another"} {
		_, report, _ := process("photometry", "lc.txt", []byte(exoplanetSample), Options{Names: []string{name}})
		foreign := slices.ContainsFunc(report.Warnings,
			func(w string) bool { return strings.Contains(w, "is not a name of the target") })
		if foreign != (name == "another") {
			t.Errorf("%s: %q", name, report.Warnings)
		}
	}
	for _, c := range []struct{ old, new, problem string }{
		{"#MEASUREMENT_TYPE=Rnflux\n", "", "DIFF is a relative flux or a difference of magnitudes; write which as " +
			"#MEASUREMENT_TYPE=Rnflux or Dmag, not ''"},
		{"BJD_TDB", "EXCEL", "dates of the kind #DATE_TYPE=EXCEL are not read"},
		{"#DELIM=,", "#DELIM=banana", "line 4: the delimiter 'banana' is not understood"},
		{"1.5,1.01\n", "1.5,1.01\n#FILTER=V\n", "line 18: the parameter #FILTER changes within the file"},
		{"1.49,n/a", "1.49,n/a,3", "line 18: 6 fields where the report has 5"},
		{"0.9991", "dim", "line 18, column diff: 'dim' is not a number"},
	} {
		text := strings.Replace(exoplanetSample, c.old, c.new, 1)
		_, report, err := process("photometry", "", []byte(text), Options{})
		if err == nil || !strings.HasPrefix(report.Errors[0].String(), c.problem) {
			t.Errorf("%s: %v", c.problem, err)
		}
	}
}

func FuzzExoplanetReport(f *testing.F) {
	f.Add([]byte(exoplanetSample))
	f.Add([]byte("#DELIM=tab\n#DATE_TYPE=JD_UTC\n#MEASUREMENT_TYPE=Dmag\n2458849.7534\t0.1\tna\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		points, report, err := process("photometry", "f", append([]byte("#TYPE=EXOPLANET\n"), data...),
			Options{MaxProblems: 5})
		checkOutcome(t, points, report, err)
	})
}

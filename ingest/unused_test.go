package ingest

import (
	"strings"
	"testing"
)

// TestUnusedOptionsAreReported: what an upload says about its file and the file's type has no use
// for is not passed over silently.
func TestUnusedOptionsAreReported(t *testing.T) {
	const spectrum = "# MJD: 58000.5\nwave (nm),flux (Jy)\n1,2\n2,3\n"
	given := Options{DateObs: "58000", FluxScale: 2, TimeFormat: "mjd"}
	for _, c := range []struct{ dataType, content, want string }{
		{"photometry", twoRows, "date_obs was not used: the file was taken as photometry"},
		{"spectroscopy", spectrum, "time_format was not used: the file was taken as spectroscopy"},
	} {
		_, report, err := process(c.dataType, "a.csv", []byte(c.content), given)
		if err != nil {
			t.Fatal(c.dataType, err)
		}
		got := strings.Join(report.Warnings, "\n")
		if !strings.Contains(got, c.want) || strings.Count(got, "not used") != 1 {
			t.Errorf("%s: the warnings are\n%s", c.dataType, got)
		}
	}
	if got := strings.Join(given.Unused("fits_file"), "\n"); strings.Count(got, "taken as fits_file") != 3 {
		t.Errorf("fits_file: %s", got)
	}
}

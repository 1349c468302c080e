package ingest

import (
	"slices"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// TestFilterOfFITS: the keyword FILTER of a FITS table names the filter of its rows.
func TestFilterOfFITS(t *testing.T) {
	cards := []string{"FILTER  = 'rp      '           / of the wheel"}
	data := fitstest.TableFile([]string{"MJD D", "MAG D"}, cards, 16, 1, fitstest.BigEndian(58000.5, 18.5))
	points, report, err := process("photometry", "x.fits", data, Options{})
	if err != nil || values(points) != `{"mjd":58000.5,"magnitude":18.5,"filter":"rp"}` ||
		!slices.Contains(report.Warnings, "the filter of all rows is that of a keyword of the file: 'rp'") {
		t.Errorf("%s %q %v", values(points), report.Warnings, err)
	}
}

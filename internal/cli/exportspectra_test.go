package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExportSpectra: a spectrum that comes out as a file and is taken in again is there already.
func TestExportSpectra(t *testing.T) {
	dir := t.TempDir()
	db := filepath.Join(dir, "a.db")
	file := filepath.Join(dir, "s.txt")
	if err := os.WriteFile(file, []byte("# DATE-OBS: 2018-02-15T10:20:30.5\n# FACILITY: NTT\nwavelength (nm),flux (Jy),error\n400,1.5,0.1\n401,1.25,0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(status int, part string, args ...string) {
		t.Helper()
		r := call(t, "", append([]string{"--db", db}, args...)...)
		if r.status != status || !strings.Contains(r.out+r.err, part) {
			t.Errorf("%q: %d, %s%s", args, r.status, r.out, r.err)
		}
	}
	run(0, "", "target", "add", "A: star", "--ra", "10", "--dec", "10")
	run(0, "1 data added", "import", "product", file, "--target", "A: star")
	for _, format := range []string{"csv", "ecsv", "votable", "fits"} {
		out := filepath.Join(dir, format)
		run(0, "1 spectrum file written", "export", "spectra", out, "--format", format)
		made := filepath.Join(out, "A--star_2018-02-15_10-20-30"+endings[format])
		run(0, "0 data added, 1 there already", "import", "product", made, "--target", "A: star")
		run(1, "exists", "export", "spectra", out, "--format", format)
	}
	// in other units, no digit altered
	inUnits := filepath.Join(dir, "units")
	run(0, "1 spectrum file written", "export", "spectra", inUnits, "--format", "csv", "--wavelength-units", "angstroms")
	text, err := os.ReadFile(filepath.Join(inUnits, "A--star_2018-02-15_10-20-30.csv"))
	if err != nil || !strings.Contains(string(text), "# WAVELENGTH_UNITS: Angstrom\n") || !strings.Contains(string(text), "4000,1.5,0.1\n4010,1.25,0.1\n") {
		t.Errorf("in Angstrom: %s, %v", text, err)
	}
	run(1, `--wavelength-units: "furlong" is none of Angstrom`, "export", "spectra", inUnits, "--wavelength-units", "furlong")
	run(0, `"wavelength":[0.400,0.401],"wavelength_units":"um"`, "export", "datums", "--wavelength-units", "micron")
	run(1, `--wavelength-units: "Hz" is no unit`, "export", "datums", "--wavelength-units", "Hz")
	run(0, "1 added", "import", "datums", write(t, dir, "pix.ndjson", `{"target_name":"A: star","data_type":"spectroscopy","timestamp":"2019-01-01","value":{"flux":[1],"flux_units":"","wavelength":[1],"wavelength_units":"pix"}}`))
	run(1, `in "pix", which cannot be converted`, "export", "spectra", filepath.Join(dir, "some"), "--wavelength-units", "nm")
	run(0, "2 spectrum files written", "export", "spectra", filepath.Join(dir, "all"))
	run(1, `"ndjson" is no format`, "export", "spectra", dir, "--format", "ndjson")
	run(1, "FOLDER is missing", "export", "spectra")
}

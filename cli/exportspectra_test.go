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
	run(1, `"ndjson" is no format`, "export", "spectra", dir, "--format", "ndjson")
	run(1, "FOLDER is missing", "export", "spectra")
}

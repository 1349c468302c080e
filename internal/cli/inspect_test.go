package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInspect: files are told of without an archive, and those that would be refused are named.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a1.csv": "mjd,mag\n58000,15\n58001,16\n", "a2.csv": "night,mag\n58000,15\n", "b.txt": "# DATE-OBS: 2018-02-15\nwavelength,flux\n4000,1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		args     []string
		status   int
		out, err []string
	}{
		{[]string{"a1.csv", "b.txt"}, 0, []string{"a1.csv: photometry, delimited text (comma)", "mag  magnitude  mag", "2 rows, 2 data, 0 left out", "b.txt: spectroscopy, spectrum text (comma)"}, nil},
		{[]string{"a*.csv"}, 1, []string{"a1.csv: photometry", "a2.csv: refused", "error: line 1: as photometry: no time column"}, []string{"1 of 2 files refused", "a2.csv"}},
		{[]string{"a2.csv", "--time-column", "night", "--column", "magnitude=mag"}, 0, []string{"a2.csv: photometry", "1 row, 1 datum"}, nil},
		{[]string{"a1.csv", "--json"}, 0, []string{`"data_product_type":"photometry"`, `"rows":2`}, nil},
		{[]string{"a1.csv", "--column", "magnitude"}, 1, nil, []string{`"magnitude" is no ROLE=COLUMN`}},
		{[]string{"."}, 1, nil, []string{"is a directory"}},
		{[]string{"none*.csv"}, 1, nil, []string{"none*.csv: no such file"}},
		{nil, 1, nil, []string{"FILE is missing"}},
	} {
		args := []string{"inspect"}
		for _, a := range c.args {
			if strings.ContainsAny(a, ".") && !strings.HasPrefix(a, "--") {
				a = filepath.Join(dir, a)
			}
			args = append(args, a)
		}
		r := call(t, "", args...)
		r.wants(t, c.args, c.status, c.out, c.err)
	}
}

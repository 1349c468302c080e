package cli

import (
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/internal/control"
)

// TestImportProduct uploads files, by name and by pattern, to the target of --target or to the
// targets of their rows. A bad file is reported, and the others are uploaded.
func TestImportProduct(t *testing.T) {
	dir, db := t.TempDir(), newFile(t)
	for _, name := range []string{"SN 2026abc", "M 31"} {
		must(t, "target", "add", name, "--ra", "10", "--dec", "10", "--db", db)
	}
	write(t, dir, "n1.csv", "mjd,mag\n58000,15\n58001,16\n")
	write(t, dir, "n2.csv", "mjd,mag\n58000,15\n58001,bright\n")
	write(t, dir, "n3.csv", "mjd,mag\n58000,15\n58003,16\n")
	night := write(t, dir, "night.csv", "object,mjd,mag\nsn2026abc,58010,15\nM31,58010,16\nM33,58010,17\n")
	for _, c := range []struct {
		args     []string
		status   int
		out, err []string
	}{
		{[]string{filepath.Join(dir, "n?.csv"), "--target", "M 31"}, 1,
			[]string{"n1.csv: data product 1, photometry: 2 added, 0 already existed, 0 skipped",
				"n3.csv: data product 2, photometry: 1 added, 1 already existed",
				"2 of 3 files; datums: 3 added, 1 already existed, 0 skipped"},
			[]string{"n2.csv: ", "line 3", "'bright' is not a number",
				"1 of 3 files refused: " + filepath.Join(dir, "n2.csv")}},
		{[]string{night, "--target", "M 31"}, 0,
			[]string{"data product 3, photometry: 1 added, 0 already existed, 2 skipped"}, []string{
				"line 2: skipped: the row is of 'sn2026abc', not of the target"}},
		{[]string{night}, 0, []string{
			"night.csv: 2 data products, photometry: 1 added, 1 already existed, 1 skipped"},
			[]string{`night.csv, line 4: skipped: there is no target called "M33"`,
				"the rows of 'SN 2026abc' are data product 4 of the target with id 1"}},
		{[]string{filepath.Join(dir, "n1.csv")}, 1, nil,
			[]string{"without --target each row must name its target: This field is required."}},
		{[]string{night, "--target", "nobody"}, 1, nil, []string{"nobody"}},
		{nil, 1, nil, []string{"FILE is missing"}},
	} {
		call(t, "", append([]string{"import", "product", "--db", db}, c.args...)...).wants(t, c.args,
			c.status, c.out, c.err)
	}
}

// TestRefusedTarget: the hint at a missing --target does not depend on the words of the server.
func TestRefusedTarget(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.db")
	l, err := control.Listen(file, true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"target":["In other words."]}`)
	}))
	night := write(t, t.TempDir(), "night.csv", "mjd,mag\n58000,15\n")
	call(t, "", "import", "product", night, "--db", file).refused(t,
		"night.csv: without --target each row must name its target: In other words.")
}

// TestExportIsImport: an export can be imported by another node, and is the same there. A second
// import adds nothing.
func TestExportIsImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := filepath.Join(dir, "one.db")
	if status := serveFile(t, one, "--demo").stop(); status != 0 {
		t.Fatalf("status %d", status)
	}
	must(t, "target", "add", "Odd, \"one\"", "--ra", "0.1", "--dec", "-0.1", "--alias", "-x-", "--db", one)
	odd := write(t, dir, "odd.ndjson",
		`{"target_name":"Odd, \"one\"","data_type":"photometry","timestamp":"2024-01-01T00:00:00Z",`+
			`"source_name":"é, \"ü\"","source_location":"'=1",`+
			`"value":{"formula":"=cmd|' /C calc'!A0","minus":"-a","dec":"-12:30:00","tab":"\t=1",`+
			`"text":"two\nlines, \"quoted\"","list":[1,"a",null],`+
			`"object":{"b":1,"a":[]},"digits":1.500,"empty":""}}`+"\n")
	must(t, "import", "datums", odd, "--db", one)
	targets := must(t, "export", "targets", "--db", one)
	list := write(t, dir, "targets.csv", targets)
	data := must(t, "export", "datums", "--db", one)
	two := ""
	for _, format := range []string{"ndjson", "csv"} {
		two = newFile(t)
		must(t, "import", "targets", list, "--db", two)
		if again := must(t, "export", "targets", "--db", two); again != targets {
			t.Errorf("targets: %s became %s", targets, again)
		}
		file := write(t, dir, "data."+format, must(t, "export", "datums", "--format", format, "--db", one))
		if out := must(t, "import", "datums", file, "--db", two); strings.Contains(out, "already") ||
			!strings.Contains(out, ", 0 refused") {
			t.Errorf("%s: %s", format, out)
		}
		if out := must(t, "import", "datums", file, "--db", two); !strings.HasPrefix(out, "0 added, ") {
			t.Errorf("%s again: %s", format, out)
		}
		if format == "csv" { // in which all rows have the same order of keys
			continue
		}
		a, b := slices.Sorted(strings.Lines(data)),
			slices.Sorted(strings.Lines(must(t, "export", "datums", "--db", two)))
		if !slices.Equal(a, b) {
			t.Error("the datums differ")
		}
	}
	// CSV has no empty texts; everything else is the same.
	if out := must(t, "import", "datums", write(t, dir, "all.ndjson", data), "--db",
		two); !strings.HasPrefix(out, "1 added, ") {
		t.Error(out)
	}
}

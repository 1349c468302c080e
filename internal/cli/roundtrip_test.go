package cli

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is exported can be imported elsewhere, and is then the same; a second import finds that it
// is there already.
func TestExportIsImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one := filepath.Join(dir, "one.db")
	if status := serveFile(t, one, "--demo").stop(); status != 0 {
		t.Fatalf("status %d", status)
	}
	must(t, "target", "add", "Odd, \"one\"", "--ra", "0.1", "--dec", "-0.1", "--alias", "-x-", "--db", one)
	odd := write(t, dir, "odd.ndjson",
		`{"target_name":"Odd, \"one\"","data_type":"photometry","timestamp":"2024-01-01T00:00:00Z","source_name":"é, \"ü\"","source_location":"'=1",`+
			`"value":{"formula":"=cmd|' /C calc'!A0","minus":"-a","dec":"-12:30:00","tab":"\t=1","text":"two\nlines, \"quoted\"","list":[1,"a",null],"object":{"b":1,"a":[]},"digits":1.500,"empty":""}}`+"\n")
	must(t, "import", "datums", odd, "--db", one)
	targets := must(t, "export", "targets", "--db", one)
	list := write(t, dir, "targets.csv", targets)
	data := must(t, "export", "datums", "--db", one)
	for _, format := range []string{"ndjson", "csv"} {
		two := filepath.Join(dir, format+".db")
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
		if format == "csv" { // where the keys of all rows stand in one order
			continue
		}
		a, b := slices.Sorted(strings.Lines(data)),
			slices.Sorted(strings.Lines(must(t, "export", "datums", "--db", two)))
		if !slices.Equal(a, b) {
			t.Error("data are not what they were")
		}
	}
	// a CSV has no empty texts; all else is the same after it
	two := filepath.Join(dir, "csv.db")
	if out := must(t, "import", "datums", write(t, dir, "all.ndjson", data), "--db",
		two); !strings.HasPrefix(out, "1 added, ") {
		t.Error(out)
	}
}

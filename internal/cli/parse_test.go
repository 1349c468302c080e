package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"
)

// FuzzCSV reads CSV files of targets and of data to be imported: each row becomes one line of JSON,
// or a refusal that names its line.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"name,ra,dec,name2,groups,redshift\nM 31,10.5,41.2,Andromeda,\"a,b\",0\n", "\xef\xbb\xbfname,type\n'=1+1,SIDEREAL\n", "target,data_type,timestamp,value.magnitude,value.filter\n1,photometry,2026-01-01,15.5,r\n",
		"target,data_type,mjd,value\nM 31,photometry,60000,\"{\"\"a\"\":1}\"\n", "name,ra\n\"M\n31\",12:34:56\n", "a,a\n", "\xff\n", "name\n\"x\n", "name,ra,dec\nx,370,-91\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		columns := 0
		err := csvRows(bytes.NewReader(text), func(names []string) error { columns = len(names); return nil }, func(line int, cells []string) error {
			if len(cells) != columns || line < 2 {
				t.Fatalf("line %d has %d cells of %d", line, len(cells), columns)
			}
			return nil
		})
		if err == nil && columns == 0 {
			t.Fatalf("%q is read without a header", text)
		}
		p := &program{out: io.Discard, err: io.Discard}
		for _, take := range []func(names, cells []string, line int) []byte{
			func(names, cells []string, line int) []byte {
				var o object
				o.begin()
				p.targetRow(&o, names, cells, "t.csv", line)
				return o.end()
			},
			func(names, cells []string, line int) []byte {
				d := &datumRows{targets: map[string]uint64{}}
				if d.header(names) != nil {
					return nil
				}
				for i, name := range names { // so that nobody needs to be asked
					if name == "target" {
						d.targets[cells[i]] = uint64(line % 2)
					}
				}
				var out bytes.Buffer
				if d.row(&out, line, cells) != nil {
					return nil
				}
				return out.Bytes()
			},
		} {
			var names []string
			csvRows(bytes.NewReader(text), func(header []string) error { names = header; return nil }, func(line int, cells []string) error {
				made := take(names, cells, line)
				if len(made) > 0 && (!json.Valid(made) || bytes.Count(made, []byte("\n")) != 1) {
					t.Fatalf("line %d of %q becomes %q", line, text, made)
				}
				return nil
			})
		}
	})
}

// FuzzWords reads sizes and times of the command line.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"64M", "8GiB", "0", "9000000000T", "30d", "12h", "2027-01-31", "2027-01-31T00:00:00Z", "-1d", "1e9d", "30D", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSize(s); err == nil && n < 0 {
			t.Errorf("%q are %d bytes", s, n)
		}
		if at, err := parseExpiry(s, now); err == nil && !at.After(now) {
			t.Errorf("%q is %s", s, at)
		}
		if p := printable(s); strings.ContainsAny(p, "\x1b\r\n\t\x7f\u009b") {
			t.Errorf("%q is printed as %q", s, p)
		}
	})
}

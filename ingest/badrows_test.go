package ingest

import (
	"strings"
	"testing"
)

// TestFreeText: a row whose only fault is in text behind the columns that are read is left out
// alone, with its line; any other bad row refuses the file.
func TestFreeText(t *testing.T) {
	const header = "JD,Magnitude,Uncertainty,Band,Observer,Comments\n"
	const good = "2461101.25,8.25,0.01,V,ABC,fine\n"
	for _, c := range []struct{ name, row, reason string }{
		{"a comma", "2461100.25,8.1,0.01,V,ABC,clear, moon up",
			"line 2: 7 fields where the header has 6 columns, in text behind the columns that are read"},
		{"two commas", "2461100.25,8.1,0.01,V,ABC,clear, moon up, windy",
			"line 2: 8 fields where the header has 6 columns, in text behind the columns that are read"},
		{"a quote that is not closed", `2461100.25,8.1,,V,ABC,"clear`,
			"line 2: a quoted field is not closed on its line, in text behind the columns that are read"},
		{"text behind a quote", `2461100.25,8.1,0.01,V,ABC,"clear" sky`,
			"line 2: text follows a quoted field, in text behind the columns that are read"},
		{"a decimal comma and a comment", "2461100,25,8.1,0.01,V,ABC,fine", ""},
		{"a word for a number", "2461100.25,bright,0.01,V,ABC,clear, moon up", ""},
		{"no date", ",8.1,0.01,V,ABC,clear, moon up", ""},
		{"numbers behind", "2461100.25,8,1,0.01,V,ABC,1,2", ""},
		{"too short", "2461100.25,8.1,0.01,V,ABC", ""},
		{"too short by a column that is read", `2461100.25,8.1,0.01,V,"clear`, ""},
		{"a quote before", `2461100.25,8.1,0.01,"V,ABC,clear`, ""},
	} {
		points, report, err := process("photometry", "t.csv", []byte(header+c.row+"\n"+good), Options{})
		if c.reason == "" {
			if err == nil || !strings.HasPrefix(err.Error(), "t.csv: line 2") {
				t.Errorf("%s: %v, read as %s", c.name, err, values(points))
			}
			continue
		}
		if err != nil || len(points) != 1 || points[0].Line != 3 || report.RejectedCount != 1 ||
			report.Rejected[0].String() != c.reason {
			t.Errorf("%s: %v %+v", c.name, err, report)
		}
	}
	for name, text := range map[string]string{
		"no column behind":   "mjd,mag,filter\n61100.5,18,r, or g\n61101.5,18,r\n",
		"an object behind":   "mjd,mag,comment,object\n61100.5,18,a, b,SN\n61101.5,18,a,SN\n",
		"all rows":           "mjd,mag,comment\n61100.5,18,a, b\n61101.5,18,a, b\n",
		"a column of a band": "mjd,g,gerr,r,rerr,comment\n61100.5,18,0.1,18,0.1,a, b\n61100.5,18,0.1,18,0.1,a\n",
	} {
		if points, _, err := process("photometry", "t.csv", []byte(text), Options{}); err == nil {
			t.Errorf("%s: read as %s", name, values(points))
		}
	}
}

// TestFreeTextAAVSO: the notes of a report to the AAVSO are free text, too.
func TestFreeTextAAVSO(t *testing.T) {
	const head = "#TYPE=EXTENDED\n#OBSCODE=ABC\n#SOFTWARE=x\n#DELIM=,\n#DATE=JD\n#OBSTYPE=CCD\n"
	const row = ",9.25,0.01,V,NO,STD,na,na,na,na,1.2,1,na,"
	points, report, err := process("photometry", "a.txt", []byte(head+"SS CYG,2461100.25"+row+"clear, moon up\n"+
		"SS CYG,2461101.25"+row+"fine\n"), Options{})
	if err != nil || len(points) != 1 || points[0].Source != "ABC" || report.RejectedCount != 1 ||
		report.Rejected[0].String() != "line 7: 16 fields where the format has 15, in text behind the columns "+
			"that are read" {
		t.Errorf("%v %+v", err, report)
	}
	for _, notes := range []string{"outburst,,b", "outburst,a,b", "\"outburst"} {
		_, report, err := process("photometry", "a.txt", []byte(head+"SS CYG,2461100.25"+row+notes+"\n"+
			"SS CYG,2461101.25"+
			row+"fine\n"), Options{})
		if err != nil || report.RejectedCount != 1 || report.Rejected[0].Line != 7 {
			t.Errorf("%s: %v %+v", notes, err, report)
		}
	}
	for _, bad := range []string{"SS CYG,2461100,25" + row + "fine\n", "SS CYG,2461100.25,x,y" + row + "fine\n"} {
		if points, _, err := process("photometry", "a.txt", []byte(head+bad+"SS CYG,2461101.25"+row+"fine\n"),
			Options{}); err == nil {
			t.Errorf("%s: read as %s", bad, values(points))
		}
	}
}

// TestBackslashQuotes: \" is a quote within a quoted field where RFC 4180 cannot read the line.
func TestBackslashQuotes(t *testing.T) {
	points, report, err := process("photometry", "t.csv", []byte(`mjd,mag,comment,filter
61100.5,18,"\"COMP=13.65, CHECK=13.77\"",r
61101.5,18,"a ""b"" \",g
61102.5,18,"a \"b\" \\",g
`), Options{})
	const want = `{"mjd":61100.5,"magnitude":18,"comment":"\"COMP=13.65, CHECK=13.77\"","filter":"r"}` + "\n" +
		`{"mjd":61101.5,"magnitude":18,"comment":"a \"b\" \\","filter":"g"}` + "\n" +
		`{"mjd":61102.5,"magnitude":18,"comment":"a \"b\" \\","filter":"g"}`
	if err != nil || values(points) != want {
		t.Errorf("%v %+v, got\n%s", err, report.Rejected, values(points))
	}
}

// TestSkipBadRows: with bad_rows=skip a bad row is rejected with its line and reason, once, and the
// rest is read; without it the file is refused.
func TestSkipBadRows(t *testing.T) {
	const text = "mjd,mag,err\n61100.5,18.1,0.1\n61101.5,bright,none of it\n61102.5,18,1,2\nsoon,18.3,0.1\n" +
		"61104.5,18.4,0.1\n61105.5,\"18.5,0.1\n61106.5,,0.1\n"
	if _, _, err := process("photometry", "t.csv", []byte(text), Options{}); err == nil {
		t.Error("read")
	}
	points, report, err := process("photometry", "t.csv", []byte(text), Options{SkipBadRows: true})
	const want = `{"mjd":61100.5,"magnitude":18.1,"error":0.1}` + "\n" + `{"mjd":61104.5,"magnitude":18.4,"error":0.1}`
	if err != nil || values(points) != want || report.Rows != 7 || report.RejectedCount != 5 {
		t.Errorf("%v %+v, got\n%s", err, report, values(points))
	}
	var reasons []string
	for _, r := range report.Rejected {
		reasons = append(reasons, r.String())
	}
	if got := strings.Join(reasons, "\n"); got != "line 3, column mag: 'bright' is not a number\n"+
		"line 4: 4 fields where the header has 3 columns\nline 5, column mjd: 'soon' is not a time\n"+
		"line 7: a quoted field is not closed on its line\n"+
		"line 8: the row holds neither a magnitude nor a limit nor a flux" {
		t.Error(got)
	}
	for name, bad := range map[string]string{"only bad rows": "mjd,mag\nx,18\n61100,y\n", "no time": "a,mag\n1,2\n",
		"not text": "mjd,mag\n61100.5,18\n\xff,18\n"} {
		if _, _, err := process("photometry", "t.csv", []byte(bad), Options{SkipBadRows: true}); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	_, _, err = process("photometry", "t.csv", []byte("mjd,mag\nx,18\n61100,y\n"), Options{SkipBadRows: true})
	if err == nil || err.Error() != "t.csv: no rows are left: 2 rows could not be read, the first in line 2, column "+
		"mjd: 'x' is not a time" {
		t.Error(err)
	}
	_, report, err = process("spectroscopy", "s.txt", []byte("wavelength flux\n4000 1\n4001 x\n4002 1\n"),
		Options{SkipBadRows: true})
	if err == nil || !strings.Contains(strings.Join(report.Warnings, "\n"), "bad_rows skip is for photometry") {
		t.Errorf("%v %+v", err, report)
	}
}

// TestOnlyOtherObjects: a file all of whose rows are of other objects is refused with their names,
// not as one without values.
func TestOnlyOtherObjects(t *testing.T) {
	const file = "object,mjd,filter,mag\nX,60000,r,15\nY,60001,r,16\n"
	_, _, err := process("photometry", "a.csv", []byte(file), Options{Names: []string{"Z"}})
	const want = "every object was left out, the first in line 2: the row is of 'X', not of the target"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

package ingest

import (
	"encoding/base64"
	"strings"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// TestLateLimits: a row far below the first may be the first that says that it is a limit.
func TestLateLimits(t *testing.T) {
	for _, c := range []struct{ name, detection, limit string }{
		{"obs_type", "detection", "upper limit"}, {"kind", "detected", "nondetection"}, {"type", "CCD", "upperlim"},
		{"detection_status", "detected", "undetected"}, {"lim", "", ">"}, {"limit", "", "<"}, {"limiting_mag", "", ">"},
		{"qualifier", "", ">"}, {"anything", "valid", "upperlim"},
	} {
		points, report, err := process("photometry", "lc.csv", []byte("mjd,mag,"+c.name+"\n"+
			strings.Repeat("58000,18,"+c.detection+"\n", 300)+"58001,20,"+c.limit+"\n"), Options{})
		if err != nil || len(points) != 301 || !strings.Contains(string(points[299].Value), `"magnitude":18`) ||
			!strings.HasPrefix(string(points[300].Value), `{"mjd":58001,"limit":20`) {
			t.Errorf("%s: %v %q, got %s", c.name, err, report.Warnings, values(points[min(len(points), 299):]))
		}
	}
}

// TestDoubtfulFlags: a column that may divide the rows into detections and limits, but does not say
// which is which, is named in a warning. One that holds other numbers, too, is a flag of quality.
func TestDoubtfulFlags(t *testing.T) {
	for text, want := range map[string]string{
		"tag\n58000,18,0\n58001,20,1\n":                                 "column tag may be a flag for limits",
		"Status\n58000,18,no\n58001,20,yes\n":                           "column Status may be a flag for limits",
		"flag\n" + strings.Repeat("58000,18,0\n", 99) + "58001,20,1\n":  "column flag may be a flag",
		"flag\n58000,18,0\n58001,20,1\n58001,20,4\n":                    "",
		"flag\n58000,18,0\n58001,20,0\n":                                "",
		"flag\n" + strings.Repeat("5,18,1\n6,18,0\n", 99) + "58,20,8\n": "",
		"tag\n58000,18,good\n58001,20,bad\n":                            "",
		"flag,nondet\n58000,18,0,0\n58001,20,1,0\n":                     "",
		"variable\n58000,18,0\n58001,20,1\n":                            "",
		"nondets\n58000,18,0\n58001,20,1\n":                             "column nondets looks like a flag",
	} {
		points, report, err := process("photometry", "lc.csv", []byte("mjd,mag,"+text), Options{})
		warnings := strings.Join(report.Warnings, "\n")
		if err != nil || strings.Contains(values(points), `"limit"`) || !strings.Contains(warnings, want) ||
			want == "" && strings.Contains(warnings, "flag") {
			t.Errorf("%.40q: %v %s", text, err, warnings)
		}
	}
}

// TestBitFlags: astropy writes a column of True and False to a VOTable as bits. A flag that is not
// read refuses the table.
func TestBitFlags(t *testing.T) {
	const fields = `<FIELD name="mjd" datatype="double"/><FIELD name="mag" datatype="double"/>` +
		`<FIELD name="isUpperLimit" datatype="bit"/>`
	const cells = "<DATA><TABLEDATA><TR><TD>58000</TD><TD>18</TD><TD>0</TD></TR>" +
		"<TR><TD>58001</TD><TD>20</TD><TD>1</TD></TR></TABLEDATA></DATA>"
	stream := func(bit byte) string {
		var b []byte
		b = append(b, fitstest.BigEndian(58000.0, 18.0)...)
		b = append(append(b, 0), fitstest.BigEndian(58001.0, 20.0)...)
		return "<DATA><BINARY><STREAM encoding='base64'>" + base64.StdEncoding.EncodeToString(append(b, bit)) +
			"</STREAM></BINARY></DATA>"
	}
	const want = `{"mjd":58000,"magnitude":18,"isUpperLimit":0}` + "\n" + `{"mjd":58001,"limit":20,"isUpperLimit":1}`
	table := func(fields, data string) []byte {
		return []byte("<VOTABLE><RESOURCE><TABLE>" + fields + data + "</TABLE></RESOURCE></VOTABLE>")
	}
	for _, data := range []string{cells, stream(0x80), stream(0x08)} {
		points, report, err := process("photometry", "t.vot", table(fields, data), Options{})
		if err != nil || values(points) != want {
			t.Errorf("%v %q, got %s", err, report.Warnings, values(points))
		}
	}
	const reason = "column isUpperLimit: the column tells limits from detections, but"
	arrays := strings.Replace(fields, `datatype="bit"`, `datatype="bit" arraysize="2"`, 1)
	points, _, err := process("photometry", "t.vot", table(arrays, cells), Options{})
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("%v, got %s", err, values(points))
	}
	points, _, err = process("photometry", "t.fits", fitstest.TableFile([]string{"mjd D", "mag D", "isUpperLimit 1X"},
		nil, 17, 1, append(fitstest.BigEndian(58000.0, 18.0), 0x80)), Options{})
	if err == nil || !strings.Contains(err.Error(), reason) {
		t.Errorf("%v, got %s", err, values(points))
	}
}

package ingest

import (
	"strings"
	"testing"
)

const adesXMLSample = `<?xml version="1.0" encoding="UTF-8"?>
<!-- made up -->
<ades version="2022">
  <obsBlock>
    <obsContext>
      <observatory><mpcCode>G96</mpcCode></observatory>
      <telescope><aperture>1.5</aperture><filter>none</filter></telescope>
    </obsContext>
    <obsData>
      <optical>
        <permID>433</permID><mode>CCD</mode><stn>G96</stn>
        <obsTime>2020-01-31T10:20:30.12Z</obsTime><ra>150.123456</ra><dec>-2.123456</dec>
        <astCat>Gaia2</astCat><mag>12.34</mag><rmsMag>0.05</rmsMag><band>G</band>
        <localUse><mag>99</mag></localUse><remarks>a &lt;note&gt;</remarks>
      </optical>
      <optical><permID>433</permID><stn>G96</stn><obsTime>2020-01-31T10:30:30Z</obsTime></optical>
      <radar><permID>433</permID><delay>12.5</delay></radar>
    </obsData>
  </obsBlock>
  <obsBlock>
    <obsData>
      <offset><permID>433</permID><stn>703</stn><obsTime>2020-02-01T10:20:30Z</obsTime><mag>12.40</mag>
        <band>V</band></offset>
    </obsData>
  </obsBlock>
</ades>
`

// TestADESXML reads the same observations as those of the pipe-separated form.
func TestADESXML(t *testing.T) {
	photometryCase{name: "ADES XML", text: adesXMLSample,
		values: []string{`{"permID":433,"mode":"CCD","telescope":"G96","obstime":"2020-01-31T10:20:30.12Z",` +
			`"ra":150.123456,` +
			`"dec":-2.123456,"astCat":"Gaia2","magnitude":12.34,"error":0.05,"filter":"G","remarks":"a <note>"}`,
			`{"permID":433,"telescope":"703","obstime":"2020-02-01T10:20:30Z","magnitude":12.40,"filter":"V"}`},
		rejected: []string{"line 16: the row holds neither a magnitude nor a limit nor a flux",
			"line 17: the row holds neither a time nor a measurement"},
	}.run(t)
	for _, text := range []string{strings.Replace(adesXMLSample, "<stn>703", "<deprecated>X</deprecated><stn>703", 1),
		"# version=2022\npermID|stn|obsTime|mag|deprecated\n433|G96|2020-01-31T10:20:30Z|12.34|\n" +
			"433|703|2020-01-31T10:20:30Z|12.34|X\n"} {
		points, report, err := process("photometry", "x", []byte(text), Options{})
		if n := len(report.Rejected); err != nil || len(points) != 1 || n == 0 ||
			report.Rejected[n-1].Reason != "the observation is deprecated" {
			t.Errorf("%d points, rejected %v, %v", len(points), report.Rejected, err)
		}
	}
	points, report, err := process("photometry", "x.xml", []byte(adesXMLSample), Options{})
	if err != nil || report.Format != "ADES XML" || points[0].Object != "433" || points[1].Line != 22 {
		t.Errorf("%s: %+v %v", report.Format, points, err)
	}
	for _, c := range []struct{ old, new, problem string }{
		{"<band>V</band>", "<band>V</band><band>R</band>", "line 22: the member 'band' occurs twice"},
		{"12.40", "dim", "line 22, column mag: 'dim' is not a number"},
		{"2020-02-01T", "2020-02-31T", "line 22, column obsTime: "},
		{"</ades>", "", "line 27: the file ends within an element"},
		{"</obsBlock>\n</ades>", "<obsBlock", "line 26: not well-formed XML"},
		{"<ades version", "<ades><ades2 version", ""},
	} {
		_, report, err := process("photometry", "", []byte(strings.Replace(adesXMLSample, c.old, c.new, 1)), Options{})
		if err == nil || !strings.HasPrefix(report.Errors[0].String(), c.problem) {
			t.Errorf("%s: %v", c.problem, err)
		}
	}
	deep := "<ades>" + strings.Repeat("<a>", 1000)
	if _, _, err := process("photometry", "", []byte(deep), Options{}); err == nil ||
		!strings.Contains(err.Error(), "deep") {
		t.Errorf("elements 1000 deep: %v", err)
	}
	if isADESXML([]byte("<?xml version='1.0'?><adesso>")) || isADESXML([]byte("<html><ades>")) {
		t.Error("other XML is taken for ADES")
	}
}

func FuzzADESXML(f *testing.F) {
	f.Add([]byte(adesXMLSample))
	f.Add([]byte("<ades><optical><obsTime>2020-01-31T10:20:30Z</obsTime><mag>1</mag></optical>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		points, report, err := process("photometry", "f", append([]byte("<ades>"), data...), Options{MaxProblems: 5})
		checkOutcome(t, points, report, err)
	})
}

package ingest

import (
	"fmt"
	"strings"
	"testing"

	"nightjar/internal/instant"
)

// mpcLine makes a line of 80 columns.
func mpcLine(designation, notes, date, ra, dec, mag, band, site string) string {
	return fmt.Sprintf("%-12s%3s%-17s%-12s%-12s%9s%5s%1s%6s%3s\n", designation, notes, date, ra, dec, "",
		mag, band, "", site)
}

const adesSample = `# version=2022
# observatory
! mpcCode G96
permID |provID     |mode|stn |obsTime                 |ra        |dec       |astCat|mag  |rmsMag|band|remarks
433    |           |CCD |G96 |2020-01-31T10:20:30.12Z |150.123456|-2.123456 |Gaia2 |12.34|0.05  |G   |a note
433    |           |CCD |G96 |2020-01-31T10:30:30Z    |150.123400|-2.123400 |Gaia2 |     |      |    |
# version=2022
permID |mode|stn |obsTime              |mag  |band
433    |CCD |703 |2020-02-01T10:20:30Z |12.40|V
`

const aavsoSample = `#TYPE=EXTENDED
#OBSCODE=TST01
#SOFTWARE=by hand, in M` + "\xfc" + `nchen
#DELIM=,
#DATE=JD
#OBSTYPE=CCD
#NAME,DATE,MAG,MERR,FILT,TRANS,MTYPE,CNAME,CMAG,KNAME,KMAG,AMASS,GROUP,CHART,NOTES
SS CYG,2459000.1234,11.135,0.003,V,NO,STD,105,10.593,110,11.090,1.561,1,070613,outburst
SS CYG,2459001.1234,<13.1,na,V,NO,STD,na,na,na,na,na,na,070613,na,
SS CYG,2459002.1234,0.512,0.01,V,NO,DIF,105,na,na,na,na,na,na,na
#DELIM=;
#DATE=HJD
SS CYG;2459003.1234;11.1;0.1;TG;NO;STD;na;na;na;na;na;na;na;na
#DATE=EXCEL
SS CYG;6/4/2020 2:57:41 PM;11.2;0.1;Vis.;NO;STD
Z UMA;6/4/2020 2:57:41 PM;7.2;0.1;Vis.;NO;STD
`

const snanaSample = `SURVEY: DES
SNID: 1234567
RA: 150.0  # deg
NVAR: 6
VARLIST: MJD FLT FIELD FLUXCAL FLUXCALERR MAG
OBS: 56500.123 g X1 1000.0 50.0 20.0
OBS: 56501.123 r X1 -10.0 50.0 128.0
END:
`

const gaiaSample = "Gaia20abc\n#Date,JD(TCB),averagemag\n2020-01-01 00:00:00,2458849.501,17.25\n2020-01-02 " +
	"00:00:00,2458850.501,null\n2020-01-03 00:00:00,2458851.501,untrusted\n"

func TestSurveyFormats(t *testing.T) {
	mpcSample := "COD G96\nOBS A. Tester\n" +
		mpcLine("     K20A01B", "  C", "2020 01 31.43125", "10 20 30.12", "-02 07 24.4", "19.5", "G", "G96") +
		mpcLine("     K20A01B", "  C", "2020 02 01.5", "10 20 30.12", "-02 07 24.4", "", "", "G96") +
		mpcLine("     K20A01B", "  x", "2020 02 02.5", "10 20 30.12", "-02 07 24.4", "19.0", "G", "G96")
	for _, c := range []struct {
		name, text string
		format     string
		names      []string
		values     []string
		times      []string
		source     string
		object     string
		rejected   []string
		warnings   []string
	}{
		{name: "AAVSO", text: aavsoSample, format: "AAVSO Extended", names: []string{"ss_cyg"},
			source: "TST01", object: "SS CYG",
			values: []string{
				`{"name":"SS CYG","date":2459000.1234,"magnitude":11.135,"error":0.003,"filter":"V","trans":"NO",` +
					`"mtype":"STD","cname":105,"cmag":10.593,"kname":110,"kmag":11.090,"airmass":1.561,"group":1,` +
					`"chart":"070613","notes":"outburst"}`,
				`{"name":"SS CYG","date":2459001.1234,"limit":13.1,"filter":"V","trans":"NO","mtype":"STD",` +
					`"chart":"070613"}`,
				`{"name":"SS CYG","date":2459002.1234,"differential_magnitude":0.512,"error":0.01,"filter":"V",` +
					`"trans":"NO","mtype":"DIF","cname":105}`,
				`{"name":"SS CYG","date":2459003.1234,"magnitude":11.1,"error":0.1,"filter":"TG","trans":"NO",` +
					`"mtype":"STD","time_ref":"heliocentric"}`,
				`{"name":"SS CYG","date":"2020-06-04T14:57:41","magnitude":11.2,"error":0.1,"filter":"Vis.",` +
					`"trans":"NO","mtype":"STD"}`},
			times: []string{"2020-05-30T14:57:41.76Z", "2020-05-31T14:57:41.76Z", "2020-06-01T14:57:41.76Z",
				"2020-06-02T14:57:41.76Z", "2020-06-04T14:57:41Z"},
			rejected: []string{"line 16: the row is of 'Z UMA', not of the target"},
			warnings: []string{"the times are heliocentric", "1 magnitude with < or >"}},
		{name: "SNANA", text: snanaSample, format: "SNANA", source: "DES", object: "1234567", names: []string{"SN"},
			values: []string{`{"mjd":56500.123,"filter":"g","FIELD":"X1","flux":1000.0,"flux_error":50.0,` +
				`"MAG":20.0,"magnitude":20,"error":0.054287,"snr":20,"zero_point":27.5}`,
				`{"mjd":56501.123,"filter":"r","FIELD":"X1","flux":-10.0,"flux_error":50.0,"MAG":128.0,` +
					`"limit":22.059772,"snr":-0.2,"zero_point":27.5}`},
			times: []string{"2013-07-27T02:57:07.2Z", "2013-07-28T02:57:07.2Z"},
			warnings: []string{"zero point 27.5", "the file is of '1234567'", "1 magnitude computed",
				"1 row with a flux"}},
		{name: "Gaia", text: gaiaSample, format: "Gaia Alerts", source: "Gaia", object: "Gaia20abc",
			values: []string{`{"Date":"2020-01-01 00:00:00","jd(tcb)":2458849.501,"magnitude":17.25,"filter":"G",` +
				`"telescope":"Gaia"}`},
			times: []string{"2019-12-31T23:59:56.176845Z"},
			rejected: []string{"line 4: the row holds neither a magnitude nor a limit nor a flux",
				"line 5: the row holds neither a magnitude nor a limit nor a flux"},
			warnings: []string{"have no errors", "3 times of TCB converted to UTC"}},
		{name: "ADES", text: adesSample, format: "ADES PSV", object: "433",
			values: []string{`{"permID":433,"mode":"CCD","telescope":"G96","obstime":"2020-01-31T10:20:30.12Z",` +
				`"ra":150.123456,"dec":-2.123456,"astCat":"Gaia2","magnitude":12.34,"error":0.05,"filter":"G",` +
				`"remarks":"a note"}`,
				`{"permID":433,"mode":"CCD","telescope":"703","obstime":"2020-02-01T10:20:30Z","magnitude":12.40,` +
					`"filter":"V"}`},
			times:    []string{"2020-01-31T10:20:30.12Z", "2020-02-01T10:20:30Z"},
			rejected: []string{"line 6: the row holds neither a magnitude nor a limit nor a flux"}},
		{name: "MPC", text: mpcSample, format: "MPC 80-column", object: "K20A01B",
			values: []string{`{"designation":"K20A01B","date":"2020 01 31.43125","ra":"10 20 30.12","dec":"-02 07 ` +
				`24.4","magnitude":19.5,"filter":"G","telescope":"G96"}`},
			times: []string{"2020-01-31T10:21:00Z"},
			rejected: []string{"line 4: the row holds neither a magnitude nor a limit nor a flux",
				"line 5: the observation was replaced"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("photometry", "s.txt", []byte(c.text), Options{Names: c.names})
			if err != nil || report.Format != c.format {
				t.Fatalf("%q: %v", report.Format, err)
			}
			if values(points) != strings.Join(c.values, "\n") {
				t.Errorf("got\n%s\nwant\n%s", values(points), strings.Join(c.values, "\n"))
			}
			for i, p := range points {
				if p.Source != c.source || p.Object != c.object || i < len(c.times) &&
					instant.Text(p.Time) != c.times[i] {
					t.Errorf("point %d: source %q, object %q, time %s", i, p.Source, p.Object, instant.Text(p.Time))
				}
			}
			if got := problemTexts(report.Rejected); strings.Join(got, "\n") != strings.Join(c.rejected, "\n") {
				t.Errorf("rejected %q", got)
			}
			checkWarnings(t, report.Warnings, c.warnings)
		})
	}
}

// TestSurveyRefusals: a line that breaks its format is refused, with its place.
func TestSurveyRefusals(t *testing.T) {
	good := mpcLine("     K20A01B", "  C", "2020 01 31.43125", "10 20 30.12", "-02 07 24.4", "19.5", "G", "G96")
	for _, c := range []struct{ text, want string }{
		{strings.Replace(aavsoSample, "#DELIM=;", "#DELIM=banana", 1),
			"line 11: the delimiter 'banana' is not understood"},
		{strings.Replace(aavsoSample, "=EXCEL", "=Julian", 1), "line 14: dates of the kind 'Julian' are not read"},
		{strings.Replace(aavsoSample, "6/4/2020", "31/4/2020", 1),
			"line 15: '31/4/2020 2:57:41 PM' is not a date as spreadsheets write it"},
		{strings.Replace(aavsoSample, "11.135", "bright", 1), "line 8, column mag: 'bright' is not a number"},
		{strings.Replace(aavsoSample, ",outburst", ",outburst,,b", 1), "line 8: 17 fields where the format has 15"},
		{strings.Replace(aavsoSample, ",outburst", ",outburst,a,b", 1), "line 8: 17 fields where the format has 15"},
		{strings.Replace(snanaSample, "VARLIST:", "VARLIST:\n#", 1), "no names of columns, or too many"},
		{strings.Replace(snanaSample, "X1 1000.0", "1000.0", 1), "line 6: 5 fields where the header has 6 columns"},
		{adesSample + "433|CCD|703|2020-02-01T10:20:30Z|12|V|x|y\n",
			"line 10: 8 fields where the header has 6 columns"},
		{good + good[:60] + "\n", "line 2: the line has 60 characters where the format has 80"},
		{good + strings.Replace(good, "2020 01", "2020 13", 1),
			"line 2: no date in columns 16 to 32: '2020 13 31.43125"},
	} {
		_, _, err := process("photometry", "s.txt", []byte(c.text), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func FuzzSurvey(f *testing.F) {
	for _, s := range []string{adesSample, aavsoSample, snanaSample, gaiaSample, adesXMLSample, exoplanetSample,
		sousaSample, finkSample, rubinSample, imageJSample,
		mpcLine("     K20A01B", "  C", "2020 01 31.43125", "10 20 30.12", "-02 07 24.4", "19.5", "G", "G96"),
		"###MJD m dm uJy duJy F\n59000 18 0.1 10 1 o\n", "objID,epochMean,gMeanPSFMag,rMeanPSFMag\n1,56000,20,-999\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		points, report, err := process("photometry", "f", data, Options{MaxProblems: 5, Names: []string{"x"}})
		checkOutcome(t, points, report, err)
	})
}

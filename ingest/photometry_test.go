package ingest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
)

// photometryCase is a file of photometry with the expected values, warnings and problems.
type photometryCase struct {
	name     string
	text     string
	values   []string // JSON objects, exactly
	warnings []string // parts of all warnings, in order
	errors   []string // all problems of the file, exactly; there are then no values
	rejected []string
}

func (c photometryCase) run(t *testing.T) {
	points, report, err := process("photometry", "lc.csv", []byte(c.text), Options{})
	if got := problemTexts(report.Errors); !slices.Equal(got, c.errors) {
		t.Errorf("problems\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.errors, "\n"))
	}
	if (err != nil) != (len(c.errors) > 0) {
		t.Errorf("error %v", err)
	}
	if got := problemTexts(report.Rejected); !slices.Equal(got, c.rejected) || report.RejectedCount != len(got) {
		t.Errorf("rejected %q, want %q", got, c.rejected)
	}
	if len(c.errors) == 0 && values(points) != strings.Join(c.values, "\n") {
		t.Errorf("got\n%s\nwant\n%s", values(points), strings.Join(c.values, "\n"))
	}
	checkWarnings(t, report.Warnings, c.warnings)
}

func problemTexts(problems []bounded.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// checkWarnings compares all warnings with parts of them, in order. The warning about photometry
// without a filter counts only if want has it.
func checkWarnings(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.ContainsFunc(want, func(w string) bool { return strings.Contains(noFilter, w) }) {
		got = slices.DeleteFunc(slices.Clone(got), func(w string) bool { return w == noFilter })
	}
	if len(got) != len(want) {
		t.Errorf("warnings %q, want %q", got, want)
		return
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Errorf("warning %q, want %q", got[i], want[i])
		}
	}
}

func TestPhotometry(t *testing.T) {
	for _, c := range []photometryCase{
		{name: "synonyms", text: "MJD,Mag_Err,BAND,magnitude,zp,zpsys,Tel,instrument,limiting-mag,Airmass\n" +
			"58000.5,.01,r,+15.50,25,ab,NTT,EFOSC,20.,1.1\n",
			values: []string{`{"mjd":58000.5,"error":0.01,"filter":"r","magnitude":15.50,"zero_point":25,` +
				`"magsys":"ab","telescope":"NTT","instrument":"EFOSC","limit":20.0,"Airmass":1.1}`}},
		{name: "digits are kept and respelt for JSON",
			text: "jd,mag,x\n2458000.500000000000000000001,007,1\n2458000.5,-.5,2\n2458000.5,1.e1,3\n2458000.5," +
				"1D1,4\n2458000.5,015.0500,5\n",
			values: []string{`{"jd":2458000.500000000000000000001,"magnitude":7,"x":1}`,
				`{"jd":2458000.5,"magnitude":-0.5,"x":2}`,
				`{"jd":2458000.5,"magnitude":1.0e1,"x":3}`, `{"jd":2458000.5,"magnitude":1e1,"x":4}`,
				`{"jd":2458000.5,"magnitude":15.0500,"x":5}`}},
		{name: "numbers in unknown columns",
			text: "mjd,mag,a,b,c,d\n58000,15,007,12345678901234567,123456789012345678,1.5\n58000,16,1e5,+2,12d3," +
				"1e400\n58000,17,0.1,00.1,-0,--\n",
			values: []string{`{"mjd":58000,"magnitude":15,"a":"007","b":12345678901234567,` +
				`"c":"123456789012345678","d":1.5}`,
				`{"mjd":58000,"magnitude":16,"a":1e5,"b":2,"c":"12d3","d":"1e400"}`,
				`{"mjd":58000,"magnitude":17,"a":0.1,"b":"00.1","c":-0}`}},
		{name: "missing values",
			text: "time,filter,magnitude,error,limit,note\n58000,r,15,nan,N/A,none\n58000,NULL,15,--,-Inf,na\n" +
				"58000,r,15,99.990,-999,x\n58000,r,99,0.1,20.5,x\n58000,r,15,999.0,99.0,\n",
			values: []string{`{"time":58000,"filter":"r","magnitude":15}`, `{"time":58000,"magnitude":15,"note":"na"}`,
				`{"time":58000,"filter":"r","magnitude":15,"note":"x"}`,
				`{"time":58000,"filter":"r","error":0.1,"limit":20.5,"note":"x"}`,
				`{"time":58000,"filter":"r","magnitude":15}`},
			warnings: []string{"column magnitude: 1 value outside -30 to 40 taken as missing (first: 99)",
				"column error: 2 values outside 0 to 5 taken as missing (first: 99.990)",
				"column limit: 2 values outside -30 to 40 taken as missing (first: -999)"}},
		{name: "limits by sign",
			text: "mjd,filter,magnitude,limit\n58000,r,>19.2,\n58001,r,< 19.3,nan\n58002,r,>19.4,19.4\n58003,r,15," +
				">20\n",
			values: []string{`{"mjd":58000,"filter":"r","limit":19.2}`, `{"mjd":58001,"filter":"r","limit":19.3}`,
				`{"mjd":58002,"filter":"r","limit":19.4}`, `{"mjd":58003,"filter":"r","magnitude":15,"limit":20}`},
			warnings: []string{"2 magnitudes with < or > in front stored as limit"}},
		{name: "two limits in a row", text: "mjd,mag,limit\n58000,>19.2,20\n",
			errors: []string{"line 2, column mag: '>19.2' is a limit, and column limit gives another one"}},
		{name: "limits by flag", text: "mjd,mag,limit,nondet\n58000,19.2,,True\n58001,15,20,0\n58002,99.99,20.1,yes\n",
			values: []string{`{"mjd":58000,"limit":19.2,"nondet":"True"}`,
				`{"mjd":58001,"magnitude":15,"limit":20,"nondet":0}`,
				`{"mjd":58002,"limit":20.1,"nondet":"yes"}`},
			warnings: []string{"1 magnitude flagged as not detected stored as limit",
				"column mag: 1 value outside -30 to 40 taken as missing (first: 99.99)"}},
		{name: "an invalid flag", text: "mjd,mag,ul\n58000,19.2,perhaps\n",
			values:   []string{`{"mjd":58000,"magnitude":19.2,"ul":"perhaps"}`},
			warnings: []string{"column ul looks like a flag for limits but is not understood ('perhaps')"}},
		{name: "f is a filter when it holds text", text: "mjd,m,e,f\n58000,15,.1,r\n",
			values: []string{`{"mjd":58000,"magnitude":15,"error":0.1,"filter":"r"}`}},
		{name: "F is a flux when it holds numbers", text: "mjd,F,e\n58000,15,.1\n",
			values:   []string{`{"mjd":58000,"flux":15,"flux_error":0.1}`},
			warnings: []string{"column e is taken for the error of the flux", "column F: the file gives no unit"}},
		{name: "one letter gives way", text: "mjd,mag,m,err,e,filter,f\n58000,15,1,.1,2,r,x\n",
			values: []string{`{"mjd":58000,"magnitude":15,"m":1,"error":0.1,"e":2,"filter":"r","f":"x"}`}},
		{name: "an observatory gives way to a telescope", text: "mjd,mag,obs,telescope,facility\n58000,15,X,NTT,ESO\n",
			values: []string{`{"mjd":58000,"magnitude":15,"obs":"X","telescope":"NTT","facility":"ESO"}`}},
		{name: "the unit of a flux in its name", text: "mjd,uJy,duJy\n58000,15,1\n",
			values: []string{`{"mjd":58000,"flux":15,"flux_unit":"uJy","flux_error":1}`}},
		{name: "the unit of a flux in brackets", text: "mjd flux (mJy) fluxerr [mJy]\n58000 15 1\n",
			values: []string{`{"mjd":58000,"flux":15,"flux_unit":"mJy","flux_error":1}`}},
		{name: "the unit of a flux in a column", text: "mjd,flux (mJy),flux_unit\n58000,15,uJy\n",
			values: []string{`{"mjd":58000,"flux":15,"flux_unit":"uJy"}`}},
		{name: "names that mean the same", text: "mjd,mag,magnitude\n58000,15,15\n",
			errors: []string{"line 1, column magnitude: both 'mag' and 'magnitude' mean magnitude"}},
		{name: "the same name twice", text: "mjd,mag,x,x\n58000,15,1,2\n",
			errors: []string{"line 1, column x: the columns 'x' and 'x' have the same name"}},
		{name: "times of the same name", text: "MJD,mag,mjd\n58000,15,1\n",
			errors:   []string{"line 1, column mjd: the columns 'MJD' and 'mjd' have the same name"},
			warnings: []string{"the time is taken from column MJD; kept as ordinary columns: 'mjd'"}},
		{name: "names that differ in case", text: "mjd,mag,G,g\n58000,15,1,2\n",
			values: []string{`{"mjd":58000,"magnitude":15,"G":1,"g":2}`}},
		{name: "a column without a name", text: ",mjd,mag\n0,58000,15\n",
			values: []string{`{"mjd":58000,"magnitude":15}`}, warnings: []string{
				"column 1 has no name and is left out"}},
		{name: "rows without a measurement",
			text:   "mjd,mag,error,limit\n58000,,0.1,\n58001,15,0.1,\n58002,nan,nan,99\n",
			values: []string{`{"mjd":58001,"magnitude":15,"error":0.1}`},
			rejected: []string{"line 2: the row holds neither a magnitude nor a limit nor a flux",
				"line 4: the row holds neither a magnitude nor a limit nor a flux"},
			warnings: []string{"column limit: 1 value outside -30 to 40 taken as missing (first: 99)"}},
		{name: "no measurement at all", text: "mjd,mag\n58000,\n58001,nan\n",
			errors: []string{"no rows are left: none has a magnitude, a limit or a flux"},
			rejected: []string{"line 2: the row holds neither a magnitude nor a limit nor a flux",
				"line 3: the row holds neither a magnitude nor a limit nor a flux"}},
		{name: "no column of measurements", text: "mjd,counts\n58000,1\n",
			errors: []string{"line 1: no column of magnitudes, limits or fluxes; the columns are 'mjd', 'counts'; " +
				"say which with columns, such as magnitude or flux"}},
		{name: "all problems", text: "mjd,mag,error\n58000,x,y\n\n# comment\n58001,15\nz,1,2,3\n58002,1e999,1\n,15,1\n",
			errors: []string{"line 2, column mag: 'x' is not a number", "line 2, column error: 'y' is not a number",
				"line 5: 2 fields where the header has 3 columns",
				"line 6: 4 fields where the header has 3 columns", "line 7, column mag: '1e999' is out of range",
				"line 8, column mjd: the row has no time"}},
		{name: "a decimal comma", text: "mjd;mag;n\n58000,5;15,2;x,y\n58001;>16,25;\n",
			values:   []string{`{"mjd":58000.5,"magnitude":15.2,"n":"x,y"}`, `{"mjd":58001,"limit":16.25}`},
			warnings: []string{"numbers are written with a decimal comma", "1 magnitude with < or >"}},
		{name: "commas and points", text: "mjd;mag\n58000.5;15,2\n",
			errors: []string{"line 2, column mag: '15,2' is not a number; write a point for the decimal comma"}},
		{name: "a line of units", text: "mjd,mag,flux,fluxerr,band\nd,mag,mJy,mJy,\n58000,15,2,1,r\n",
			values:   []string{`{"mjd":58000,"magnitude":15,"flux":2,"flux_unit":"mJy","flux_error":1,"filter":"r"}`},
			warnings: []string{"the line below the header is taken for units: 'd', 'mag', 'mJy', 'mJy', ''"}},
		{name: "a ruler", text: "| mjd | mag |\n|-----|-----|\n| 58000 | 15 |\n",
			values: []string{`{"mjd":58000,"magnitude":15}`}, warnings: []string{"column 1 has no name",
				"column 4 has no name"}},
		{name: "a header in the comments", text: "# from the telescope\n# mjd mag\n58000 15\n58001 16\n",
			values:   []string{`{"mjd":58000,"magnitude":15}`, `{"mjd":58001,"magnitude":16}`},
			warnings: []string{"the columns are named by the comment above them: 'mjd', 'mag'"}},
		{name: "flux with a zero point", text: "mjd,flux,fluxerr,zp\n58000,100,10,25\n58001,-5,10,25\n58002,100,10,\n",
			values: []string{`{"mjd":58000,"flux":100,"flux_error":10,"zero_point":25,"magnitude":20,"error":0.108574}`,
				`{"mjd":58001,"flux":-5,"flux_error":10,"zero_point":25,"limit":21.307197}`,
				`{"mjd":58002,"flux":100,"flux_error":10}`},
			warnings: []string{"1 magnitude computed from flux and zero point",
				"1 row with a flux of at most 3 times its error: the limit is that of 3 errors"}},
		{name: "odd errors", text: "mjd,mag,err\n58000,15,1.5\n58000,15,-0.1\n58000,15,1\n",
			values: []string{`{"mjd":58000,"magnitude":15,"error":1.5}`, `{"mjd":58000,"magnitude":15}`,
				`{"mjd":58000,"magnitude":15,"error":1}`},
			warnings: []string{"1 error above 1 mag",
				"column err: 1 value outside 0 to 5 taken as missing (first: -0.1)"}},
		{name: "text is escaped", text: "mjd\tmag\tnote\n58000\t15\ta\"b\\c\x01\n",
			values: []string{`{"mjd":58000,"magnitude":15,"note":"a\"b\\c\u0001"}`}},
		{name: "a long name", text: "mjd,mag," + strings.Repeat("x", 201) + "\n58000,15,1\n",
			errors: []string{"line 1, column " + strings.Repeat("x", 60) +
				"...: the name of a column is longer than 200 bytes"}},
		{name: "no rows", text: "mjd,mag\n# the end\n", errors: []string{"no rows below the header"}},
		{name: "only comments", text: "# nothing\n\n",
			errors: []string{"no rows: the file holds only comments and blank lines"}},
		{name: "comments that are not UTF-8", text: "# K\xf6nigstuhl\nmjd,mag\n58000,15\n",
			values: []string{`{"mjd":58000,"magnitude":15}`}},
		{name: "a row that is not UTF-8", text: "mjd,mag,filter\n58000,15,\xfc\n",
			errors: []string{"line 2: not text: not valid UTF-8"}},
		{name: "a spreadsheet's delimiter", text: "sep=;\nmjd;mag\n58000,5;15,5\n",
			values: []string{`{"mjd":58000.5,"magnitude":15.5}`}, warnings: []string{"decimal comma"}},
		{name: "a ruler with semicolons, and an unknown unit",
			text: "MJD;Filt;mag\nd;---;mag\n-----;-;------\n58000;r;15\n", values: []string{
				`{"mjd":58000,"filter":"r","magnitude":15}`}, warnings: []string{"taken for units"}},
		{name: "a ruler between blanks", text: "MJD   mag  Filt\nd     mag  ---\n----- ---- ----\n58000 15.1 r\n",
			values: []string{`{"mjd":58000,"magnitude":15.1,"filter":"r"}`}, warnings: []string{"taken for units"}},
		{name: "more ways to say missing",
			text: "mjd,mag,err,filter,limmag\n58000,-,...,r,20\n58001,INDEF,---,-,20.5\n", values: []string{
				`{"mjd":58000,"filter":"r","limit":20}`, `{"mjd":58001,"limit":20.5}`}},
		{name: "empty cells beyond the header", text: "mjd,mag\n58000,15,\n58001,16,,,\n",
			values: []string{`{"mjd":58000,"magnitude":15}`, `{"mjd":58001,"magnitude":16}`}},
		{name: "a cell beyond the header", text: "mjd,mag\n58000,15,,x\n",
			errors: []string{"line 2: 4 fields where the header has 2 columns"}},
		{name: "a flag called upper limit", text: "mjd,mag,upper_limit\n58000,19.5,True\n58001,15,False\n",
			values: []string{`{"mjd":58000,"limit":19.5,"upper_limit":"True"}`,
				`{"mjd":58001,"magnitude":15,"upper_limit":"False"}`}, warnings: []string{"flagged as not detected"}},
		{name: "units in a comment below the names",
			text: "# Star of the year\n#MJD\tflux\terr\tfilter\n#d\tmJy\tmJy\t\n58000.5\t15\t1\tr\n", values: []string{
				`{"mjd":58000.5,"flux":15,"flux_unit":"mJy","flux_error":1,"filter":"r"}`},
			warnings: []string{"named by the comment above them: 'MJD', 'flux', 'err', 'filter'",
				"taken for the error of the flux"}},
		{name: "days counted from another day", text: "time,mag\n1325.5,15\n58000.5,15\n10,15\n",
			errors: []string{"line 2, column time: '1325.5' may be a date of any kind: an MJD is from 40,000 to " +
				"80,000, a JD from 2,400,000 to 2,500,000" + waysOut,
				"line 4, column time: '10' may be a date of any kind: an MJD is from 40,000 to 80,000, a JD from " +
					"2,400,000 to 2,500,000"}},
		{name: "TESS without its header", text: "TIME,PDCSAP_FLUX,PDCSAP_FLUX_ERR\n1325.5,1000,1\n",
			errors: []string{"line 1, column TIME: Kepler and TESS count days from 2454833 and 2457000: choose one " +
				"with time_format bkjd or btjd"}},
		{name: "numbers without a header", text: "# my star, seen twice\n58000 15\n58001 16\n",
			errors: []string{"line 2: no header line: the first line holds only numbers; if the comment above it " +
				"names the columns, remove its #; an upload can name them in columns, as col1, col2 and so on",
				"line 2: no column of magnitudes, limits or fluxes; the columns are '58000', '15'"}},
	} {
		t.Run(c.name, c.run)
	}
}

func TestTimeColumn(t *testing.T) {
	const tail = `,"magnitude":15}`
	for _, c := range []photometryCase{
		{name: "MJD before all", text: "date,time,jd,mjd,mag\n2020-01-01T00:00,1,2458849.5,58849,15\n",
			values:   []string{`{"date":"2020-01-01T00:00","time":1,"jd":2458849.5,"mjd":58849` + tail},
			warnings: []string{"the time is taken from column mjd; kept as ordinary columns: 'date', 'time', 'jd'"}},
		{name: "text before a number", text: "Time,Date-Obs,mag\n58849.0,2020-01-01T00:00:00.5,15\n",
			values:   []string{`{"Time":58849.0,"date-obs":"2020-01-01T00:00:00.5"` + tail},
			warnings: []string{"the time is taken from column Date-Obs; kept as ordinary columns: 'Time'"}},
		{name: "a day after a number", text: "date,time,mag\n2020-01-01,58849.5,15\n",
			values: []string{`{"date":"2020-01-01","time":58849.5` + tail}, warnings: []string{
				"the time is taken from column time; kept as ordinary columns: 'date'"}},
		{name: "a day alone", text: "date,mag\n2020-01-01,15\n", values: []string{`{"date":"2020-01-01"` + tail},
			warnings: []string{"1 date without a time of day, 00:00 UTC is assumed"}},
		{name: "day and hour apart", text: "date,time,mag\n2020-01-01,10:20:30,15\n",
			errors: []string{"line 1, column date: the day is in 'date' and the hour in 'time'; write both in " +
				"one column, as 2020-01-31T10:20:30"}},
		{name: "hours alone", text: "ut,mag\n10:20:30,15\n",
			errors: []string{"line 1, column ut: a time of day without a date is not a time"}},
		{name: "heliocentric beside Julian", text: "hjd,jd,mag\n2458849.501,2458849.5,15\n",
			values: []string{`{"hjd":2458849.501,"jd":2458849.5` + tail}, warnings: []string{
				"the time is taken from column jd; kept as ordinary columns: 'hjd'"}},
		{name: "heliocentric", text: "HJD,mag\n2458849.501,15\n",
			values:   []string{`{"hjd":2458849.501,"magnitude":15,"time_ref":"heliocentric"}`},
			warnings: []string{"the scale UTC is assumed", "up to 8.3 minutes"}},
		{name: "TESS", text: "btjd,mag\n1849.501,15\n",
			values:   []string{`{"btjd":1849.501,"magnitude":15,"time_ref":"barycentric"}`},
			warnings: []string{"1 time of TDB converted to UTC, 69.1839 s were subtracted", "up to 8.3 minutes"}},
		{name: "an offset that was subtracted", text: "HJD-2450000,mag\n8849.5,15\n",
			values:   []string{`{"hjd-2450000":8849.5,"magnitude":15,"time_ref":"heliocentric"}`},
			warnings: []string{"the scale UTC is assumed", "up to 8.3 minutes"}},
		{name: "coordinate time", text: "JD(TCB),mag\n2458849.501,15\n",
			values:   []string{`{"jd(tcb)":2458849.501` + tail},
			warnings: []string{"1 time of TCB converted to UTC, 90.223155 s were subtracted"}},
		{name: "barycentric in brackets", text: "time [BJD_TDB],mag\n2458849.501,15\n",
			values:   []string{`{"time [bjd_tdb]":2458849.501,"magnitude":15,"time_ref":"barycentric"}`},
			warnings: []string{"1 time of TDB", "up to 8.3 minutes"}},
		{name: "the scale in a comment", text: "# TIMESYS: TT\nmjd,mag\n58849.5,15\n",
			values: []string{`{"mjd":58849.5` + tail},
			warnings: []string{"the scale is taken from TIMESYS = TT",
				"1 time of TT converted to UTC, 69.184 s were subtracted"}},
		{name: "the scale in a comment and in the name", text: "# TIMESYS = 'TT'\nmjd_utc,mag\n58849.5,15\n",
			values: []string{`{"mjd_utc":58849.5` + tail}},
		{name: "an odd scale in a comment", text: "# TIMESYS: MARS\nmjd,mag\n58849.5,15\n",
			errors: []string{"line 2, column mjd: times of the scale TIMESYS = MARS are not read"}},
		{name: "truncated", text: "tbjd,mag\n1849.501,15\n",
			errors: []string{"line 1, column tbjd: truncated dates count from several days; say from which with " +
				"time_format, such as bjd-2457000"}},
		{name: "days since something", text: "time (days),mag\n5,15\n",
			errors: []string{"line 1, column time (days): the column does not say from when its days count" +
				waysOut}},
		{name: "an odd unit", text: "time (s),mag\n5,15\n",
			errors: []string{"line 1, column time (s): the unit 's' is not understood"}},
		{name: "MJD in brackets", text: "Time [MJD],mag\n58849,15\n", values: []string{`{"time [mjd]":58849` + tail}},
		{name: "phase", text: "phase,mag\n0.5,15\n", errors: []string{"line 1, column phase: a phase is not a time"}},
		{name: "a phase beside a time", text: "phase,mjd,mag\n0.5,58849,15\n",
			values: []string{`{"phase":0.5,"mjd":58849` + tail}, warnings: []string{
				"kept as ordinary columns: 'phase'"}},
		{name: "Julian dates under time", text: "time,mag\n2458849.5,15\n2458850.5,15\n",
			values: []string{`{"time":2458849.5` + tail, `{"time":2458850.5` + tail},
			warnings: []string{"column time: 2 values between 2,400,000 and 2,500,000 taken for a Julian date and " +
				"converted"}},
		{name: "shifted Julian dates", text: "jd,mag\n58849.5,15\n",
			errors: []string{"line 2, column jd: '58849.5' is below 2,400,000, so it is not a Julian date" + waysOut}},
		{name: "Julian dates under mjd", text: "mjd,mag\n2458849.5,15\n",
			errors: []string{"line 2, column mjd: '2458849.5' is above 2,400,000, so it is not a Modified Julian " +
				"Date"}},
		{name: "years under epoch", text: "epoch,mag\n2020.5,15\n",
			errors: []string{"line 2, column epoch: '2020.5' may be a date of any kind: an MJD is from 40,000 to " +
				"80,000, a JD from 2,400,000 to 2,500,000" + waysOut}},
		{name: "leap seconds", text: "date,mag\n2016-12-31T23:59:60,15\n2016-12-31T23:59:59,15\n",
			values: []string{`{"date":"2016-12-31T23:59:60"` + tail, `{"date":"2016-12-31T23:59:59"` + tail},
			warnings: []string{"1 time of 23:59:60 became 00:00:00 of the next day",
				"1 time on a day that ended with a leap second"}},
		{name: "Unix seconds", text: "unixtime,mag\n1577836800,15\n",
			values: []string{`{"unixtime":1577836800` + tail}},
	} {
		t.Run(c.name, c.run)
	}
}

func TestPointsOfPhotometry(t *testing.T) {
	text := "# c\r\n\r\nmjd,mag,source\r\n58849,15,ZTF\r\n# d\r\n58849.5,16,\r\n58850,17,ZTF"
	points, report, err := process("photometry", "lc.csv", []byte(text), Options{})
	if err != nil || len(points) != 3 || report.Rows != 3 {
		t.Fatal(points, err)
	}
	day := int64(1577836800) * instant.SecondMicros
	for i, want := range []Point{
		{Time: day, Timed: true, Source: "ZTF", Line: 4}, {Time: day + instant.DayMicros/2, Timed: true,
			Line: 6}, {Time: day + instant.DayMicros, Timed: true, Source: "ZTF", Line: 7},
	} {
		got := points[i]
		got.Value = nil
		if got.Time != want.Time || got.Timed != want.Timed || got.Source != want.Source || got.Line != want.Line {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestFluxScaleOfPhotometry(t *testing.T) {
	points, report, err := process("photometry", "a.csv", []byte("mjd,flux,fluxerr,mag\n58000,15,1,20\n"),
		Options{FluxScale: 0.5})
	if err != nil || values(points) != `{"mjd":58000,"flux":7.5,"flux_error":0.5,"magnitude":20}` {
		t.Errorf("%v %s", err, values(points))
	}
	checkWarnings(t, report.Warnings, []string{"fluxes and their errors were multiplied by 0.5",
		"column flux: the file gives no unit"})
	_, _, err = process("photometry", "a.csv", []byte("mjd,flux\n58000,1e300\n"), Options{FluxScale: 1e300})
	if err == nil || !strings.Contains(err.Error(), "out of range when multiplied") {
		t.Error(err)
	}
}

// FuzzPhotometry: for any file, every value is a JSON object, times are in range, and a refusal has
// a reason.
func FuzzPhotometry(f *testing.F) {
	for _, s := range []string{twoRows, "mjd;mag\r58000,5;15,2\r",
		"\xef\xbb\xbftime\tfilter\tmagnitude\n58000\t\"r\"\"\"\t>15\n", "a|b\n|", "jd mag (AB) limit\n2458000.5 > 15\n",
		"date,mag,nondet,source\n2016-12-31T23:59:60,15,1,x\n", ",,,\n\"", "mjd,f,e\n1,2,3\n",
		"time,mag\n2458000,007\n,\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		points, report, err := process("photometry", "f", data, Options{MaxProblems: 5})
		checkOutcome(t, points, report, err)
	})
}

// checkOutcome checks what is true for any file.
func checkOutcome(t *testing.T, points []Point, report Report, err error) {
	if err != nil {
		refused, ok := err.(*bounded.Error)
		if !ok || len(refused.Problems) == 0 || len(refused.Problems) > 5 ||
			strings.ContainsAny(err.Error(), "\n\x00") {
			t.Fatalf("error %#v", err)
		}
		return
	}
	if len(points) == 0 || len(report.Errors) > 0 || len(points)+report.RejectedCount > report.Rows {
		t.Fatalf("%d points, report %+v", len(points), report)
	}
	for _, p := range points {
		var v map[string]any
		if err := json.Unmarshal(p.Value, &v); err != nil || p.Time < instant.MinInstant ||
			p.Time > instant.MaxInstant {
			t.Fatalf("value %s: %v", p.Value, err)
		}
		if n := countKeys(p.Value); n != len(v) || n == 0 {
			t.Fatalf("value %s: %d keys, %d different", p.Value, n, len(v))
		}
	}
	if _, err := json.Marshal(report); err != nil {
		t.Fatal(err)
	}
}

// countKeys returns the number of keys of an object that has no objects as values.
func countKeys(object []byte) int {
	d := json.NewDecoder(strings.NewReader(string(object)))
	n, depth, key := 0, 0, true
	for {
		token, err := d.Token()
		if err != nil {
			return n
		}
		switch token {
		case json.Delim('{'):
			continue
		case json.Delim('['):
			depth++
			continue
		case json.Delim(']'):
			depth--
		}
		if depth > 0 {
			continue
		}
		if key && token != json.Delim('}') {
			n++
		}
		key = !key
	}
}

func TestRowsOfDelimitersAreBlank(t *testing.T) {
	points, report, err := process("photometry", "a", []byte("mjd,mag\n58000,15\n,\n , \n58001,16\n"), Options{})
	if err != nil || len(points) != 2 || report.Rows != 2 {
		t.Error(points, err)
	}
}

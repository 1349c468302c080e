package ingest

import (
	"strings"
	"testing"
)

const ipacSample = `\fixlen = T
\char OBJECT = 'a star'
\ a comment
|           mjd|    mag| magerr|filtercode|--limitmag-|
|        double|      r|  float|      char|     double|
|             d|    mag|    mag|          |        mag|
|          null|   -9.9|   null|         -|       null|
  61100.1234567  18.123   0.031         zg        20.5
  61101.1234567   -9.90   0.031         zr        20.1
\ a comment among the rows
  61102.1234567  18.201    null          -        20.6
`

const mrtSample = `Title: Light curves of a star, which does not exist
Table: One
================================================================================
Byte-by-byte Description of file: table1.txt
--------------------------------------------------------------------------------
   Bytes Format Units   Label   Explanations
--------------------------------------------------------------------------------
   1- 13 F13.5  d       HJD     Heliocentric Julian date; see
                                100 F5.2 --- Note of nothing
      14 A1     ---     ---     [|] A separator
      16 A1     ---   l_mag     ?=- Limit flag on mag
  17- 22 F6.3   mag     mag     [0/30]?=-9.9 The magnitude
  24- 28 F5.3   mag   e_mag     ?=9.999; its error
  30- 39 A10    "date"  Date    The day, which is text
  41     A1     ---     Filter  Band
--------------------------------------------------------------------------------
Note (1): Notes may be long
  2461100.5   18.0, and hold numbers.

--------------------------------------------------------------------------------
2461100.75000|  18.123 0.031 2026-03-01 V
2461101.75000| >19.500 9.999 2026-03-02 V

2461102.75000|  -9.900 0.031 2026-03-03 R
`

// TestFixedColumns: columns are told by their places, so a missing value does not shift the others.
func TestFixedColumns(t *testing.T) {
	for _, c := range []struct{ name, text, want, format string }{
		{"IPAC", ipacSample, `{"mjd":61100.1234567,"magnitude":18.123,"error":0.031,"filter":"zg","limit":20.5}` +
			"\n" +
			`{"mjd":61101.1234567,"error":0.031,"filter":"zr","limit":20.1}` + "\n" +
			`{"mjd":61102.1234567,"magnitude":18.201,"limit":20.6}`, "IPAC table"},
		{"IPAC with types alone", "|mjd     |mag  |\n|double  |float|\n 61100.25 18.10\n",
			`{"mjd":61100.25,"magnitude":18.10}`, "IPAC table"},
		{"IPAC without the last bar", "\\k = 'v'\n|mjd     |mag\n|double  |float\n|d       |mag\n 61100.25 18.10 \n",
			`{"mjd":61100.25,"magnitude":18.10}`, "IPAC table"},
		{"IPAC, not ASCII, in characters", "\\a = b\n|name    |mjd     |mag  |\n é        61100.25 18\n",
			`{"name":"é","mjd":61100.25,"magnitude":18}`, "IPAC table"},
		{"IPAC, not ASCII, in bytes", "\\a = b\n|name    |mjd     |mag  |\n é       61100.25 18\n",
			`{"name":"é","mjd":61100.25,"magnitude":18}`, "IPAC table"},
		{"RDB", "# a comment\nmjd\tmag\tfilter\tid\n10N\tN\t2S\tS\n61100.25\t18.10\tr\t007\n61101.25\t\tr\t2\n" +
			"61102.25\t19.0\tr\t1e5\n", `{"mjd":61100.25,"magnitude":18.10,"filter":"r","id":"007"}` + "\n" +
			`{"mjd":61102.25,"magnitude":19.0,"filter":"r","id":"1e5"}`, "RDB"},
		{"ruler", "    MJD   mag dmag   source\n======= ===== ==== ========\n61100.2 17.53 0.16 A scope\n" +
			"61101.2       0.10 Big scope, far away\n61102.2 16.93      \n",
			`{"mjd":61100.2,"magnitude":17.53,"error":0.16}` +
				"\n" + `{"mjd":61102.2,"magnitude":16.93}`, "delimited text (columns under a ruler)"},
		{"ruler below units", "    MJD   mag      x\n      d   mag\n------- ----- -------\n61100.2 17.53     a b\n",
			`{"mjd":61100.2,"magnitude":17.53,"x":"a b"}`, "delimited text (columns under a ruler)"},
		{"rulers around header and rows", "======= =====\n    MJD   mag\n======= =====\n61100.2 17.53\n61101.2\n" +
			"61102.2  16.9\n======= =====\n", `{"mjd":61100.2,"magnitude":17.53}` + "\n" +
			`{"mjd":61102.2,"magnitude":16.9}`,
			"delimited text (columns under a ruler)"},
		{"a ruler that is not one of places", "MJD mag err\n--- --- ---\n61100.2 17.53 0.1\n61101.2 17.6 0.1\n",
			`{"mjd":61100.2,"magnitude":17.53,"error":0.1}` + "\n" + `{"mjd":61101.2,"magnitude":17.6,"error":0.1}`,
			"delimited text (blanks)"},
		{"a ruler wider than its rows", "MJD        mag\n---------- ----\n61100 18\n61101 19\n",
			`{"mjd":61100,"magnitude":18}` + "\n" + `{"mjd":61101,"magnitude":19}`, "delimited text (blanks)"},
		{"IPAC of WISE", "\\x = 1\n|mjd     |w1mpro|w1sigmpro|\n|double  |double|double   |\n|mjdate  |mag   |mag " +
			"     |\n" +
			" 61100.25  12.1   0.02\n", `{"mjd":61100.25,"filter":"w1","magnitude":12.1,"error":0.02}`, "IPAC table"},
		{"a frame", "+-----+-----+\n| mjd | mag |\n+-----+-----+\n| 61100 | 18 |\n+-----+-----+\n",
			`{"mjd":61100,"magnitude":18}`, "delimited text (pipe)"},
	} {
		points, report, err := process("photometry", "t.txt", []byte(c.text), Options{})
		if err != nil || values(points) != c.want || report.Format != c.format {
			t.Errorf("%s, %s: %v, got\n%s", c.name, report.Format, err, values(points))
		}
	}
}

// TestMRT: the description gives places, units and nulls; a flag in l_NAME makes a limit.
func TestMRT(t *testing.T) {
	points, report, err := process("photometry", "t.txt", []byte(mrtSample), Options{})
	if err != nil || len(points) < 1 || report.Rows != 3 || report.RejectedCount != 1 || report.Rejected[0].Line != 24 {
		t.Fatalf("%v %+v", err, report)
	}
	const want = `{"hjd":2461100.75000,"magnitude":18.123,"error":0.031,"Date":"2026-03-01","filter":"V",` +
		`"time_ref":"heliocentric"}`
	if got := string(points[0].Value); got != want {
		t.Errorf("got %s", got)
	}
	if points[0].Line != 21 {
		t.Error(points[0].Line)
	}
}

// TestFixedRefused: a value outside of its column is not cut, and a description that does not
// describe the rows is not guessed.
func TestFixedRefused(t *testing.T) {
	mrt := func(old, new string) string { return strings.Replace(mrtSample, old, new, 1) }
	for _, c := range []struct{ name, text, want string }{
		{"IPAC under a bar", strings.Replace(ipacSample, "  18.123 ", " 118.1234", 1),
			"line 8: '4' lies between the columns mag and magerr"},
		{"IPAC behind the last bar", strings.Replace(ipacSample, "20.5\n", "20.5555\n", 1),
			"lies behind the last column"},
		{"IPAC bars", "\\a = b\n|mjd     |mag  |\n|double |float |\n", "the bar before column 2 is not below"},
		{"IPAC types", "\\a = b\n|mjd     |mag  |\n|complex |float|\n 61100.25 18\n", "'complex' is not a type"},
		{"IPAC number of columns", "\\a = b\n|mjd|mag|\n|r  |r  |r  |\n",
			"3 columns where the line of names has 2 columns"},
		{"IPAC header again", ipacSample + "|mjd|\n", "line 12: a header line among the rows"},
		{"IPAC tab", "\\a = b\n|mjd     |mag  |\n 61100.25\t18\n", "a tab where"},
		{"IPAC, not ASCII", "\\a = b\n|mjd   |mag  |name     |c |\n 61100  18    éé      x\n", "the line is not ASCII"},
		{"MRT between columns", mrt("  18.123 0.031", "  18.1234 .031"), "line 21: '4' lies between"},
		{"MRT with a sign between", mrt("18.123 0.031", "18.123-0.031"), "'-' lies between"},
		{"MRT of two tables", mrt("Note (1)", "Byte-by-byte Description of file: b\nNote (1)"),
			"describes several tables"},
		{"ReadMe", mrt("Note (1)", "(End)  somebody  [CDS]\nNote (1)"), "a ReadMe whose tables are in other files"},
		{"MRT that ends early", mrtSample[:strings.Index(mrtSample, "Date")], "the file ends within the description"},
		{"MRT bytes", mrt("17- 22", "23- 22"), "line 12: the bytes 23 to 22 are not a column"},
		{"ruler, later row", "    MJD   mag\n------- -----\n" + strings.Repeat("61100.2 17.53\n", 60) +
			"61100.25 17.53\n",
			"line 63: '5' lies between the columns MJD and mag"},
	} {
		_, _, err := process("photometry", "t.txt", []byte(c.text), Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}

// TestFixedSpectra: the same readers read spectra, with the units of their headers.
func TestFixedSpectra(t *testing.T) {
	const mrt = "Title: x\nByte-by-byte Description of file: s\n" +
		"--------------------------------------------------------------------------------\n" +
		"   Bytes Format Units   Label   Explanations\n" +
		"--------------------------------------------------------------------------------\n" +
		"   1-  6 F6.1   0.1nm   lambda  Wavelength\n   8- 13 F6.3   mJy     Flux    ?=-1 Flux\n" +
		"--------------------------------------------------------------------------------\n" +
		"4000.0  1.250\n4001.0 -1.000\n"
	for _, c := range []struct{ name, text, want string }{
		{"IPAC", "\\DATE_OBS = '2026-03-01T06:00:00'\n| wavelength | flux   | flux_unc |\n| double     | double | " +
			"double   |\n" +
			"| um         | Jy     | Jy       |\n| null       | null   | null     |\n 5.20         0.1230   0.0010\n" +
			" 5.21         null     0.0010\n", `{"flux":[0.1230,null],"flux_units":"Jy","wavelength":[5.20,5.21],` +
			`"wavelength_units":"um","flux_error":[0.0010,0.0010]}`},
		{"MRT", mrt,
			`{"flux":[1.250,null],"flux_units":"mJy","wavelength":[4000.0,4001.0],"wavelength_units":"Angstrom"}`},
		{"RDB", "wavelength\tflux\nN\tN\n4000\t1.5\n4001\t1.25\n",
			`{"flux":[1.5,1.25],"flux_units":"erg / (Angstrom s cm2)",` +
				`"wavelength":[4000,4001],"wavelength_units":"Angstrom"}`},
	} {
		points, _, err := process("spectroscopy", "t.txt", []byte(c.text), Options{})
		if err != nil || values(points) != c.want {
			t.Errorf("%s: %v, got\n%s", c.name, err, values(points))
		}
	}
}

// FuzzFixed: any file with columns at fixed places is read or refused.
func FuzzFixed(f *testing.F) {
	for _, s := range []string{ipacSample, mrtSample, "|mjd|mag|\n|r|r|\n|d||\n|-|-|\n 6   18\n", "\\a=b\n|\n|a\n",
		"mjd\tmag\nN\tN\n6\t1\n", " mjd mag\n---- ---\n6100 18\n", "==== ===\nmjd  mag\n==== ===\n6100 1é\n==== ===\n",
		"Byte-by-byte description\n1-3 F3.0 d mjd\n 5 I1 mag mag ?=9\n" + strings.Repeat("-", 40) + "\n610 8\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, dataType := range []string{"photometry", "spectroscopy"} {
			points, report, err := process(dataType, "f", data, Options{MaxProblems: 5})
			if dataType == "photometry" || err != nil {
				checkOutcome(t, points, report, err)
			}
		}
	})
}

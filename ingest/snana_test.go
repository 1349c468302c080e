package ingest

import (
	"fmt"
	"strings"
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// snanaHead makes a table HEAD as a file of its own: for each object its name and its rows in PHOT.
func snanaHead(objects ...any) []byte {
	var data []byte
	for i := 0; i < len(objects); i += 3 {
		data = append(data, fitstest.BigEndian(fmt.Sprintf("%-6s", objects[i]), int32(objects[i+1].(int)),
			int32(objects[i+2].(int)))...)
	}
	return fitstest.TableFile([]string{"SNID 6A", "PTROBS_MIN J", "PTROBS_MAX J"}, []string{"EXTNAME = 'HEAD'"}, 14,
		len(objects)/3, data)
}

// snanaPhot makes a table PHOT as a file of its own.
func snanaPhot(times ...float64) []byte {
	var data []byte
	for i, mjd := range times {
		band, flux := "g ", float32(100*(i+1))
		if mjd == -777 {
			band, flux = "- ", -777
		}
		data = append(data, fitstest.BigEndian(mjd, band, flux, float32(3), float32(31))...)
	}
	return fitstest.TableFile([]string{"MJD D", "BAND 2A", "FLUXCAL E", "FLUXCALERR E", "ZEROPT E"},
		[]string{"EXTNAME = 'PHOT'", "SURVEY  = 'X'"}, 22, len(times), data)
}

// TestSNANAInFITS: HEAD names the objects whose light curves PHOT has one after the other.
func TestSNANAInFITS(t *testing.T) {
	phot := snanaPhot(59000.5, 59001.5, -777, 59000.5, -777)
	one, two := snanaHead("a1", 1, 2, "none", 4, 3, "b2", 4, 4), snanaHead("a1", 1, 2)
	for _, c := range []struct {
		name  string
		data  []byte
		names []string
		want  string // the objects and times, or ! and the error
	}{
		{"two objects", append(one, phot...), nil, "a1 59000.5, a1 59001.5, b2 59000.5"},
		{"PHOT first", append(phot[:len(phot):len(phot)], one...), nil, "a1 59000.5, a1 59001.5, b2 59000.5"},
		{"two tables of a file", append(phot[:len(phot):len(phot)], one[2880:]...), nil, "a1 59000.5, a1 59001.5, b2 " +
			"59000.5"},
		{"of the target", append(one, phot...), []string{"B-2"}, "b2 59000.5"},
		{"two files compressed", append(fitstest.Gzip(one), fitstest.Gzip(phot)...), nil,
			"a1 59000.5, a1 59001.5, b2 59000.5"},
		{"one object", append(two, snanaPhot(59000.5, 59001.5, -777)...), []string{"x"}, "a1 59000.5, a1 59001.5"},
		{"a table of the same columns", snanaPhot(59000.5, 59001.5), nil, " 59000.5,  59001.5"},

		{"PHOT alone", phot, nil, "!HDU 2, row 3: MJD = -777 ends the light curve of an object: SNANA's table PHOT " +
			"may have several, " +
			"and their names are in the file HEAD"},
		{"HEAD alone", one, nil, "!SNANA's table HEAD lists objects; their light curves are in the file PHOT"},
		{"HEAD of another file", append(two, phot...), nil, "!HDU 4, row 4: HEAD has no object to which the row " +
			"belongs"},
		{"a row too many", append(snanaHead("a1", 1, 3), phot...), nil, "!row 3: MJD = -777 ends a light curve, but " +
			"HEAD says that the row is of the object a1"},
		{"rows that are not there", append(snanaHead("a1", 1, 2, "b2", 4, 4, "c3", 6, 9), phot...), nil,
			"!PHOT has 5 rows, but an object in HEAD has rows up to 9"},
		{"rows of two", append(snanaHead("a1", 1, 2, "b2", 2, 4), phot...), nil,
			`!HDU 2, row 2: the object "b2" has the rows 2 to 4 `},
		{"no name", append(snanaHead("", 1, 2), phot...), nil, "!must be numbers and follow those of the object " +
			"before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("photometry", "s.fits", c.data, Options{Names: c.names})
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				if kind, _, err := NewProcessors().Recognise(t.Context(), fitstest.FileOf(c.data),
					Options{}); kind == "spectroscopy" {
					t.Errorf("recognised as %s, %v", kind, err)
				}
				return
			}
			var got []string
			for _, p := range points {
				got = append(got, fmt.Sprintf("%s %g", p.Object, float64(p.Time)/86_400e6+40587))
			}
			if err != nil || strings.Join(got, ", ") != c.want || !strings.HasPrefix(report.Format, "SNANA, FITS") {
				t.Fatalf("%v, %q, %s", err, got, report.Format)
			}
			last := points[len(points)-1]
			number := map[bool]int{true: 4, false: 2}[strings.HasPrefix(c.want, "b2") || strings.Contains(c.want, "b2")]
			if want := fmt.Sprintf(`"flux":%d00,"flux_error":3,"ZEROPT":31`,
				number); !strings.Contains(string(last.Value), want) ||
				!strings.Contains(string(last.Value), `"zero_point":27.5`) || last.Line != number {
				t.Errorf("row %d: %s", last.Line, last.Value)
			}
		})
	}
}

// TestShortRowsOfSNANA: rows may lack columns at their end that are not needed.
func TestShortRowsOfSNANA(t *testing.T) {
	const head = "SURVEY: X\nSNID: 2026zz\nVARLIST: MJD FLT FIELD FLUXCAL FLUXCALERR PHOTFLAG NITE\n"
	for _, c := range []struct{ rows, want string }{
		{"OBS: 61100.1 g X1 100.0 3.0 0\nOBS: 61101.1 r X2 200.0 3.0\n", "100.0 200.0"},
		{"OBS: 61100.1 g X1 100.0 3.0 0 20260101\nOBS: 61101.1 r X2 200.0 3.0 0\n", "100.0 200.0"},
		{"OBS: 61100.1 g X1 100.0\n", "!line 4: 4 fields where the header has 7 columns"},
		{"OBS: 61100.1 g 100.0 3.0 0 20260101\n", "!line 4: 6 fields where the header has 7 columns"},  // no FIELD
		{"OBS: 61100.1 X1 100.0 3.0 0 20260101\n", "!line 4: 6 fields where the header has 7 columns"}, // no FLT
		{"OBS: g X1 100.0 3.0 0 20260101\n", "!line 4: 6 fields where the header has 7 columns"},       // no MJD
		{"OBS: 61100.1 g X1 100.0 3.0 0 20260101 7\n", "!line 4: 8 fields where the header has 7 columns"},
	} {
		points, _, err := process("photometry", "s.dat", []byte(head+c.rows), Options{})
		if want, refused := strings.CutPrefix(c.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", c.rows, err, want)
			}
			continue
		}
		var got []string
		for _, p := range points {
			_, rest, _ := strings.Cut(string(p.Value), `"flux":`)
			flux, _, _ := strings.Cut(rest, ",")
			got = append(got, flux)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %q, %s", c.rows, err, got, values(points))
		}
	}
}

// TestFLUXCAL: the zero point of FLUXCAL is 27.5 in a table of any format, whatever ZEROPT says.
func TestFLUXCAL(t *testing.T) {
	points, _, err := process("photometry", "s.csv",
		[]byte("MJD,BAND,FLUXCAL,FLUXCALERR,ZEROPT\n59000.5,g,100,1,31.2\n"), Options{})
	if err != nil || !strings.Contains(values(points), `"magnitude":22.5,`) {
		t.Errorf("%v %s", err, values(points))
	}
}

// TestEndsOfSNANA: a row of -777, which ends the light curve of an object, is no point in a table
// that was made from PHOT.
func TestEndsOfSNANA(t *testing.T) {
	points, report, err := process("photometry", "s.csv",
		[]byte(",SNID,MJD,FLUXCAL,FLUXCALERR,FLT\n0,7,59000.5,100,1,g\n1,7,-777.0,-777.0,-777.0,-\n"), Options{})
	if err != nil || len(points) != 1 || report.RejectedCount != 1 ||
		report.Rejected[0].String() != "line 3: the row holds neither a time nor a measurement" {
		t.Errorf("%v %+v %s", err, report, values(points))
	}
}

package ingest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/testenv"
)

func TestFITSTablePhotometry(t *testing.T) {
	row := func(mjd float64, mag float32, err int16, flux int32, n uint64, band string) []byte {
		return fitstest.BigEndian(mjd, mag, err, flux, n, fmt.Sprintf("%-4s", band))
	}
	columns := []string{"MJD D", "mag E", "mag_err I", "flux J", "visit K", "band 4A"}
	cards := []string{"TSCAL3  =                0.001", "TNULL3  =               -32768",
		"TZERO4  =           2147483648", "TZERO5  =  9223372036854775808", "TUNIT4  = 'uJy     '"}
	data := append(row(58000.25, 15.5, 20, math.MinInt32+7, 1<<63|5, "r"),
		row(58001.25, float32(math.NaN()), -32768, 0, 1<<63, "")...)
	good := fitstest.TableFile(columns, cards, 30, 2, data)
	points, report, err := process("photometry", "t.fits", good, Options{})
	want := `{"mjd":58000.25,"magnitude":15.5,"error":0.02,"flux":7,"flux_unit":"uJy","visit":5,"filter":"r"}` + "\n" +
		`{"mjd":58001.25,"flux":2147483648,"flux_unit":"uJy","visit":0}`
	if err != nil || values(points) != want || report.Format != "FITS binary table" || points[1].Line != 2 {
		t.Errorf("%v %+v, got\n%s\nwant\n%s", err, report, values(points), want)
	}
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"row beyond the width", fitstest.TableFile(columns, nil, 20, 3, data),
			"HDU 2, column TFORM5: the column does not fit into NAXIS1 = 20 bytes"},
		{"no such form", fitstest.TableFile([]string{"MJD Z"}, nil, 30, 2, data),
			"HDU 2, column TFORM1: 'Z' is not a form"},
		{"a repeat beyond all bounds", fitstest.TableFile([]string{"MJD 2147483647M"}, nil, 30, 2, data),
			"HDU 2, column TFORM1"},
		{"rows that are not there",
			bytes.Replace(good, []byte("NAXIS2  =                    2"),
				[]byte("NAXIS2  =  1000000000000000000"), 1), "HDU 2"},
		{"many columns", bytes.Replace(good, []byte("TFIELDS =                    6"),
			[]byte("TFIELDS =               999999"), 1), "HDU 2, column TFIELDS"},
		{"the heap outside", fitstest.TableFile(columns, []string{"THEAP   =              9999999"}, 30, 2, data),
			"HDU 2, column THEAP"},
		{"no magnitude", fitstest.TableFile([]string{"MJD D"}, nil, 8, 1, fitstest.BigEndian(58000.0)),
			"no column of magnitudes"},
		{"a bad time", fitstest.TableFile([]string{"MJD D", "mag D"}, nil, 16, 1, fitstest.BigEndian(2458000.5, 15.0)),
			"HDU 2, row 1, column MJD: '2458000.5' is above 2,400,000"},
		{"a NaN for a time", fitstest.TableFile([]string{"MJD D", "mag D"}, nil, 16, 1,
			fitstest.BigEndian(math.NaN(), 15.0)), "HDU 2, row 1, column MJD: the row has no time"},
		{"an image", fitstest.Spectrum([]int{4}, fitstest.LinearWCS...), "no photometry: a FITS file without tables"},
	} {
		if _, _, err := process("photometry", "t.fits", c.data, Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// TestTESS: gaps in a light curve of TESS are left out, and the corrected flux is used.
func TestTESS(t *testing.T) {
	data := fitstest.TableFile([]string{"TIME D", "SAP_FLUX E", "SAP_FLUX_ERR E", "PDCSAP_FLUX E", "PDCSAP_FLUX_ERR E"},
		[]string{"TUNIT1  = 'BJD - 2457000, days'", "TUNIT4  = 'e-/s'", "TIMESYS = 'TDB'",
			"TIMEREF = 'SOLARSYSTEM'"}, 24, 2,
		fitstest.BigEndian(1849.5, []float32{9, 1, 10, 2}, math.NaN(),
			[]float32{float32(math.NaN()), 0, float32(math.NaN()), 0}))
	points, report, err := process("photometry", "t.fits", data, Options{})
	if err != nil || values(points) != `{"time":1849.5,"SAP_FLUX":9,"SAP_FLUX_ERR":1,"flux":10,"flux_unit":"e-/s",`+
		`"flux_error":2,"time_ref":"barycentric"}` || report.RejectedCount != 1 {
		t.Errorf("%v %+v\n%s", err, report, values(points))
	}
}

// TestSpaceTimes: the TIME columns of space missions count from a given day in a given scale.
func TestSpaceTimes(t *testing.T) {
	for _, c := range []struct {
		name  string
		cards []string
		value float64
		want  string
		ref   string
	}{
		{"TESS", []string{"TUNIT1  = 'BJD - 2457000, days'", "BJDREFI =              2457000",
			"BJDREFF =                   0.", "TIMESYS = 'TDB'", "TIMEREF = 'SOLARSYSTEM'", "TIMEUNIT= 'd'"}, 1849.5,
			"2019-12-31T23:58:50.8161Z", "barycentric"},
		{"an X-ray telescope", []string{"TUNIT1  = 's'", "MJDREFI =                51910",
			"MJDREFF = 7.428703703703703D-4", "TIMESYS = 'TT'"}, 599616005.0, "2020-01-02T00:00:00Z", ""},
		{"in days", []string{"TUNIT1  = 'd'", "MJDREF  =              58000.5"}, 1.5, "2017-09-06T00:00:00Z", ""},
		{"with an offset", []string{"TUNIT1  = 'd'", "MJDREF  =              58000.0",
			"TIMEZERO=                  0.5"},
			1.5, "2017-09-06T00:00:00Z", ""},
		{"with an offset in seconds", []string{"TUNIT1  = 's'", "MJDREF  =              58001.5",
			"TIMEOFFS=              43200.0"}, 0, "2017-09-06T00:00:00Z", ""},
	} {
		data := fitstest.TableFile([]string{"TIME D", "FLUX D"}, c.cards, 16, 1, fitstest.BigEndian(c.value, 15.0))
		points, report, err := process("photometry", "t.fits", data, Options{})
		if err != nil || instant.Text(points[0].Time) != c.want ||
			strings.Contains(string(points[0].Value), "time_ref") != (c.ref != "") {
			t.Errorf("%s: %v, %s %s", c.name, err, values(points), report.Warnings)
			if err == nil {
				t.Error(instant.Text(points[0].Time))
			}
		}
	}
}

// TestFITSTimeColumns: the scale of a column overrides that of the file, and times in two numbers,
// as astropy writes them, are read.
func TestFITSTimeColumns(t *testing.T) {
	pair := []string{"TCTYP1  = 'TDB     '", "TCUNI1  = 'd       '", "TUNIT1  = 'd       '", "TIMESYS = 'UTC     '",
		"JDREF   =                  0.0", "TDIM1   = '(2)     '"}
	data := append(fitstest.BigEndian(2458850.0, -0.376543211, 15.5, "ab"),
		fitstest.BigEndian(math.NaN(), 0.0, 16.5, "cd")...)
	points, report, err := process("photometry", "t.fits",
		fitstest.TableFile([]string{"obs 2D", "mag D", "filter 2A"}, pair, 26, 1, data[:26]), Options{})
	if err != nil || values(points) != `{"obs":2458849.6234567890000,"magnitude":15.5,"filter":"ab"}` ||
		instant.Text(points[0].Time) != "2020-01-01T02:56:37.482666Z" {
		t.Fatalf("%v, %+v, %s, %v", err, report, values(points), points)
	}
	for _, c := range []struct {
		name, want string
		cards      []string
		data       []byte
	}{
		{"no number", "row 1, column obs: the row has no time", pair, data[26:]},
		{"another zero", "no time column",
			[]string{pair[0], pair[1], pair[2], "JDREF   =            2400000.5"}, data[:26]},
		{"no scale", "no time column", pair[1:], data[:26]},
	} {
		if _, _, err := process("photometry", "t.fits",
			fitstest.TableFile([]string{"obs 2D", "mag D", "filter 2A"}, c.cards, 26, 1,
				c.data), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	points, _, err = process("photometry", "t.fits",
		fitstest.TableFile([]string{"MJD D", "mag D"},
			[]string{"TCTYP1  = 'TAI     '", "TIMESYS = 'UTC     '",
				"TRPOS1  = 'BARYCENTER'"}, 16, 1, fitstest.BigEndian(58849.5, 15.0)), Options{})
	if err != nil || instant.Text(points[0].Time) != "2020-01-01T11:59:23Z" ||
		!strings.Contains(values(points), `"time_ref":"barycentric"`) {
		t.Errorf("%v, %s, %v", err, values(points), points)
	}
	// texts in two dimensions are not read as text
	_, report, err = process("photometry", "t.fits",
		fitstest.TableFile([]string{"MJD D", "mag D", "filter 2A"}, []string{"TDIM3   = '(1,2)   '"}, 18, 1,
			fitstest.BigEndian(58849.5, 15.0, "ab")), Options{})
	if err != nil || !strings.Contains(strings.Join(report.Warnings, ""), "column filter holds arrays") {
		t.Errorf("%v, %+v", err, report)
	}
}

func TestFITSTableSpectra(t *testing.T) {
	value := func(flux, wave, errors, unit string) string {
		return `{"flux":` + flux + `,"flux_units":"erg / (Angstrom s cm2)","wavelength":` + wave +
			`,"wavelength_units":"` + unit + `","flux_error":` + errors + `}`
	}
	units := []string{"TUNIT1  = 'nm'", "TUNIT2  = 'erg cm**(-2) s**(-1) angstrom**(-1)'"}
	for _, c := range []struct {
		name  string
		data  []byte
		want  []string
		warns int
	}{
		{"SDSS", fitstest.TableFile([]string{"flux E", "loglam E", "ivar E", "and_mask J"},
			[]string{"TUNIT1  = 'erg/cm2/s/A'"}, 16, 2, fitstest.BigEndian(float32(1), float32(3.5), float32(4),
				int32(0), float32(2), float32(4), float32(0), int32(1))),
			[]string{value("[1,2]", "[3162.2776601683795,10000]", "[0.5,null]", "Angstrom")}, 2},
		{"ESO", fitstest.TableFile([]string{"WAVE 3D", "FLUX 3E", "ERR 3E"}, units, 48, 1,
			fitstest.BigEndian([]float64{400, 401, 402}, []float32{1, 2, 3}, []float32{0.5, 0.25, 0.125})),
			[]string{value("[1,2,3]", "[400,401,402]", "[0.5,0.25,0.125]", "nm")}, 0},
		{"two rows of arrays", fitstest.TableFile([]string{"WAVELENGTH 2D", "FLUX 2D", "ERROR 2D"}, units, 48, 2,
			fitstest.BigEndian([]float64{400, 401, 1, 2, 3, 4, 500, 501, 5, 6, 7, 8})),
			[]string{value("[1,2]", "[400,401]", "[3,4]", "nm"), value("[5,6]", "[500,501]", "[7,8]", "nm")}, 1},
		{"arrays in the heap", fitstest.TableFile([]string{"WAVE 1PD(2)", "FLUX 1PE(2)", "ERR 1QE(2)"}, units, 32, 1,
			fitstest.BigEndian([]int32{2, 0, 2, 16}, []int64{2, 24}, []float64{400, 401}, []float32{1, 2, 0.5, 0.25})),
			[]string{value("[1,2]", "[400,401]", "[0.5,0.25]", "nm")}, 0},
		{"ESO with more", fitstest.TableFile([]string{"WAVE 2D", "FLUX_REDUCED 2E", "ERR_REDUCED 2E",
			"BGFLUX_REDUCED 2E", "FLUX 2E", "ERR 2E"},
			[]string{"TUNIT1  = 'nm'", "TUCD1   = 'em.wl;obs.atmos'",
				"TUCD2   = 'phot.flux.density;em.wl;src.net;stat.uncalib'",
				"TUCD3   = 'stat.error;phot.flux.density;em.wl;src.net;stat.uncalib'",
				"TUCD4   = 'phot.flux.density;em.wl;instr.background'",
				"TUCD5   = 'phot.flux.density;em.wl;src.net;meta.main'",
				"TUCD6   = 'stat.error;phot.flux.density;em.wl;src.net;meta.main'",
				"TUNIT5  = 'erg cm**(-2) s**(-1) angstrom**(-1)'"}, 56, 1,
			fitstest.BigEndian([]float64{400, 401}, []float32{9, 9, 8, 8, 7, 7, 1, 2, 0.5, 0.25})),
			[]string{value("[1,2]", "[400,401]", "[0.5,0.25]", "nm")}, 1},
		{"not calibrated", fitstest.TableFile([]string{"WAVE 2D", "FLUX_REDUCED 2E", "ERR_REDUCED 2E"},
			[]string{"TUNIT1  = 'nm'",
				"TUNIT2  = 'erg cm**(-2) s**(-1) angstrom**(-1)'"}, 32, 1,
			fitstest.BigEndian([]float64{400, 401}, []float32{1, 2, 0.5, 0.25})),
			[]string{value("[1,2]", "[400,401]", "[0.5,0.25]", "nm")}, 0},
		{"by units and UCD", fitstest.TableFile([]string{"A D", "B D", "C D"},
			append(append([]string{}, units...),
				"TUCD3   = 'stat.error;phot.flux.density;em.wl'"), 24, 2,
			fitstest.BigEndian([]float64{400, 1, 3, 401, 2, 4})),
			[]string{value("[1,2]", "[400,401]", "[3,4]", "nm")}, 1},
	} {
		points, report, err := process("spectroscopy", "s.fits", c.data, Options{})
		if err != nil || values(points) != strings.Join(c.want, "\n") || len(report.Warnings) != c.warns {
			t.Errorf("%s: %v %q, got\n%s\nwant\n%s", c.name, err, report.Warnings, values(points),
				strings.Join(c.want, "\n"))
			continue
		}
		if instant.Text(points[0].Time) != "2017-09-04T12:00:00Z" {
			t.Errorf("%s: %s", c.name, instant.Text(points[0].Time))
		}
	}
	bad := fitstest.TableFile([]string{"WAVE 1PD(2)", "FLUX 1PE(2)"}, units, 16, 1,
		fitstest.BigEndian([]int32{2, 0, 200, 16}, []float64{400, 401}))
	if _, _, err := process("spectroscopy", "s.fits", bad, Options{}); err == nil ||
		!strings.Contains(err.Error(), "an array is not within the heap") {
		t.Error(err)
	}
}

// TestErrorAndWavelengthImages: errors and wavelengths in HDUs of their own, rows that are
// wavelengths, MULTISPEC.
func TestErrorAndWavelengthImages(t *testing.T) {
	extension := func(name string, pixels ...float64) []byte {
		return append(fitstest.Header(append(fitstest.Extension(fitstest.Shape(-64, len(pixels))),
			"EXTNAME = '"+name+"'")...), fitstest.Data(-64, pixels...)...)
	}
	flux := func(cards ...string) []byte {
		return fitstest.Spectrum([]int{2}, fitstest.With(cards, "BUNIT   = 'Jy'")...)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"ERR", `{"flux":[1,2],"flux_units":"Jy","wavelength":[4000,4002],"wavelength_units":"Angstrom",` +
			`"flux_error":[0.5,0.25]}`, join(flux(fitstest.LinearWCS...), extension("ERR", .5, .25))},
		{"IVAR", `{"flux":[1,2],"flux_units":"Jy","wavelength":[4000,4002],"wavelength_units":"Angstrom",` +
			`"flux_error":[0.5,null]}`, join(flux(fitstest.LinearWCS...), extension("IVAR", 4, 0))},
		{"WAVELENGTH", `{"flux":[1,2],"flux_units":"Jy","wavelength":[500,600],"wavelength_units":"Angstrom"}`,
			join(flux(), extension("WAVELENGTH", 500, 600))},
		{"two rows", `{"flux":[3,4],"flux_units":"Jy","wavelength":[1,2],"wavelength_units":"Angstrom"}`,
			fitstest.Spectrum([]int{2, 2}, "BUNIT   = 'Jy'")},
		{"MULTISPEC", `{"flux":[1,2],"flux_units":"Jy","wavelength":[5000,5002.5],"wavelength_units":"Angstrom"}`,
			flux("CTYPE1  = 'MULTISPE'", "WAT0_001= 'system=multispec'",
				"WAT1_001= 'wtype=multispec label=Wavelength units=angstroms'",
				`WAT2_001= 'wtype=multispec spec1 = "1 1 0 5000. 2.5 2 0. 1 5"'`)},
		{"MULTISPEC with a redshift",
			`{"flux":[1,2],"flux_units":"Jy","wavelength":[5000,50000],"wavelength_units":"Angstrom"}`,
			flux("CTYPE1  = 'MULTISPE'", "WAT1_001= 'units=angstroms'",
				`WAT2_001= 'wtype=multispec spec1 = "1 1 1 4. 1. 2 1. 1 5"'`)},
		{"SDSS of old", `{"flux":[1,2,3,4,5],"flux_units":"Jy","wavelength":[1000,10000,100000,1000000,10000000],` +
			`"wavelength_units":"Angstrom","flux_error":[11,12,13,14,15]}`,
			fitstest.Spectrum([]int{5, 5}, "COEFF0  = 3.0", "COEFF1  = 1.0", "CRVAL1  = 3.0", "CD1_1   = 1.0",
				"CRPIX1  = 1", "DC-FLAG = 1", "BUNIT   = 'Jy'")},
	} {
		points, report, err := process("spectroscopy", "s.fits", c.data, Options{})
		if err != nil || values(points) != c.want {
			t.Errorf("%s: %v %q, got\n%s\nwant\n%s", c.name, err, report.Warnings, values(points), c.want)
		}
	}
}

const voHead = `<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>
<TIMESYS ID="ts" timescale="TCB" timeorigin="2455197.5" refposition="BARYCENTER"/>
<TABLE>
`

// voFields are columns that only UCDs identify.
const voFields = `<FIELD name="a" datatype="double" unit="d" ucd="time.epoch" ref="ts"/>
<FIELD name="b" datatype="float" unit="mag" ucd="phot.mag;em.opt"><VALUES null="99"/></FIELD>
<FIELD name="c" datatype="char" arraysize="*" ucd="instr.bandpass"/>
<FIELD name="d" datatype="short"><VALUES null="-1"/></FIELD>
`

func TestVOTable(t *testing.T) {
	rows := "<DATA><TABLEDATA>\n<TR><TD>1.5</TD><TD>15.25</TD><TD>G &amp; x</TD><TD>7</TD></TR>\n" +
		"<TR><TD>2.5</TD><TD>16.5</TD><TD/><TD>-1</TD></TR>\n</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n"
	binary := fitstest.BigEndian(1.5, float32(15.25), int32(5), "G & x", int16(7), 2.5, float32(16.5),
		int32(0), int16(-1))
	binary2 := fitstest.BigEndian(uint8(0), 1.5, float32(15.25), int32(5), "G & x", int16(7), uint8(0x30), 2.5,
		float32(16.5), int32(0), int16(0))
	stream := func(kind string, data []byte) string {
		text := base64.StdEncoding.EncodeToString(data)
		return "<DATA><" + kind + "><STREAM encoding=\"base64\">\n" + text[:20] + "\n  " + text[20:] + "\n</STREAM></" +
			kind + "></DATA></TABLE></RESOURCE></VOTABLE>"
	}
	const want = `{"a":1.5,"magnitude":15.25,"filter":"G & x","d":7,"time_ref":"barycentric"}` + "\n" +
		`{"a":2.5,"magnitude":16.5,"d":-1,"time_ref":"barycentric"}`
	for name, text := range map[string]string{
		"TABLEDATA": voHead + voFields + rows, "BINARY": voHead + voFields +
			stream("BINARY", binary), "BINARY2": voHead + voFields + stream("BINARY2", binary2),
		"Latin-1": strings.Replace(voHead, `?>`, ` encoding="ISO-8859-1"?>`+"<!-- \xb5 -->", 1) + voFields +
			stream("BINARY", binary),
		"two tables": voHead + "<FIELD name='x' " +
			"datatype='int'/><DATA><TABLEDATA><TR><TD>1</TD></TR></TABLEDATA></DATA></TABLE><TABLE>" + voFields + rows,
	} {
		points, report, err := process("photometry", "t.xml", []byte(text), Options{})
		if err != nil || values(points) != strings.Replace(want, `,"d":-1`, "", 1) ||
			instant.Text(points[0].Time) != "2010-01-02T11:58:37.667181Z" {
			t.Errorf("%s: %v %q, got\n%s", name, err, report.Warnings, values(points))
			if err == nil {
				t.Error(instant.Text(points[0].Time))
			}
		}
	}
	for _, c := range []struct{ name, text, want string }{
		{"no table", "<VOTABLE><RESOURCE/></VOTABLE>", "a VOTable without a table of rows"},
		{"no end", voHead + voFields + rows[:80], "not well-formed XML: unexpected EOF"},
		{"no end of the rows", voHead + voFields + stream("BINARY", binary[:30]),
			"row 2: the rows end within this one"},
		{"a wrong base", voHead + voFields +
			"<DATA><BINARY><STREAM encoding='base64'>!!!!</STREAM></BINARY></DATA></TABLE></RESOURCE></VOTABLE>",
			"row 1: the rows are not base64"},
		{"elsewhere", voHead + voFields +
			"<DATA><BINARY><STREAM href='http://example.org/x'/></BINARY></DATA></TABLE></RESOURCE></VOTABLE>",
			"are in another file: 'http://example.org/x'"},
		{"too few cells", voHead + voFields + strings.Replace(rows, "<TD>7</TD>", "", 1),
			"3 cells where the table has 4 columns"},
		{"a bad cell", voHead + voFields + strings.Replace(rows, "15.25", "bright", 1),
			"line 10, column b: 'bright' is not a number"},
		{"a long cell", voHead + voFields + strings.Replace(rows, "15.25", strings.Repeat("1", 9<<20), 1),
			"an element of more than"},
		{"a long array", voHead + voFields +
			stream("BINARY", fitstest.BigEndian(1.5, float32(1), int32(math.MaxInt32),
				"some text")), "a cell of too many bytes"},
		{"an odd scale", strings.Replace(voHead, "TCB", "LOCAL", 1) + voFields + rows,
			"times of the scale 'LOCAL' are not read"},
		{"another XML", "<?xml version='1.0'?><kml/>", "an XML document that is not a VOTable"},
	} {
		if _, _, err := process("photometry", "t.xml", []byte(c.text), Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

func TestECSV(t *testing.T) {
	const head = "# %ECSV 1.0\n# ---\n# datatype:\n# - {name: time, datatype: string}\n# - name: mag\n#   unit: " +
		"mag\n#   datatype: float64\n# - {name: flux, unit: mJy, datatype: float64,\n#    description: 'long, " +
		"{odd}: it''s'}\n# - {name: band, datatype: string}\n"
	const times = "# meta: !!omap\n# - {OBSERVER: me}\n# - __serialized_columns__:\n#     time:\n#       " +
		"__class__: astropy.time.core.Time\n" +
		"#       format: isot\n#       in_subfmt: '*'\n#       location:\n#         __class__: " +
		"astropy.coordinates.earth.EarthLocation\n#         scale: tdb\n#       precision: 3\n#       scale: tt\n" +
		"#       value: !astropy.table.SerializedColumn {name: time}\n#     band:\n#       __class__: " +
		"astropy.table.column.MaskedColumn\n#       scale: tai\n# - {TELESCOPE: mine}\n"
	points, report, err := process("photometry", "t.ecsv",
		[]byte(head+times+"# schema: astropy-2.0\ntime mag flux band\n2020-01-01T00:01:09.184 15.5 \"\" 007\n"+
			"2020-01-02T00:01:09.184 nan 2.5 \"a b\"\n"), Options{})
	want := `{"time":"2020-01-01T00:01:09.184","magnitude":15.5,"filter":"007"}` + "\n" +
		`{"time":"2020-01-02T00:01:09.184","flux":2.5,"flux_unit":"mJy","filter":"a b"}`
	if err != nil || values(points) != want || instant.Text(points[0].Time) != "2020-01-01T00:00:00Z" {
		t.Errorf("%v %+v, got\n%s", err, report, values(points))
	}
	// with the class as a YAML tag
	tagged := "# meta: !!omap\n# - __serialized_columns__:\n#     time: !astropy.time.core.Time\n#       format: " +
		"isot\n#       scale: tai\n# schema: astropy-2.0\ntime mag flux band\n2020-01-01T00:00:37 15.5 1 r\n"
	if points, _, err := process("photometry", "t.ecsv", []byte(head+tagged), Options{}); err != nil ||
		instant.Text(points[0].Time) != "2020-01-01T00:00:00Z" {
		t.Errorf("%v, got\n%s", err, values(points))
	}
	for _, c := range []struct{ name, text, want string }{
		{"another name", head + "# schema: astropy-2.0\ntime mag flux filter\n1 2 3 4\n",
			"line 12, column filter: the header above calls this column 'band'"},
		{"fewer columns", head + "time mag\n1 2\n", "2 columns where the header above describes 4 columns"},
		{"a delimiter that is none",
			"# %ECSV 1.0\n# ---\n# delimiter: ';'\n" + head[12:] + "time;mag;flux;band\n", "not ';'"},
		{"nothing below", head, "without the line of column names"},
	} {
		if _, _, err := process("photometry", "t.ecsv", []byte(c.text), Options{}); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
}

// TestGzip: a compressed file is read like one that is not, even if not all of it is kept unpacked.
func TestGzip(t *testing.T) {
	small := []byte("mjd,mag\n58000,15\n")
	points, report, err := process("photometry", "a.csv.gz", fitstest.Gzip(small), Options{})
	if err != nil || values(points) != `{"mjd":58000,"magnitude":15}` ||
		report.Format != "delimited text (comma), gzip" {
		t.Error(err, report.Format)
	}
	const rows = 10_000
	large := []byte("mjd,mag,note\n" + strings.Repeat("58000,15,"+strings.Repeat("x", 1000)+"\n", rows))
	if len(large) < bounded.InMemory {
		t.Fatal(len(large))
	}
	if points, _, err = process("photometry", "a.csv.gz", fitstest.Gzip(large), Options{}); err != nil ||
		len(points) != rows {
		t.Error(err, len(points))
	}
	whole := fitstest.Gzip(small)
	for name, bad := range map[string][]byte{"cut": whole[:len(whole)-9],
		"checksum": append(append([]byte{}, whole[:len(whole)-8]...), 1, 2, 3, 4, 17, 0, 0, 0),
		"header":   []byte("\x1f\x8b\x09\x00zzzzzzzzzzzzz"), "body": append(append([]byte{}, whole[:12]...),
			bytes.Repeat([]byte{0xff}, 40)...)} {
		if _, _, err := process("photometry", "a.csv.gz", bad, Options{}); err == nil ||
			!strings.Contains(err.Error(), "the gzip file is damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := process("photometry", "a.gz", fitstest.Gzip(whole), Options{}); err == nil ||
		!strings.Contains(err.Error(), "gzip twice") {
		t.Error(err)
	}
	if _, _, err := process("photometry", "a.gz", fitstest.Gzip(nil), Options{}); err == nil ||
		!strings.Contains(err.Error(), "holds nothing") {
		t.Error(err)
	}
	kind, _, err := NewProcessors().Recognise(t.Context(), fitstest.FileOf(fitstest.Gzip(small)), Options{})
	if err != nil || kind != "photometry" {
		t.Error(kind, err)
	}
}

// containers returns small good files of all formats that are not plain text.
func containers(tb testing.TB) [][]byte {
	var out [][]byte
	out = append(out, fitstest.TableFile([]string{"MJD D", "mag E", "band 4A", "n I"},
		[]string{"TNULL4  = 3", "TSCAL2  = 2.0"}, 18, 2, fitstest.BigEndian(58000.0, float32(15), "r   ", int16(3),
			58001.0, float32(16), "g   ", int16(4))),
		fitstest.TableFile([]string{"WAVE 1PD(2)", "FLUX 1PE(2)"}, nil, 16, 1,
			fitstest.BigEndian([]int32{2, 0, 2, 16}, []float64{400, 401}, []float32{1, 2})),
		fitstest.TableFile([]string{"WAVE 3D", "FLUX 3E"}, nil, 36, 1,
			fitstest.BigEndian([]float64{400, 401, 402}, []float32{1, 2, 3})),
		[]byte(voHead+voFields+"<DATA><TABLEDATA><TR><TD>1.5</TD><TD>15.25</TD><TD>G</TD><TD>7</TD></TR>"+
			"</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"),
		[]byte(voHead+voFields+"<DATA><BINARY><STREAM encoding='base64'>"+
			base64.StdEncoding.EncodeToString(fitstest.BigEndian(1.5, float32(15.25), int32(1), "G", int16(7)))+
			"</STREAM></BINARY></DATA></TABLE></RESOURCE></VOTABLE>"),
		[]byte("# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: mjd, unit: d, datatype: float64}\n# "+
			"- {name: mag, datatype: float64}\n# meta: !!omap\n# - {a: b}\nmjd,mag\n58000,15\n"),
		fitstest.Gzip([]byte("mjd,mag\n58000,15\n")))
	for _, format := range table.Formats {
		var b bytes.Buffer
		w, err := table.NewWriter(format, &b, table.Head{Columns: exportSample.columns, Rows: 1})
		if err == nil {
			err = w.Row(exportSample.rows[0])
		}
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, b.Bytes())
	}
	return out
}

func FuzzContainer(f *testing.F) {
	for _, data := range containers(f) {
		f.Add(data)
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

// TestBadInput truncates each sample at every tenth of its length and changes it at random in many
// ways. Each result must be read or refused.
func TestBadInput(t *testing.T) {
	samples := containers(t)
	entries, err := os.ReadDir(goldenFiles)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(goldenFiles, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		samples = append(samples, data)
	}
	for _, s := range []string{adesSample, aavsoSample, snanaSample, gaiaSample, alertJSON, openCatalogJSON} {
		samples = append(samples, []byte(s))
	}
	state := uint64(1)
	random := func(n int) int {
		state = state*6364136223846793005 + 1442695040888963407
		return int(state>>33) % max(n, 1)
	}
	try := func(data []byte) {
		for _, dataType := range []string{"photometry", "spectroscopy"} {
			points, report, err := process(dataType, "f", data, Options{MaxProblems: 5})
			if dataType == "photometry" || err != nil {
				checkOutcome(t, points, report, err)
			}
		}
	}
	for _, s := range samples {
		for tenth := range 11 {
			try(s[:len(s)*tenth/10])
		}
		for range testenv.Choose(30, 100) {
			bad := bytes.Clone(s)
			for range 1 + random(4) {
				if len(bad) == 0 {
					break
				}
				at := random(len(bad))
				switch random(4) {
				case 0:
					bad[at] ^= 1 << random(8)
				case 1:
					bad[at] = byte(random(256))
				case 2:
					bad = append(bad[:at], bad[min(len(bad), at+1+random(20)):]...)
				case 3:
					bad = append(bad[:at], append(bytes.Clone(bad[at:min(len(bad), at+1+random(40))]), bad[at:]...)...)
				}
			}
			try(bad)
		}
	}
}

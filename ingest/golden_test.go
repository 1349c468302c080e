package ingest

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
)

// goldenFiles has the files that were uploaded to a TOM Toolkit 2.x while its answers were
// recorded.
const goldenFiles = "testdata/golden"

// golden is the expected result of a recorded upload: an error that contains refused, or points.
type golden struct {
	dataType string
	refused  string
	points   []goldenPoint // as the TOM stored them, or should have; nil if only acceptance is known
}

type goldenPoint struct {
	time   string // RFC 3339; "" for a spectrum without a date
	source string
	value  string // JSON; "" is not compared
}

const (
	lightCurveRow = `{"time":55959.07,"filter":"r","magnitude":15.582,"error":0.005}`
	fitsFlux      = `[1.0000000036274937e-15,1.0999999722265076e-15,1.2000000467046398e-15,1.3000000153036537e-15,` +
		`1.3999999839026675e-15,1.4999999525016814e-15,1.6000000269798136e-15,1.6999999955788275e-15,` +
		`1.8000000700569598e-15,1.899999932776855e-15,2.0000000072549875e-15,2.1000000817331197e-15,` +
		`2.199999944453015e-15,2.3000000189311474e-15,2.4000000934092797e-15,2.499999956129175e-15,` +
		`2.6000000306073074e-15,2.7000001050854396e-15,2.799999967805335e-15,2.9000000422834673e-15]`
	fitsWave = `[4000,4002,4004,4006,4008,4010,4012,4014,4016,4018,4020,4022,4024,4026,4028,4030,4032,4034,` +
		`4036,4038]`
	nmWave = `[400,400.2,400.4,400.6,400.8,401,401.2,401.4,401.6,401.8,402,402.2,402.4,402.6,402.8,403,` +
		`403.2,403.4,403.6,403.8]`
)

func specValue(flux, wave, waveUnits string) string {
	return `{"flux":` + flux + `,"flux_units":"erg / (Angstrom s cm2)","wavelength":` + wave +
		`,"wavelength_units":"` + waveUnits + `"}`
}

func fitsPoint(when, source string) []goldenPoint {
	return []goldenPoint{{when, source, specValue(fitsFlux, fitsWave, "Angstrom")}}
}

func textSpec(when, source, flux, wave string) []goldenPoint {
	return []goldenPoint{{when, source, specValue(flux, wave, "Angstrom")}}
}

// goldenCases covers every file of the folder. Points are those that the TOM stored. If it failed
// with a 500, or the policy calls its answer wrong, they are what the file says.
func goldenCases() map[string]golden {
	at := func(when, value string) []goldenPoint { return []goldenPoint{{when, "", value}} }
	const t0, t1 = "2012-02-02T01:40:48Z", "2012-02-03T01:40:48Z"
	row := at(t0, lightCurveRow)
	two := append(at(t0, lightCurveRow),
		goldenPoint{t1, "", `{"time":55960.07,"filter":"V","magnitude":15.676,"error":0.007}`})
	full := []goldenPoint{
		{t0, "", `{"time":55959.07,"filter":"r","magnitude":15.582,"error":0.005,"telescope":"ELP",` +
			`"instrument":"fa07","limit":19.5}`},
		{t1, "", `{"time":55960.07,"filter":"V","magnitude":15.676,"error":0.007,"telescope":"ELP",` +
			`"instrument":"fa07","limit":19.6}`}}
	flagged := []goldenPoint{
		{t0, "", strings.Replace(full[0].value, "}", `,"flag":1}`, 1)}, {t1, "",
			strings.Replace(full[1].value, "}", `,"flag":2}`, 1)}}
	const day, f2, w2 = "2018-02-15T00:00:00Z", `[1.5e-15,1.6e-15]`, `[4000.0,4001.0]`
	atlas := make([]goldenPoint, 32)
	for i := range atlas {
		atlas[i].source = "ATLAS"
	}
	photometry := map[string]golden{
		"bad_columns.csv": {refused: "no time column"}, "empty.csv": {refused: "the file is empty"},
		"header_only.csv": {refused: "no rows"},
		"huge_time.csv":   {refused: "line 2, column time: '1e12' is out of range"},
		"garbage.csv":     {refused: "longer than 200 bytes"}, "zeros.csv": {refused: "not text"},
		"image.png":           {refused: "PNG"},
		"nonnumeric_mag.csv":  {refused: "line 2, column magnitude: 'bright' is not a number"},
		"nonnumeric_time.csv": {refused: "line 2, column time: 'abc' is not a time"},
		"ragged.csv":          {refused: "line 2: 3 fields where the header has 4 columns"},
		"some.txt":            {refused: "no time column"}, "two_numbers.csv": {refused: "no header line"},
		"test_atlas_fp.csv": {points: atlas},
		"bom.csv":           {points: row}, "comments.csv": {points: row}, "semicolon.csv": {points: row},
		"pipe.csv":      {points: row},
		"tab_delim.csv": {points: row}, "uppercase_header.csv": {points: row},
		"crlf.csv": {points: two}, "space_delim.txt": {points: two}, "dup_rows.csv": {points: append(row, row...)},
		"no_time.csv":       {points: at(t0, strings.Replace(lightCurveRow, "time", "mjd", 1))},
		"extra_columns.csv": {points: full}, "int_column.csv": {points: flagged},
		"ints.csv": {points: []goldenPoint{{"2012-02-02T00:00:00Z", "",
			`{"time":55959,"filter":"r","magnitude":15,"error":0}`},
			{"2012-02-03T00:00:00Z", "", `{"time":55960,"filter":"r","magnitude":16,"error":1}`}}},
		"jd_time.csv": {points: at("2012-02-02T01:40:48Z",
			strings.Replace(lightCurveRow, "55959.07", "2455959.57", 1))},
		"limits.csv": {points: at("2012-02-02T12:00:00Z", `{"time":55959.5,"filter":"r","limit":19.5}`)},
		"mag_sci.csv": {points: at("2012-02-02T00:00:00Z",
			strings.Replace(lightCurveRow, "55959.07", "55959.0", 1))},
		"masked_nan.csv": {points: []goldenPoint{{t1, "", `{"time":55960.07,"filter":"r","magnitude":15.5}`}}},
		"missing_values.csv": {points: append(at(t0, lightCurveRow),
			goldenPoint{t1, "", `{"time":55960.07,"filter":"V","limit":19.5}`})},
		"midpoint_precision.csv": {points: []goldenPoint{
			{"2012-02-02T02:57:46.66657Z", "",
				`{"time":55959.123456789,"filter":"r","magnitude":15.582123456789,"error":0.0051234}`},
			{"2020-01-01T00:00:00Z", "", `{"time":58849.0,"filter":"g","magnitude":1e-05}`}}},
		"negative_time.csv": {points: at("1858-11-06T12:00:00Z",
			strings.Replace(lightCurveRow, "55959.07", "-10.5", 1))},
		"quoted.csv":  {points: at(t0, strings.Replace(lightCurveRow, `"r"`, `"r, wide"`, 1))},
		"unicode.csv": {points: at(t0, strings.Replace(lightCurveRow, `"r"`, `"ρ′"`, 1))},
		"source_column.csv": {points: []goldenPoint{
			{"2012-02-02T12:00:00Z", "ZTF", strings.Replace(lightCurveRow, "55959.07", "55959.5", 1)},
			{"2012-02-03T12:00:00Z", "ATLAS", `{"time":55960.5,"filter":"r","magnitude":15.6,"error":0.005}`}}},
		"test_lightcurve.csv": {points: []goldenPoint{
			{"2012-02-02T01:40:47.999986Z", "", strings.Replace(lightCurveRow, "55959.07", "55959.06999999983", 1)},
			{"2012-02-03T01:40:47.999986Z", "",
				`{"time":55960.06999999983,"filter":"V","magnitude":15.676,"error":0.007}`},
			{"2012-02-03T01:40:47.999986Z", "",
				`{"time":55960.06999999983,"filter":"r","magnitude":15.676,"error":0.007}`}}},
	}
	spectra := map[string]golden{
		"notfits.fits":         {refused: "no column wavelength"},
		"spectrum_baddate.csv": {refused: "column DATE-OBS: 'yesterday' is not a time"},
		"spec_3row.fits":       {refused: "HDU 1, column NAXIS2"},
		"spec1d.fits":          {points: fitsPoint("", "")},
		"spec_nowcs.fits":      {points: fitsPoint("", "")},
		"spec2row.fits":        {points: fitsPoint("", "")},
		"spec3d.fits":          {points: fitsPoint("", "")},
		"spec1d_lco.fits":      {points: fitsPoint("2018-02-15T10:20:30.123Z", "LCO")},
		"spec1d_dateobs.fits":  {points: fitsPoint("2018-02-15T10:20:30Z", "")},
		"spec_nan.fits":        {points: []goldenPoint{{"", "", ""}}},
		"spec_nm.fits":         {points: []goldenPoint{{"", "", specValue(fitsFlux, nmWave, "nm")}}},
		"test_spectrum.fits":   {points: []goldenPoint{{"2017-03-27T17:02:24.2592Z", "", ""}}},
		"test_spectrum.csv": {points: textSpec("", "", `[1.174569068309455622e-14,1.158669582263134601e-14]`,
			`[3.249875732421877274e+03,3.251613246798517594e+03]`)},
		"spectrum_badcols.csv": {points: textSpec(day, "", f2, w2)}, "spectrum_badfacility.csv": {points: textSpec(day,
			"NOPE", `[1.5e-15]`, `[4000.0]`)},
		"spectrum_dateobs.csv": {points: textSpec("2018-02-15T10:20:30Z", "", `[1.5e-15,1.6e-15,1.7e-15]`,
			`[4000.0,4001.0,4002.0]`)},
		"spectrum_dateobs_simple.csv": {points: textSpec(day, "", f2, w2)},
		"spectrum_facility.csv":       {points: textSpec(day, "LCO", f2, w2)},
		"spectrum_gem.csv":            {points: textSpec(day, "GEM", f2, w2)},
		"spectrum_gem_ints.csv":       {points: textSpec(day, "GEM", `[1,2]`, `[4000,4001]`)},
		"spectrum_gem_lowercase.csv":  {points: textSpec(day, "GEM", f2, w2)},
		"spectrum_gem_mjd.csv":        {points: textSpec("2018-02-15T12:00:00Z", "GEM", f2, w2)},
		"spectrum_gem_nodate.csv":     {points: textSpec("", "GEM", f2, w2)},
		"spectrum_gem_nonmonotonic.csv": {points: textSpec(day, "GEM", `[1.5e-15,1.6e-15,1.6e-15]`,
			`[4000.0,3999.0,4005.0]`)},
		"spectrum_gem_one_row.csv": {points: textSpec(day, "GEM", `[1.5e-15]`, `[4000.0]`)},
		"spectrum_nodate.csv":      {points: textSpec("", "", f2, w2)},
		"spectrum_nonmonotonic.csv": {points: textSpec(day, "", `[1.5e-15,1.6e-15,1.6e-15]`,
			`[4000.0,3999.0,4005.0]`)},
		"spectrum_one_row.csv": {points: textSpec(day, "", `[1.5e-15]`, `[4000.0]`)},
		"spectrum_soar.csv":    {points: textSpec(day, "SOAR", f2, w2)},
	}
	all := map[string]golden{}
	for name, g := range photometry {
		g.dataType = "photometry"
		all[name] = g
	}
	for name, g := range spectra {
		g.dataType = "spectroscopy"
		all[name] = g
	}
	return all
}

func TestGoldenFiles(t *testing.T) {
	entries, err := os.ReadDir(goldenFiles)
	if err != nil {
		t.Fatal(err)
	}
	cases := goldenCases()
	for _, e := range entries {
		g, ok := cases[e.Name()]
		if !ok {
			t.Errorf("%s: no expectation", e.Name())
			continue
		}
		data, err := os.ReadFile(filepath.Join(goldenFiles, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(e.Name(), func(t *testing.T) { g.check(t, e.Name(), data) })
	}
}

func (g golden) check(t *testing.T, name string, data []byte) {
	points, report, err := process(g.dataType, name, data, Options{})
	if g.refused != "" {
		var refused *bounded.Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), g.refused) ||
			!strings.HasPrefix(err.Error(), name) {
			t.Fatalf("got error %v, want one with %q", err, g.refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != len(g.points) {
		t.Fatalf("got %d points, want %d; report %+v", len(points), len(g.points), report)
	}
	for i, want := range g.points {
		got := points[i]
		if want == (goldenPoint{source: want.source}) && g.dataType == "photometry" {
			want.time = instant.Text(got.Time) // only acceptance is known
		}
		if got.Timed != (want.time != "") {
			t.Errorf("point %d: timed %v", i, got.Timed)
		}
		if want.time != "" {
			at, err := time.Parse(time.RFC3339Nano, want.time)
			if err != nil {
				t.Fatal(err)
			}
			if d := got.Time - at.UnixMicro(); d < -1000 || d > 1000 {
				t.Errorf("point %d: time %s, want %s", i, instant.Text(got.Time), want.time)
			}
		}
		if got.Source != want.source {
			t.Errorf("point %d: source %q, want %q", i, got.Source, want.source)
		}
		if want.value != "" {
			sameJSON(t, string(got.Value), want.value)
		}
	}
}

// sameJSON compares values as the replay of the transcripts does, but with the order of keys:
// numbers within 1e-9.
func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	g, w := json.NewDecoder(strings.NewReader(got)), json.NewDecoder(strings.NewReader(want))
	for {
		a, errA := g.Token()
		b, errB := w.Token()
		if errA != nil || errB != nil {
			if errA == nil || errB == nil || errA.Error() != errB.Error() {
				t.Errorf("got %s, want %s (%v, %v)", got, want, errA, errB)
			}
			return
		}
		x, isX := a.(float64)
		y, isY := b.(float64)
		if isX && isY && math.Abs(x-y) <= 1e-9*math.Max(math.Abs(x), math.Abs(y)) || a == b {
			continue
		}
		t.Errorf("%v is not %v: got %s, want %s", a, b, got, want)
		return
	}
}

// TestGoldenSpectrum compares the ends of the only long spectrum with what the TOM stored.
func TestGoldenSpectrum(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(goldenFiles, "test_spectrum.fits"))
	if err != nil {
		t.Fatal(err)
	}
	points, _, err := process("spectroscopy", "test_spectrum.fits", data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Flux, Wavelength []float64
		FluxUnits        string    `json:"flux_units"`
		WavelengthUnits  string    `json:"wavelength_units"`
		FluxError        []float64 `json:"flux_error"`
	}
	if err := json.Unmarshal(points[0].Value, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Flux) != 3913 || len(v.Wavelength) != 3913 || len(v.FluxError) != 3913 {
		t.Fatalf("%d fluxes, %d wavelengths, %d errors", len(v.Flux), len(v.Wavelength), len(v.FluxError))
	}
	if v.FluxUnits != "erg / (Angstrom s cm2)" || v.WavelengthUnits != "Angstrom" {
		t.Errorf("units %q and %q", v.FluxUnits, v.WavelengthUnits)
	}
	for _, c := range []struct{ got, want float64 }{
		{v.Flux[0], 4.62477210932781e-14}, {v.Flux[1], 4.153566664330706e-14}, {v.Flux[3912], 1.779309596254379e-15},
		{v.Wavelength[0], 3200.4479980468795}, {v.Wavelength[1], 3202.1862550973938}, {v.Wavelength[3912],
			10000.509579658508},
	} {
		if math.Abs(c.got-c.want) > 1e-9*math.Abs(c.want) {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
}

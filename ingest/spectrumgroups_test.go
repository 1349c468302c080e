package ingest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
	"nightjar/internal/instant"
)

// TestSeveralSpectra: a column tells the spectra of a table apart, or the table is refused.
func TestSeveralSpectra(t *testing.T) {
	const known = "# WAVELENGTH_UNITS: nm\n# FLUX_UNITS: Jy\n# MJD: 58000.5\n"
	value := func(flux, waves, label string) string {
		v := strings.Replace(specValue(flux, waves, "nm"), defaultFluxUnit, "Jy", 1)
		return strings.TrimSuffix(v, "}") + label + "}"
	}
	for _, c := range []struct {
		name, text string
		names      []string
		want       string // the values, or ! and the error
	}{
		{"one after the other", known + "wavelength,flux,id\n400,1,1\n500,2,1\n600,3,1\n350,4,2\n500,5,2\n650,6,2\n",
			nil,
			value("[1,2,3]", "[400,500,600]", `,"id":1`) + "\n" + value("[4,5,6]", "[350,500,650]", `,"id":2`)},
		{"in turns", known + "Spectrum ID,wavelength,flux\nb,400,1\na,400,2\nb,500,3\na,500,4\n", nil,
			value("[1,3]", "[400,500]", `,"Spectrum ID":"b"`) + "\n" + value("[2,4]", "[400,500]",
				`,"Spectrum ID":"a"`)},
		{"by two columns", known + "night,order,wave,flux\n1,7,400,1\n1,7,401,2\n1,8,400,3\n2,7,400,4\n", nil,
			value("[1,2]", "[400,401]", `,"night":1,"order":7`) + "\n" + value("[3]", "[400]", `,"night":1,"order":8`) +
				"\n" +
				value("[4]", "[400]", `,"night":2,"order":7`)},
		{"no label", known + "wavelength,flux,name\n400,1,\n500,2,\n400,3,x\n500,4,x\n", nil,
			value("[1,2]", "[400,500]", "") + "\n" + value("[3,4]", "[400,500]", `,"name":"x"`)},
		{"a label that is a member of its own", known +
			"wavelength,flux,order,flux_units\n400,1,1,2\n500,2,1,2\n400,3,2,2\n",
			nil, value("[1,2]", "[400,500]", `,"order":1`) + "\n" + value("[3]", "[400]", `,"order":2`)},
		{"the same everywhere", known + "wavelength,flux,id\n400,1,1\n500,2,1\n", nil, value("[1,2]", "[400,500]", "")},
		{"numbers of the rows", known + "id,wavelength,flux\n1,400,1\n2,500,2\n3,600,3\n4,700,3\n", nil,
			value("[1,2,3,3]", "[400,500,600,700]", "")},
		{"other objects", known + "object,wavelength,flux\nA,400,1\nA,500,2\nB,400,3\n", []string{"a"},
			value("[1,2]", "[400,500]", `,"object":"A"`)},
		{"only other objects", known + "object,wavelength,flux\nA,400,1\nA,500,2\nB,400,3\n", []string{"c"},
			"!no spectrum is left: every object was left out; the spectrum of 'A', with 2 pixels, is not of " +
				"the target"},
		{"one object of another name", known + "object,wavelength,flux\nA,400,1\nA,500,2\n", []string{"c"},
			value("[1,2]", "[400,500]", "")},

		{"no column", known + "wavelength,flux\n400,1\n500,2\n600,3\n350,4\n500,5\n650,6\n", nil,
			"!line 8, column wavelength: the wavelengths start again, or occur several times"},
		{"no column, falling", known + "wavelength,flux\n600,1\n500,2\n400,3\n650,4\n500,5\n350,6\n", nil,
			"!line 8, column wavelength: the wavelengths start again"},
		{"no column, in turns", known + "wavelength,flux\n400,1\n400,2\n500,3\n500,4\n600,5\n600,6\n", nil,
			"!the wavelengths start again, or occur several times"},
		{"no header", known + "400 1\n500 2\n600 3\n400 4\n500 5\n600 6\n", nil, "!line 7, column wavelength: the " +
			"wavelengths start again"},
		{"another column", known + "wavelength,flux,mood\n400,1,x\n500,2,x\n600,3,x\n400,4,y\n500,5,y\n600,6,y\n", nil,
			"!no column tells them apart"},
		{"twice in one", known + "wavelength,flux,id\n400,1,1\n500,2,1\n600,3,1\n400,4,1\n500,5,1\n600,6,1\n1,1,2\n",
			nil,
			"!line 8, column wavelength: the wavelengths start again"},
		{"orders that overlap a little", known + "wavelength,flux\n400,1\n410,2\n420,3\n430,3\n428,4\n440,5\n450,6\n",
			nil,
			value("[1,2,3,3,4,5,6]", "[400,410,420,430,428,440,450]", "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, report, err := process("spectroscopy", "s.csv", []byte(c.text), Options{Names: c.names})
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil || values(points) != c.want {
				t.Fatalf("%v, got\n%s want\n%s", err, values(points), c.want)
			}
			for _, p := range points {
				if instant.Text(p.Time) != "2017-09-04T12:00:00Z" {
					t.Error(instant.Text(p.Time))
				}
			}
			for _, column := range report.Columns {
				kept := strings.Contains(values(points), `"`+column.Name+`":`) && column.Name != "flux_units"
				if r := column.Role; r != "wavelength" && r != "flux" && kept != (r == column.Name) {
					t.Errorf("the column %s has the role %q", column.Name, r)
				}
			}
			said := strings.Contains(strings.Join(report.Warnings, "\n"), "spectra, told apart by")
			if said != (len(points) > 1 || report.RejectedCount > 0) {
				t.Errorf("warnings %q", report.Warnings)
			}
		})
	}
}

// TestDatesOfSpectra: a column of dates dates the spectra of a table, or its only one.
func TestDatesOfSpectra(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"mjd,wavelength,flux\n58000.5,400,1\n58000.5,401,1\n58001.5,400,1\n58001.5,401,1\n",
			"2017-09-04T12:00:00Z 2017-09-05T12:00:00Z"},
		{"date,wavelength,flux\n2020-01-01,400,1\n2020-01-01,401,1\n2020-01-01,402,1\n", "2020-01-01T00:00:00Z"},
		{"epoch,wavelength,flux\n1,400,1\n1,401,1\n2,400,2\n2,401,2\n", "none none"},
		{"time,wavelength,flux\n300,400,1\n300,401,1\n600,400,2\n600,401,2\n", "none none"},
		{"jd,wavelength,flux\n58000.5,400,1\n58000.5,401,1\n58001.5,400,1\n", "column jd: '58000.5' is below " +
			"2,400,000"},
		{"# MJD: 58000.5\njd,wavelength,flux\n2458000.5,400,1\n2458000.5,401,1\n2458003.5,400,1\n",
			"2017-09-04T12:00:00Z 2017-09-04T12:00:00Z"},
	} {
		points, _, err := process("spectroscopy", "s.csv", []byte(c.text), Options{})
		var times []string
		for _, p := range points {
			text := "none"
			if p.Timed {
				text = instant.Text(p.Time)
			}
			times = append(times, text)
		}
		if got := strings.Join(times, " "); err == nil && got != c.want || err != nil && !strings.Contains(err.Error(),
			c.want) {
			t.Errorf("%q: %v, %s", c.text, err, got)
		}
	}
}

// TestManySpectra: the number of spectra in a table is bounded, and so is their size.
func TestManySpectra(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,wavelength,flux\n")
	for i := range bounded.MaxSpectra + 1 {
		fmt.Fprintf(&text, "%d,400,1\n%d,500,2\n", i, i)
	}
	if _, _, err := process("spectroscopy", "s.csv", []byte(text.String()), Options{}); err == nil ||
		!strings.Contains(err.Error(), "column id: the columns that tell spectra apart give more than a thousand") {
		t.Error(err)
	}
	p := &spectra{job: &job{notes: newNotes("", 1)}}
	for range 2 {
		p.list = append(p.list, &spectrum{flux: make([]byte, bounded.MaxSpectrum/2+1)})
	}
	if err := p.emit(func(*spectrum) error { return nil }); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Error(err)
	}
}

// TestMaskedPixels: a pixel whose wavelength is 0 or NaN is left out with its flux and its error,
// and counted.
func TestMaskedPixels(t *testing.T) {
	want := strings.Replace(specValue("[2,3]", "[4000,4002]", "Angstrom"), `"Angstrom"}`,
		`"Angstrom","flux_error":[0.5,1]}`, 1)
	table := fitstest.TableFile([]string{"wave D", "flux D", "ivar D"}, []string{"TUNIT1  = 'Angstrom'",
		"TUNIT2  = 'erg/s/cm2/A'"}, 24, 4, append(append(fitstest.BigEndian(0.0, 1.0, 9.0), fitstest.BigEndian(4000.0,
		2.0, 4.0)...),
		append(fitstest.BigEndian(4002.0, 3.0, 1.0), fitstest.BigEndian([]float64{math.NaN(), 1, 1})...)...))
	arrays := fitstest.TableFile([]string{"wave 4D", "flux 4D", "ivar 4D"}, []string{"TUNIT1  = 'Angstrom'",
		"TUNIT2  = 'erg/s/cm2/A'"}, 96, 1,
		fitstest.BigEndian([]float64{0, 4000, 4002, math.NaN()}, []float64{1, 2, 3, 1}, []float64{9, 4, 1, 1}))
	image := func(name string, pixels ...float64) []byte {
		return append(fitstest.Header(fitstest.Extension(fitstest.With(fitstest.Shape(-64, 4), "EXTNAME = '"+name+"'",
			"BUNIT   = '"+map[string]string{"WAVE": "Angstrom", "FLUX": "erg/s/cm2/A"}[name]+"'"))...),
			fitstest.Data(-64, pixels...)...)
	}
	images := append(fitstest.Header(fitstest.With(fitstest.Shape(8), "MJD-OBS = 58000.5")...), image("FLUX", 1, 2, 3,
		1)...)
	images = append(append(images, image("WAVE", 0, 4000, 4002, math.NaN())...), image("ERR", 9, .5, 1, 1)...)
	for name, data := range map[string][]byte{
		"text": []byte("# MJD: 58000.5\nwave (A),flux (erg/s/cm2/A),err\n0,1,9\n4000,2,0.5\n4002,3,1\nNaN,1,1\n"),
		"rows": table, "arrays": arrays, "images": images,
	} {
		points, report, err := process("spectroscopy", "s", data, Options{})
		if err != nil || values(points) != want || report.RejectedCount != 2 || report.Rows != 4 {
			t.Errorf("%s: %v\n%s\n%+v", name, err, values(points), report)
		}
		checkWarnings(t, report.Warnings, []string{"2 pixels with a wavelength of 0 or NaN, which marks a masked " +
			"pixel, left out"})
	}
	for text, want := range map[string]string{
		"wave,flux\n0,1\n0,2\n":     "no pixel has a wavelength",
		"wave,flux\n-1,1\n4000,2\n": "line 2, column wave: '-1': a wavelength must be a finite number above 0",
		"wave,flux\n,1\n4000,2\n":   "line 2, column wave: the row has no wavelength",
	} {
		if _, _, err := process("spectroscopy", "s", []byte(text), Options{}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var pixels strings.Builder
	pixels.WriteString("wave (A),flux (Jy)\n")
	for i := range 20 {
		fmt.Fprintf(&pixels, "%d,1\n", i+1)
	}
	if _, report, err := process("spectroscopy", "s", []byte(pixels.String()), Options{}); err != nil ||
		!strings.Contains(strings.Join(report.Warnings, "\n"), "they may be pixels that were not calibrated") {
		t.Errorf("%v %q", err, report.Warnings)
	}
}

// TestSpectrumNames: the columns of a spectrum under other names and with units in them.
func TestSpectrumNames(t *testing.T) {
	for _, c := range []struct{ header, want string }{
		{"WAVE FLAM FLAM_ERR", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wavelength_nm flux_mJy flux_err_mJy", "nm, mJy, flux_error"},
		{"lambda-um f_lambda e_f_lambda", "um, erg / (Angstrom s cm2), flux_error"},
		{"wave_obs flux_density flux_density_error", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux sigma_flux", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux eflux", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux dflux", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave fnu_Jy fnu_unc", "Angstrom, Jy, flux_error"},
		{"wave flux uncertainties", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux flux_std", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux flux_ivar", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux sky", "Angstrom, erg / (Angstrom s cm2), "},
		{"wave flux fluxed", "Angstrom, erg / (Angstrom s cm2), "},
		{"wave flux d", "Angstrom, erg / (Angstrom s cm2), "},
		{"wave flam dflam", "Angstrom, erg / (Angstrom s cm2), flux_error"},
		{"wave flux df", "Angstrom, erg / (Angstrom s cm2), "},
		{"wave counts counts_err", "Angstrom, ct, flux_error"},
	} {
		points, report, err := process("spectroscopy", "s", []byte(c.header+"\n4000 1 4\n4001 2 4\n"), Options{})
		if err != nil || len(points) != 1 {
			t.Errorf("%s: %v", c.header, err)
			continue
		}
		if r := report.Columns; r[0].Role != "wavelength" || r[1].Role != "flux" ||
			strings.Join([]string{r[0].Unit, r[1].Unit, r[2].Role}, ", ") != c.want {
			t.Errorf("%s: %+v", c.header, r)
		}
	}
}

// TestUnitThatIsMissing: angstroms are assumed, and the warning says so if they look like others.
func TestUnitThatIsMissing(t *testing.T) {
	for text, unusual := range map[string]bool{"wave,flux\n400,1\n401,2\n": true,
		"wave,flux\n4000,1\n4001,2\n": false} {
		_, report, err := process("spectroscopy", "s", []byte(text), Options{})
		if err != nil || strings.Contains(report.Warnings[0], "Angstrom is assumed, although they end with 401; "+
			"") != unusual {
			t.Errorf("%q: %v %q", text, err, report.Warnings)
		}
	}
	if _, _, err := process("spectroscopy", "s", []byte("pixel,flux\n1,1\n2,2\n"), Options{}); err == nil ||
		!strings.Contains(err.Error(), "pixels are no wavelengths: the spectrum has no wavelength calibration") {
		t.Error(err)
	}
}

// TestKeysOfSpectra: texts of two columns do not run into each other.
func TestKeysOfSpectra(t *testing.T) {
	p := &spectra{job: &job{notes: newNotes("", 1)}, by: []int{0, 1}, at: map[string]int{}}
	for i, texts := range [][2]string{{"a\x00", "b"}, {"a", "\x00b"}, {"", "a\x00b"}, {"a\x00", "b"}} {
		if _, err := p.of([][]byte{[]byte(texts[0]), []byte(texts[1])}); err != nil || p.last != i%3 {
			t.Errorf("%q is spectrum %d: %v", texts, p.last, err)
		}
	}
}

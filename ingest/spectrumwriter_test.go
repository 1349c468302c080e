package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"nightjar/ingest/table"
)

// TestWriteSpectrum: a spectrum that was written and is uploaded again is the same, in every
// format.
func TestWriteSpectrum(t *testing.T) {
	const value = `{"flux":[1.5e-15,null,1.25e-15],"flux_units":"erg / (Angstrom s cm2)",` +
		`"wavelength":[400,400.25,401],"wavelength_units":"nm","flux_error":[1e-17,2e-17,3e-17],` +
		`"wavelength_medium":"air"}`
	at := time.Date(2018, 2, 15, 10, 20, 30, 123456000, time.UTC)
	for _, format := range table.Formats {
		var b bytes.Buffer
		if err := WriteSpectrum(format, &b,
			Spectrum{Target: "A 'star', far", Source: "LCO", Time: at, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
		var got []string
		report, err := NewProcessors().Process(t.Context(), "spectroscopy",
			File{Name: "s." + format, Size: int64(b.Len()),
				Content: bytes.NewReader(b.Bytes())}, Options{}, func(p Point) error {
				if !p.Timed || p.Time != at.UnixMicro() || p.Source != "LCO" {
					t.Errorf("%s: %+v", format, p)
				}
				var v, w any
				if err := errors.Join(json.Unmarshal(p.Value, &v), json.Unmarshal([]byte(value), &w)); err != nil ||
					fmt.Sprint(v) != fmt.Sprint(w) {
					t.Errorf("%s: %v, got\n%s\nwant\n%s", format, err, p.Value, value)
				}
				got = append(got, string(p.Value))
				return nil
			})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %v %+v\n%.500s", format, err, report, b.Bytes())
		}
	}
	for _, bad := range []string{`{"magnitude":15}`, `[1]`, `{"flux":[1],"wavelength":[1,2]}`} {
		if err := WriteSpectrum("csv", new(bytes.Buffer),
			Spectrum{Value: []byte(bad)}); !errors.Is(err, errNoSpectrum) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// TestWriteShared: a spectrum with the names of TOM Toolkit 3 is written with its unit and errors.
func TestWriteShared(t *testing.T) {
	const value = `{"flux":[1.5,1.25],"wavelength":[4000,4001],"error":[0.1,0.2],"flux_unit":"mJy",` +
		`"wavelength_unit":"Angstrom","telescope":"1m0"}`
	var b bytes.Buffer
	err := WriteSpectrum("csv", &b, Spectrum{Value: []byte(value), WavelengthUnits: "nm"})
	if want := "wavelength,flux,flux_error\n400.0,1.5,0.1\n400.1,1.25,0.2\n"; err != nil ||
		!bytes.Contains(b.Bytes(), []byte("FLUX_UNITS: mJy")) ||
		!bytes.Contains(b.Bytes(), []byte("WAVELENGTH_UNITS: nm")) || !bytes.HasSuffix(b.Bytes(), []byte(want)) {
		t.Errorf("%v\n%s", err, &b)
	}
}

func TestBrightnessUnit(t *testing.T) {
	for unit, want := range map[string]string{
		"": "mag", " ": "mag", "mag": "mag", "AB mag": "mag", "ABmag": "mag", "mag(AB)": "mag", "Vega": "mag",
		"Magnitudes": "mag", "Vega mag": "mag", "STmag": "mag",
		"Jy": "Jy", "mJy": "mJy", "uJy": "uJy", "erg/s/cm2/Hz": "erg / (Hz s cm2)", "e-/s": "", "nmgy": "",
		"nanomaggies": "", "1/2": "", "mmag": "",
	} {
		if got := BrightnessUnit(unit); got != want {
			t.Errorf("%q: %q, want %q", unit, got, want)
		}
	}
}

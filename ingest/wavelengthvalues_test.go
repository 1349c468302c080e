package ingest

import (
	"errors"
	"testing"
)

func TestAppendInUnits(t *testing.T) {
	for _, c := range []struct{ value, to, want string }{
		{`{"flux":[1,2.50],"flux_units":"Jy","wavelength":[4000.0,null,5],` +
			`"wavelength_units":"Angstroms","flux_error":[4,5]}`, "nm",
			`{"flux":[1,2.50],"flux_units":"Jy","wavelength":[400.00,null,0.5],` +
				`"wavelength_units":"nm","flux_error":[4,5]}`},
		{`{"wavelength_units":"micron","é\n":{"wavelength":[1]},"wavelength":[0.4e0]}`, "Angstrom",
			`{"wavelength_units":"Angstrom","é\n":{"wavelength":[1]},"wavelength":[0.4e4]}`},
		{`{"wavelength":[],"wavelength_units":"nm"}`, "m", `{"wavelength":[],"wavelength_units":"m"}`},
		{`{"wavelength":[1.50],"wavelength_units":"AA"}`, "Angstrom",
			`{"wavelength":[1.50],"wavelength_units":"Angstrom"}`},
		// of two members of one name the last counts, wherever they are
		{`{"wavelength":[1],"wavelength":[2],"wavelength_units":"nm"}`, "Angstrom",
			`{"wavelength":[1],"wavelength":[20],"wavelength_units":"Angstrom"}`},
		// no spectra
		{`{"magnitude":15.10}`, "nm", `{"magnitude":15.10}`}, {`[1]`, "nm", `[1]`}, {`"x"`, "nm",
			`"x"`}, {`{"wavelength":5,"wavelength_units":"nm"}`, "m", `{"wavelength":5,"wavelength_units":"nm"}`},
		{`{"wavelength":[5]}`, "m", `{"wavelength":[5]}`},
		// wavelengths that cannot be converted
		{`{"wavelength":[1],"wavelength_units":"pix"}`, "nm", ""}, {`{"wavelength":[1],"wavelength_units":""}`, "nm",
			""}, {`{"wavelength":["1"],"wavelength_units":"nm"}`, "m", ""},
		{`{"wavelength":[1,[2,3]],"wavelength_units":"nm"}`, "m",
			""}, {`{"wavelength":[true],"wavelength_units":"nm"}`, "nm", ""},
	} {
		room := append(make([]byte, 0, 1000), c.value...) // the memory may go on behind the value
		got, err := AppendInUnits([]byte("x"), room, c.to)
		var unit *UnitError
		if string(got) != "x"+c.want || (c.want == "") != errors.As(err, &unit) || string(room) != c.value {
			t.Errorf("%s in %s: %s, %v", c.value, c.to, got, err)
		}
	}
}

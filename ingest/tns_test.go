package ingest

import (
	"strings"
	"testing"
)

const tnsSample = `{"id_code": 200, "data": {"reply": {"objname": "2099abc", "photometry": [
	{"jd": 2459000.5, "flux": 18.5, "fluxerr": 0.05, "limflux": "", "flux_unit": {"id": 1, "name": "ABMag"},
		"filters": {"id": 110, "name": "g-ZTF", "more": {"name": "x"}}, "telescope": {"id": 1, "name": "P48"},
		"instrument": {"id": 196, "name": "ZTF-Cam"}, "observer": {"id": 4}},
	{"jd": 2458999.5, "flux": "", "fluxerr": "", "limflux": 20.5, "flux_unit": {"id": 1, "name": "ABMag"},
		"filters": {"id": 111, "name": "r-ZTF"}}], "spectra": [{"jd": 2459000.5}]}}}`

// TestTNS: a flux whose unit is a magnitude is a magnitude.
func TestTNS(t *testing.T) {
	const table = "obsdate,flux,fluxerr,limflux,flux_unit,filter\n2020-05-31 12:00:00,18.5,0.05,,ABMag,g\n"
	for _, c := range []photometryCase{
		{name: "JSON", text: tnsSample,
			values: []string{`{"jd":2459000.5,"magnitude":18.5,"error":0.05,"magsys":"AB","filter":"g-ZTF",` +
				`"telescope":"P48","instrument":"ZTF-Cam"}`,
				`{"jd":2458999.5,"limit":20.5,"magsys":"AB","filter":"r-ZTF"}`},
			warnings: []string{"not read: 'spectra'", "column observer is left out", "flux holds magnitudes"}},
		{name: "a table", text: table + "2020-05-30 12:00:00,,,20.5,VegaMag,V\n",
			values: []string{`{"obsdate":"2020-05-31 12:00:00","magnitude":18.5,"error":0.05,"magsys":"AB",` +
				`"filter":"g"}`,
				`{"obsdate":"2020-05-30 12:00:00","limit":20.5,"magsys":"Vega","filter":"V"}`},
			warnings: []string{"flux holds magnitudes"}},
		{name: "units that differ", text: table + "2020-05-30 12:00:00,1.5e-15,,,erg cm-2 s-1,V\n",
			errors:   []string{"line 3: the flux is in 'erg cm-2 s-1', where other rows have magnitudes"},
			warnings: []string{"flux holds magnitudes", "bad_rows"}},
		{name: "fluxes", text: strings.ReplaceAll(table, "ABMag", "mJy"),
			values: []string{`{"obsdate":"2020-05-31 12:00:00","flux":18.5,"flux_error":0.05,"flux_unit":"mJy",` +
				`"filter":"g"}`}},
	} {
		t.Run(c.name, c.run)
	}
	for text, want := range map[string]string{"ABMag": "AB", "mag(AB)": "AB", "AB magnitude": "AB", "VegaMag": "Vega",
		"STMag": "ST", "mag": "-", "mags": "-", "mJy": "!", "mag/arcsec2": "!", "image": "!", "": "!"} {
		system, ok := magnitudeSystem(text)
		if system == "" && ok {
			system = "-"
		}
		if !ok {
			system = "!"
		}
		if system != want {
			t.Errorf("%s: %s, want %s", text, system, want)
		}
	}
}

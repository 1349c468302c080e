package ingest

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestJSONNotFinite: NaN and Infinity, as Python writes them, are missing values; in texts and
// elsewhere they are what they are.
func TestJSONNotFinite(t *testing.T) {
	points, _, err := process("photometry", "t.json",
		[]byte(`[{"mjd": 61100.2, "mag": 18.10, "err": NaN, "filter": "NaN r",
		"note": "\"NaN"}, {"mjd":61101.2,"mag":-Infinity,"limit":19.5,"filter":"I"},
		{"mjd": 61102.2, "mag": Infinity, "err": 0.1, "filter": "g"},
			{"mjd":61103.2,"mag":18,"Infinity":NaN}]`), Options{})
	const want = `{"mjd":61100.2,"magnitude":18.10,"filter":"NaN r","note":"\"NaN"}` + "\n" +
		`{"mjd":61101.2,"filter":"I","limit":19.5}` + "\n" + `{"mjd":61103.2,"magnitude":18}`
	if err != nil || values(points) != want {
		t.Errorf("%v, got\n%s", err, values(points))
	}
	points, _, err = process("spectroscopy", "t.json", []byte(`{"SN": {"spectra": [{"time": "61100", "u_time": "MJD",
		"u_wavelengths": "Angstrom", "data": [[4000, 1.5, NaN], [4001, NaN, 0.1]]}]}}`), Options{})
	if err != nil || !strings.Contains(values(points), `"flux":[1.5,null]`) ||
		!strings.Contains(values(points), `"flux_error":[null,0.1]`) {
		t.Errorf("%v, got\n%s", err, values(points))
	}
	for _, bad := range []string{`[{"mjd":61100.2,"mag":NaNs}]`, `[{"mjd":61100.2,"mag":nan}]`,
		`[{"mjd":61100.2,"mag":Inf}]`,
		`[{"mjd":61100.2,"mag":- Infinity}]`, `[{"mjd":61100.2,NaN:1}]`, `[{"mjd":61100.2,"mag":18,"err":NaN`} {
		if _, _, err := process("photometry", "t.json", []byte(bad), Options{}); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// FuzzFiniteJSON: a text without the letters of a number that is not finite is unchanged, and how
// it is read in pieces makes no difference.
func FuzzFiniteJSON(f *testing.F) {
	for _, s := range []string{`{"a":[NaN,-Infinity,Infinity,-1,"NaN\"NaN\\"],"b":NaN}`, "-", "NaNNaN", `"\`,
		"-Infinit", "-NaN"} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, text string, size int) {
		whole, err := io.ReadAll(newFiniteJSON(strings.NewReader(text)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.ContainsAny(text, "NI") && string(whole) != text {
			t.Fatalf("%q became %q", text, whole)
		}
		pieces := newFiniteJSON(iotest.OneByteReader(strings.NewReader(text)))
		var out []byte
		buffer := make([]byte, 1+max(0, size)%7)
		for {
			n, err := pieces.Read(buffer)
			out = append(out, buffer[:n]...)
			if err != nil {
				break
			}
		}
		if string(out) != string(whole) {
			t.Fatalf("%q became %q and %q", text, whole, out)
		}
	})
}

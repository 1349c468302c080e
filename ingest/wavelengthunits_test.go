package ingest

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"nightjar/ingest/units"
)

func TestAppendWavelength(t *testing.T) {
	for _, c := range []struct{ number, from, to, want string }{
		{"6562.80", "Angstrom", "nm", "656.280"}, {"656.28", "nm", "Angstrom", "6562.8"}, {"656", "nm", "Angstrom",
			"6560"}, {"0.65628", "um", "Angstrom", "6562.8"},
		{"6562.8", "Angstrom", "m", "0.00000065628"}, {"5", "Angstrom", "nm", "0.5"}, {"0.5", "Angstrom", "nm",
			"0.05"}, {"0.0", "nm", "Angstrom", "0"}, {"0", "Angstrom", "nm", "0.0"},
		{"-12.5", "cm", "mm", "-125"}, {"6.5628e-7", "m", "nm", "6.5628e2"}, {"1E+3", "nm", "Angstrom",
			"1e4"}, {"4000.10", "nm", "nm", "4000.10"}, {"2", "m", "pm", "2000000000000"},
	} {
		if got, ok := AppendWavelength(nil, []byte(c.number), c.from, c.to); !ok || string(got) != c.want {
			t.Errorf("%s %s in %s: %s, %v, want %s", c.number, c.from, c.to, got, ok, c.want)
		}
	}
	for _, c := range []struct{ number, from, to string }{{"", "nm", "m"}, {"1", "Hz", "m"}, {"1", "nm", "eV"},
		{"1e99999", "nm", "m"}} {
		if got, ok := AppendWavelength([]byte("x"), []byte(c.number), c.from, c.to); ok || string(got) != "x" {
			t.Errorf("%q %s in %s: %s", c.number, c.from, c.to, got)
		}
	}
	// every conversion is exact, and JSON
	random := rand.New(rand.NewPCG(1, 2))
	ten := big.NewInt(10)
	for range 20_000 {
		number := fmt.Sprintf("%.*f", random.IntN(9), random.ExpFloat64()*1000)
		if random.IntN(3) == 0 {
			number = fmt.Sprintf("%.*e", random.IntN(9), random.ExpFloat64())
		}
		from, to := WavelengthUnits[random.IntN(len(WavelengthUnits))],
			WavelengthUnits[random.IntN(len(WavelengthUnits))]
		got, ok := AppendWavelength(nil, []byte(number), from, to)
		was, _ := new(big.Rat).SetString(number)
		is, good := new(big.Rat).SetString(string(got))
		if !ok || !good || !json.Valid(got) {
			t.Fatalf("%s %s in %s: %s", number, from, to, got)
		}
		for _, side := range []struct {
			v    *big.Rat
			unit string
		}{{was, from}, {is, to}} { // in picometres
			side.v.Mul(side.v, new(big.Rat).SetInt(new(big.Int).Exp(ten,
				big.NewInt(int64(units.LengthPowers[side.unit]+12)), nil)))
		}
		if was.Cmp(is) != 0 {
			t.Fatalf("%s %s in %s: %s", number, from, to, got)
		}
	}
}

func TestWavelengthUnit(t *testing.T) {
	for text, want := range map[string]string{"A": "Angstrom", "angstroms": "Angstrom", "AA": "Angstrom", "nm": "nm",
		"Nanometer": "nm", "micron": "um", "um": "um", " m ": "m",
		"": "", "Hz": "", "eV": "", "km": "", "nm2": "", "10 nm": "", "furlong": ""} {
		if got, ok := WavelengthUnit(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
}

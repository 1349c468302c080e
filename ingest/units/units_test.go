package units

import (
	"strings"
	"testing"
)

func TestParseUnit(t *testing.T) {
	for text, want := range map[string]string{
		"erg/cm2/s/A":                         "erg / (Angstrom s cm2)", // LCO
		"erg / (Angstrom s cm2)":              "erg / (Angstrom s cm2)", // astropy
		"erg/s/cm^2/Angstrom":                 "erg / (Angstrom s cm2)",
		"erg s-1 cm-2 Angstrom-1":             "erg / (Angstrom s cm2)",
		"ERG/CM**2/S/ANGSTROM":                "erg / (Angstrom s cm2)",
		"erg/cm**2/sec/angstroms":             "erg / (Angstrom s cm2)",
		"erg.cm**(-2).s**(-1).angstrom**(-1)": "erg / (Angstrom s cm2)", // ESO
		"erg / cm2 s A":                       "erg / (Angstrom s cm2)",
		"1E-17 erg/cm^2/s/Ang":                "1e-17 erg / (Angstrom s cm2)", // SDSS
		"10^-17 erg/s/cm2/AA":                 "1e-17 erg / (Angstrom s cm2)",
		"10**(-16)erg/cm2/s/Å":                "1e-16 erg / (Angstrom s cm2)",
		"10-15 erg":                           "1e-15 erg",
		"1e0 erg":                             "erg",
		"2.5 * Jy":                            "2.5 Jy",
		"1e-17":                               "1e-17",
		"W m-2 um-1":                          "W / (um m2)",
		"m/s2 (m s)":                          "1 / s3",
		"1/cm":                                "1 / cm",
		"mJy":                                 "mJy",
		"MJy/sr":                              "MJy / sr",
		"mjy":                                 "mJy",
		"MJY":                                 "MJy", "MM": "",
		"0.1nm": "Angstrom", "1e-10 m": "Angstrom", "10**-9 m": "nm", "10 Angstrom": "nm", "0.2 nm": "0.2 nm",
		"0.1 nm2": "0.1 nm2", "1e-6 m-1": "0.000001 / m",
		"microns":         "um",
		"Angstroms":       "Angstrom",
		"A":               "Angstrom",
		"counts":          "ct",
		"cm/cm":           "",
		"":                "",
		"mag(AB)":         "",
		"erg//s":          "",
		"erg/":            "",
		"(erg":            "",
		"erg)":            "",
		"erg *":           "",
		"* erg":           "",
		"((((((erg))))))": "",
		"cm99":            "",
		"cm0":             "",
		"cm^x":            "",
		"cm(2":            "",
		"bananas":         "",
		"1e999 erg":       "",
	} {
		u, ok := Parse(text)
		if got := u.String(); ok != (want != "") && text != "cm/cm" || got != want {
			t.Errorf("%q: got %q %v, want %q", text, got, ok, want)
			continue
		}
		if !ok {
			continue
		}
		if again, ok := Parse(want); want != "" && (!ok || again.String() != want) {
			t.Errorf("%q reads as %q %v", want, again, ok)
		}
	}
}

func TestLengths(t *testing.T) {
	for text, want := range map[string]bool{"nm": true, "A": true, "micron": true, "m": true, "cm2": false,
		"1/cm": false, "Hz": false, "pix": false, "2 nm": false, "nm s": false} {
		u, ok := Parse(text)
		if !ok || u.IsLength() != want {
			t.Errorf("%q: %v %v", text, u.IsLength(), ok)
		}
	}
}

func FuzzUnit(f *testing.F) {
	for _, s := range []string{"erg/cm2/s/A", "10**(-16)erg/cm2/s/Å", "m/s2 (m s)", "1e-17", "2.5*Jy.s^(-1)", "cm/cm"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, ok := Parse(s)
		if !ok || len(u.bases) == 0 {
			return
		}
		for _, b := range u.bases {
			if b.power < -9 || b.power > 9 {
				return // a sum of powers may be beyond what is read
			}
		}
		again, ok := Parse(u.String())
		if !ok || again.String() != u.String() {
			t.Fatalf("%q is %q, which reads as %q %v", s, u, again, ok)
		}
	})
}

func TestRatio(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     float64 // 0 for none
	}{
		{"mJy", "Jy", 1e-3}, {"Jy", "uJy", 1e6}, {"MJy", "mJy", 1e9}, {"1e-17 erg/s/cm2/A", "1e-16 erg/s/cm2/A", 0.1},
		{"erg/s/cm2/A", "W/m2/um", 10}, {"W/m2/nm", "erg/s/cm2/nm", 1000}, {"mJy2", "Jy2", 1e-6}, {"nm", "um", 1e-3},
		{"Jy", "erg/s/cm2/A", 0}, {"Jy", "Jy2", 0}, {"adu", "Jy", 0}, {"m", "Hz", 0},
	} {
		from, ok := Parse(c.from)
		to, other := Parse(c.to)
		if !ok || !other {
			t.Fatal(c)
		}
		ratio, ok := from.Ratio(to)
		if ok != (c.want > 0) || ok && (ratio/c.want > 1+1e-12 || ratio/c.want < 1-1e-12) {
			t.Errorf("%s in %s: %g, %t", c.from, c.to, ratio, ok)
		}
	}
	u, _ := Parse("1e-17 erg/s/cm2/A")
	if got := u.Power(-2).String(); !strings.HasSuffix(got, "e+33 cm4 Angstrom2 s2 / erg2") &&
		got != "1e+34 cm4 Angstrom2 s2 / erg2" {
		t.Error(got)
	}
}

package sky

import (
	"math"
	"strings"
	"testing"
)

// FuzzAngle reads angles as people write them. The result must be in range, and must read the same
// when it is written as a number.
func FuzzAngle(f *testing.F) {
	for _, s := range []string{"12:34:56.7", "-00 30 00", "12h34m56.7s", "−12°34′56.7″", "359.999", "1e-300", "nan",
		"0x1p-2", "1_0", "+1:2", "12:60:00", "-0", "360", "1:2:3:4", "12:34:", ": :", "1.5:30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ra, err := ParseRA(s); err == nil && !(ra >= 0 && ra < 360) {
			t.Errorf("%q is the right ascension %g", s, ra)
		}
		dec, err := ParseDec(s)
		if err != nil {
			return
		}
		if !(dec >= -90 && dec <= 90) {
			t.Errorf("%q is the declination %g", s, dec)
		}
		if strings.HasPrefix(strings.TrimSpace(s), "-") && dec > 0 {
			t.Errorf("%q is positive: %g", s, dec)
		}
		if d := Separation(0, dec, 180, dec); math.IsNaN(d) {
			t.Errorf("%q is at no distance", s)
		}
	})
}

func TestAngles(t *testing.T) {
	for s, want := range map[string]float64{"12.5": 12.5, "0": 0, "359.999": 359.999, "12:30:00": 187.5,
		"12 30 00": 187.5, "12h30m00s": 187.5,
		"00:00:01.5": 0.00625, "23:59:59.99": 359.99995833333335, "1:30": 22.5} {
		if got, err := ParseRA(s); err != nil || math.Abs(got-want) > 1e-13*want {
			t.Errorf("right ascension %q: %v, %v", s, got, err)
		}
	}
	for s, want := range map[string]float64{"-12.5": -12.5, "+90": 90, "-00:30:00": -0.5, "-12:30:36": -12.51,
		"−12d30m36s": -12.51, "12°30′36″": 12.51, "45 00": 45} {
		if got, err := ParseDec(s); err != nil || got != want {
			t.Errorf("declination %q: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "x", "360", "-1", "24:00:00", "12:60:00", "12:30:60", "12.5:30:00", "1:2:3:4",
		"0x10", "1_0", "nan", "inf", "1e999", "12:-30:00", ":", "12:3a:00"} {
		if got, err := ParseRA(s); err == nil {
			t.Errorf("right ascension %q is taken for %v", s, got)
		}
	}
	for _, s := range []string{"90.1", "-91", "100:00:00", "--1", "90:00:01"} {
		if got, err := ParseDec(s); err == nil {
			t.Errorf("declination %q is taken for %v", s, got)
		}
	}
}

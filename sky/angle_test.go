package sky

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzAngle reads angles as people write them. The result must be in range, and must read the same
// when it is written as a number.
func FuzzAngle(f *testing.F) {
	for _, s := range []string{"12:34:56.7", "-00 30 00", "12h34m56.7s", "−12°34′56.7″", "359.999", "1e-300", "nan",
		"0x1p-2", "1_0", "12:30:00 S",
		"13ʰ47ᵐ02ˢ.1 −12°30′00″", "13 47 02.1 12 30 00 N", "206,75875 -12,5", "S12:30", "12D30M00S", "12d30m00S",
		"+1:2", "12:60:00", "-0", "360", "1:2:3:4", "12:34:", ": :", "1.5:30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if ra, err := ParseRA(s); err == nil && !(ra >= 0 && ra < 360) {
			t.Errorf("%q is the right ascension %g", s, ra)
		}
		if ra, dec, err := ParsePair(s); err == nil && !(ra >= 0 && ra < 360 && dec >= -90 && dec <= 90) {
			t.Errorf("%q is at %g %g", s, ra, dec)
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

// vector is a text of testdata/angles.json with what it means, in degrees; nil where it is refused.
type vector struct {
	Text string
	RA   *float64
	Dec  *float64
	Pair []float64
}

// TestAngles reads the texts that ui/static/angles.js reads in its own test.
func TestAngles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "angles.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		check := func(what string, got float64, err error, want *float64) {
			t.Helper()
			switch {
			case want == nil && err == nil:
				t.Errorf("%s of %q is %v, want a refusal", what, v.Text, got)
			case want != nil && (err != nil || math.Abs(got-*want) > 1e-12):
				t.Errorf("%s of %q is %v, %v, want %v", what, v.Text, got, err, *want)
			}
		}
		ra, err := ParseRA(v.Text)
		check("right ascension", ra, err, v.RA)
		dec, err := ParseDec(v.Text)
		check("declination", dec, err, v.Dec)
		var first, second *float64
		if v.Pair != nil {
			first, second = &v.Pair[0], &v.Pair[1]
		}
		ra, dec, err = ParsePair(v.Text)
		check("first of two", ra, err, first)
		check("second of two", dec, err, second)
	}
}

// TestRefusals: a refusal says what is wrong.
func TestRefusals(t *testing.T) {
	for _, x := range [][2]string{{"12:30:00 s", "seconds or south"}, {"12d30m00S", "seconds or south"},
		{"12:30:00s", "seconds or south"},
		{"-12:30 S", "sign"}, {"206,75", "comma"}, {"12h", "hours"}, {"95", "between -90 and 90"},
		{strings.Repeat("1", 300), "…"}} {
		if _, err := ParseDec(x[0]); err == nil || !strings.Contains(err.Error(), x[1]) {
			t.Errorf("declination %q: %v, want %q in it", x[0], err, x[1])
		}
	}
	for _, x := range [][2]string{{"12:30 S", "south"}, {"370", "between 0 and 360"}, {"-1", "between 0 and 360"},
		{"206:45:00", "in hours, and not between 0 and 24; write degrees as 206d45m00s"}} {
		if _, err := ParseRA(x[0]); err == nil || !strings.Contains(err.Error(), x[1]) {
			t.Errorf("right ascension %q: %v, want %q in it", x[0], err, x[1])
		}
	}
}

func TestFormats(t *testing.T) {
	for deg, want := range map[float64]string{206.75875: "13:47:02.10", 0: "00:00:00.00", 359.9999999: "00:00:00.00",
		187.5: "12:30:00.00", 15 * 59.999 / 3600: "00:01:00.00"} {
		if got := FormatRA(deg); got != want {
			t.Errorf("right ascension %v is written %s, want %s", deg, got, want)
		}
	}
	for deg, want := range map[float64]string{-12.5: "-12:30:00.0", 0: "+00:00:00.0", -0.5: "-00:30:00.0",
		89.99999: "+90:00:00.0", 41.26875: "+41:16:07.5"} {
		if got := FormatDec(deg); got != want {
			t.Errorf("declination %v is written %s, want %s", deg, got, want)
		}
	}
}

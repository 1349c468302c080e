package archive

import (
	"math"
	"strings"
	"testing"
)

// FuzzAngle reads angles as people write them: what is read is one, in its range, and reads the same when it is written as a number.
func FuzzAngle(f *testing.F) {
	for _, s := range []string{"12:34:56.7", "-00 30 00", "12h34m56.7s", "−12°34′56.7″", "359.999", "1e-300", "nan", "0x1p-2", "1_0", "+1:2", "12:60:00", "-0", "360", "1:2:3:4", "12:34:", ": :", "1.5:30"} {
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
		if z := zone(dec); z > uint16(180/zoneHeight) {
			t.Errorf("%q lies in zone %d", s, z)
		}
		if d := separation(0, dec, 180, dec); math.IsNaN(d) {
			t.Errorf("%q is at no distance", s)
		}
	})
}

// FuzzFileName makes paths of whatever names: they stay in their folders.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"night.csv", "../../etc/passwd", `..\boot.ini`, "..", ".", "", "a b.tar.gz", "é\u0301.fits", "\x00\r\n", "\xff", "a/", "ſ", "ﬁ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := cleanName(s)
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00\r\n\"; ") || cleanName(name) != name {
			t.Errorf("%q is stored as %q", s, name)
		}
		if part := slug(s); strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" || slug(part) != part {
			t.Errorf("%q is the folder %q", s, part)
		}
		if contentType(s) == "" {
			t.Errorf("%q has no type", s)
		}
	})
}

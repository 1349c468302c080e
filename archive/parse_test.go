package archive

import (
	"strings"
	"testing"
)

// FuzzFileName makes paths of arbitrary names: they stay in their folders.
func FuzzFileName(f *testing.F) {
	for _, s := range []string{"night.csv", "../../etc/passwd", `..\boot.ini`, "..", ".", "", "a b.tar.gz",
		"é\u0301.fits", "\x00\r\n", "\xff", "a/", "ſ", "ﬁ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name := cleanName(s)
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00\r\n\"; ") ||
			cleanName(name) != name {
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

// TestZones: every declination has a zone, also those at the ends and beyond rounding.
func TestZones(t *testing.T) {
	for _, dec := range []float64{-90, -89.75, -1e-300, 0, 0.5, 89.99, 90, 90.0000001, -91} {
		if z := zone(dec); z > uint16(180/zoneHeight) {
			t.Errorf("%g lies in zone %d", dec, z)
		}
	}
}

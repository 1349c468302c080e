package cli

import (
	"strings"
	"testing"
	"time"
)

// FuzzWords reads sizes and times of the command line.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"64M", "8GiB", "0", "9000000000T", "30d", "12h", "2027-01-31", "2027-01-31T00:00:00Z",
		"-1d", "1e9d", "30D", ""} {
		f.Add(s)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseSize(s); err == nil && n < 0 {
			t.Errorf("%q are %d bytes", s, n)
		}
		if at, err := parseExpiry(s, now); err == nil && !at.After(now) {
			t.Errorf("%q is %s", s, at)
		}
		if p := printable(s); strings.ContainsAny(p, "\x1b\r\n\t\x7f\u009b") {
			t.Errorf("%q is printed as %q", s, p)
		}
	})
}

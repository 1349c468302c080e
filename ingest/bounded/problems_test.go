package bounded

import "testing"

func TestMultiply(t *testing.T) {
	const big = int64(1) << 62
	for _, c := range []struct{ a, b, want int64 }{{0, big, 0}, {2, 3, 6}, {big, 1, big}, {big, 2, -1},
		{1 << 32, 1 << 31, -1}, {1 << 31, 1 << 31, big}, {-1, 0, -1}, {5, -1, -1}} {
		if got := Multiply(c.a, c.b); got != c.want {
			t.Errorf("%d * %d = %d", c.a, c.b, got)
		}
	}
}

func TestProblemText(t *testing.T) {
	for want, p := range map[string]Problem{
		"line 14, column error: 'n/a' is not a number": {File: "a", Line: 14, Column: "error",
			Reason: "'n/a' is not a number"},
		"HDU 2, column NAXIS1: too large": {HDU: 2, Column: "NAXIS1", Reason: "too large"},
		"the file is empty":               {File: "a", Reason: "the file is empty"},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

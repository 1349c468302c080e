package wire

import (
	"net/url"
	"strings"
)

// ParseForm reads the parameters of a query, or the fields of a form, as browsers and a TOM do:
// they stand apart at &, a + is a blank, and a % that begins no byte stands for itself. The
// standard library drops what is not well-formed, and a filter that is dropped lets everything
// through.
func ParseForm(text string) url.Values {
	values := url.Values{}
	for pair := range strings.SplitSeq(text, "&") {
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			name = unescape(name)
			values[name] = append(values[name], unescape(value))
		}
	}
	return values
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			out = append(out, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// hexDigit is the value of a hexadecimal digit, -1 if it is none.
func hexDigit(c byte) int {
	i := strings.IndexByte("0123456789abcdefABCDEF", c)
	if i > 15 {
		i -= 6
	}
	return i
}

// Last is the value of a parameter; of several the last one counts.
func Last(query url.Values, name string) string {
	v := query[name]
	if len(v) == 0 {
		return ""
	}
	return strings.TrimSpace(v[len(v)-1])
}

// IsTrue reads a parameter that is true or false; what says neither is false.
func IsTrue(text string) bool {
	switch strings.ToLower(text) {
	case "true", "t", "1", "yes", "y", "on":
		return true
	}
	return false
}

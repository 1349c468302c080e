package wire

import (
	"net/url"
	"strings"
)

// ParseForm reads the parameters of a query, or the fields of a form, as browsers and a TOM do: &
// separates them, + is a blank, and a % that begins no escape is a percent sign. Package url drops
// malformed parts instead, and a query without its filters returns everything.
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

// hexDigit returns the value of a hexadecimal digit, -1 for other bytes.
func hexDigit(c byte) int {
	i := strings.IndexByte("0123456789abcdefABCDEF", c)
	if i > 15 {
		i -= 6
	}
	return i
}

// Last returns the last value of a parameter without blanks around it, "" if there is none.
func Last(query url.Values, name string) string {
	v := query[name]
	if len(v) == 0 {
		return ""
	}
	return strings.TrimSpace(v[len(v)-1])
}

// IsTrue reads a boolean parameter. Any text that does not mean true is false.
func IsTrue(text string) bool {
	switch strings.ToLower(text) {
	case "true", "t", "1", "yes", "y", "on":
		return true
	}
	return false
}

package api

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxFields is how many fields a form may have, each of which takes more room here than it took on its way.
const maxFields = 10_000

var errManyFields = &httpError{status: http.StatusBadRequest, detail: fmt.Sprintf("A form may have %d fields.", maxFields)}

// parseQuery reads the parameters of a query, or the fields of a form, as browsers and a TOM do: they stand apart at &, a + is a blank, and a % that begins no byte
// stands for itself. The standard library drops what is not well-formed, and a filter that is dropped lets everything through.
func parseQuery(text string) url.Values {
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

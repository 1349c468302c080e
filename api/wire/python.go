package wire

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"nightjar/internal/jsontext"
)

// A TOM is written in Python, and its answers show it: in texts that were sent as numbers, in
// floats, and in the types and values that messages quote.

// pythonType returns what Python calls the type of the value, for messages.
func (v Value) pythonType() string {
	switch v.Kind() {
	case '{':
		return "dict"
	case '[':
		return "list"
	case '"':
		return "str"
	case 't', 'f':
		return "bool"
	case 'n':
		return "NoneType"
	}
	if strings.ContainsAny(string(v.json), ".eE") {
		return "float"
	}
	return "int"
}

// pythonNumber returns a JSON number as Python's str writes it, for fields that are texts.
func pythonNumber(token string) string {
	if !strings.ContainsAny(token, ".eE") {
		return token
	}
	f, err := strconv.ParseFloat(token, 64)
	if err != nil {
		return token
	}
	return string(AppendFloat(nil, f))
}

// AppendFloat appends a float as Python's repr writes it: with the fewest digits, and always with a
// fraction or an exponent.
func AppendFloat(dst []byte, f float64) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	n := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if !slices.Contains(dst[n:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

// pythonText returns a value as Python's str writes it.
func pythonText(v Value) string {
	if v.isText() {
		return v.text
	}
	return pythonRepr(v.json)
}

// pythonRepr returns a value as Python's repr writes it.
func pythonRepr(j jsontext.Value) string {
	var list []string
	switch j.Kind() {
	case 'n':
		return "None"
	case 't':
		return "True"
	case 'f':
		return "False"
	case '"':
		return pythonQuote(j.Text())
	case '[':
		for _, item := range j.Items() {
			list = append(list, pythonRepr(item))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case '{':
		for _, m := range j.Members() {
			list = append(list, pythonQuote(m.Key)+": "+pythonRepr(m.Value))
		}
		return "{" + strings.Join(list, ", ") + "}"
	}
	return pythonNumber(string(j))
}

// pythonQuote quotes a text with single quotes, or with double ones if it contains only single
// ones.
func pythonQuote(s string) string {
	quote := '\''
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteString("\\" + string(r))
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n' || r == '\r' || r == '\t' || r >= 0x100:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'")) // Go has the same escapes
		default:
			fmt.Fprintf(&b, `\x%02x`, r)
		}
	}
	b.WriteRune(quote)
	return b.String()
}

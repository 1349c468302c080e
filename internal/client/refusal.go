package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// reason makes one line of the body of a refusal, whatever its shape.
func reason(body []byte, status int) string {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return fmt.Sprintf("status %d: %.200s", status, body)
	}
	if o, ok := v.(map[string]any); ok {
		if report, ok := o["report"].(map[string]any); ok {
			if errs := reportErrors(report); len(errs) > 0 {
				return strings.Join(errs, "; ")
			}
		}
	}
	lines := Lines("", v)
	if len(lines) == 0 {
		return fmt.Sprintf("status %d", status)
	}
	return strings.Join(lines, "; ")
}

// reportErrors lists the errors of an upload's report.
func reportErrors(report map[string]any) (lines []string) {
	list, _ := report["errors"].([]any)
	for _, e := range list {
		o, _ := e.(map[string]any)
		line := ""
		for _, part := range []string{"hdu", "line", "column"} {
			if v, ok := o[part]; ok {
				line += fmt.Sprintf("%s %v, ", strings.Replace(part, "hdu", "HDU", 1), v)
			}
		}
		text, _ := o["reason"].(string)
		if line != "" {
			text = strings.TrimSuffix(line, ", ") + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}

// Lines makes lines of messages, each with the path of the field that it is about.
func Lines(path string, v any) (lines []string) {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			at := k
			switch {
			case k == "detail" || k == "non_field_errors":
				at = path
			case path != "":
				at = path + "." + k
			}
			lines = append(lines, Lines(at, v[k])...)
		}
	case []any:
		for i, item := range v {
			at := path
			if _, nested := item.(map[string]any); nested {
				at = strings.TrimPrefix(path+"."+strconv.Itoa(i), ".")
			}
			lines = append(lines, Lines(at, item)...)
		}
	default:
		text := fmt.Sprint(v)
		if path != "" {
			text = path + ": " + text
		}
		lines = append(lines, text)
	}
	return lines
}

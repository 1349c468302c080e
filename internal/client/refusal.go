package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Refusal is the error for a refused request. It has at least one problem.
type Refusal struct {
	Status   int
	Problems []Problem
}

func (e *Refusal) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "; ")
}

// Problem is one reason for a refusal.
type Problem struct {
	Field string // path of the field, such as aliases.1.name; "" for none
	Text  string
}

func (p Problem) String() string {
	if p.Field == "" {
		return p.Text
	}
	return p.Field + ": " + p.Text
}

// problemsOf returns the problems in the body of a refusal, of any shape.
func problemsOf(body []byte, status int) []Problem {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return []Problem{{Text: fmt.Sprintf("status %d: %.200s", status, body)}}
	}
	if o, ok := v.(map[string]any); ok {
		if report, ok := o["report"].(map[string]any); ok {
			if list := reportErrors(report); len(list) > 0 {
				return list
			}
		}
	}
	if list := Problems(v); len(list) > 0 {
		return list
	}
	return []Problem{{Text: fmt.Sprintf("status %d", status)}}
}

// reportErrors returns the errors in the report of an upload.
func reportErrors(report map[string]any) (problems []Problem) {
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
		problems = append(problems, Problem{Text: text})
	}
	return problems
}

// Problems returns the messages in a JSON value that has the shape of Django REST framework's
// errors.
func Problems(v any) []Problem { return problems("", v) }

func problems(path string, v any) (list []Problem) {
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
			list = append(list, problems(at, v[k])...)
		}
	case []any:
		for i, item := range v {
			at := path
			if _, nested := item.(map[string]any); nested {
				at = strings.TrimPrefix(path+"."+strconv.Itoa(i), ".")
			}
			list = append(list, problems(at, item)...)
		}
	default:
		list = append(list, Problem{path, fmt.Sprint(v)})
	}
	return list
}

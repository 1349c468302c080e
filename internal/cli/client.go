package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// client speaks the REST API as the owner of the file.
type client struct {
	http  *http.Client
	as    string // the user on whose behalf, "" for the owner
	close func() error
}

// anyHost stands for the node in URLs.
const anyHost = "http://nightjar"

// answered is a request that was refused.
type answered struct {
	status int
	body   []byte
	text   string // what the body says, in one line
}

func (e *answered) Error() string { return e.text }

// bare takes the name of the only field that was sent off an error about it.
func bare(err error, field string) error {
	if refused := new(answered); errors.As(err, &refused) {
		refused.text = strings.TrimPrefix(refused.text, field+": ")
	}
	return err
}

// orNone puts what a user of the command line says for "not found" in place of such an answer.
func orNone(err error, format string, args ...any) error {
	if refused := new(answered); errors.As(err, &refused) && refused.status == http.StatusNotFound {
		return fmt.Errorf(format, args...)
	}
	return err
}

// send sends a request and returns the answer, whose body the caller closes. Error: *answered for a refusal.
func (c *client) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, anyHost+path, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.as != "" {
		r.Header.Set("Nightjar-As", c.as)
	}
	w, err := c.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return nil, err
	}
	if w.StatusCode < 400 {
		return w, nil
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, 4<<20))
	if err != nil {
		return nil, err
	}
	return nil, &answered{w.StatusCode, text, reason(text, w.StatusCode)}
}

// call sends in as JSON, if it is not nil, and reads the answer into out, if that is not nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	kind := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	w, err := c.send(ctx, method, path, kind, body)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, w.Body)
		return err
	}
	return json.NewDecoder(w.Body).Decode(out)
}

// pageSize is how many rows are asked for at once.
const pageSize = 1000

// each gives every row of a list to fn. The path may have a query of its own.
func each[T any](ctx context.Context, c *client, path string, query url.Values, fn func(*T) error) error {
	path, own, _ := strings.Cut(path, "?")
	q, err := url.ParseQuery(own)
	if err != nil {
		return err
	}
	maps.Copy(q, query)
	q.Set("limit", strconv.Itoa(pageSize))
	for offset := 0; ; offset += pageSize {
		q.Set("offset", strconv.Itoa(offset))
		var page struct {
			Count   int `json:"count"`
			Results []T `json:"results"`
		}
		if err := c.call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
			return err
		}
		for i := range page.Results {
			if err := fn(&page.Results[i]); err != nil {
				return err
			}
		}
		if offset+pageSize >= page.Count {
			return nil
		}
	}
}

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
	lines := flatten("", v)
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

// flatten makes lines of messages, each with the path of the field that it is about.
func flatten(path string, v any) (lines []string) {
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
			lines = append(lines, flatten(at, v[k])...)
		}
	case []any:
		for i, item := range v {
			at := path
			if _, nested := item.(map[string]any); nested {
				at = strings.TrimPrefix(path+"."+strconv.Itoa(i), ".")
			}
			lines = append(lines, flatten(at, item)...)
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

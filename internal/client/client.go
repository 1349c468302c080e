// Package client is a client of a node's REST API, as the owner of its file, who may do everything.
// It uses the control socket of the server that runs on the file ([Dial]), or a handler in this
// process ([New]).
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Client sends requests to one node.
type Client struct {
	http *http.Client
	// As is the user for whom the client acts; "" for the owner.
	As    string
	close func() error
}

// New returns a client of a handler in this process. Close calls close, unless that is nil.
func New(handler http.Handler, close func() error) *Client {
	return &Client{http: &http.Client{Transport: inProcess{handler}}, close: close}
}

// Close closes the client.
func (c *Client) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// anyHost is the host in URLs, which does not matter.
const anyHost = "http://nightjar"

// Send sends a request and returns the response, whose body the caller closes. It returns a
// [*Refusal] for a status of 400 or more.
func (c *Client) Send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, anyHost+path, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.As != "" {
		r.Header.Set("Nightjar-As", c.As)
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
	return nil, &Refusal{w.StatusCode, problemsOf(text, w.StatusCode)}
}

// Call sends in as JSON and decodes the answer into out. Either may be nil. Errors are those of
// Send.
func (c *Client) Call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	kind := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	w, err := c.Send(ctx, method, path, kind, body)
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

// Upload posts a file and form fields to the data products. It streams the file.
func (c *Client) Upload(ctx context.Context, name string, content io.Reader,
	fields map[string]string) (*http.Response, error) {
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	done := make(chan error)
	go func() {
		err := writeForm(form, name, content, fields)
		pw.CloseWithError(err)
		done <- err
	}()
	w, err := c.Send(ctx, http.MethodPost, "/api/dataproducts/", form.FormDataContentType(), pr)
	pr.CloseWithError(ErrUnread)
	if bad := <-done; err != nil && bad != nil && !errors.Is(bad, ErrUnread) { // the file could not be read
		err = bad
	}
	return w, err
}

// ErrUnread ends the sending of a file that the node answered before it read all of it.
var ErrUnread = errors.New("the node does not read the rest")

func writeForm(form *multipart.Writer, name string, content io.Reader, fields map[string]string) error {
	for key, value := range fields {
		if err := form.WriteField(key, value); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = io.Copy(part, content)
	}
	if err == nil {
		err = form.Close()
	}
	return err
}

// pageSize is the number of rows in each request of Each.
const pageSize = 1000

// Each calls fn for every row of a list, and stops at its first error. path may have a query, to
// which query is added.
func Each[T any](ctx context.Context, c *Client, path string, query url.Values, fn func(*T) error) error {
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
		if err := c.Call(ctx, http.MethodGet, path+"?"+q.Encode(), nil, &page); err != nil {
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

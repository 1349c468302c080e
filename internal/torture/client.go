package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// A Client sends requests to a node as one of its users.
type Client struct {
	HTTP  *http.Client
	URL   string // such as http://127.0.0.1:8000
	Token string // "" for a guest
}

// Refused is the error for an answer with a status of 400 or more.
type Refused struct {
	Status int
	Body   string
}

func (e *Refused) Error() string { return fmt.Sprintf("status %d: %.300s", e.Status, e.Body) }

// Send sends a request and returns the answer, whose body the caller closes. Errors: *Refused, or
// that of the connection.
func (c *Client) Send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.URL+path, body)
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Token "+c.Token)
	}
	w, err := c.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	if w.StatusCode < 400 {
		return w, nil
	}
	defer w.Body.Close()
	text, err := io.ReadAll(io.LimitReader(w.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	return nil, &Refused{w.StatusCode, string(text)}
}

// Call sends in as JSON unless it is nil, and reads the answer into out unless that is nil.
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
	text, err := io.ReadAll(w.Body)
	if err == nil && out != nil {
		err = json.Unmarshal(text, out)
	}
	return err
}

// SignIn gets a token for a user.
func (c *Client) SignIn(ctx context.Context, user, password string) error {
	var got struct{ Token string }
	err := c.Call(ctx, http.MethodPost, "/api/token-auth/",
		map[string]string{"username": user, "password": password}, &got)
	c.Token = got.Token
	return err
}

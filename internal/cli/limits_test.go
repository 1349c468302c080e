package cli

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestLimits: each limit has its own answer.
func TestLimits(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	secret := strings.TrimSpace(must(t, "token", "create", "admin", "--db", file))
	s := serveFile(t, file, "--max-body", "2K", "--max-upload", "4K", "--max-header", "8K", "--max-failed-logins", "2",
		"--body-timeout", "1s", "--header-timeout", "1s", "--idle-timeout", "1s", "--max-uploads", "1")
	ask := func(path, kind, body string, header ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequest("POST", s.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Token "+secret)
		r.Header.Set("Content-Type", kind)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		text, _ := io.ReadAll(w.Body)
		return w, string(text)
	}
	form := func(size int) string {
		return "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n" +
			strings.Repeat("x", size) + "\r\n--x--\r\n"
	}
	for _, c := range []struct {
		path, kind, body string
		status           int
		has              string
	}{
		{"/api/targets/", "application/json", `{"name": "` + strings.Repeat("x", 1000) + `"}`, 400, "100 characters"},
		{"/api/targets/", "application/json", `{"name": "` + strings.Repeat("x", 3000) + `"}`, 413, "2048 bytes"},
		{"/api/dataproducts/", "multipart/form-data; boundary=x", form(3000), 400, "required"},
		{"/api/dataproducts/", "multipart/form-data; boundary=x", form(5000), 413, "4096 bytes"},
		{"/api/reduceddatums/", "application/x-ndjson", strings.Repeat("{}\n", 1000), 201, `"rejected":1000`},
		{"/api/reduceddatums/", "application/x-ndjson", strings.Repeat("{}\n", 2000), 413, "4096 bytes"},
	} {
		if w, text := ask(c.path, c.kind, c.body); w.StatusCode != c.status || !strings.Contains(text, c.has) {
			t.Errorf("%s of %d bytes: %d %.200s, want %d with %q", c.path, len(c.body), w.StatusCode,
				text, c.status, c.has)
		}
	}
	if w, _ := ask("/api/targets/", "application/json", "{}", "X-Long",
		strings.Repeat("x", 16<<10)); w.StatusCode != 431 {
		t.Errorf("a long header: %d", w.StatusCode)
	}
	for i, want := range []int{400, 400, 429, 429} {
		w, text := ask("/api/token-auth/", "application/json", `{"username": "admin", "password": "guess"}`)
		if w.StatusCode != want || want == 429 && w.Header.Get("Retry-After") == "" {
			t.Errorf("guess %d: %d %s", i, w.StatusCode, text)
		}
	}
	// Headers and bodies that stop half way.
	slow := func(text string) string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		io.WriteString(conn, text)
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Error(err)
		}
		return string(answer)
	}
	if answer := slow("GET /api/ HTTP/1.1\r\nHost: localhost\r\nX-"); answer != "" &&
		!strings.HasPrefix(answer, "HTTP/1.1 4") {
		t.Errorf("half a header: %s", answer)
	}
	if answer := slow("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"); !strings.HasPrefix(answer, "HTTP/1.1 200 ") {
		t.Errorf("an idle connection: %s", answer) // slow fails if it is not closed
	}
	post := "POST /api/%s/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token " + secret +
		"\r\nContent-Type: %s\r\nContent-Length: 2000\r\n\r\n"
	for _, c := range [][3]string{{"targets", "application/json", `{"name`},
		{"dataproducts", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n1,2"},
		{"reduceddatums", "application/x-ndjson", "{}\n"}} {
		if answer := slow(fmt.Sprintf(post, c[0], c[1]) + c[2]); !strings.HasPrefix(answer, "HTTP/1.1 408 ") ||
			!strings.Contains(answer, "did not come in time") {
			t.Errorf("half a body for %s: %s", c[0], answer)
		}
	}
	if answer := slow("POST /api/targets/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token guess\r\n" +
		"Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n{"); !strings.HasPrefix(answer,
		"HTTP/1.1 401 ") {
		t.Errorf("half a body with a wrong token: %s", answer)
	}
	// --max-uploads 1: a second upload waits for the first one.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// It sends nothing more for a second.
	io.WriteString(conn, fmt.Sprintf(post, "reduceddatums", "application/x-ndjson")+"{}\n")
	var waited time.Duration
	for begun := time.Now(); waited < 500*time.Millisecond && time.Since(begun) < patience; {
		one := time.Now()
		if w, text := ask("/api/reduceddatums/", "application/x-ndjson", "{}\n"); w.StatusCode != 201 {
			t.Fatalf("during another upload: %d %s", w.StatusCode, text)
		}
		waited = time.Since(one)
	}
	if waited < 500*time.Millisecond {
		t.Error("no upload waited for another")
	}
	if out := s.errs.String(); strings.Contains(out, "request failed") || strings.Contains(out, secret) {
		t.Error(out)
	}
	if out := must(t, "stat", "--db", file); !strings.Contains(out, "dataproducts    0") {
		t.Error(out)
	}
}

// TestSlowloris: 500 clients that never finish their headers or bodies do not hinder others.
func TestSlowloris(t *testing.T) {
	t.Parallel()
	file := newFile(t)
	secret := strings.TrimSpace(must(t, "token", "create", "admin", "--db", file))
	s := serveFile(t, file)
	address := strings.TrimPrefix(s.base, "http://")
	var group sync.WaitGroup
	conns := make([]net.Conn, 500)
	for i := range conns {
		group.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = conn
			text := "GET /api/targets/ HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
			if i%2 == 1 {
				text = "POST /api/targets/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token " + secret +
					"\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
			}
			if _, err := io.WriteString(conn, text); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				conn.Close()
			}
		}
	}()
	for range 20 {
		get(t, s.base+"/api/users/", secret)
	}
	last, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer last.Close()
	io.WriteString(last, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
	w, err := http.ReadResponse(bufio.NewReader(last), nil)
	if err != nil || w.StatusCode != 200 {
		t.Error(w, err)
	}
}

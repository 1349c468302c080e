package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"nightjar/internal/problem"
	"nightjar/internal/testenv"
)

// slow begins an upload that waits; the function that is returned ends it and gives its answer.
func (n *node) slow(user string) (end func() *http.Response) {
	n.t.Helper()
	pr, pw := io.Pipe()
	r, err := http.NewRequest("POST", n.URL+"/api/reduceddatums/", pr)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+n.tokens[user])
	r.Header.Set("Content-Type", typeNDJSON)
	answers := make(chan *http.Response, 1)
	go func() {
		w, err := n.Client().Do(r)
		if err == nil {
			io.Copy(io.Discard, w.Body)
			w.Body.Close()
		}
		answers <- w
	}()
	io.WriteString(pw, "{}\n") // taken by the transport, not yet by the node
	return func() *http.Response { pw.Close(); return <-answers }
}

// waitFor waits until so many uploads are under way.
func (n *node) waitFor(uploads int) {
	n.t.Helper()
	await(n.t, fmt.Sprintf("%d uploads", uploads), func() bool {
		n.api.uploads.mu.Lock()
		defer n.api.uploads.mu.Unlock()
		return n.api.uploads.all == int64(uploads)
	})
}

// TestUploadsAtOnce: one user's uploads leave room for others', who wait, and are told to come
// again when that is long.
func TestUploadsAtOnce(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{Uploads: 3, UserUploads: 2, UploadWait: 300 * time.Millisecond}})
	n.target("astro", "M 1", "Observers")
	n.target("bob", "M 2")
	one, two := n.slow("astro"), n.slow("astro")
	n.waitFor(2)
	line := raw{typeNDJSON, "{}\n"}
	if r := n.ask("astro", "POST", "/api/reduceddatums/", line).want(t, 429); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	n.upload("astro", "1", "photometry", "a.csv", []byte("x")).want(t, 429)
	n.ask("carol", "POST", "/api/targets/", line).want(t, 201)
	three := n.slow("carol")
	n.waitFor(3)
	n.ask("bob", "POST", "/api/targets/", line).want(t, 429)
	n.ask("bob", "GET", "/api/targets/", nil).want(t, 200)
	for _, end := range []func() *http.Response{one, two, three} {
		if w := end(); w == nil || w.StatusCode != 201 {
			t.Errorf("an upload that was under way: %v", w)
		}
	}
	n.waitFor(0)
	n.ask("bob", "POST", "/api/targets/", line).want(t, 201)
}

// TestTakers: whoever waits begins when another ends; who goes leaves no trace.
func TestTakers(t *testing.T) {
	var queue uploadSlots
	wait := time.Hour
	done, err := queue.acquire(t.Context(), sender{user: 1}, 1, 1, wait)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := queue.acquire(ctx, sender{user: 2}, 1, 1, wait); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	began := make(chan func())
	go func() {
		next, err := queue.acquire(t.Context(), sender{user: 2}, 1, 1, wait)
		if err != nil {
			t.Error(err)
		}
		began <- next
	}()
	done()
	(<-began)()
	if queue.all != 0 || len(queue.of) != 0 {
		t.Errorf("%d uploads, %v", queue.all, queue.of)
	}
	wait = time.Nanosecond
	if done, err = queue.acquire(t.Context(), sender{user: 1}, 1, 1, wait); err != nil {
		t.Fatal(err)
	}
	defer done()
	var refused *problem.Error
	if _, err := queue.acquire(t.Context(), sender{user: 1}, 1, 1, wait); !errors.As(err, &refused) ||
		refused.Kind != problem.TooMany || refused.RetryAfter == 0 {
		t.Error(err)
	}
}

// TestSendStall: an answer of which nothing is taken is broken off; one that is taken slowly is
// not.
func TestSendStall(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{SendStall: time.Second}})
	ended := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { ended <- struct{}{} }()
		n.api.ServeHTTP(w, r)
	}))
	defer server.Close()
	target := n.target("astro", "M 31")
	content := strings.Repeat("a line of a large file\n", 1<<20)
	place := strings.TrimPrefix(fmt.Sprint(n.upload("astro", target, "fits_file", "large.txt", []byte(content)).want(t,
		201).json(t)["data"]), n.URL)
	read := func(begin func()) (got int, err error) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token %s\r\n\r\n", place,
			n.tokens["astro"])
		begin()
		all, err := io.ReadAll(conn)
		return len(all), err
	}
	broken := func() {
		select {
		case <-ended:
		case <-time.After(testenv.Patience):
			t.Error("an answer that nobody takes does not end")
		}
	}
	if got, err := read(broken); err == nil && got > len(content) {
		t.Error("an answer that nobody took was sent whole")
	}
	if got, err := read(func() {}); err != nil || got < len(content) {
		t.Errorf("%d bytes of %d: %v", got, len(content), err)
	}
}

package api

import (
	"bufio"
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

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/internal/testenv"
)

// dripping begins a request and then sends a byte of its body every 20 ms, until it is answered or
// the test ends.
func (n *node) dripping(token, path, kind, begin string, length int) (answer chan *http.Response) {
	n.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { conn.Close() })
	body := "Transfer-Encoding: chunked"
	if length > 0 {
		body = fmt.Sprint("Content-Length: ", length)
	} else {
		begin = fmt.Sprintf("%x\r\n%s\r\n", len(begin), begin)
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Token %s\r\nContent-Type: %s\r\n%s\r\n\r\n%s",
		path, token, kind, body, begin)
	answer = make(chan *http.Response, 1)
	go func() {
		w, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			w = nil
		}
		answer <- w
	}()
	go func() {
		for {
			time.Sleep(20 * time.Millisecond)
			text := " "
			if length == 0 {
				text = "1\r\n \r\n"
			}
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
	}()
	return answer
}

func answered(t *testing.T, what string, answer chan *http.Response, want int) {
	t.Helper()
	select {
	case w := <-answer:
		if w == nil || w.StatusCode != want {
			t.Errorf("%s: %v, want %d", what, w, want)
		}
	case <-time.After(testenv.Patience):
		t.Errorf("%s: no answer", what)
	}
}

// TestStrangersUploads: users who may not add datums to any target cannot keep others from
// uploading, however slowly they send. The node does not read their uploads.
func TestStrangersUploads(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{UploadWait: 200 * time.Millisecond}})
	target := n.target("astro", "M 31")
	n.ask("admin", "PATCH", "/api/targets/"+target+"/", jsonText(`{"permissions": "OPEN"}`)).want(t, 200)
	part := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"
	var refused []chan *http.Response
	for i := range 16 {
		token := n.tokens[[]string{"bob", "eve"}[i%2]]
		refused = append(refused, n.dripping(token, "/api/reduceddatums/", typeNDJSON, "{}\n", 0),
			n.dripping(token, "/api/reduceddatums/", typeNDJSON, "{}\n", smallBody+1),
			n.dripping(token, "/api/dataproducts/", typeMultipart+"; boundary=x", part, 0))
		n.dripping(token, "/api/targets/", typeNDJSON, "{}\n", 0) // they may create targets
		n.dripping(token, "/api/reduceddatums/", typeNDJSON, "{}\n", 1000)
		n.dripping(token, "/api/targets/", typeJSON, "{", 2<<20)
	}
	for i, answer := range refused {
		answered(t, fmt.Sprint("upload ", i), answer, 403)
	}
	reads := n.ask("astro", "POST", "/api/tokens/", jsonText(`{"read_only": true}`)).want(t, 201).json(t)["token"]
	answered(t, "a token that reads", n.dripping(fmt.Sprint(reads), "/api/reduceddatums/", typeNDJSON, "{}\n", 0), 403)
	n.waitFor(0)
	for range 3 {
		n.upload("astro", target, "fits_file", "a.bin", []byte("x")).want(t, 201)
		n.ask("astro", "POST", "/api/reduceddatums/", raw{typeNDJSON, "{}\n"}).want(t, 201)
	}
	// a user who may add something may upload; small bodies with mistakes are answered as before
	n.ask("carol", "POST", "/api/reduceddatums/", raw{typeNDJSON, "{}\n"}).want(t, 201)
	n.target("carol", "M 32")
	n.ask("carol", "POST", "/api/reduceddatums/",
		raw{typeNDJSON, "{}" + strings.Repeat(" ", smallBody) + "\n"}).want(t, 201)
	if may, err := n.archive.For(auth.Viewer{}).MayAddSomewhere(); may || err != nil {
		t.Errorf("a guest may add something: %v", err)
	}
}

// TestBodyRate: a body that comes too slowly is given up, and its place becomes free. A body that
// comes at the required rate is read, even byte by byte.
func TestBodyRate(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{Uploads: 1, UserUploads: 1, UploadWait: testenv.Patience, BodyRate: 200,
		RateOver: time.Second}})
	target := n.target("astro", "M 31")
	slow := n.dripping(n.tokens["astro"], "/api/reduceddatums/", typeNDJSON, "{}\n", 0) // 50 bytes a second
	n.waitFor(1)
	n.upload("astro", target, "fits_file", "a.bin", []byte("x")).want(t, 201) // in the place of the slow one
	answered(t, "a slow stream", slow, 408)
	answered(t, "a slow body", n.dripping(n.tokens["astro"], "/api/targets/", typeJSON, "{", 1000), 408)

	// much less than the test sends, for busy machines
	steady := start(t, Options{Limits: Limits{BodyRate: 4, RateOver: time.Second}})
	steady.target("astro", "M 31")
	// this takes 3 s
	answered(t, "a steady body",
		steady.dripping(steady.tokens["astro"], "/api/reduceddatums/", typeNDJSON, "{}\n", 150), 201)
}

// TestLongAnswersAtOnce: clients that do not read their long answers can keep only a few of them in
// the node's memory. Short answers and other users do not wait for them.
func TestLongAnswersAtOnce(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.ask("astro", "POST", "/api/targets/",
		jsonText(`{"name": "M 31", "type": "SIDEREAL", "ra": 1, "dec": 1, "permissions": "OPEN"}`)).want(t, 201).id(t)
	var lines strings.Builder
	for i := range 24 { // more than the buffers of the sockets hold
		fmt.Fprintf(&lines, `{"target": %s, "data_type": "photometry", "value": {"m": %d, "a": %q}}`+"\n", target, i,
			strings.Repeat("x", 1<<20))
	}
	n.ask("astro", "POST", "/api/reduceddatums/", raw{text: lines.String(), kind: typeNDJSON}).want(t, 201)
	for _, path := range []string{"/api/reduceddatums/", "/api/reduceddatums/?format=ndjson"} {
		var readers []net.Conn
		for range ownLong {
			conn, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			if _, err := conn.Read(make([]byte, 16)); err != nil { // it has a place
				t.Fatal(err)
			}
			readers = append(readers, conn)
		}
		if r := n.ask("", "GET", path, nil).want(t, 429); r.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		n.ask("", "GET", "/api/targets/", nil).want(t, 200)
		n.ask("astro", "GET", path, nil).want(t, 200)
		for _, conn := range readers {
			conn.Close()
		}
		await(t, "the places of readers that have gone",
			func() bool { return n.ask("", "GET", path, nil).status == 200 })
	}
}

// slow begins an upload that waits. The returned function ends it and returns its answer.
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
	io.WriteString(pw, "{}\n") // the transport has read this, but the node may not have
	return func() *http.Response { pw.Close(); return <-answers }
}

// waitFor waits until this many uploads are in progress.
func (n *node) waitFor(uploads int) {
	n.t.Helper()
	await(n.t, fmt.Sprintf("%d uploads", uploads), func() bool {
		n.api.uploads.mu.Lock()
		defer n.api.uploads.mu.Unlock()
		return n.api.uploads.all == int64(uploads)
	})
}

// TestUploadsAtOnce: one user's uploads leave places for others. An upload waits for a place; if
// that takes too long the client must retry later.
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
			t.Errorf("an upload in progress: %v", w)
		}
	}
	n.waitFor(0)
	n.ask("bob", "POST", "/api/targets/", line).want(t, 201)
}

// TestTakers: an upload that waits begins when another one ends. A client that gives up leaves
// nothing behind.
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

// TestSendStall: the node breaks off an answer that the client does not read, and sends the whole
// answer to a client that reads it.
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
			t.Error("an answer that nobody reads does not end")
		}
	}
	if got, err := read(broken); err == nil && got > len(content) {
		t.Error("an answer that nobody read was sent whole")
	}
	if got, err := read(func() {}); err != nil || got < len(content) {
		t.Errorf("%d bytes of %d: %v", got, len(content), err)
	}
}

package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// dripping begins a request whose body brings a byte now and then, until it is answered or the test
// ends.
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

// TestStrangersUploads: users who may add data to nothing keep nobody from uploading, however
// slowly they send, and what they send is not read.
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
		n.dripping(token, "/api/targets/", typeNDJSON, "{}\n", 0) // targets they may bring
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
	// who may add something uploads; who is told of a mistake in little data is so as before
	n.ask("carol", "POST", "/api/reduceddatums/", raw{typeNDJSON, "{}\n"}).want(t, 201)
	n.target("carol", "M 32")
	n.ask("carol", "POST", "/api/reduceddatums/",
		raw{typeNDJSON, "{}" + strings.Repeat(" ", smallBody) + "\n"}).want(t, 201)
	if may, err := n.archive.For(auth.Viewer{}).MayAddSomewhere(); may || err != nil {
		t.Errorf("a guest may add something: %v", err)
	}
}

// TestBodyRate: a body that comes too slowly is given up, and its place is free; one that comes at
// the rate is not, though each byte takes its time.
func TestBodyRate(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{Uploads: 1, UserUploads: 1, UploadWait: testenv.Patience, BodyRate: 200,
		RateOver: time.Second}})
	target := n.target("astro", "M 31")
	slow := n.dripping(n.tokens["astro"], "/api/reduceddatums/", typeNDJSON, "{}\n", 0) // 50 bytes a second
	n.waitFor(1)
	n.upload("astro", target, "fits_file", "a.bin", []byte("x")).want(t, 201) // in its place
	answered(t, "a slow stream", slow, 408)
	answered(t, "a slow body", n.dripping(n.tokens["astro"], "/api/targets/", typeJSON, "{", 1000), 408)

	// far below what comes, for busy machines
	steady := start(t, Options{Limits: Limits{BodyRate: 4, RateOver: time.Second}})
	steady.target("astro", "M 31")
	// 3 s
	answered(t, "a steady body",
		steady.dripping(steady.tokens["astro"], "/api/reduceddatums/", typeNDJSON, "{}\n", 150), 201)
}

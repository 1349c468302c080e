package api

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

// TestLongAnswersAtOnce: readers who never take their long answers keep only so many of them in the
// node's memory, and neither others nor short answers wait for them.
func TestLongAnswersAtOnce(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.ask("astro", "POST", "/api/targets/",
		jsonText(`{"name": "M 31", "type": "SIDEREAL", "ra": 1, "dec": 1, "permissions": "OPEN"}`)).want(t, 201).id(t)
	var lines strings.Builder
	for i := range 24 { // what the sockets take on the way is less than all of it
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
			if _, err := conn.Read(make([]byte, 16)); err != nil { // it has its place
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
		await(t, "the places of readers who have gone", func() bool { return n.ask("", "GET", path, nil).status == 200 })
	}
}

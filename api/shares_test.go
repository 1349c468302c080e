package api

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"nightjar/archive"
)

// TestBodyMemory: large bodies and lines wait for memory, whatever their places, and small ones of
// others do not; all is given back.
func TestBodyMemory(t *testing.T) {
	// as little as one line needs
	n := start(t, Options{Limits: Limits{MaxBody: 1 << 20, MaxLine: 2 << 20, BodyMemory: 1,
		UploadWait: 300 * time.Millisecond}})
	target := n.target("astro", "M 31", "Observers")
	n.target("bob", "M 32")
	begin := func(user string, size int) (end func() int) {
		pr, pw := io.Pipe()
		r, err := http.NewRequest("POST", n.URL+"/api/reduceddatums/", pr)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Token "+n.tokens[user])
		r.Header.Set("Content-Type", typeNDJSON)
		answers := make(chan int, 1)
		go func() {
			w, err := n.Client().Do(r)
			if err != nil {
				answers <- 0
				return
			}
			io.Copy(io.Discard, w.Body)
			w.Body.Close()
			answers <- w.StatusCode
		}()
		io.WriteString(pw, strings.Repeat(" ", size))
		return func() int { io.WriteString(pw, "{}\n"); pw.Close(); return <-answers }
	}
	taken := func() int64 {
		n.api.memory.mu.Lock()
		defer n.api.memory.mu.Unlock()
		return n.api.memory.all
	}
	end := begin("astro", 2<<20-10)
	for range 2000 {
		if taken() >= byteWeight*(2<<20-lineBuffer) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if got := taken(); got < byteWeight*(2<<20-lineBuffer) || got > n.api.o.BodyMemory {
		t.Errorf("a line of 2 MiB takes %d", got)
	}
	large := jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "unknown": "` +
		strings.Repeat("x", 600_000) + `"}`)
	if r := n.ask("bob", "POST", "/api/targets/", large).want(t, 429); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if status := begin("bob", 1<<20)(); status != 429 {
		t.Errorf("another long line: %d", status)
	}
	n.datum("astro", target, 1)
	n.datum("carol", target, 2)
	if status := end(); status != 201 {
		t.Errorf("the first line: %d", status)
	}
	n.ask("bob", "POST", "/api/targets/", large).want(t, 201)
	if status := begin("bob", 3<<20)(); status != 413 {
		t.Errorf("too long a line: %d", status)
	}
	for _, s := range []*shares{&n.api.memory, &n.api.small} {
		for range 2000 {
			s.mu.Lock()
			all := s.all
			s.mu.Unlock()
			if all == 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if s.all != 0 || len(s.of) != 0 {
			t.Errorf("%d bytes are still taken, by %v", s.all, s.of)
		}
	}
}

// TestFullTexts: a text of very many small parts is refused before it is taken apart; in a stream
// this is the line's fault alone.
func TestFullTexts(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	point := func(value string) string {
		return `{"target": ` + target +
			`, "data_type": "photometry", "timestamp": "2025-01-01T00:00:00Z", "value": ` + value + `}`
	}
	zeros := func(n int) string { return "[0" + strings.Repeat(",0", n-1) + "]" }
	var b strings.Builder
	for i := range 60_000 {
		fmt.Fprintf(&b, `"%d":1,`, i)
	}
	nested := "{" + b.String() + `"in":{` + b.String() + `"x":1}}`
	beside := "[{" + b.String() + `"x":1},{` + b.String() + `"x":1}]`
	for _, c := range []struct {
		what, value, says string
	}{
		{"many values", zeros(maxValues), "a text may hold at most 1000000 values"},
		{"many members within each other", nested,
			"an object has too many members, including those of the objects around it"},
		{"a long value", `"` + strings.Repeat("x", archive.MaxValue-1) + `"`,
			"Ensure this field has no more than 7340032 bytes."},
		{"as many members beside each other", beside, ""},
		{"commas and colons in a text", `"` + strings.Repeat(`,:\"[{`, maxValues/6) + `"`, ""},
	} {
		status := 201
		if c.says != "" {
			status = 400
		}
		if c.what != "a long value" { // whose body is too long by itself
			if r := n.ask("astro", "POST", "/api/reduceddatums/", jsonText(point(c.value))).want(t,
				status); !strings.Contains(string(r.body), c.says) {
				t.Errorf("%s: %.300s", c.what, r.body)
			}
		}
		r := n.ask("astro", "POST", "/api/reduceddatums/",
			raw{typeNDJSON, point(c.value) + "\n" + point(fmt.Sprintf(`{"of": %q}`, c.what)) + "\n"}).want(t, 201)
		if got := strings.Contains(string(r.body), `"rejected":1`); got != (c.says != "") ||
			!strings.Contains(string(r.body), c.says) {
			t.Errorf("%s, a line: %.300s", c.what, r.body)
		}
	}
}

// TestPartHeaders: the header of a part of a form is not read without an end, and neither is what
// stands before the first.
func TestPartHeaders(t *testing.T) {
	n := start(t, Options{})
	n.target("astro", "M 31")
	for what, body := range map[string]string{
		"a long header": "--x\r\nContent-Disposition: form-data; name=\"target\"\r\nX-Long: " +
			strings.Repeat("x", 1<<20) + "\r\n\r\n1\r\n--x--\r\n",
		"many headers": "--x\r\nContent-Disposition: form-data; name=\"target\"\r\n" +
			strings.Repeat("X-A: b\r\n", 1<<17) + "\r\n1\r\n--x--\r\n",
		"no boundary": strings.Repeat("x\r\n", 1<<18),
	} {
		for _, path := range []string{"/api/dataproducts/", "/api/targets/"} {
			r := n.ask("astro", "POST", path, raw{typeMultipart + "; boundary=x", body}).want(t, 400)
			if !strings.Contains(string(r.body), "header of a part is longer") &&
				!strings.Contains(string(r.body), "required") {
				t.Errorf("%s: %.300s", what, r.body)
			}
		}
	}
}

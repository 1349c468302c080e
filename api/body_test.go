package api

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/jsontext"
)

// TestGuestsBodies: on no route can a client that is not signed in make the node read much.
func TestGuestsBodies(t *testing.T) {
	n := start(t, Options{})
	long := jsonText(`{"username": "astro", "password": "` + strings.Repeat("x", maxCredentials) + `"}`)
	for _, rt := range n.api.routes {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if rt.handle[method] == nil || rt.path == "/api/session/" && method == "DELETE" {
				continue
			}
			want := 401
			switch {
			case rt.public:
				want = 413
			case rt.hiddenFrom != nil:
				want = 404
			}
			path := strings.NewReplacer(":id", "1", ":user", "1", ":group", "1").Replace(rt.path)
			n.ask("", method, path, long).want(t, want)
			// a body without a Content-Length
			r, err := http.NewRequest(method, n.URL+path, io.MultiReader(strings.NewReader(long.text)))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", typeJSON)
			w, err := n.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			w.Body.Close()
			if w.StatusCode != want {
				t.Errorf("%s %s without a length: %d, want %d", method, path, w.StatusCode, want)
			}
		}
	}
}

// TestCrowdedBodies: a body with too many parts is refused before it is parsed, since parsing takes
// many times its length in memory.
func TestCrowdedBodies(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	many := wire.MaxParts + 1
	object := func(members int) string {
		var b strings.Builder
		for i := range members {
			fmt.Fprintf(&b, `,"a%d":1`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	list := func(item string) string { return "[" + strings.Repeat(item+",", many-1) + item + "]" }
	point := `"target": ` + target + `, "data_type": "photometry", "timestamp": "2025-01-01T00:00:00Z", "value": `
	n.play(t, []scenario{
		{name: "many members", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(object(many)),
			status: 400, has: []string{
				`{"non_field_errors":["An object may have 10000 members here; this one has 10001."]}`}},
		{name: "as many as allowed", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(object(wire.MaxParts)), status: 400, has: []string{`"name":["This field is required."]`}},
		{name: "many items for a target", as: "astro", method: "POST", path: "/api/targets/", body: jsonText(list("1")),
			status: 400, has: []string{`"Invalid data. Expected a dictionary, but got list."`}},
		{name: "and for an observation", as: "astro", method: "POST", path: "/api/observations/",
			body: jsonText(list("1")), status: 400, has: []string{
				`"Invalid data. Expected a dictionary, but got list."`}},
		{name: "many aliases", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "aliases": ` + list(`{"name":"a"}`) +
				`}`), status: 400, has: []string{`"A list may hold 10000 items here; this one has 10001."`}},
		{name: "an alias with many members", as: "astro", method: "PATCH", path: "/api/targets/" + target + "/",
			body: jsonText(`{"aliases": [` + object(many) + `]}`), status: 400, has: []string{
				`"An object may have 10000 members here; this one has 10001."`}},
		{name: "a datum of a list", as: "astro", method: "POST", path: "/api/reduceddatums/?duplicates=skip",
			body: jsonText(`[` + object(many) + `]`), status: 400, has: []string{
				`"An object may have 10000 members here; this one has 10001."`}},
		{name: "a value may have any number of items", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{` + point + `{"flux": ` + list("1.5") + `}}`), status: 201},
		{name: "but not of members", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{` + point + object(jsontext.MaxMembers+1) + `}`), status: 400, has: []string{
				"an object has too many members"}},
	})
	if r := n.ask("astro", "POST", "/api/reduceddatums/",
		raw{typeNDJSON, object(many) + "\n{" + point +
			"{\"a\": 2}}\n"}).want(t, 201); !strings.Contains(string(r.body),
		`"created":1,"duplicate":0,"rejected":1`) ||
		!strings.Contains(string(r.body), "this one has 10001") {
		t.Errorf("%s", r.body)
	}
	// refusing a body takes little more memory than its text
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body := "[" + strings.Repeat("1,", 400_000) + "1]"
	n.ask("astro", "POST", "/api/targets/", jsonText(body)).want(t, 400)
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16*uint64(len(body)) {
		t.Errorf("refusing a list of %d MiB took %d MiB", len(body)>>20, taken>>20)
	}
}

// TestLargeBodies: large bodies, and bodies of unknown length, share the places of uploads with
// files and streams.
func TestLargeBodies(t *testing.T) {
	t.Parallel()
	n := start(t, Options{Limits: Limits{Uploads: 2, UserUploads: 1, UploadWait: 300 * time.Millisecond}})
	n.target("astro", "M 1", "Observers")
	end := n.slow("astro")
	n.waitFor(1)
	large := jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "unknown": "` +
		strings.Repeat("x", smallBody) + `"}`)
	if r := n.ask("astro", "POST", "/api/targets/", large).want(t, 429); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	n.ask("carol", "POST", "/api/targets/", large).want(t, 201)
	n.target("astro", "a small one")
	// a client that is not signed in takes no place, even with a body that never ends
	pr, pw := io.Pipe()
	go n.Client().Post(n.URL+"/api/session/", typeJSON, pr)
	io.WriteString(pw, "{")
	time.Sleep(50 * time.Millisecond)
	n.waitFor(1)
	pw.Close()
	end()
	n.waitFor(0)
	n.ask("astro", "POST", "/api/targets/", jsonText(strings.Replace(large.text, `"x"`, `"y"`, 1))).want(t, 201)
	n.waitFor(0)
}

// TestFormFields: the number of an upload's fields and the length of their names are limited, as
// well as their texts.
func TestFormFields(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	for name, fields := range map[string]func(i int) (field, text string){
		"long texts": func(i int) (string, string) { return fmt.Sprint("a", i), strings.Repeat("x", 100_000) },
		"long names": func(i int) (string, string) { return strings.Repeat("x", 100_000) + fmt.Sprint(i), "" },
		"many names": func(i int) (string, string) { return fmt.Sprint("a", i), "" },
		"one name":   func(i int) (string, string) { return "a", "" },
	} {
		f := newForm("target", target, "data_product_type", "fits_file")
		for i := range 20_000 {
			if f.w.WriteField(fields(i)); f.b.Len() > 3<<20 {
				break
			}
		}
		if r := n.ask("astro", "POST", "/api/dataproducts/", f.file("a.bin", []byte("x"))); name == "long names" {
			if r.want(t, 400); !strings.Contains(string(r.body), "header of a part is longer than 65536 bytes") {
				t.Errorf("%s: %s", name, r.body)
			}
		} else if r.want(t, 413); !strings.Contains(string(r.body),
			"The fields of the form are larger than 1048576 bytes.") {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	n.upload("astro", target, "fits_file", "a.bin", []byte("x"), "a", strings.Repeat("x", 1_000_000)).want(t, 201)
}

// TestBodyMemory: large bodies and long lines wait for memory even if an upload place is free;
// small ones of other users do not wait. All memory is given back.
func TestBodyMemory(t *testing.T) {
	t.Parallel()
	// only as much memory as one line needs
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
	await(t, "the line to take memory", func() bool { return taken() >= byteWeight*(2<<20-lineBuffer) })
	if got := taken(); got > n.api.o.BodyMemory {
		t.Errorf("a line of 2 MiB takes %d bytes of memory", got)
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
		await(t, "all memory to be given back", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.all == 0 && len(s.of) == 0
		})
	}
}

// TestFullTexts: a text with too many small parts is refused before it is parsed. In a stream only
// that line is rejected.
func TestFullTexts(t *testing.T) {
	t.Parallel()
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
		{"many nested members", nested,
			"an object has too many members, including those of the objects around it"},
		{"a long value", `"` + strings.Repeat("x", archive.MaxValue-1) + `"`,
			"Ensure this field has no more than 7340032 bytes."},
		{"as many members side by side", beside, ""},
		{"commas and colons in a text", `"` + strings.Repeat(`,:\"[{`, maxValues/6) + `"`, ""},
	} {
		status := 201
		if c.says != "" {
			status = 400
		}
		if c.what != "a long value" { // its body would be too long
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

// TestPartHeaders: the header of a form's part is read up to a limit, and so is the text before the
// first part.
func TestPartHeaders(t *testing.T) {
	t.Parallel()
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

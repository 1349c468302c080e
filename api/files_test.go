package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestFileNames: a file's address is always below its target's, whatever its name is, and its name
// adds no header to an answer.
func TestFileNames(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	plain := regexp.MustCompile(`^/data/m-31/none/[\pL\pN\p{Mn}_.-]+$`)
	for i, disposition := range []string{
		`filename="a.csv\r\nSet-Cookie: nightjar_session=x"`, "filename=\"a\x01\x02\x7f.csv\"",
		"filename=\"a\x00.csv\"", `filename="../../../etc/passwd"`, `filename="..\\..\\boot.ini"`,
		`filename="/etc/passwd"`, `filename="."`, `filename=".."`,
		`filename="..."`, `filename=".htaccess"`, `filename="a\";x=y.csv"`, `filename="a;b=c.csv"`,
		`filename="<script>.csv"`, `filename="%2e%2e%2fa.csv"`, `filename="a?b#c.csv"`, `filename="a b.csv"`,
		"filename=\"a\u202evsc.csv\"",
		"filename=\"é\u0301ü.csv\"", "filename=\"\xff\xfe.csv\"", `filename*=utf-8''a%0d%0aX-Evil%3a%201.csv`,
		`filename*=utf-8''..%2f..%2fa.csv`, `filename*=utf-8''%00`, `filename="` + strings.Repeat("n", 90) + `.csv"`,
	} {
		body := "--x\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\n" + target +
			"\r\n--x\r\nContent-Disposition: form-data; name=\"data_product_type\"\r\n\r\nfits_file\r\n" +
			"--x\r\nContent-Disposition: form-data; name=\"file\"; " + disposition + "\r\n\r\ncontent " +
			fmt.Sprint(i) + "\r\n--x--\r\n"
		r := n.ask("astro", "POST", "/api/dataproducts/", raw{typeMultipart + "; boundary=x", body})
		if r.status == 400 {
			continue // an empty name
		}
		data := strings.TrimPrefix(fmt.Sprint(r.want(t, 201).json(t)["data"]), n.URL)
		if path, err := url.PathUnescape(data); err != nil || !plain.MatchString(path) ||
			strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..") {
			t.Errorf("%s is at %s", disposition, data)
		}
		file := n.ask("astro", "GET", data, nil).want(t, 200)
		if string(file.body) != fmt.Sprint("content ", i) {
			t.Errorf("%s holds %q", data, file.body)
		}
		_, params, err := mime.ParseMediaType(file.header.Get("Content-Disposition"))
		if err != nil || params["filename"] == "" || strings.ContainsAny(params["filename"], "/\\\r\n\x00") ||
			file.header.Get("Set-Cookie")+file.header.Get("X-Evil") != "" {
			t.Errorf("%s: header %v", disposition, file.header)
		}
	}
}

// TestRanges: an answer to a Range request is not longer than the file and contains nothing but its
// bytes.
func TestRanges(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	content := strings.Repeat("0123456789", 20_000)
	data := strings.TrimPrefix(fmt.Sprint(n.upload("astro", target, "fits_file", "a.bin", []byte(content)).want(t,
		201).json(t)["data"]), n.URL)
	for ranges, want := range map[string]int{
		"bytes=0-9": 206, "bytes=-10": 206, "bytes=199990-": 206, "bytes=0-0,-1": 206, "bytes=200000-": 416,
		"bytes=5-2": 416, "bytes=-": 416, "bytes=x": 416, "bytes=0-99999999999999999999": 416,
		"bytes=-99999999999999999999": 416,
		"bytes=9223372036854775807-":  416, "items=0-9": 416, "bytes=": 200, "bytes=" + strings.Repeat("0-,", 1000) +
			"0-": 200, "bytes=" + strings.Repeat("0-0,", 5000) + "0-0": 206,
	} {
		r := n.ask("astro", "GET", data, nil, "Range", ranges)
		// each part has a header, which may be larger than the part
		if r.status != want || len(r.body) > len(content)+200*(strings.Count(ranges, ",")+1) || r.status == 200 &&
			string(r.body) != content {
			t.Errorf("%.40s: status %d, want %d, %d bytes", ranges, r.status, want, len(r.body))
		}
	}
}

// TestUploadByObject: the rows of an upload without a target go to the targets that they name, if
// the user sees them.
func TestUploadByObject(t *testing.T) {
	n := start(t, Options{})
	one, two := n.target("astro", "SN 2026abc", "Observers"), n.target("astro", "M 31", "Observers")
	n.target("bob", "secret")
	const path = "/api/dataproducts/"
	night := []byte("object,mjd,mag\nSN2026abc,58010,15\nM31,58010,16\nsecret,58010,17\nnobody,58010,17\n")
	form := func(pairs ...string) *form {
		return newForm(append([]string{"data_product_type", "photometry"}, pairs...)...).file("night.csv", night)
	}
	const left = `"rejected":[{"file":"night.csv","line":4,"reason":"there is no target called \"secret\""},` +
		`{"file":"night.csv","line":5,"reason":"there is no target called \"nobody\""}],"rejected_count":2`
	n.play(t, []scenario{
		{name: "a guest", as: "", method: "POST", path: path, body: form(), status: 401},
		{name: "dry run", as: "astro", method: "POST", path: path + "?dry_run=true", body: form(), status: 200,
			has: []string{`"created":2,"duplicate":0,` + left, "would be a data product of the target with id " + one}},
		{name: "an empty target", as: "astro", method: "POST", path: path, body: form("target", ""), status: 400,
			has: []string{`{"target":["This field may not be null."]}`}},
		{name: "no such target", as: "astro", method: "POST", path: path, body: form("target", "99"), status: 400,
			has: []string{`{"target":["Invalid pk \"99\" - object does not exist."]}`}},
		{name: "upload", as: "astro", method: "POST", path: path, body: form(), status: 201,
			has: []string{`{"products":[{"id":1,"product_id":null,"target":` + one + `,`,
				`"reduceddatum_set":[],"groups":[]},{"id":2,`, `"target":` + two + `,`,
				`],"message":"Data products successfully uploaded.","report":{`, `"created":2,"duplicate":0,` +
					left, "the rows of 'M 31' are data product 2 of the target with id " + two}},
		{name: "each product has its own rows", as: "astro", method: "GET", path: path + "2/", status: 200,
			has: []string{`"data_type":"photometry"`, `"magnitude":16`}, lacks: []string{`"magnitude":15`}},
		{name: "refused as a duplicate", as: "astro", method: "POST", path: path + "?duplicates=error", body: form(),
			status: 400, has: []string{"already exists"}},
		{name: "with a target", as: "astro", method: "POST", path: path, body: form("target", two), status: 201,
			has: []string{`{"id":3,`, `"created":0,"duplicate":1`, "not of the target"}},
		{name: "no objects", as: "astro", method: "POST", path: path,
			body: newForm("data_product_type", "photometry").file("a.csv",
				[]byte("mjd,mag\n58000,15\n")), status: 400, has: []string{`{"target":["This field is required."]}`}},
		{name: "nothing at all", as: "astro", method: "POST", path: path, body: newForm().file("a.csv", night),
			status: 400, has: []string{`"target":["This field is required."]`,
				`"data_product_type":["This field is required."]`}},
		{name: "for an observation", as: "astro", method: "POST", path: path, body: form("observation_record", "1"),
			status: 400, has: []string{`"target":["This field is required."]`}},
		{name: "no such targets", as: "astro", method: "POST", path: path,
			body: newForm("data_product_type", "photometry").file("a.csv",
				[]byte("object,mjd,mag\nnobody,58000,15\n")), status: 400,
			has: []string{"Data processing error", "every object was left out",
				`there is no target called \"nobody\"`}},
		{name: "by another user", as: "bob", method: "POST", path: path, body: form(), status: 201,
			has: []string{`"created":1`, `there is no target called \"SN2026abc\"`}},
	})
}

// smallImage is a FITS file with an image of 4 by 3 pixels.
func smallImage() []byte {
	var b bytes.Buffer
	for _, c := range []string{"SIMPLE  =                    T", "BITPIX  =                    8",
		"NAXIS   =                    2", "NAXIS1  =                    4", "NAXIS2  =                    3", "END"} {
		fmt.Fprintf(&b, "%-80s", c)
	}
	b.WriteString(strings.Repeat(" ", 2880-b.Len()))
	return append(b.Bytes(), make([]byte, 2880)...)
}

// TestLooks: the preview and the header of an image are at the address of its file, for users who
// see it.
func TestLooks(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "T")
	image := smallImage()
	v := n.upload("astro", target, "fits_file", "a.fits", image).want(t, 201).json(t)
	_, path, _ := strings.Cut(fmt.Sprint(v["data"]), "/data/")
	preview := n.ask("astro", "GET", "/data/"+path+"?preview=1", nil).want(t, 200)
	if picture, err := png.Decode(bytes.NewReader(preview.body)); err != nil || picture.Bounds().Dx() != 4 ||
		preview.header.Get("Content-Type") != "image/png" {
		t.Errorf("%v", err)
	}
	if header := n.ask("astro", "GET", "/data/"+path+"?header=1", nil).want(t, 200); !json.Valid(header.body) ||
		!strings.Contains(string(header.body), `"key":"NAXIS1","value":4`) {
		t.Errorf("%s", header.body)
	}
	for _, query := range []string{"?preview=1", "?header=1"} {
		n.ask("eve", "GET", "/data/"+path+query, nil).want(t, 404)
	}
	if whole := n.ask("astro", "GET", "/data/"+path+"?preview=no", nil).want(t, 200); !bytes.Equal(whole.body, image) {
		t.Error("the file has changed")
	}
	text := n.upload("astro", target, "fits_file", "b.fits", []byte("none")).want(t, 201).json(t)
	_, path, _ = strings.Cut(fmt.Sprint(text["data"]), "/data/")
	n.ask("astro", "GET", "/data/"+path+"?preview=1", nil).want(t, 404)
}

// TestDownloadOfDeleted: a download breaks off when its file is deleted, and never continues with
// the bytes of another file.
func TestDownloadOfDeleted(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	size := 24 << 20 // more than the buffers of the sockets hold
	data := fmt.Sprint(n.upload("astro", target, "fits_file", "a.bin", []byte(strings.Repeat("a", size))).want(t,
		201).json(t)["data"])
	r, err := http.NewRequest("GET", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Token "+n.tokens["carol"])
	w, err := n.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if _, err := io.ReadFull(w.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	n.ask("astro", "DELETE", "/api/dataproducts/1/", nil).want(t, 204)
	n.upload("astro", target, "fits_file", "b.bin", []byte(strings.Repeat("b", size))).want(t, 201)
	rest, err := io.ReadAll(w.Body)
	if err == nil {
		t.Errorf("the whole file came, %d bytes", len(rest))
	}
	if at := strings.IndexByte(string(rest), 'b'); at >= 0 {
		t.Errorf("the bytes of another file begin at %d", at)
	}
	n.ask("carol", "GET", strings.TrimPrefix(data, n.URL), nil).want(t, 404)
}

// TestUploadedPages: a browser never runs an uploaded file as a page of the node, whatever its name
// is.
func TestUploadedPages(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	script := `<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>`
	for name, inline := range map[string]bool{"a.html": false, "a.htm": false, "a.xhtml": false, "a.svg": false,
		"a.xml": false, "a.js": false, "a.css": false, "a.swf": false, "a.mhtml": false, "a.bin": false, "a": false,
		"a.html.txt": true, "a.csv": true, "a.png": true, "a.pdf": true} {
		place := strings.TrimPrefix(fmt.Sprint(n.upload("astro", target, "fits_file", name, []byte(script)).want(t,
			201).json(t)["data"]), n.URL)
		for _, accept := range []string{"*/*", "text/html"} {
			h := n.ask("astro", "GET", place, nil, "Accept", accept).want(t, 200).header
			disposition, kind := h.Get("Content-Disposition"), h.Get("Content-Type")
			if strings.HasPrefix(disposition, "inline") != inline || kind == "" || inline &&
				(strings.Contains(kind, "html") || strings.Contains(kind, "svg") || strings.Contains(kind, "xml")) {
				t.Errorf("%s is served as %s, %s", name, kind, disposition)
			}
			if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "sandbox") ||
				!strings.Contains(csp, "default-src 'none'") || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", name, h)
			}
		}
	}
}

// TestRecognisedUpload: with auto the report begins with what was decided, and why.
func TestRecognisedUpload(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "SN 2026abc", "Observers")
	const path = "/api/dataproducts/"
	auto := func(name, content string) *form {
		return newForm("target", target, "data_product_type", "auto").file(name, []byte(content))
	}
	n.play(t, []scenario{
		{name: "a light curve", as: "astro", method: "POST", path: path, body: auto("a.csv", "mjd,mag\n58000,15\n"),
			status: 201,
			has: []string{
				`"report":{"recognised":"photometry, because 'mjd' is a time and 'mag' a magnitude","format":`}},
		{name: "the type is given", as: "astro", method: "POST", path: path,
			body: newForm("target", target, "data_product_type", "photometry").file("b.csv",
				[]byte("mjd,mag\n58001,15\n")),
			status: 201, lacks: []string{"recognised"}},
		{name: "a picture", as: "astro", method: "POST", path: path, body: auto("a.png", "\x89PNG\r\n\x1a\n..."),
			status: 201,
			has:    []string{`"report":{"recognised":"image_file, stored unread, because it is a PNG image"`}},
		{name: "numbers", as: "astro", method: "POST", path: path, body: auto("a.dat", "9812.5 17.2\n9813.5 17.3\n"),
			status: 400,
			has: []string{
				`"report":{"recognised":"nothing: the file can be read neither as photometry nor as a spectrum"`,
				"neither a comment nor the file's name says that it is a spectrum"}},
	})
}

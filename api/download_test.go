package api

import (
	"fmt"
	"mime"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestFileNames: whatever a file is called, its address stays below its target's, and its name puts
// nothing into the header of an answer.
func TestFileNames(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	plain := regexp.MustCompile(`^/data/m-31/none/[\pL\pN\p{Mn}_.-]+$`)
	for i, disposition := range []string{
		`filename="a.csv\r\nSet-Cookie: nightjar_session=x"`, "filename=\"a\x01\x02\x7f.csv\"", "filename=\"a\x00.csv\"", `filename="../../../etc/passwd"`, `filename="..\\..\\boot.ini"`, `filename="/etc/passwd"`, `filename="."`, `filename=".."`,
		`filename="..."`, `filename=".htaccess"`, `filename="a\";x=y.csv"`, `filename="a;b=c.csv"`, `filename="<script>.csv"`, `filename="%2e%2e%2fa.csv"`, `filename="a?b#c.csv"`, `filename="a b.csv"`, "filename=\"a\u202evsc.csv\"",
		"filename=\"é\u0301ü.csv\"", "filename=\"\xff\xfe.csv\"", `filename*=utf-8''a%0d%0aX-Evil%3a%201.csv`, `filename*=utf-8''..%2f..%2fa.csv`, `filename*=utf-8''%00`, `filename="` + strings.Repeat("n", 90) + `.csv"`,
	} {
		body := "--x\r\nContent-Disposition: form-data; name=\"target\"\r\n\r\n" + target +
			"\r\n--x\r\nContent-Disposition: form-data; name=\"data_product_type\"\r\n\r\nfits_file\r\n" +
			"--x\r\nContent-Disposition: form-data; name=\"file\"; " + disposition + "\r\n\r\ncontent " +
			fmt.Sprint(i) + "\r\n--x--\r\n"
		r := n.ask("astro", "POST", "/api/dataproducts/", raw{typeMultipart + "; boundary=x", body})
		if r.status == 400 {
			continue // a name that is none
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

// TestRanges: whatever parts of a file are asked for, no more than the file is sent, and nothing
// else.
func TestRanges(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	content := strings.Repeat("0123456789", 20_000)
	data := strings.TrimPrefix(fmt.Sprint(n.upload("astro", target, "fits_file", "a.bin", []byte(content)).want(t,
		201).json(t)["data"]), n.URL)
	for ranges, want := range map[string]int{
		"bytes=0-9": 206, "bytes=-10": 206, "bytes=199990-": 206, "bytes=0-0,-1": 206, "bytes=200000-": 416, "bytes=5-2": 416, "bytes=-": 416, "bytes=x": 416, "bytes=0-99999999999999999999": 416, "bytes=-99999999999999999999": 416,
		"bytes=9223372036854775807-": 416, "items=0-9": 416, "bytes=": 200, "bytes=" + strings.Repeat("0-,", 1000) +
			"0-": 200, "bytes=" + strings.Repeat("0-0,", 5000) + "0-0": 206,
	} {
		r := n.ask("astro", "GET", data, nil, "Range", ranges)
		// many small parts have heads that are larger than they
		if r.status != want || len(r.body) > len(content)+200*(strings.Count(ranges, ",")+1) || r.status == 200 &&
			string(r.body) != content {
			t.Errorf("%.40s: status %d, want %d, %d bytes", ranges, r.status, want, len(r.body))
		}
	}
}

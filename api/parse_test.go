package api

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

// FuzzBody reads bodies of every media type as every resource: each error is a refusal with a
// status of 4xx.
func FuzzBody(f *testing.F) {
	n := start(f, Options{Limits: Limits{MaxBody: 1 << 20}})
	kinds := []string{typeJSON, typeForm, typeMultipart + "; boundary=x", typeMultipart, ""}
	for kind, body := range map[byte]string{0: `{"name":"x","aliases":[{"name":"y"}],"groups":[{"id":1}],"ra":"1.5",` +
		`"value":{"a":[1]}}`, 1: "name=x&aliases[0]name=y&groups[0][id]=1&value=%7B%7D",
		2: "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nx\r\n--x\r\nContent-Disposition: form-data; " +
			"name=\"file\"; filename=\"a.csv\"\r\n\r\n1,2\r\n--x--\r\n", 3: "--x--", 4: "[]"} {
		f.Add(kind, []byte(body))
	}
	resources := [][]wire.Field{targetFields, sentDatumFields, uploadFields, sentObservationFields, userFields,
		tokenFields, groupChangeFields, settingFields, credentialFields}
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		media := kinds[int(kind)%len(kinds)]
		ask := func() *request {
			r := &http.Request{Method: "POST", URL: &url.URL{Path: "/api/x/"},
				Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(bytes.NewReader(body)),
				ContentLength: int64(len(body))}
			return n.api.request(httptest.NewRecorder(), r, &route{spec: spec{parses: allParsers}})
		}
		refused := func(err error) {
			if err == nil {
				return
			}
			r := ask()
			r.fail(err)
			if status := r.w.(*httptest.ResponseRecorder).Code; status < 400 || status >= 500 {
				t.Fatalf("status %d: %v", status, err)
			}
		}
		in, list, err := ask().inputs()
		refused(err)
		all := []wire.Input{in}
		for _, item := range list {
			if in, ok := item.Object(); ok {
				all = append(all, in)
			}
		}
		for _, fields := range resources {
			for _, in := range all[:min(len(all), 20)] {
				p := new(problem.List)
				wire.Decode(fields, in, kind%2 == 0, p, "")
				refused(p.Err())
			}
		}
		if len(all) > 0 && all[0].Form != nil {
			refused(productInput(all[0].Form, "a.csv").Err())
		}
		new(rowReader).datum(body)
		lines := ask().lines(nil)
		for {
			if _, err := lines.next(); err != nil {
				break
			}
		}
	})
}

// FuzzQuery reads queries of lists: the values are within their limits, and the links to other
// pages lead to these pages.
func FuzzQuery(f *testing.F) {
	api := &API{}
	for _, s := range []string{"limit=1&offset=2&ordering=-timestamp",
		"cone_search=1,2,3&target_cone_search=M 31,0.5&name=a,b", "cursor=LSBhZnRlciAwIDk5",
		"pagination_style=cursor&order=name", "mjd_min=nan&timestamp_after=2026-01-01",
		"target_id=1&target_id=x&status=&facility=%00",
		"limit=99999999999999999999&offset=-1", "%zz&;&=&limit", "data_product__id=1.0&upload=1e3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := api.request(httptest.NewRecorder(),
			&http.Request{Method: "GET", Host: "node", URL: &url.URL{Path: "/api/x/", RawQuery: query},
				Header: http.Header{}}, &route{spec: spec{cursors: true}})
		page := parsePage(r.query)
		if page.Limit < 1 || page.Limit > maxLimit || page.Offset < 0 {
			t.Fatalf("%q is the page %+v", query, page)
		}
		if targets, err := parseTargetFilter(r); err == nil {
			if c := targets.Cone; c != nil &&
				!(c.RA >= 0 && c.RA < 360 && c.Dec >= -90 && c.Dec <= 90 && c.Radius >= 0 && !math.IsInf(c.Radius, 0)) {
				t.Fatalf("%q is the cone %+v", query, *c)
			}
			if !(targets.Radius >= 0) || math.IsInf(targets.Radius, 0) {
				t.Fatalf("%q has the radius %g", query, targets.Radius)
			}
		}
		parseDatumFilter(r)
		parseObservationFilter(r)
		if _, err := parseCursor(r); err != nil {
			return
		}
		at := archive.Place{Time: int64(len(query)) - 20, ID: uint64(len(query))}
		next, previous := cursorLinks("http://node/api/x/", r, page,
			archive.Extent{Before: true, After: true, First: at, Last: at})
		for i, link := range []string{next, previous} {
			u, err := url.Parse(link)
			if err != nil {
				t.Fatalf("%q leads to %q: %v", query, link, err)
			}
			there := api.request(httptest.NewRecorder(),
				&http.Request{Method: "GET", URL: u, Header: http.Header{}}, r.route)
			c, err := parseCursor(there)
			if err != nil || c == nil || c.Time != at.Time || c.ID != at.ID || c.Before != (i == 1) ||
				strings.ContainsAny(link, "\r\n\x00 ") {
				t.Fatalf("%q leads to %q, which is %+v, %v", query, link, c, err)
			}
		}
	})
}

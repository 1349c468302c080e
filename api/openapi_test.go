package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// TestSchema validates the OpenAPI document, and real requests and answers against it.
func TestSchema(t *testing.T) {
	n := start(t, Options{Version: "1.2.3"})
	target := n.target("astro", "M 31", "Observers")
	n.datum("astro", target, 1)
	n.upload("astro", target, "photometry", "a.csv",
		[]byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n")).want(t, 201)
	n.ask("astro", "POST", "/api/observations/",
		map[string]any{"target_id": target, "facility": "LCO", "observation_type": "IMAGING",
			"observing_parameters": map[string]int{"a": 1}}).want(t, 201)
	text := n.ask("admin", "GET", "/api/schema/", nil).want(t, 200).body
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := doc.Validate(ctx); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || doc.Info.Version != "1.2.3" {
		t.Errorf("OpenAPI %s, version %s", doc.OpenAPI, doc.Info.Version)
	}
	paths := doc.Paths.Map()
	for _, rt := range n.api.routes {
		item := paths[pathOf(rt)]
		if item == nil {
			t.Errorf("%s is not described", rt.path)
			continue
		}
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			if (rt.handle[method] != nil) != (item.GetOperation(method) != nil) {
				t.Errorf("%s %s: described: %v, handled: %v", method, rt.path, item.GetOperation(method) != nil,
					rt.handle[method] != nil)
			}
		}
	}
	for path, media := range map[string][]string{
		"/api/reduceddatums/": {"application/json", "text/csv",
			"application/x-votable+xml"}, "/api/groups/": {"application/json"}, "/api/events/": {typeEvents}} {
		content := paths[path].Get.Responses.Status(200).Value.Content
		for _, m := range media {
			if content[m] == nil {
				t.Errorf("GET %s is described without %s", path, m)
			}
		}
	}
	for path, want := range map[string]string{"/api/targets/": "One such object in each line.",
		"/api/reduceddatums/": "One such object in each line. target_name can replace target."} {
		if got := paths[path].Post.RequestBody.Value.Content[typeNDJSON].Schema.Value.Description; got != want {
			t.Errorf("lines for %s are described as %q", path, got)
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		method, path string
		body         any
		status       int
	}{
		{"GET", "/api/targets/?name=M&limit=5", nil, 200}, {"GET", "/api/targets/1/", nil, 200}, {"GET",
			"/api/targets/99/", nil, 404},
		{"GET", "/api/reduceddatums/?data_type=photometry&ordering=-timestamp", nil, 200},
		{"GET", "/api/reduceddatums/1/", nil, 200}, {"GET", "/api/dataproducts/", nil, 200}, {"GET",
			"/api/dataproducts/1/", nil, 200}, {"GET", "/api/observations/?facility=LCO", nil, 200},
		{"GET", "/api/users/", nil, 200}, {"GET", "/api/tokens/", nil, 200}, {"GET", "/api/groups/?all=true", nil,
			200}, {"GET", "/api/settings/", nil, 200}, {"GET", "/api/node/", nil, 200},
		{"GET", "/api/session/", nil, 200}, {"GET", "/api/log/?table=targets&id=1", nil, 200},
		{"POST", "/api/targets/",
			jsonText(`{"name": "x", "type": "SIDEREAL", "ra": 1, "dec": 1, "aliases": [{"name": "y"}]}`), 201},
		{"POST", "/api/targets/", jsonText(`{"name": "", "type": "SIDEREAL", "ra": 1, "dec": 1}`), 400},
		{"POST", "/api/targets/", jsonText(`{"name": "z", "type": "SIDEREAL", "ra": -1, "dec": 1}`), 400},
		{"POST", "/api/targets/", jsonText(`{"name": "z", "type": "SIDEREAL", "ra": 1, "dec": 90.5}`), 400},
		{"PATCH", "/api/targets/1/", jsonText(`{"epoch": null}`), 200},
		{"POST", "/api/reduceddatums/",
			jsonText(`{"target": 1, "data_type": "photometry", "value": {"magnitude": 1}}`), 201},
		{"POST", "/api/reduceddatums/?duplicates=skip",
			jsonText(`[{"target": 1, "data_type": "photometry", "value": {"magnitude": 2}}]`), 201},
		{"POST", "/api/reduceddatums/?duplicates=skip",
			jsonText(`{"target": 1, "data_type": "photometry", "timestamp": "2026-01-02T03:00:01Z", ` +
				`"value": {"magnitude": 15.5, "filter": "g"}}`), 200},
		{"POST", "/api/tokens/", jsonText(`{"name": "t", "read_only": true}`), 201},
		{"DELETE", "/api/targets/2/", nil, 204},
	} {
		var body []byte
		if b, ok := c.body.(raw); ok {
			body = []byte(b.text)
		}
		r, err := http.NewRequest(c.method, n.URL+c.path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Token "+n.tokens["admin"])
		if body != nil {
			r.Header.Set("Content-Type", typeJSON)
		}
		route, parameters, err := router.FindRoute(r)
		if err != nil {
			t.Errorf("%s %s is not described: %v", c.method, c.path, err)
			continue
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		if err := openapi3filter.ValidateRequest(ctx, in); (err == nil) != (c.status != 400) {
			t.Errorf("%s %s %s: the description says %v", c.method, c.path, body, err)
		}
		a := n.ask("admin", c.method, c.path, c.body).want(t, c.status)
		out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header,
			Body: io.NopCloser(bytes.NewReader(a.body)), Options: &openapi3filter.Options{IncludeResponseStatus: true}}
		if a.status == http.StatusNoContent {
			continue
		}
		if err := openapi3filter.ValidateResponse(ctx, out); err != nil {
			t.Errorf("%s %s: the answer does not match the description: %v: %.300s", c.method, c.path, err, a.body)
		}
	}
}

// TestMembersMatchFields: rows have exactly the members that OPTIONS describes.
func TestMembersMatchFields(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	n.datum("astro", target, 1)
	n.upload("astro", target, "photometry", "a.csv",
		[]byte("time,magnitude,error,filter\n60000.1,15.1,0.1,r\n")).want(t, 201)
	n.ask("astro", "POST", "/api/observations/",
		map[string]any{"target_id": target, "facility": "LCO", "observation_type": "IMAGING",
			"observing_parameters": map[string]int{"a": 1}}).want(t, 201)
	// members that a TOM describes and does not answer
	unanswered := map[string][]string{"targets": {"target_lists"}, "dataproducts": {"data_product_group"},
		"observations": {"groups"}}
	for _, name := range []string{"targets", "dataproducts", "reduceddatums", "observations"} {
		path := "/api/" + name + "/"
		described := n.ask("astro", "OPTIONS", path, nil).want(t, 200).json(t)
		fields := described["actions"].(map[string]any)["POST"].(map[string]any)
		row := n.ask("astro", "GET", path, nil).rows(t)[0]
		for member := range row {
			if fields[member] == nil {
				t.Errorf("%s has %q, which is not described", name, member)
			}
		}
		for member := range fields {
			if _, ok := row[member]; !ok && !slices.Contains(unanswered[name], member) {
				t.Errorf("%s describes %q, which its rows lack", name, member)
			}
		}
		filters := described["filters"].(map[string]any)
		for parameter := range filters {
			r := n.ask("astro", "GET", path+"?strict=true&"+parameter+"=", nil)
			if r.status == 400 && strings.Contains(string(r.body), "not known") {
				t.Errorf("%s describes the parameter %q, but refuses it", name, parameter)
			}
		}
		// each member can be chosen alone
		for member := range row {
			some := n.ask("astro", "GET", path+"?fields="+member, nil).rows(t)
			if len(some) == 0 || len(some[0]) != 1 || fmt.Sprint(some[0][member]) != fmt.Sprint(row[member]) {
				t.Errorf("%s?fields=%s: %v", name, member, some)
			}
		}
	}
}

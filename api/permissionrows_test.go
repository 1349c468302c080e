package api

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// targetRows returns the requests about a target and the objects on it.
func targetRows() (rows []row) {
	add := func(method, path string) *row {
		rows = append(rows, row{method: method, path: path})
		return &rows[len(rows)-1]
	}
	// do adds a write that can be done once
	do := func(method, path, note string, body func(x *stage) any) {
		r := add(method, path)
		r.note, r.body, r.spoils = note, body, true
	}
	list := func(path string, values ...string) {
		add("GET", path)
		add("HEAD", path)
		add("OPTIONS", path)
		for i := 0; i < len(values); i += 2 {
			add("GET", path+"?"+values[i]+"="+values[i+1])
		}
	}
	thing := func(path string) {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			add(method, path)
		}
	}
	exports := []string{"format", "csv", "format", "ecsv", "format", "votable", "format", "fits", "format",
		"ndjson", "format", "api"}

	list("/api/targets/", slices.Concat([]string{"type", "SIDEREAL", "name", "{name}", "name_fuzzy", "{alias name}",
		"query", "{name}", "key", "{key}", "value", "{value}", "cone_search", "10,-20,5",
		"target_cone_search", "{name},5", "targetlist__name", "{list name}", "targetlist__name", "{list}", "order",
		"name"}, exports)...)
	thing("/api/targets/{target}/")
	do("PATCH", "/api/targets/{target}/", "", sends(`{"slope": 0.5}`))
	do("PATCH", "/api/targets/{target}/", "its visibility", sends(`{"permissions": "OPEN"}`))
	do("PATCH", "/api/targets/{target}/", "granting to Observers", sends(`{"groups": [{"id": {group}}]}`))
	do("PATCH", "/api/targets/{target}/", "granting to another group", sends(`{"groups": [{"id": {another group}}]}`))
	do("PUT", "/api/targets/{target}/", "", sends(`{"name": "{name}", "type": "SIDEREAL", "ra": 1, "dec": 1}`))
	do("DELETE", "/api/targets/{target}/", "", nil)
	do("PATCH", "/api/targets/{target}/", "letting Observers view it",
		sends(`{"groups": [{"id": {group}, "view": true}]}`))
	add("GET", "/api/targets/{target}/groups/")
	add("OPTIONS", "/api/targets/{target}/groups/")
	thing("/api/targets/{target}/groups/{group}/")
	do("PUT", "/api/targets/{target}/groups/{group}/", "to view it", sends(`{}`))
	do("PUT", "/api/targets/{target}/groups/{another group}/", "to view it", sends(`{}`))
	do("DELETE", "/api/targets/{target}/groups/{group}/", "", nil)
	for _, path := range []string{"/api/targetname/{alias}/", "/api/targetextra/{tag}/", "/api/targetlist/{list}/"} {
		thing(path)
		do("DELETE", path, "", nil)
	}
	const fresh = `"name": "Fresh", "type": "SIDEREAL", "ra": 1, "dec": 1`
	made := func(x *stage) { // deletes the target, which other rows do not expect
		for _, r := range x.w.ask("admin", "GET", "/api/targets/?name=Fresh", nil).rows(x.w.t) {
			x.w.ask("admin", "DELETE", fmt.Sprintf("/api/targets/%v/", r["id"]), nil).want(x.w.t, 204)
		}
	}
	for _, r := range []row{
		{note: "", body: sends(`{` + fresh + `}`)},
		{note: "with its name", body: sends(`{"name": "{name}", "type": "SIDEREAL", "ra": 1, "dec": 1}`)},
		{note: "with its alias", body: sends(`{` + fresh + `, "aliases": [{"name": "{alias name}"}]}`)},
		{note: "on its list, by id", body: sends(`{` + fresh + `, "target_lists": [{"id": {list}}]}`)},
		{note: "on its list, by name", body: sends(`{` + fresh + `, "target_lists": [{"name": "{list name}"}]}`)},
		{note: "granting to Observers", body: sends(`{` + fresh + `, "groups": [{"name": "Observers"}]}`)},
		{note: "as lines", body: sendsLines(`{` + fresh + `}`)},
	} {
		r.method, r.path, r.after, r.spoils = "POST", "/api/targets/", made, strings.Contains(r.note, "list")
		rows = append(rows, r)
	}

	list("/api/reduceddatums/",
		slices.Concat([]string{"target__id", "{target}", "target_name", "{name}", "source_name", "{source}",
			"data_type", "photometry", "data_product__id", "{product}", "data_product_pk", "{product}",
			"data_product_product_id", "{product id}", "data_product__product_id", "{product id}", "data_product_name",
			"{file name}", "upload", "1", "timestamp_after", "2000-01-01", "timestamp_before", "2100-01-01",
			"mjd_min", "10000", "mjd_max", "90000", "ordering", "-timestamp"}, exports)...)
	thing("/api/reduceddatums/{datum}/")
	do("DELETE", "/api/reduceddatums/{datum}/", "", nil)
	const point = `"data_type": "photometry", "timestamp": "2025-01-01T00:00:00Z", "value": {"a": 1}`
	do("POST", "/api/reduceddatums/", "", sends(`{"target": {target}, `+point+`}`))
	do("POST", "/api/reduceddatums/", "with its product",
		sends(`{"target": {target}, "data_product": {product}, `+point+`}`))
	do("POST", "/api/reduceddatums/?duplicates=skip", "as a list", sends(`[{"target": {target}, `+point+`}]`))
	do("POST", "/api/reduceddatums/", "as lines", sendsLines(`{"target": {target}, `+point+`}`))
	do("POST", "/api/reduceddatums/", "as lines with its name", sendsLines(`{"target_name": "{name}", `+point+`}`))

	list("/api/dataproducts/", "target_name", "{name}", "facility", "{facility}", "format", "api")
	thing("/api/dataproducts/{product}/")
	do("DELETE", "/api/dataproducts/{product}/", "", nil)
	file := sendsFile("target", "{target}", "data_product_type", "photometry")
	do("POST", "/api/dataproducts/", "", file)
	do("POST", "/api/dataproducts/", "with its observation",
		sendsFile("target", "{target}", "data_product_type", "photometry", "observation_record", "{observation}"))
	do("POST", "/api/dataproducts/", "with its product id",
		sendsFile("target", "{target}", "data_product_type", "photometry", "product_id", "{product id}"))
	do("POST", "/api/dataproducts/?dry_run=true", "", file)
	do("POST", "/api/dataproducts/?duplicates=error", "", file)
	for _, r := range []row{{method: "GET"}, {method: "HEAD"},
		{method: "GET", note: "in part",
			header: []string{"Range", "bytes=0-1"}}, {method: "POST"}, {method: "OPTIONS"}} {
		r.path = "/data/{file}"
		rows = append(rows, r)
	}
	add("GET", "/data/{image}?preview=1")
	add("GET", "/data/{image}?header=1")

	list("/api/observations/", "target_id", "{target}", "observation_id", "{observation id}", "facility", "{facility}",
		"status", "{status}", "observationgroup", "1", "scheduled_start_after", "2000-01-01",
		"scheduled_start_before", "2100-01-01", "scheduled_end_after", "2000-01-01", "scheduled_end_before",
		"2100-01-01", "created_after", "2000-01-01", "created_before", "2100-01-01",
		"modified_after", "2000-01-01", "modified_before", "2100-01-01", "ordering", "-created", "format", "api")
	thing("/api/observations/{observation}/")
	add("OPTIONS", "/api/observations/{observation}/cancel/")
	do("PATCH", "/api/observations/{observation}/cancel/", "", sends(`{}`))
	do("POST", "/api/observations/", "",
		sends(`{"target_id": {target}, "facility": "F", "observation_type": "x", "observing_parameters": {}}`))
	add("GET", "/api/events/?target__id={target}")
	add("GET", "/api/suggestions/?q={name}")
	return rows
}

// nodeRows returns all other requests.
func nodeRows() (rows []row) {
	add := func(method, path, note string, body func(x *stage) any) *row {
		rows = append(rows, row{method: method, path: path, note: note, body: body})
		return &rows[len(rows)-1]
	}
	ask := func(method string, paths ...string) {
		for _, path := range paths {
			add(method, path, "", nil)
		}
	}
	ask("GET", "/api/", "/api", "/api/nothing/", "/healthz")
	ask("HEAD", "/healthz")
	ask("OPTIONS", "/api/")
	ask("GET", "/api/schema/")
	ask("OPTIONS", "/api/schema/")
	ask("GET", "/data/", "/data/nothing/none/x.csv", "/api/events/")
	ask("OPTIONS", "/api/events/")
	ask("GET", "/api/suggestions/")
	ask("OPTIONS", "/api/suggestions/")

	ask("GET", "/api/groups/", "/api/groups/?all=true", "/api/groups/?name=Observers",
		"/api/groups/?all=true&name=Readers")
	ask("OPTIONS", "/api/groups/", "/api/groups/?all=true")
	n := 0
	name := func(format string) func(x *stage) any {
		return func(x *stage) any { n++; return jsonText(fmt.Sprintf(format, fmt.Sprint("n", n))) }
	}
	gone := func(path, field string) func(x *stage) { // deletes the object with the last of the names n1, n2 and so on
		return func(x *stage) {
			list, _, _ := strings.Cut(path, "?")
			for _, r := range x.w.ask("admin", "GET", list+"?all=true&"+field+"="+fmt.Sprint("n", n), nil).rows(x.w.t) {
				x.w.ask("admin", "DELETE", fmt.Sprintf("%s%v/?all=true", list, r["id"]), nil).want(x.w.t, 204)
			}
		}
	}
	add("POST", "/api/groups/", "", name(`{"name": "%s"}`))
	add("POST", "/api/groups/?all=true", "", name(`{"name": "%s"}`)).after = gone("/api/groups/", "name")
	ask("GET", "/api/groups/{group}/", "/api/groups/{group}/?all=true", "/api/groups/{another group}/",
		"/api/groups/{another group}/?all=true")
	ask("OPTIONS", "/api/groups/{group}/", "/api/groups/{group}/?all=true")
	add("PATCH", "/api/groups/{group}/", "", sends(`{"name": "Observers"}`))
	add("PATCH", "/api/groups/{group}/?all=true", "", sends(`{"name": "Observers"}`))
	ask("DELETE", "/api/groups/{group}/", "/api/groups/{spare group}/?all=true")
	ask("GET", "/api/groups/{group}/members/", "/api/groups/{group}/members/?all=true")
	ask("OPTIONS", "/api/groups/{group}/members/?all=true")
	add("POST", "/api/groups/{group}/members/?all=true", "", sends(`{"username": "carol"}`))
	ask("OPTIONS", "/api/groups/{group}/members/{member}/?all=true")
	add("DELETE", "/api/groups/{group}/members/{member}/?all=true", "", nil).after = func(x *stage) {
		x.w.ask("admin", "POST", "/api/groups/"+x.names["group"]+"/members/?all=true",
			jsonText(`{"username": "carol"}`)).want(x.w.t, 204)
	}

	ask("GET", "/api/users/", "/api/users/?username=carol")
	ask("OPTIONS", "/api/users/")
	add("POST", "/api/users/", "", name(`{"username": "%s"}`)).after = gone("/api/users/", "username")
	ask("GET", "/api/users/{member}/")
	ask("OPTIONS", "/api/users/{member}/")
	own := fmt.Sprintf(`{"password": %q, "current_password": %q}`, password("carol"), password("carol"))
	add("PATCH", "/api/users/{member}/", "a password", sends(own))
	add("PATCH", "/api/users/{member}/", "the groups", sends(`{"groups": [{"name": "Observers"}]}`))
	add("PATCH", "/api/users/{member}/", "whether it is a superuser", sends(`{"is_superuser": false}`))
	add("PATCH", "/api/users/{member}/", "the name", sends(`{"username": "carol"}`))
	ask("DELETE", "/api/users/{spare user}/")

	ask("GET", "/api/tokens/")
	ask("OPTIONS", "/api/tokens/")
	add("POST", "/api/tokens/", "", sends(`{}`))
	add("POST", "/api/tokens/", "for the member", sends(`{"username": "carol"}`))
	ask("GET", "/api/tokens/{token}/")
	ask("OPTIONS", "/api/tokens/{token}/")
	ask("DELETE", "/api/tokens/{token}/")

	ask("GET", "/api/settings/", "/api/settings/permissions/")
	ask("OPTIONS", "/api/settings/", "/api/settings/permissions/")
	add("PUT", "/api/settings/tom_name/", "", sends(`{"value": "x"}`))
	add("PATCH", "/api/settings/tom_name/", "", sends(`{"value": "x"}`))

	ask("GET", "/api/node/", "/api/node/certificate/", "/api/backup/")
	ask("OPTIONS", "/api/node/", "/api/node/certificate/", "/api/backup/", "/api/node/backup/", "/api/node/verify/",
		"/api/node/compact/", "/api/node/reindex/")
	add("POST", "/api/node/backup/", "", func(x *stage) any {
		x.n++
		return map[string]string{"path": filepath.Join(x.dir, fmt.Sprint(x.n))}
	})
	add("POST", "/api/node/verify/", "", sends(`{}`))
	add("POST", "/api/node/verify/?progress=true", "", sends(`{}`))
	ask("POST", "/api/node/compact/", "/api/node/reindex/")

	ask("GET", "/api/log/", "/api/log/?user=astro", "/api/log/?address=127.0.0.1", "/api/log/?action=DELETE",
		"/api/log/?table=targets", "/api/log/?table=targets&id=1", "/api/log/?since=2000-01-01",
		"/api/log/?until=2100-01-01")
	ask("OPTIONS", "/api/log/")

	ask("GET", "/api/session/")
	ask("OPTIONS", "/api/session/")
	for _, path := range []string{"/api/session/", "/api/token-auth/"} {
		add("POST", path, "", sends(fmt.Sprintf(`{"username": "carol", "password": %q}`, password("carol"))))
		add("POST", path, "with a wrong password", sends(`{"username": "carol", "password": "wrong"}`))
	}
	ask("OPTIONS", "/api/token-auth/")
	ask("DELETE", "/api/session/")
	return rows
}

// coveredBy checks that there is a row for every method of every route, for every filter, every
// parameter of a write, and every format of an export.
func (w *world) coveredBy(rows []row) {
	type key struct{ method, path, parameter string }
	asked := map[key]bool{}
	for _, r := range rows {
		path, query, _ := strings.Cut(r.path, "?")
		parts := strings.Split(path, "/")
		for _, rt := range w.api.routes {
			if !slices.EqualFunc(parts, strings.Split(rt.path, "/"), func(a, b string) bool {
				return a == b || strings.HasPrefix(b, ":") && a != ""
			}) {
				continue
			}
			asked[key{r.method, rt.path, ""}] = true
			for _, parameter := range strings.Split(query, "&") {
				name, value, _ := strings.Cut(parameter, "=")
				asked[key{r.method, rt.path, name}] = true
				asked[key{r.method, rt.path, name + "=" + value}] = true
			}
		}
	}
	need := func(method, path, parameter string) {
		if !asked[key{method, path, parameter}] {
			w.t.Errorf("the table of permissions has no row for %s %s %s", method, path, parameter)
		}
	}
	for _, rt := range w.api.routes {
		for _, method := range append(rt.methods(), "OPTIONS") {
			if method != "HEAD" {
				need(method, rt.path, "")
			}
			if method == "GET" {
				for _, f := range rt.filters {
					need(method, rt.path, f.Name)
				}
			}
			if method == "POST" {
				for _, f := range rt.writeParams {
					need(method, rt.path, f.Name)
				}
			}
		}
		if rt.export != nil {
			for _, format := range exportFormats {
				need("GET", rt.path, "format="+format)
			}
		}
	}
}

package api

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
)

// TestHiddenTarget: in mode objects, users see the products, datums and observations that they
// created or that their groups were named with, by their own right, also when the target is hidden
// from them. Then the target's id is all that is told of it.
func TestHiddenTarget(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	n.mode(auth.ModeObjects, auth.ReadOnly)
	const name, alias = "Quixote 7", "Sancho 8"
	target := n.target("astro", name, "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+target+"/", jsonText(`{"aliases": [{"name": "`+alias+`"}],
		"targetextra_set": [{"key": "quixote-key", "value": "quixote-value"}], "target_lists": [{"name": "quixote list"}]}`)).
		want(t, 200)
	const rows = 1200 // more than are sorted by reading them
	var csv strings.Builder
	csv.WriteString("time,magnitude,filter\n")
	for i := range rows {
		fmt.Fprintf(&csv, "%d.25,15.5,r\n", 58000+i)
	}
	groups := n.ask("admin", "GET", "/api/groups/?all=true&name=Observers", nil).rows(t)
	group := fmt.Sprint(groups[0]["id"])
	alone := n.upload("astro", target, "photometry", "alone.csv", []byte("time,magnitude,filter\n58000.25,15.5,r\n"+
		"57000.25,15,r\n")).want(t, 201).id(t)
	made := n.upload("carol", target, "photometry", "carol.csv", []byte(csv.String()), "product_id", "carols").
		want(t, 201).json(t)
	own, address := fmt.Sprint(made["id"]), strings.TrimPrefix(fmt.Sprint(made["data"]), n.URL)
	shared := n.upload("astro", target, "fits_file", "shared.fits", smallImage(), "groups", group).want(t, 201).id(t)
	posted := n.datum("carol", target, 1)
	record := func(user string) string {
		r := n.ask(user, "POST", "/api/observations/", jsonText(`{"target_id": `+target+`, "facility": "F",
			"observation_type": "x", "observing_parameters": {}, "observation_id": "`+user+`"}`)).want(t, 201)
		return between(string(r.body), `"id":`, ",")
	}
	observed := record("carol")
	record("astro")

	// ask is a request whose answer must not tell the target's name.
	ask := func(method, path string, body any, header ...string) *reply {
		t.Helper()
		r := n.ask("carol", method, path, body, header...)
		shown := strings.ToLower(string(r.body) + fmt.Sprint(r.header))
		if text := fmt.Sprint(path, body); strings.Contains(strings.ToLower(text), "quixote") {
			return r // the request names it
		}
		for _, word := range []string{"quixote", "sancho"} {
			if strings.Contains(shown, word) {
				t.Errorf("%s tells %q: %.600s", r.what, word, r.body)
			}
		}
		return r
	}
	list := func(path string, want ...string) {
		t.Helper()
		if got := members(ask("GET", path, nil).rows(t), "id"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	count := func(path string, want int) {
		t.Helper()
		if got := fmt.Sprint(ask("GET", path, nil).want(t, 200).json(t)["count"]); got != fmt.Sprint(want) {
			t.Errorf("%s: %s rows, want %d", path, got, want)
		}
	}
	hidden := func() {
		t.Helper()
		for _, path := range []string{"/api/targets/" + target + "/", "/api/targetname/1/", "/api/targetextra/1/",
			"/api/targetlist/1/", "/api/events/?target__id=" + target, "/api/dataproducts/" + alone + "/"} {
			ask("GET", path, nil).want(t, 404)
		}
		list("/api/targets/")
		list("/api/targets/?query=quix")
		for _, q := range []string{"quix", "Sanch", "Quixote 9"} {
			found := ask("GET", "/api/suggestions/?q="+url.QueryEscape(q), nil).want(t, 200).json(t)
			if got := fmt.Sprint(found["targets"], found["similar"]); got != "[] []" {
				t.Errorf("%s suggests %s", q, got)
			}
		}
	}
	n.ask("astro", "DELETE", "/api/targets/"+target+"/groups/"+group+"/", nil).want(t, 204)
	hidden()
	list("/api/dataproducts/?fields=id", shared, own)
	list("/api/observations/", observed)
	count("/api/reduceddatums/", rows+1)
	count("/api/reduceddatums/?target__id="+target, rows+1)
	for _, path := range []string{"/api/reduceddatums/?target_name=", "/api/dataproducts/?target_name="} {
		for _, part := range []string{"quix", "SANCHO", url.QueryEscape(name), "uixote"} {
			count(path+part, 0)
		}
	}
	for _, part := range []string{"quixote", "quixote-7/none/carol.csv", "ixote-7/none"} {
		count("/api/reduceddatums/?data_product_name="+url.QueryEscape(part), 0)
		count("/api/reduceddatums/?data_product__product_id="+url.QueryEscape(part), 0)
	}
	for _, part := range []string{"carol", "none/carol", "/none/carol.csv"} {
		count("/api/reduceddatums/?data_product_name="+url.QueryEscape(part), rows)
	}
	count("/api/reduceddatums/?data_product__product_id=carol.csv", rows)
	count("/api/reduceddatums/?data_product__product_id=carols", rows)
	list("/api/observations/?target_id="+target, observed)
	n.ask("bob", "GET", "/api/observations/?target_id="+target, nil).want(t, 400) // like a missing target

	// by time, in both directions and within bounds
	first := ask("GET", "/api/reduceddatums/?ordering=timestamp&limit=2000", nil).rows(t)
	times := members(first, "timestamp")
	if len(times) != rows+1 || !slices.IsSorted(times) {
		t.Errorf("by time: %d rows", len(times))
	}
	last := members(ask("GET", "/api/reduceddatums/?ordering=-timestamp&limit=1", nil).rows(t), "id")
	if !slices.Equal(last, []string{posted}) {
		t.Errorf("the newest is %v, want %s", last, posted)
	}
	count("/api/reduceddatums/?mjd_min=58000&mjd_max=58009.5", 10)
	count("/api/reduceddatums/?ordering=timestamp&mjd_min=58000&mjd_max=58009.5", 10)

	// the file, by the address that is shown and by the one with the name
	product := ask("GET", "/api/dataproducts/"+own+"/?fields=id,data,target", nil).want(t, 200).json(t)
	plain := "/data/product." + own + "/none/carol.csv"
	if product["data"] != n.URL+plain || fmt.Sprint(product["target"]) != target {
		t.Errorf("the product is %v", product)
	}
	for _, path := range []string{plain, address} {
		if r := n.ask("carol", "GET", path, nil).want(t, 200); string(r.body) != csv.String() {
			t.Errorf("%s: %.100s", path, r.body)
		}
		ask("HEAD", path, nil).want(t, 200)
		ask("GET", path, nil, "Range", "bytes=0-3").want(t, 206)
		n.ask("bob", "GET", path, nil).want(t, 404)
		n.ask("", "GET", path, nil).want(t, 404)
		n.ask("admin", "GET", path, nil).want(t, 200)
	}
	for _, path := range []string{"/data/product." + own + "/none/shared.fits", "/data/product." + own + "/",
		"/data/product." + alone + "/none/alone.csv", "/data/product.0" + own + "/none/carol.csv",
		"/data/product./none/carol.csv"} {
		n.ask("carol", "GET", path, nil).want(t, 404)
	}
	image := "/data/product." + shared + "/none/shared.fits"
	ask("GET", image+"?preview=1", nil).want(t, 200)
	ask("GET", image+"?header=1", nil).want(t, 200)
	if seen := n.ask("astro", "GET", "/api/dataproducts/"+shared+"/?fields=data", nil).json(t)["data"]; seen !=
		n.URL+"/data/quixote-7/none/shared.fits" {
		t.Errorf("who sees the target gets %v", seen)
	}

	// exports have the target's id in place of its name, and who may add datums can post them
	for _, format := range exportFormats {
		r := ask("GET", "/api/reduceddatums/?format="+format, nil).want(t, 200)
		switch format {
		case "csv":
			if got := strings.Count(string(r.body), "\n"+target+",photometry,"); got != rows+1 {
				t.Errorf("csv: %d rows of %s: %.300s", got, target, r.body)
			}
		case "ndjson":
			if got := strings.Count(string(r.body), `{"target":`+target+`,"data_type":"photometry",`); got != rows+1 {
				t.Errorf("ndjson: %d rows of %s: %.300s", got, target, r.body)
			}
			back := n.ask("admin", "POST", "/api/reduceddatums/", raw{typeNDJSON, string(r.body)}).want(t, 201).json(t)
			if got := fmt.Sprintf("%v %v %v", back["created"], back["duplicate"], back["rejected"]); got !=
				fmt.Sprintf("0 %d 0", rows+1) {
				t.Errorf("posted again: %v", back)
			}
		}
		ask("GET", "/api/targets/?format="+format, nil).want(t, 200)
	}

	// nothing can be added to a target that is hidden, or found out about it
	for path, body := range map[string]string{
		"/api/reduceddatums/": `{"target": ` + target + `, "data_product": ` + own + `,
			"data_type": "photometry", "value": {"a": 1}}`,
		"/api/observations/": `{"target_id": ` + target + `, "facility": "F", "observation_type": "x",
			"observing_parameters": {}}`} {
		if r := ask("POST", path, jsonText(body)).want(t, 400); !strings.Contains(string(r.body), "does not exist") {
			t.Errorf("%s: %s", r.what, r.body)
		}
	}

	// the others: bob sees nothing, a guest nothing, a superuser everything
	for _, path := range []string{"/api/dataproducts/", "/api/reduceddatums/", "/api/observations/"} {
		for _, user := range []string{"bob", ""} {
			if rows := n.ask(user, "GET", path, nil).rows(t); len(rows) != 0 {
				t.Errorf("%q sees %v", user, rows)
			}
		}
	}
	if got := len(n.ask("admin", "GET", "/api/dataproducts/?fields=id", nil).rows(t)); got != 3 {
		t.Errorf("a superuser sees %d products", got)
	}

	// the mode decides at once, in both directions
	n.mode(auth.ModeTargets, auth.ReadOnly)
	list("/api/dataproducts/?fields=id")
	list("/api/observations/")
	count("/api/reduceddatums/", 0)
	n.mode(auth.ModeObjects, auth.ReadOnly)
	hidden()
	list("/api/dataproducts/?fields=id", shared, own)

	// what she holds stays hers: she cancels her observation and deletes her product
	ask("PATCH", "/api/observations/"+observed+"/cancel/", jsonText(`{}`)).want(t, 200)
	ask("DELETE", "/api/reduceddatums/"+posted+"/", nil).want(t, 204)
	ask("DELETE", "/api/dataproducts/"+own+"/", nil).want(t, 204)
	await(t, "the end of the deletion", func() bool {
		return fmt.Sprint(n.rowCounts()["reduceddatums"]) == "2" // the one row that astro's file has, too, stays
	})
	count("/api/reduceddatums/", 0)
	list("/api/dataproducts/?fields=id", shared)
	// without the group she loses the rest
	n.ask("admin", "DELETE", "/api/groups/"+group+"/?all=true", nil).want(t, 204)
	list("/api/dataproducts/?fields=id")
}

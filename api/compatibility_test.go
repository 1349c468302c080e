package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/auth"
	"nightjar/internal/jsontext"
	"nightjar/internal/testenv"
)

// TestKept: behaviour that clients of a TOM rely on, in addition to the recorded exchanges.
func TestKept(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", " M 31\t", "Observers")
	for i := range 3 {
		n.datum("astro", target, i)
		n.upload("astro", target, "image_file", fmt.Sprintf("%d.png", i), []byte("\x89PNG")).want(t, 201)
	}
	n.upload("astro", target, "image_file", "2.png", []byte("\x89PNG again")).want(t, 201)
	list := n.ask("astro", "GET", "/api/dataproducts/", nil).rows(t)
	if got := strings.Join(members(list, "id"), " "); got != "4 3 2 1" {
		t.Errorf("products are in the order %s", got)
	}
	if got := fmt.Sprint(list[0]["data"]); !strings.HasPrefix(got, n.URL+"/data/m-31/none/2_") ||
		!strings.HasSuffix(got, ".png") {
		t.Errorf("a name that is taken becomes %s", got)
	}
	n.play(t, []scenario{
		{name: "no slash", as: "astro", method: "GET", path: "/api/targets", status: 301,
			head: []string{"Location", "/api/targets/"}},
		{name: "bad limits are 100", as: "astro", method: "GET", path: "/api/reduceddatums/?limit=x&offset=-1",
			status: 200, has: []string{`"count":3,"next":null,"previous":null`}},
		{name: "next and previous", as: "astro", method: "GET",
			path: "/api/reduceddatums/?offset=1&limit=1&target__id=1", status: 200,
			has: []string{`"next":"` + n.URL + `/api/reduceddatums/?limit=1&offset=2&target__id=1"`,
				`"previous":"` + n.URL + `/api/reduceddatums/?limit=1&target__id=1"`}},
		{name: "null by an empty text", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{"target": "1", "data_product": "", "data_type": "photometry", "value": {"a": 1}, ` +
				`"timestamp": "2026-05-01T00:00:00Z"}`), status: 201, has: []string{`"data_product":null`}},
		{name: "a pk as a whole float", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{"target": 1.0, "data_type": "photometry", "value": {"a": 2}, ` +
				`"timestamp": "2026-05-01T00:00:00Z"}`), status: 201, has: []string{`"target":1,`}},
		{name: "trimmed", as: "astro", method: "GET", path: "/api/targets/1/", status: 200,
			has: []string{`"name":"M 31"`}},
		{name: "commas", as: "astro", method: "GET", path: "/api/targets/?name=zzz,m", status: 200,
			has: []string{`"count":1`}},
		{name: "simplified", as: "astro", method: "GET", path: "/api/targets/?name_fuzzy=zz,(M)_3-1", status: 200,
			has: []string{`"count":1`}},
		{name: "a unique product id", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", "1", "data_product_type", "image_file", "product_id", "p").file("a.png",
				[]byte("x")), status: 201, has: []string{`"product_id":"p"`, `"reduceddatum_set":[]`}},
		{name: "a product id that is taken", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", "1", "data_product_type", "image_file", "product_id", "p").file("a.png",
				[]byte("x")), status: 400,
			has: []string{`"product_id":["data product with this product id already exists."]`}},
		{name: "a blank product id", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", "1", "data_product_type", "image_file", "product_id", "", "observation_record",
				"").file("a.png", []byte("x")), status: 201,
			has: []string{`"product_id":null`, `"observation_record":null`}},
		{name: "a TOM's columns", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", "1", "data_product_type", "photometry").file("a.csv",
				[]byte("time,filter,magnitude,error,source,note\n60000.5,r,15.5,0.1,LCO,ok\n")), status: 201},
		{name: "are stored", as: "astro", method: "GET", path: "/api/reduceddatums/?source_name=LCO", status: 200,
			has: []string{`"value":{"time":60000.5,"filter":"r","magnitude":15.5,"error":0.1,"note":"ok"}`,
				`"timestamp":"2023-02-25T12:00:00Z"`}},
		{name: "a spectrum", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", "1", "data_product_type", "spectroscopy").file("s.csv",
				[]byte("# DATE-OBS: 2026-01-01T01:02:03.5\nwavelength,flux\n4000,1.5\n4001,1.25\n")), status: 201},
		{name: "is stored", as: "astro", method: "GET", path: "/api/reduceddatums/?data_type=spectroscopy", status: 200,
			has: []string{`"flux":[1.5,1.25],"flux_units":"erg / (Angstrom s cm2)","wavelength":[4000,4001],` +
				`"wavelength_units":"Angstrom"`}},
	})
}

// TestMended: each deliberate difference from a TOM, in the order of docs/use/compatibility.md,
// except those that TestMatrix and TestBadInput test.
func TestMended(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	mine := n.target("astro", "mine", "Observers")
	other := n.target("astro", "other", "Observers")
	n.ask("astro", "PATCH", "/api/targets/"+other+"/",
		jsonText(`{"aliases": [{"name": "same 1"}, {"name": "same 2"}], "targetextra_set": [{"key": "k", `+
			`"value": "v"}], "target_lists": [{"name": "odd"}]}`)).want(t, 200)
	made := n.ask("admin", "POST", "/api/targets/",
		jsonText(`{"name": "seen", "type": "SIDEREAL", "ra": 5, "dec": 5, "permissions": "PUBLIC"}`)).want(t, 201)
	seen := made.id(t)
	product := n.upload("astro", other, "photometry", "o.csv",
		[]byte("time,magnitude\n60000.5,15.5\n")).want(t, 201).id(t)
	target := "/api/targets/" + mine + "/"
	datum := func(members string) raw {
		return jsonText(`{"target": ` + mine +
			`, "data_type": "photometry", "timestamp": "2026-01-01T00:00:00Z", "value": {"magnitude": 15.582}` +
			members + `}`)
	}
	spectrum := func(rows string) *form {
		return newForm("target", mine, "data_product_type", "spectroscopy").file("s.csv",
			[]byte("wavelength,flux\n"+rows))
	}
	n.play(t, []scenario{
		{name: "a token works", as: "astro", method: "GET", path: target, status: 200},
		{name: "Basic works", as: "", method: "GET", path: target,
			header: []string{"Authorization", basic("astro")}, status: 200},
		{name: "bad credentials", as: "", method: "GET", path: target,
			header: []string{"Authorization",
				"Basic " + "YXN0cm86bm8="}, status: 401, has: []string{`"detail"`},
			head: []string{"WWW-Authenticate", "Basic"}},
		{name: "permissions are changed", as: "astro", method: "PATCH", path: target,
			body: jsonText(`{"permissions": "OPEN", "abs_mag": -17.5, "slope": 0.15}`), status: 200, has: []string{
				`"permissions":"OPEN"`, `"abs_mag":-17.5`, `"slope":0.15`}},
		{name: "and take effect", as: "", method: "GET", path: target, status: 200},
		{name: "a visible target that one may not change", as: "bob", method: "PATCH",
			path: "/api/targets/" + seen + "/",
			body: jsonText(`{"ra": 6}`), status: 403},
		{name: "or add to", as: "bob", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{"target": ` + seen +
				`, "data_type": "photometry", "value": {"a": 1}}`), status: 400,
			has: []string{"You may see this target, but not change it."}},
		{name: "naming a group does not create it", as: "bob", method: "POST", path: "/api/targets/",
			body:   jsonText(`{"name": "b", "type": "SIDEREAL", "ra": 1, "dec": 1, "groups": [{"name": "new"}]}`),
			status: 400},
		{name: "a product of another target", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: datum(`, "data_product": ` + product), status: 400, has: []string{
				"This data product belongs to another target."}},
		{name: "the tag of another target", as: "astro", method: "PATCH", path: target,
			body: jsonText(`{"targetextra_set": [{"id": 1, "key": "k", "value": "w"}]}`), status: 400, has: []string{
				`"targetextra_set"`}},
		{name: "the alias of another target", as: "astro", method: "PATCH", path: target,
			body: jsonText(`{"aliases": [{"id": 1, "name": "moved"}]}`), status: 400, has: []string{
				"TargetName identified by id '1' is not an"}},
		{name: "zero is a number", as: "astro", method: "POST", path: "/api/targets/",
			body: jsonText(`{"name": "zero", "type": "SIDEREAL", "ra": 0, "dec": 0}`), status: 201, has: []string{
				`"ra":0.0,"dec":0.0`}},
		{name: "around zero", as: "astro", method: "GET", path: "/api/targets/?cone_search=359.9,0,0.2", status: 200,
			has: []string{`"count":1`}},
		{name: "a circular orbit", as: "astro", method: "POST", path: "/api/targets/", status: 201,
			has: []string{`"eccentricity":0.0`},
			body: jsonText(`{"name": "orbit", "type": "NON_SIDEREAL", "scheme": "MPC_MINOR_PLANET", ` +
				`"epoch_of_elements": 60000, "inclination": 1, "lng_asc_node": 2, "arg_of_perihelion": 3, ` +
				`"eccentricity": 0, "mean_anomaly": 4, "semimajor_axis": 5}`)},
		{name: "a list by name", as: "astro", method: "GET", path: "/api/targets/?targetlist__name=odd", status: 200,
			has: []string{`"count":1`}},
		{name: "lists of targets when asked for", as: "astro", method: "GET",
			path: "/api/targets/?targetlist__name=odd&fields=target_lists", status: 200, has: []string{
				`"results":[{"target_lists":[{"id":1,"name":"odd"}]}]`}},
		{name: "a list by id", as: "astro", method: "GET", path: "/api/targets/?targetlist__name=1", status: 200,
			has: []string{`"count":1`}},
		{name: "once for two aliases", as: "astro", method: "GET", path: "/api/targets/?name=same", status: 200,
			has: []string{`"count":1`}},
		{name: "datums once for two aliases", as: "astro", method: "GET", path: "/api/reduceddatums/?target_name=same",
			status: 200, has: []string{`"count":1`}},
		{name: "a datum", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{"target": ` + mine +
				`, "data_type": "photometry", "timestamp": "2026-01-01T00:00:00Z", "value": {"magnitude": 15.5820, ` +
				`"filter": "r"}}`), status: 201, has: []string{`"id":2`, "15.5820"}},
		{name: "the same in another order", as: "astro", method: "POST", path: "/api/reduceddatums/",
			body: jsonText(`{"target": ` + mine +
				`, "data_type": "photometry", "timestamp": "2026-01-01T00:00:00Z", "value": {"filter": "\u0072", ` +
				`"magnitude": 1.5582e1}}`), status: 400},
		{name: "a spectrum without a date", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: spectrum("4000,1\n4001,2\n"), status: 201, has: []string{`"created":1`, `"warnings":["`}},
		{name: "says so", as: "astro", method: "GET", path: "/api/reduceddatums/?data_type=spectroscopy", status: 200,
			has: []string{`"time_origin":"upload"`, `"source_name":""`}},
		{name: "and is the same tomorrow", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: spectrum("4000,1\n4001,2\n"), status: 201, has: []string{`"created":0,"duplicate":1`}},
		{name: "columns by other names", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", mine, "data_product_type", "photometry").file("c.dat",
				[]byte("MJD mag magerr band\n60001.5 15.5 0.1 r\n60001.5 15.5 0.1 r\n60002.5 nan 0.1 r\n")),
			status: 201,
			has:    []string{`"created":1,"duplicate":1`, `"line":4`}},
		{name: "under one name", as: "astro", method: "GET", path: "/api/reduceddatums/?data_product_name=c.dat",
			status: 200, has: []string{`"magnitude":15.5`, `"error":0.1`, `"filter":"r"`}},
		{name: "whole numbers in a file", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", mine, "data_product_type", "photometry").file("i.csv",
				[]byte("time,filter,magnitude,error\n60003,r,15,0\n")), status: 201, has: []string{`"created":1`}},
		{name: "stay so", as: "astro", method: "GET", path: "/api/reduceddatums/?data_product_name=i.csv", status: 200,
			has: []string{`"timestamp":"2023-02-28T00:00:00Z","value":{"time":60003,"filter":"r","magnitude":15,` +
				`"error":0}`}},
		{name: "a date with its time", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", mine, "data_product_type", "spectroscopy", "flux_scale", "1e-15").file("s.dat",
				[]byte("# DATE-OBS: 2026-01-01T01:02:03.5\n# wavelength [nm] flux\n400.5 1\n401.5 2\n")), status: 201,
			has: []string{`"created":1`}},
		{name: "in its units, scaled when asked", as: "astro", method: "GET",
			path: "/api/reduceddatums/?data_product_name=s.dat", status: 200, has: []string{
				`"timestamp":"2026-01-01T01:02:03.500000Z"`, `"flux":[1e-15,2e-15]`,
				`"wavelength":[400.5,401.5],"wavelength_units":"nm"`, `"source_name":""`}},
		{name: "a table with a name of an image", as: "astro", method: "POST", path: "/api/dataproducts/",
			body: newForm("target", mine, "data_product_type", "photometry").file("p.fits",
				[]byte("time,magnitude\n60004.5,15.5\n")), status: 201, has: []string{`"created":1`}},
		{name: "a list by itself", as: "astro", method: "GET", path: "/api/targetlist/1/", status: 200,
			has: []string{`{"id":1,"name":"odd"}`}},
		{name: "a PATCH without its slash", as: "astro", method: "PATCH", path: "/api/targets/" + mine,
			body: jsonText(`{"epoch": 2000}`), status: 200, has: []string{`"epoch":2000.0`}},
		{name: "an order", as: "astro", method: "GET", path: "/api/targets/?order=-name&fields=name", status: 200,
			has: []string{`"results":[{"name":"zero"},{"name":"seen"},{"name":"other"}`}},
		{name: "HEAD works", as: "astro", method: "HEAD", path: "/api/targets/", status: 200},
		{name: "one product", as: "astro", method: "GET", path: "/api/dataproducts/" + product + "/", status: 200,
			has: []string{`"id":` + product, `"reduceddatum_set":[{`}},
		{name: "one datum", as: "astro", method: "GET", path: "/api/reduceddatums/2/", status: 200,
			has: []string{`"id":2`}},
		{name: "no such datum", as: "astro", method: "GET", path: "/api/reduceddatums/99/", status: 404,
			has: []string{"No ReducedDatum matches the given query."}},
		{name: "a hidden product", as: "eve", method: "GET", path: "/api/dataproducts/" + product + "/", status: 404},
		{name: "a huge limit", as: "astro", method: "GET", path: "/api/reduceddatums/?limit=99999999999999999999",
			status: 200, has: []string{`"next":null`}},
		{name: "a mistyped filter", as: "astro", method: "GET", path: "/api/reduceddatums/?target_id=1", status: 200,
			head: []string{"Nightjar-Unknown-Parameters", "target_id"}},
		{name: "a data product by its number", as: "astro", method: "GET",
			path: "/api/reduceddatums/?data_product_pk=" + product +
				"&data_product_product_id=o.csv", status: 200, has: []string{`"count":1`}},
	})
	// rows that were uploaded twice belong to both products and are deleted with the last one
	rows := []byte("time,magnitude\n60010.5,15.5\n60011.5,15.6\n")
	first := n.upload("astro", mine, "photometry", "first.csv", rows).want(t, 201).id(t)
	second := n.upload("astro", mine, "photometry", "second.csv", rows).want(t, 201).id(t)
	for _, step := range []struct{ del, count string }{{first, "2"}, {second, "0"}} {
		n.ask("astro", "DELETE", "/api/dataproducts/"+step.del+"/", nil).want(t, 204)
		if got := n.ask("astro", "GET", "/api/reduceddatums/?mjd_min=60010&mjd_max=60012",
			nil).json(t)["count"].(json.Number).String(); got != step.count {
			t.Errorf("%s datums are left, want %s", got, step.count)
		}
	}
	// each sign-in gets a token of its own, for thirty days
	sign := func() (string, map[string]any) {
		secret := fmt.Sprint(n.ask("", "POST", "/api/token-auth/",
			url.Values{"username": {"bob"}, "password": {password("bob")}}).want(t, 200).json(t)["token"])
		list := n.ask("", "GET", "/api/tokens/", nil, "Authorization", "Token "+secret).rows(t)
		slices.SortFunc(list, func(a, b map[string]any) int {
			return strings.Compare(fmt.Sprint(a["created"]), fmt.Sprint(b["created"]))
		})
		return secret, list[len(list)-1]
	}
	one, _ := sign()
	two, last := sign()
	ends, err := time.Parse(time.RFC3339Nano, fmt.Sprint(last["expires"]))
	if days := time.Until(ends).Hours() / 24; one == two || err != nil || days < 29.9 || days > 30.1 {
		t.Errorf("the tokens %s and %s, for %.1f days (%v)", one, two, days, err)
	}
	n.mode(auth.ModeTargets, auth.Locked)
	n.ask("", "GET", target, nil).want(t, 401)
	n.ask("", "GET", target, nil, "Authorization", basic("astro")).want(t, 200)
	n.mode(auth.ModeObjects, auth.ReadOnly)
	for i, groups := range [][]string{{"groups", `[{"name": "Observers"}]`}, {"groups[0]id", "2"},
		{"groups", "2", "groups", "2"}} {
		r := n.upload("astro", mine, "image_file", fmt.Sprintf("g%d.png", i), []byte("x"), groups...).want(t, 201)
		n.ask("carol", "GET", "/api/dataproducts/"+r.id(t)+"/", nil).want(t, 200)
		n.ask("bob", "GET", "/api/dataproducts/"+r.id(t)+"/", nil).want(t, 404)
	}
}

// keys lists the keys of a JSON object in their order.
func keys(t *testing.T, object []byte) string {
	t.Helper()
	j, err := jsontext.Parse(object)
	if err != nil || j.Kind() != '{' {
		t.Fatalf("%v: %s", err, object)
	}
	var list []string
	for _, m := range j.Members() {
		list = append(list, m.Key)
	}
	return strings.Join(list, " ")
}

// TestKeyOrder: members are in a TOM's order, since people read answers and build tables from them.
// Added members come last.
func TestKeyOrder(t *testing.T) {
	n := start(t, Options{})
	const (
		target = "id targetextra_set aliases name type created modified permissions ra dec epoch parallax pm_ra " +
			"pm_dec galactic_lng galactic_lat distance distance_err scheme epoch_of_elements mean_anomaly " +
			"arg_of_perihelion eccentricity lng_asc_node inclination mean_daily_motion semimajor_axis " +
			"epoch_of_perihelion " +
			"ephemeris_period ephemeris_period_err ephemeris_epoch ephemeris_epoch_err perihdist abs_mag slope groups"
		product = "id product_id target observation_record data extra_data data_product_type reduceddatum_set " +
			"groups"
		datum       = "data_product data_type source_name source_location timestamp value target id"
		observation = "id observation_groups status facility parameters observation_id scheduled_start " +
			"scheduled_end created modified target user"
	)
	post := func(path string, body any, want string) {
		if got := keys(t, n.ask("astro", "POST", path, body).want(t, 201).body); got != want {
			t.Errorf("the answer to POST %s has %s\nwant %s", path, got, want)
		}
	}
	post("/api/targets/", jsonText(
		`{"dec": 1, "ra": 1, "type": "SIDEREAL", "name": "M 31", "aliases": [{"name": "Andromeda"}]}`),
		target+" message")
	post("/api/dataproducts/",
		newForm("target", "1", "data_product_type", "photometry").file("a.csv",
			[]byte("time,magnitude\n60000.5,15.5\n")), product+" message report")
	post("/api/reduceddatums/",
		jsonText(`{"value": {"z": 1, "a": 2}, "data_type": "photometry", "target": 1}`), datum+" message")
	n.ask("astro", "POST", "/api/observations/",
		jsonText(`{"target_id": 1, "facility": "LCO", "observation_type": "", `+
			`"observing_parameters": {"a": 1}}`)).want(t, 201)
	for path, want := range map[string]string{"targets": target, "dataproducts": product, "reduceddatums": datum,
		"observations": observation, "groups": "id name"} {
		list := n.ask("astro", "GET", "/api/"+path+"/", nil).want(t, 200).body
		if got := keys(t, list); got != "count next previous results" {
			t.Errorf("a list of %s has %s", path, got)
		}
		j, err := jsontext.Parse(list)
		if err != nil {
			t.Fatal(err)
		}
		row := j.Members()[3].Value.Items()[0]
		if got := keys(t, row); got != want {
			t.Errorf("a row of %s has %s\nwant %s", path, got, want)
		}
		if id := n.ask("astro", "GET", "/api/"+path+"/1/", nil); id.status == 200 && keys(t, id.body) != want {
			t.Errorf("one of %s has %s\nwant %s", path, keys(t, id.body), want)
		}
	}
	if got := keys(t, n.ask("astro", "GET", "/api/",
		nil).body); got != "groups targets observations dataproducts reduceddatums" {
		t.Errorf("the root has %s", got)
	}
	for path, first := range map[string]string{"targets": "name description renders parses actions",
		"groups": "name description renders parses"} {
		if got := keys(t, n.ask("astro", "OPTIONS", "/api/"+path+"/", nil).body); !strings.HasPrefix(got, first) {
			t.Errorf("OPTIONS of %s has %s", path, got)
		}
	}
}

// urllibScript uses the API with nothing but Python's standard library: urllib signs in only when
// it is challenged, follows redirects of GET only, and sends the output of an iterator in chunks.
const urllibScript = `
import base64, json, sys, urllib.error, urllib.parse, urllib.request
base, user, password = sys.argv[1:]
keys = urllib.request.HTTPPasswordMgrWithDefaultRealm()
keys.add_password(None, base, user, password)
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(keys))

def ask(method, path, body=None, kind="application/json"):
    if isinstance(body, (dict, list)):
        body = json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=body, method=method)
    if body is not None:
        request.add_header("Content-Type", kind)
    try:
        with opener.open(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read())

status, target = ask("POST", "/api/targets/", {"name": "η Carinæ", "type": "SIDEREAL", "ra": 161.26, "dec": -59.68, "permissions": "OPEN"})
print(status, target["name"])
print(*ask("POST", "/api/targets/", {"name": "η Carinæ", "type": "SIDEREAL", "ra": 1, "dec": 1}))
print(ask("GET", "/api/targets?" + urllib.parse.urlencode({"name": "η", "strict": "true"}))[1]["count"])
print(ask("PATCH", "/api/targets/%d/" % target["id"], {"epoch": 2000})[1]["epoch"])
status, datum = ask("POST", "/api/reduceddatums/", urllib.parse.urlencode({"target": target["id"], "data_type": "photometry", "value": '{"magnitude": 1.50}'}).encode(), "application/x-www-form-urlencoded")
print(status, datum["value"])
lines = (json.dumps({"target": target["id"], "data_type": "photometry", "timestamp": "2026-01-01T00:00:%02dZ" % s, "value": {"magnitude": s}}).encode() + b"\n" for s in range(60))
mine = {"Content-Type": "application/x-ndjson", "Authorization": "Basic " + base64.b64encode((user + ":" + password).encode()).decode()}
stream = urllib.request.Request(base + "/api/reduceddatums/", data=lines, method="POST", headers=mine)  # which cannot be sent again after a challenge
print(json.load(urllib.request.urlopen(stream))["created"])
part = b"--x\r\nContent-Disposition: form-data; name=\"%s\"%s\r\n\r\n%s\r\n"
form = part % (b"target", b"", b"%d" % target["id"]) + part % (b"data_product_type", b"", b"photometry") + part % (b"file", b"; filename=\"a.csv\"", b"time,magnitude\n60000.5,15.5\n") + b"--x--\r\n"
status, product = ask("POST", "/api/dataproducts/", form, "multipart/form-data; boundary=x")
print(status, product["report"]["created"], urllib.request.urlopen(product["data"]).read().decode().split()[0])
print(*ask("DELETE", "/api/dataproducts/%d/" % product["id"]))
wrong = urllib.request.Request(base + "/api/targets/", headers={"Authorization": "Basic eDp5"})
try:
    urllib.request.urlopen(wrong)
except urllib.error.HTTPError as refused:
    print(refused.code, refused.headers["WWW-Authenticate"])
`

func TestUrllib(t *testing.T) {
	t.Parallel()
	python := testenv.Need(t, "python3")
	n := start(t, Options{})
	cmd := exec.Command(python, "-I", "-", n.URL, "astro", password("astro"))
	cmd.Stdin = strings.NewReader(urllibScript)
	cmd.Env = append(cmd.Environ(), "PYTHONIOENCODING=utf-8", "no_proxy=*")
	out, err := cmd.CombinedOutput()
	want := `201 η Carinæ
400 {'name': ['target with this Name already exists.']}
1
2000.0
201 {'magnitude': 1.5}
60
201 1 time,magnitude
204 None
401 Basic realm="api"
`
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
}

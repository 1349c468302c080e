package api

import "testing"

// TestUploadByObject: an upload without a target goes to the targets that its rows name, as far as
// there are such for the one who asks.
func TestUploadByObject(t *testing.T) {
	n := start(t, Options{})
	one, two := n.target("astro", "SN 2026abc", "Observers"), n.target("astro", "M 31", "Observers")
	n.target("bob", "secret")
	const path = "/api/dataproducts/"
	night := []byte("object,mjd,mag\nSN2026abc,58010,15\nM31,58010,16\nsecret,58010,17\nnobody,58010,17\n")
	form := func(pairs ...string) *form {
		return newForm(append([]string{"data_product_type", "photometry"}, pairs...)...).file("night.csv", night)
	}
	const left = `"rejected":[{"file":"night.csv","line":4,"reason":"there is no target called \"secret\""},{"file":"night.csv","line":5,"reason":"there is no target called \"nobody\""}],"rejected_count":2`
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
		{name: "each has its own", as: "astro", method: "GET", path: path + "2/", status: 200,
			has: []string{`"data_type":"photometry"`, `"magnitude":16`}, lacks: []string{`"magnitude":15`}},
		{name: "refused as it is there", as: "astro", method: "POST", path: path + "?duplicates=error", body: form(),
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
		{name: "nobody's", as: "astro", method: "POST", path: path,
			body: newForm("data_product_type", "photometry").file("a.csv",
				[]byte("object,mjd,mag\nnobody,58000,15\n")), status: 400,
			has: []string{"Data processing error", "every object was left out",
				`there is no target called \"nobody\"`}},
		{name: "another's", as: "bob", method: "POST", path: path, body: form(), status: 201,
			has: []string{`"created":1`, `there is no target called \"SN2026abc\"`}},
	})
}

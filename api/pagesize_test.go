package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// shownOn returns the text of the answer that a page shows.
func shownOn(t *testing.T, r *reply) string {
	t.Helper()
	_, rest, ok := strings.Cut(string(r.want(t, 200).body), `class="answer">`)
	text, _, end := strings.Cut(rest, "</pre>")
	if !ok || !end {
		t.Fatalf("%s: no answer on the page", r.what)
	}
	return html.UnescapeString(text)
}

// TestPagesAreShort: a page for a browser shows a limited number of rows and bytes, whatever limit
// says, and links to the rest. JSON has everything.
func TestPagesAreShort(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	const many = 20_000
	var csv strings.Builder
	csv.WriteString("mjd,magnitude,filter\n")
	for i := range many {
		fmt.Fprintf(&csv, "%d.5,15.25,g\n", 40_000+i)
	}
	product := n.upload("astro", target, "photometry", "a.csv", []byte(csv.String())).want(t, 201).id(t)

	seen, path := 0, "/api/reduceddatums/?limit=1000000&format=api"
	for pages := 0; path != "" && pages < 3; pages++ {
		r := n.ask("astro", "GET", path, nil)
		var page struct {
			Count   int
			Next    *string
			Results []struct{ ID int }
		}
		if err := json.Unmarshal([]byte(shownOn(t, r)), &page); err != nil {
			t.Fatal(err)
		}
		if page.Count != many || len(page.Results) != maxPageRows || page.Results[0].ID != seen+1 {
			t.Fatalf("%s: %d rows of %d", path, len(page.Results), page.Count)
		}
		if got := strings.Contains(string(r.body), "A page shows at most 100 rows"); got != (pages == 0) {
			t.Errorf("%s: the page says that there are more: %v", path, got)
		}
		seen += len(page.Results)
		u, err := url.Parse(*page.Next)
		if err != nil {
			t.Fatal(err)
		}
		path = u.RequestURI()
	}
	if r := n.ask("astro", "GET", "/api/reduceddatums/?limit=1000000&pagination_style=cursor", nil, "Accept",
		"text/html"); strings.Count(shownOn(t, r), `"timestamp"`) != maxPageRows {
		t.Error("a browser's page by cursor is longer")
	}
	for _, path := range []string{"/api/dataproducts/" + product + "/?format=api", "/api/dataproducts/?format=api"} {
		r := n.ask("astro", "GET", path, nil)
		if text := shownOn(t, r); len(text) > maxIndented || !strings.Contains(text, `"timestamp"`) {
			t.Errorf("%s: %d bytes", path, len(text))
		}
		if !strings.Contains(string(r.body), "shows its beginning") ||
			!strings.Contains(string(r.body), `?format=json">The whole answer as JSON`) {
			t.Errorf("%s does not say how to get everything: %.2000s", path, r.body)
		}
	}
	if rows := n.ask("astro", "GET", "/api/dataproducts/"+product+"/?format=json", nil).want(t,
		200).json(t)["reduceddatum_set"].([]any); len(rows) != many {
		t.Errorf("JSON has %d of %d datums", len(rows), many)
	}
}

// TestDeepValues: deeply nested values grow when they are indented; pages and indented JSON are
// limited all the same.
func TestDeepValues(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	target := n.target("astro", "M 31")
	deep := strings.Repeat("[", 190) + "1" + strings.Repeat("]", 190)
	value := `["` + strings.Repeat("日本語", 100) + `"` + strings.Repeat(","+deep, 2000) + "]"
	id := n.ask("astro", "POST", "/api/reduceddatums/",
		jsonText(`{"target": `+target+`, "data_type": "photometry", "timestamp": "2025-01-01T00:00:00Z", `+
			`"value": `+value+`}`)).want(t, 201).id(t)
	for _, path := range []string{"/api/reduceddatums/" + id + "/", "/api/reduceddatums/"} {
		r := n.ask("astro", "GET", path+"?format=api", nil)
		if len(r.body) > 3*maxIndented || !strings.Contains(string(r.body), "shows its beginning") {
			t.Errorf("%s: a page of %d bytes", path, len(r.body))
		}
		plain, spread := n.ask("astro", "GET", path, nil),
			n.ask("astro", "GET", path, nil, "Accept", "application/json; indent=8")
		if !bytes.Equal(plain.body, spread.body) {
			t.Errorf("%s: %d bytes indented", path, len(spread.body))
		}
	}
}

// TestIndented: the result equals that of json.Indent, up to the maximum length.
func TestIndented(t *testing.T) {
	for _, text := range []string{`{}`, `[]`, `null`, `"a\"b\\"`, `[1,2,[],{},{"a":{"b":[true,"x{},:["]}}]`,
		`{"a":"日本語\n","b":[[[1]]],"c":-1.5e7}`} {
		for blanks := range 9 {
			var want bytes.Buffer
			if err := json.Indent(&want, []byte(text), "", strings.Repeat(" ", blanks)); err != nil {
				t.Fatal(err)
			}
			if got, whole := indented([]byte(text), blanks, 1000); string(got) != want.String() || !whole {
				t.Errorf("%s: %s", text, got)
			}
			for most := range want.Len() {
				got, whole := indented([]byte(text), blanks, most)
				if whole || len(got) > most || len(got) < most-3 || !bytes.HasPrefix(want.Bytes(), got) ||
					!json.Valid([]byte(`"`+strings.Map(func(r rune) rune {
						if r == '"' || r == '\\' || r < ' ' {
							return -1
						}
						return r
					}, string(got))+`"`)) || strings.ContainsRune(string(got), '\uFFFD') {
					t.Errorf("%s up to %d: %q", text, most, got)
				}
			}
			for n := range text {
				if _, whole := indented([]byte(text[:n]), blanks, 1000); whole && text[0] != 'n' && n > 0 {
					t.Errorf("%s is whole", text[:n])
				}
			}
		}
	}
}

package api

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

var update = flag.Bool("update", false, "write testdata/permissions.md, which TestPermissions compares with")

// TestPermissions asks everything as everybody and compares the table of the answers with
// testdata/permissions.md, so that a change of who may do what is seen for what it is. That the
// answers are right is for TestMatrix and its neighbours; that none is left out is for this one: a
// route, a filter or a form of export that is in no row makes it fail.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	owner := *w.node
	owner.Server = httptest.NewServer(w.api.Owner())
	t.Cleanup(owner.Close)
	x := &stage{trial: trial{w: w}, owner: &owner, dir: t.TempDir()}
	var page strings.Builder
	page.WriteString(permissionsHead)
	page.WriteString("\n## What hangs on a target\n" + targetsHead)
	asked := slices.Concat(targetRows(), nodeRows())
	type block struct {
		titles []string
		table  string
	}
	var blocks []*block
	whole := testenv.Long() || *update
	for i, kind := range stageKinds {
		for j, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
			if !whole && (i+2*j)%3 != 0 { // four of the ten
				continue
			}
			x.like, x.held, x.mode = starred{name: "Zq", access: kind.access, held: kind.target}, kind.data, mode
			table := x.table(targetRows())
			title := fmt.Sprintf("%s, mode `%s`", kind.name, mode)
			if at := slices.IndexFunc(blocks, func(b *block) bool { return b.table == table }); at >= 0 {
				blocks[at].titles = append(blocks[at].titles, title)
			} else {
				blocks = append(blocks, &block{[]string{title}, table})
			}
			x.drop()
		}
	}
	file := filepath.Join("testdata", "permissions.md")
	if !whole {
		w.coveredBy(asked)
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		compare := func(title, got string) {
			for section := range strings.SplitSeq(string(want), "\n##") {
				heading, want, _ := strings.Cut(section, "\n")
				if !slices.Contains(strings.Split(strings.TrimLeft(heading, "# "), "; "), title) {
					continue
				}
				for line := range strings.Lines(got) {
					if !strings.Contains(want, line) {
						t.Errorf("testdata/permissions.md, %s: it lacks\n%sIf that is what it should be: go test ./api -run TestPermissions -update", title, line)
					}
				}
				return
			}
			t.Errorf("testdata/permissions.md lacks the section %s", title)
		}
		for _, b := range blocks {
			for _, title := range b.titles {
				compare(title, b.table)
			}
		}
		compare("The node and its people", x.table(nodeRows()))
		return
	}
	for _, b := range blocks {
		page.WriteString("\n### " + strings.Join(b.titles, "; ") + "\n\n" + b.table)
	}
	page.WriteString("\n## The node and its people\n" + nodeHead + "\n" + x.table(nodeRows()))
	w.coveredBy(asked)
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(page.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || line != got[i] {
			t.Fatalf("testdata/permissions.md, line %d: it says\n%s\nand it is\n%s\nIf that is what it should be: go test ./api -run TestPermissions -update", i+1, line, slices.Concat(got, make([]string, i+1))[i])
		}
	}
	if len(got) != strings.Count(string(want), "\n")+1 {
		t.Errorf("testdata/permissions.md lacks its end. If that is what it should be: go test ./api -run TestPermissions -update")
	}
}

const permissionsHead = `# Who may do what

This page is made by a test, ` + "`TestPermissions`" + `, which asks a node every method, filter and form of every route as each of these and writes down what was answered. What the rules are, and why, is
in [security.md](../../docs/run/security.md) and [api.md](../../docs/use/api.md).

| column | who asks |
|---|---|
| owner | whoever has the file: the command line, and the control socket |
| superuser | a user who is one |
| maker | the user who made the target and what hangs on it |
| member | a user in the group Observers |
| other | another user, in no group |
| guest | nobody is signed in, and the strategy is ` + "`read-only`" + ` |
| locked | nobody is signed in, and the strategy is ` + "`locked`" + ` |
| reads | the member, with a token that only reads |
| root reads | the superuser, with a token that only reads |
| expired | the maker, with a token that has expired |

A cell holds the status, and for lists and exports how many rows there were. The parameters before a row's answers give the same: each of them was asked for by itself. Words in braces stand for an id
or a name of what the table is about.
`

const targetsHead = `
On the target hang an alias, a tag, a list, an observation, a file of photometry with two data, an image, and a datum by itself.
`

const nodeHead = `
` + "`{member}`" + ` is the member, ` + "`{token}`" + ` a token of the member's, ` + "`{group}`" + ` the group Observers, and ` + "`{another group}`" + ` one in which none of these is. The list of
tokens says of how many people it shows tokens.
`

// stageKinds are the kinds of targets, with who may see and change the target, and who holds what
// hangs on it.
var stageKinds = []struct {
	name, access string
	target, data held
}{
	{"Open to anyone", "OPEN", held{user: "astro"}, held{user: "astro"}},
	{"Open to who is signed in", "PUBLIC", held{user: "astro"}, held{user: "astro"}},
	{"Private", "PRIVATE", held{user: "astro"}, held{user: "astro"}},
	{"Shared with Observers, and so is what hangs on it", "PRIVATE", held{"astro", []string{"Observers"}},
		held{"astro", []string{"Observers"}}},
	{"Shared with Observers, what hangs on it being held by its maker", "PRIVATE", held{"astro", []string{"Observers"}},
		held{user: "astro"}},
}

// stageColumns are those who ask: the titles of the columns, and the names of the people.
var stageColumns = []struct{ title, person string }{
	{"owner", "owner"}, {"superuser", "admin"}, {"maker", "astro"}, {"member", "carol"}, {"other", "bob"}, {"guest",
		"guest"}, {"locked", "guest"}, {"reads", "reader"}, {"root reads", "root reader"}, {"expired", "expired"},
}

// A row is something that is asked. Words in braces in path and body stand for what is on the
// stage.
type row struct {
	method, path string
	note         string // what tells it from another row with the same path
	header       []string
	body         func(x *stage) any
	spoils       bool // when it is done, the stage must be set anew
	after        func(x *stage)
}

// stage is a target with one of everything on it, and what else rows are about.
type stage struct {
	trial
	owner *node
	mode  auth.Mode
	dir   string
	n     int
	names map[string]string
	spare []string // the addresses of what was made for one row, such as a token to be revoked
}

// set makes what is not there any more.
func (x *stage) set() {
	w := x.w
	w.t.Helper()
	if x.s != nil {
		return
	}
	x.make()
	image := newForm("target", x.s.id, "data_product_type", "fits_file")
	for i, g := range x.trial.held.groups {
		image.w.WriteField(fmt.Sprintf("groups[%d]id", i), w.groups[g])
	}
	data := fmt.Sprint(w.ask("astro", "POST", "/api/dataproducts/", image.file("i.fits", smallImage())).want(w.t,
		201).json(w.t)["data"])
	x.names = map[string]string{"target": x.s.id, "name": x.s.name, "alias": x.s.aliasID, "alias name": x.s.alias,
		"tag": x.s.extraID, "key": "key " + x.s.name, "value": "value " + x.s.name,
		"list": x.s.listID, "list name": x.s.list, "observation": x.o.id, "facility": x.o.facility, "status": x.o.status, "observation id": x.o.observationID,
		"product": x.u.id, "product id": x.u.productID, "file": strings.TrimPrefix(x.u.path,
			"/data/"), "file name": x.u.file(), "image": strings.TrimPrefix(data, w.URL+"/data/"),
		"datum": x.d.id, "source": x.d.source, "group": w.groups["Observers"], "another group": w.groups["Readers"], "member": w.userID("carol")}
}

// fill puts what is on the stage in the place of words in braces.
func (x *stage) fill(text string, code func(string) string) string {
	for name, value := range x.names {
		text = strings.ReplaceAll(text, "{"+name+"}", code(value))
	}
	for _, fresh := range []string{"token", "spare user", "spare group"} { // made for whoever asks for them
		if !strings.Contains(text, "{"+fresh+"}") {
			continue
		}
		x.n++
		maker, path, body := "admin", "/api/users/", map[string]string{"username": fmt.Sprint("spare", x.n)}
		switch fresh {
		case "token":
			maker, path, body = "carol", "/api/tokens/", map[string]string{"name": "t"}
		case "spare group":
			path, body = "/api/groups/", map[string]string{"name": fmt.Sprint("spare", x.n)}
		}
		id := x.w.ask(maker, "POST", path+"?all=true", body).want(x.w.t, 201).id(x.w.t)
		x.spare = append(x.spare, path+id+"/?all=true")
		text = strings.ReplaceAll(text, "{"+fresh+"}", id)
	}
	return text
}

func same(s string) string { return s }

// sends is a body of JSON.
func sends(text string) func(x *stage) any {
	return func(x *stage) any { return jsonText(x.fill(text, same)) }
}

// sendsLines is a stream of lines of JSON.
func sendsLines(text string) func(x *stage) any {
	return func(x *stage) any { return raw{typeNDJSON, x.fill(text, same) + "\n"} }
}

// sendsFile is a form with a file.
func sendsFile(fields ...string) func(x *stage) any {
	return func(x *stage) any {
		f := newForm()
		for i := 0; i < len(fields); i += 2 {
			f.w.WriteField(fields[i], x.fill(fields[i+1], same))
		}
		return f.file("t.csv", []byte("time,magnitude\n60000,1\n"))
	}
}

// table asks all rows as everybody.
func (x *stage) table(rows []row) string {
	cells := make([][]string, len(rows))
	for _, column := range stageColumns {
		strategy := auth.ReadOnly
		if column.title == "locked" {
			strategy = auth.Locked
		}
		x.w.rules(x.mode, strategy)
		for i, r := range rows {
			x.set()
			cells[i] = append(cells[i], x.cell(column.person, r))
		}
	}
	var b strings.Builder
	b.WriteString("| |")
	for _, column := range stageColumns {
		b.WriteString(" " + column.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(stageColumns)) + "\n")
	for i := 0; i < len(rows); {
		path, query, _ := strings.Cut(rows[i].path, "?")
		text := "`" + rows[i].method + " " + path + "`"
		add := func(query, note string) {
			if query != "" {
				text += " `?" + query + "`"
			}
			if note != "" {
				text += " " + note
			}
		}
		add(query, rows[i].note)
		from := i
		for i++; i < len(rows) && rows[i].method == rows[from].method && strings.Split(rows[i].path, "?")[0] == path &&
			slices.Equal(cells[i], cells[from]); i++ {
			_, query, _ := strings.Cut(rows[i].path, "?")
			if rows[i].note != "" {
				text += ","
			}
			add(query, rows[i].note)
		}
		b.WriteString("| " + text + " | " + strings.Join(cells[from], " | ") + " |\n")
	}
	return b.String()
}

// cell asks for a row as somebody and says in a few words what was answered.
func (x *stage) cell(person string, r row) string {
	w := x.w
	path, query, _ := strings.Cut(r.path, "?")
	path = x.fill(path, same)
	if query != "" {
		path += "?" + x.fill(query, url.QueryEscape)
	}
	var body any
	if r.body != nil {
		body = r.body(x)
	}
	answer := x.ask(person, r, path, body)
	if answer.status < 400 {
		if r.spoils {
			x.drop()
		}
		if r.after != nil {
			r.after(x)
		}
	}
	for _, path := range x.spare {
		w.ask("admin", "DELETE", path, nil)
	}
	x.spare = nil
	said := fmt.Sprint(answer.status)
	kind := answer.header.Get("Content-Type")
	switch {
	case answer.status >= 300 || r.method == "HEAD":
	case r.method == "OPTIONS":
		if actions, ok := answer.json(w.t)["actions"].(map[string]any); ok {
			for method := range actions {
				said += ", proposes " + method
			}
		}
	case strings.Contains(query, "format=") && kind != typeJSON && !strings.HasPrefix(kind, "text/html"):
		n := 0
		mark := strings.TrimPrefix(x.d.source, "alone")
		for _, source := range []string{x.d.source, "src" + mark, "common" + x.s.name} {
			if strings.HasPrefix(r.path, "/api/reduceddatums/") && bytes.Contains(answer.body, []byte(source)) {
				n++
			}
		}
		if strings.HasPrefix(r.path, "/api/targets/") && bytes.Contains(answer.body, []byte(x.names["name"])) {
			n++
		}
		said += fmt.Sprintf(": %d", n)
	case strings.HasPrefix(kind, typeJSON) && !strings.HasPrefix(r.path, "/data/") &&
		bytes.HasPrefix(answer.body, []byte("{")):
		v := answer.json(w.t)
		switch list, _ := v["results"].([]any); {
		case r.path == "/api/tokens/" && r.method == "GET": // whose number grows with those who came in
			of := map[any]bool{}
			for _, x := range list {
				of[x.(map[string]any)["username"]] = true
			}
			said += fmt.Sprintf(": of %d", len(of))
		case v["source_names"] != nil:
			said += fmt.Sprintf(": %d", len(v["targets"].([]any)))
		case v["results"] != nil && !strings.HasPrefix(r.path, "/api/log/"):
			said += fmt.Sprintf(": %v", v["count"])
		}
		if n := cmp.Or(fmt.Sprint(v["rejected"]), "0"); n != "0" && n != "<nil>" {
			said += ", " + n + " line refused"
		}
	}
	return said
}

func (x *stage) ask(person string, r row, path string, body any) *reply {
	w := x.w
	if strings.HasPrefix(path, "/api/events/?") { // which would go on
		ctx, cancel := context.WithTimeout(w.t.Context(), testenv.Patience)
		defer cancel()
		rq := httptest.NewRequest(r.method, path, nil).WithContext(ctx)
		if person != "owner" && person != "guest" {
			rq.Header.Set("Authorization", "Token "+w.tokens[person])
		}
		rec := httptest.NewRecorder()
		handler := http.Handler(w.api)
		if person == "owner" {
			handler = w.api.Owner()
		}
		handler.ServeHTTP(&firstWord{rec, cancel}, rq)
		return &reply{rec.Code, rec.Header(), nil, path}
	}
	if person == "owner" {
		return x.owner.ask("", r.method, path, body, r.header...)
	}
	return w.as(w.person(person), r.method, path, body, r.header...)
}

// firstWord takes an answer until something of it has come.
type firstWord struct {
	*httptest.ResponseRecorder
	stop func()
}

func (f *firstWord) Write(b []byte) (int, error) {
	defer f.stop()
	return f.ResponseRecorder.Write(b)
}

// targetRows are about a target and what hangs on it.
func targetRows() (rows []row) {
	add := func(method, path string) *row {
		rows = append(rows, row{method: method, path: path})
		return &rows[len(rows)-1]
	}
	// do is a write that is possible once
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
		"target_cone_search", "{name},5", "targetlist__name", "{list name}", "targetlist__name", "{list}", "order", "name"}, exports)...)
	thing("/api/targets/{target}/")
	do("PATCH", "/api/targets/{target}/", "", sends(`{"slope": 0.5}`))
	do("PATCH", "/api/targets/{target}/", "who sees it", sends(`{"permissions": "OPEN"}`))
	do("PATCH", "/api/targets/{target}/", "granting to Observers", sends(`{"groups": [{"id": {group}}]}`))
	do("PATCH", "/api/targets/{target}/", "granting to another group", sends(`{"groups": [{"id": {another group}}]}`))
	do("PUT", "/api/targets/{target}/", "", sends(`{"name": "{name}", "type": "SIDEREAL", "ra": 1, "dec": 1}`))
	do("DELETE", "/api/targets/{target}/", "", nil)
	add("OPTIONS", "/api/targets/{target}/groups/{group}/")
	do("DELETE", "/api/targets/{target}/groups/{group}/", "", nil)
	for _, path := range []string{"/api/targetname/{alias}/", "/api/targetextra/{tag}/", "/api/targetlist/{list}/"} {
		thing(path)
		do("DELETE", path, "", nil)
	}
	const fresh = `"name": "Fresh", "type": "SIDEREAL", "ra": 1, "dec": 1`
	made := func(x *stage) { // is of no use to others
		for _, r := range x.w.ask("admin", "GET", "/api/targets/?name=Fresh", nil).rows(x.w.t) {
			x.w.ask("admin", "DELETE", fmt.Sprintf("/api/targets/%v/", r["id"]), nil).want(x.w.t, 204)
		}
	}
	for _, r := range []row{
		{note: "", body: sends(`{` + fresh + `}`)},
		{note: "of its name", body: sends(`{"name": "{name}", "type": "SIDEREAL", "ra": 1, "dec": 1}`)},
		{note: "with its alias", body: sends(`{` + fresh + `, "aliases": [{"name": "{alias name}"}]}`)},
		{note: "onto its list, by id", body: sends(`{` + fresh + `, "target_lists": [{"id": {list}}]}`)},
		{note: "onto its list, by name", body: sends(`{` + fresh + `, "target_lists": [{"name": "{list name}"}]}`)},
		{note: "granting to Observers", body: sends(`{` + fresh + `, "groups": [{"name": "Observers"}]}`)},
		{note: "as lines", body: sendsLines(`{` + fresh + `}`)},
	} {
		r.method, r.path, r.after, r.spoils = "POST", "/api/targets/", made, strings.Contains(r.note, "list")
		rows = append(rows, r)
	}

	list("/api/reduceddatums/",
		slices.Concat([]string{"target__id", "{target}", "target_name", "{name}", "source_name", "{source}",
			"data_type", "photometry", "data_product__id", "{product}", "data_product_pk", "{product}",
			"data_product_product_id", "{product id}", "data_product__product_id", "{product id}", "data_product_name", "{file name}", "upload", "1", "timestamp_after", "2000-01-01", "timestamp_before", "2100-01-01",
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
		"scheduled_start_before", "2100-01-01", "scheduled_end_after", "2000-01-01", "scheduled_end_before", "2100-01-01", "created_after", "2000-01-01", "created_before", "2100-01-01",
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

// nodeRows are about everything else.
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
	gone := func(path, field string) func(x *stage) { // what was made last of what is named n1, n2 and so on
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
	add("PATCH", "/api/users/{member}/", "to be a superuser or none", sends(`{"is_superuser": false}`))
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
		"/api/log/?table=targets", "/api/log/?table=targets&id=1", "/api/log/?since=2000-01-01", "/api/log/?until=2100-01-01")
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

// coveredBy looks whether there is a row for every method of every route, for every filter, every
// parameter of a write, and every form of export.
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

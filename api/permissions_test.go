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

// TestPermissions sends every request as everybody and compares the table of the answers with
// testdata/permissions.md, so that every change of a permission shows in a diff. TestMatrix
// and its neighbours check whether the answers are right. This test checks that none is left out:
// it fails if a route, a filter or a format of an export has no row.
func TestPermissions(t *testing.T) {
	t.Parallel()
	w := emptyWorld(t)
	owner := *w.node
	owner.Server = httptest.NewServer(w.api.Owner())
	t.Cleanup(owner.Close)
	x := &stage{trial: trial{w: w}, owner: &owner, dir: t.TempDir()}
	var page strings.Builder
	page.WriteString(permissionsHead)
	page.WriteString("\n## Targets and the objects on them\n" + targetsHead)
	asked := slices.Concat(targetRows(), nodeRows())
	type block struct {
		titles []string
		table  string
	}
	var blocks []*block
	whole := testenv.Long() || *update
	for i, kind := range stageKinds {
		for j, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
			if !whole && (i+2*j)%3 != 0 { // the short form has five of the fourteen
				continue
			}
			x.like = starred{name: "Zq", access: kind.access, held: kind.target, viewers: kind.viewers}
			x.held, x.mode = kind.data, mode
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
						t.Errorf("testdata/permissions.md, %s lacks\n%sIf the new answer is right: go test "+
							"./api -run TestPermissions -update", title, line)
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
		compare("The node and its users", x.table(nodeRows()))
		return
	}
	for _, b := range blocks {
		page.WriteString("\n### " + strings.Join(b.titles, "; ") + "\n\n" + b.table)
	}
	page.WriteString("\n## The node and its users\n" + nodeHead + "\n" + x.table(nodeRows()))
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
			t.Fatalf("testdata/permissions.md, line %d has\n%s\nwant\n%s\nIf the new answer is right: "+
				"go test ./api -run TestPermissions -update", i+1, line, slices.Concat(got, make([]string, i+1))[i])
		}
	}
	if len(got) != strings.Count(string(want), "\n")+1 {
		t.Errorf("testdata/permissions.md lacks its end. If the new answers are right: go test ./api -run " +
			"TestPermissions -update")
	}
}

const permissionsHead = `# Who may do what

A test, ` + "`TestPermissions`" + `, writes this page: it sends requests with every method, filter and format of every route to a node, as each of these, and records the answers. The rules and their reasons are
in [security.md](../../docs/run/security.md) and [api.md](../../docs/use/api.md).

| column | who asks |
|---|---|
| owner | the owner of the file: the command line, and the control socket |
| superuser | a superuser |
| maker | the user who created the target and the objects on it |
| member | a user in the group Observers |
| other | another user, in no group |
| guest | nobody is signed in, and the strategy is ` + "`read-only`" + ` |
| locked | nobody is signed in, and the strategy is ` + "`locked`" + ` |
| reads | the member, with a read-only token |
| root reads | the superuser, with a read-only token |
| expired | the maker, with a token that has expired |

A cell has the status, and for lists and exports the number of rows. If a row has several parameters, each was sent by itself, and the answers were the same. Words in braces are ids
and names of the objects of the table.
`

const targetsHead = `
The target has an alias, a tag, a list, an observation, a file of photometry with two datums, an image, and a datum without a file.
`

const nodeHead = `
` + "`{member}`" + ` is the member, ` + "`{token}`" + ` a token of the member, ` + "`{group}`" + ` the group Observers, and ` + "`{another group}`" + ` a group without these users. For the list of
tokens a cell has the number of users whose tokens it contains.
`

// stageKinds are the kinds of targets: who may see and change the target, and who owns the objects
// on it.
var stageKinds = []struct {
	name, access string
	target, data held
	viewers      []string
}{
	{"Open to anyone", "OPEN", held{user: "astro"}, held{user: "astro"}, nil},
	{"Open to users who are signed in", "PUBLIC", held{user: "astro"}, held{user: "astro"}, nil},
	{"Private", "PRIVATE", held{user: "astro"}, held{user: "astro"}, nil},
	{"Shared with Observers, and so are the objects on it", "PRIVATE", held{"astro", []string{"Observers"}},
		held{"astro", []string{"Observers"}}, nil},
	{"Shared with Observers, but the objects on it belong to their maker", "PRIVATE",
		held{"astro", []string{"Observers"}},
		held{user: "astro"}, nil},
	{"Private, but the objects on it are shared with Observers", "PRIVATE", held{user: "astro"},
		held{"astro", []string{"Observers"}}, nil},
	{"Observers may view it, and so they may the objects on it", "PRIVATE", held{user: "astro"},
		held{"astro", []string{"Observers"}}, []string{"Observers"}},
}

// stageColumns are the titles of the columns, and the people that send their requests.
var stageColumns = []struct{ title, person string }{
	{"owner", "owner"}, {"superuser", "admin"}, {"maker", "astro"}, {"member", "carol"}, {"other", "bob"}, {"guest",
		"guest"}, {"locked", "guest"}, {"reads", "reader"}, {"root reads", "root reader"}, {"expired", "expired"},
}

// A row is a request. Words in braces in its path and body are names of objects on the stage.
type row struct {
	method, path string
	note         string // distinguishes it from other rows with the same path
	header       []string
	body         func(x *stage) any
	spoils       bool // if it succeeds, the stage must be rebuilt
	after        func(x *stage)
}

// A stage is a target with one object of each kind on it, and the other objects that rows need.
type stage struct {
	trial
	owner *node
	mode  auth.Mode
	dir   string
	n     int
	names map[string]string
	spare []string // addresses of objects that were created for one row, such as a token to be revoked
}

// build creates the objects that are missing.
func (x *stage) build() {
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
		"list": x.s.listID, "list name": x.s.list, "observation": x.o.id, "facility": x.o.facility,
		"status": x.o.status, "observation id": x.o.observationID,
		"product": x.u.id, "product id": x.u.productID, "file": strings.TrimPrefix(x.u.path,
			"/data/"), "file name": x.u.file(), "image": strings.TrimPrefix(data, w.URL+"/data/"),
		"datum": x.d.id, "source": x.d.source, "group": w.groups["Observers"], "another group": w.groups["Readers"],
		"member": w.userID("carol")}
}

// fill replaces words in braces by ids and names of objects on the stage.
func (x *stage) fill(text string, code func(string) string) string {
	for name, value := range x.names {
		text = strings.ReplaceAll(text, "{"+name+"}", code(value))
	}
	for _, fresh := range []string{"token", "spare user", "spare group"} { // created for each row that needs them
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

func unchanged(s string) string { return s }

// sends returns a body of JSON.
func sends(text string) func(x *stage) any {
	return func(x *stage) any { return jsonText(x.fill(text, unchanged)) }
}

// sendsLines returns a stream of lines of JSON.
func sendsLines(text string) func(x *stage) any {
	return func(x *stage) any { return raw{typeNDJSON, x.fill(text, unchanged) + "\n"} }
}

// sendsFile returns a form with a file.
func sendsFile(fields ...string) func(x *stage) any {
	return func(x *stage) any {
		f := newForm()
		for i := 0; i < len(fields); i += 2 {
			f.w.WriteField(fields[i], x.fill(fields[i+1], unchanged))
		}
		return f.file("t.csv", []byte("time,magnitude\n60000,1\n"))
	}
}

// table sends all rows as everybody.
func (x *stage) table(rows []row) string {
	cells := make([][]string, len(rows))
	for _, column := range stageColumns {
		strategy := auth.ReadOnly
		if column.title == "locked" {
			strategy = auth.Locked
		}
		x.w.rules(x.mode, strategy)
		for i, r := range rows {
			x.build()
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

// cell sends a row as a person and summarises the answer.
func (x *stage) cell(person string, r row) string {
	w := x.w
	path, query, _ := strings.Cut(r.path, "?")
	path = x.fill(path, unchanged)
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
		for _, source := range []string{x.d.source, "src" + mark, "common" + x.s.tag()} {
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
		case r.path == "/api/tokens/" && r.method == "GET": // their number grows with every sign-in
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
	if strings.HasPrefix(path, "/api/events/?") { // the stream would not end
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

// firstWord cancels a request when the first bytes of its answer are written.
type firstWord struct {
	*httptest.ResponseRecorder
	stop func()
}

func (f *firstWord) Write(b []byte) (int, error) {
	defer f.stop()
	return f.ResponseRecorder.Write(b)
}

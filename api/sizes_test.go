package api

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"nightjar/auth"
	"nightjar/internal/testenv"
)

// TestRightsOfAllSizes: grants and withdrawals take effect at once, whatever the size of the
// records of the target, the user and the product, and of the sets of objects on the target. The
// sizes are on both sides of each threshold of the file: 2,048 bytes of a record, 1,024 ids of a
// set in one value, 8,192 rows of a tail, 50,000 rows of a write in one transaction.
func TestRightsOfAllSizes(t *testing.T) {
	t.Parallel()
	type sizes struct{ tag, tags, groups, extra, rows int }
	list := []sizes{
		{0, 0, 0, 0, 3}, {1700, 1, 0, 1700, 1020}, {2048, 1, 0, 2100, 1030},
		{3000, 1, 900, 3000, 8200}, {4000, 12, 900, 5000, 50_010},
	}
	if !testenv.Long() {
		list = []sizes{list[2], {3000, 1, 900, 3000, 3}}
	}
	for _, size := range list {
		t.Run(fmt.Sprintf("%+v", size), func(t *testing.T) {
			t.Parallel()
			x := newSized(t, size.tag, size.tags, size.groups, size.extra, size.rows)
			for _, mode := range []auth.Mode{auth.ModeTargets, auth.ModeObjects} {
				x.n.mode(mode, auth.ReadOnly)
				x.mode = mode
				x.look("at first")
				for _, access := range []string{"OPEN", "PUBLIC", "PRIVATE"} {
					x.n.ask("astro", "PATCH", x.path, map[string]string{"permissions": access}).want(t, 200)
					x.access = access
					x.look(access)
				}
				x.n.ask("astro", "DELETE", x.path+"groups/2/", nil).want(t, 204)
				x.granted = false
				x.look("withdrawn")
				x.n.ask("astro", "PATCH", x.path, jsonText(`{"groups": [{"name": "Observers"}]}`)).want(t, 200)
				x.granted = true
				x.look("granted")
				x.join(false)
				x.look("carol has left")
				x.join(true)
				x.look("carol is back")
			}
			x.n.ask("admin", "DELETE", "/api/groups/2/?all=true", nil).want(t, 204)
			x.granted, x.member = false, false
			x.look("the group is deleted")
		})
	}
}

// sized is a node with one target, a data product with rows that belongs to astro and Observers,
// and a datum that carol posted.
type sized struct {
	t                     *testing.T
	n                     *node
	path, product, carols string
	rows                  int // of the product
	fillers               []map[string]string
	carolID               string

	mode            auth.Mode
	access          string
	granted, member bool // Observers on the target; carol in Observers
	posted          int  // datums that carol posted later
}

func newSized(t *testing.T, tag, tags, groups, extra, rows int) *sized {
	n := start(t, Options{})
	x := &sized{t: t, n: n, rows: rows, mode: auth.ModeTargets, access: "PRIVATE", granted: true, member: true}
	n.mode(auth.ModeObjects, auth.ReadOnly) // only this mode stores the groups of uploads
	id := n.target("astro", "M 31", "Observers")
	x.path = "/api/targets/" + id + "/"
	var list []any
	for i := range tags {
		list = append(list, map[string]string{"key": fmt.Sprint("k", i), "value": strings.Repeat("v", tag)})
	}
	if list != nil {
		n.ask("astro", "PATCH", x.path, map[string]any{"targetextra_set": list}).want(t, 200)
	}
	for i := range groups {
		g, err := n.archive.Auth().CreateGroup(t.Context(), auth.FileOwner(), fmt.Sprint("Filler ", i))
		if err != nil {
			t.Fatal(err)
		}
		x.fillers = append(x.fillers, map[string]string{"id": fmt.Sprint(g.ID)})
	}
	x.carolID = members(n.ask("carol", "GET", "/api/users/", nil).rows(t), "id")[0]
	x.join(true)
	var file bytes.Buffer
	file.WriteString("time,magnitude\n")
	for i := range rows {
		fmt.Fprintf(&file, "%d.5,15.5\n", 50_000+i)
	}
	f := newForm("target", id, "data_product_type", "photometry", "extra_data", strings.Repeat("e", extra),
		"groups[0]name", "Observers").file("night.csv", file.Bytes())
	product := n.ask("astro", "POST", "/api/dataproducts/", f).want(t, 201)
	x.product = "/api/dataproducts/" + product.id(t) + "/"
	x.carols = n.datum("carol", id, 1)
	return x
}

// join makes carol a member of Observers or ends that; she is always in all fillers.
func (x *sized) join(member bool) {
	x.t.Helper()
	list := x.fillers[:len(x.fillers):len(x.fillers)]
	if x.member = member; member {
		list = append(list, map[string]string{"name": "Observers"})
	}
	if list == nil {
		list = []map[string]string{}
	}
	x.n.ask("admin", "PATCH", "/api/users/"+x.carolID+"/", map[string]any{"groups": list}).want(x.t, 200)
}

// sees, changes and holds report whether a user sees the target, may change it, and sees the
// product. They follow the design, not the code.
func (x *sized) sees(who string) bool {
	return x.access == "OPEN" || x.access == "PUBLIC" && who != "" || x.changes(who)
}

func (x *sized) changes(who string) bool {
	return who == "astro" || who == "carol" && x.member && x.granted
}

func (x *sized) holds(who string) bool {
	if x.mode == auth.ModeTargets {
		return x.sees(who)
	}
	return who == "astro" || who == "carol" && x.member // also if they do not see the target
}

// look compares what every user sees and may do with the rules.
func (x *sized) look(when string) {
	x.t.Helper()
	n, t := x.n, x.t
	for _, who := range []string{"astro", "carol", "bob", ""} {
		rows, own := 0, 0
		if x.holds(who) {
			rows = x.rows
		}
		if x.mode == auth.ModeTargets && x.sees(who) || x.mode == auth.ModeObjects && who == "carol" {
			own = 1 + x.posted
		}
		want := map[bool]int{true: 200, false: 404}
		same := func(what string, got, want any) {
			t.Helper()
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, mode %s, %q: %s is %v, want %v", when, x.mode, who, what, got, want)
			}
		}
		same("status of the target", n.ask(who, "GET", x.path, nil).status, want[x.sees(who)])
		same("number of targets", n.ask(who, "GET", "/api/targets/", nil).want(t, 200).json(t)["count"],
			map[bool]int{true: 1}[x.sees(who)])
		same("status of the product", n.ask(who, "GET", x.product+"?fields=id", nil).status, want[rows > 0])
		same("status of a datum", n.ask(who, "GET", "/api/reduceddatums/"+x.carols+"/", nil).status, want[own > 0])
		list := n.ask(who, "GET", "/api/reduceddatums/?limit=40&ordering=-id", nil).want(t, 200).json(t)
		same("number of datums", list["count"], rows+own)
		same("rows of the first page", len(list["results"].([]any)), min(40, rows+own))
		page := n.ask(who, "GET", "/api/reduceddatums/?limit=40", nil).want(t, 200).json(t)
		same("rows of the last page", len(page["results"].([]any)), min(40, rows+own))
		// a guest to whom no target is open is asked to sign in
		export := n.ask(who, "GET", "/api/reduceddatums/?format=csv", nil)
		if who == "" && !x.sees("") {
			export.want(t, 401)
		} else {
			table, err := csv.NewReader(bytes.NewReader(export.want(t, 200).body)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			same("rows of the table", len(table)-1, rows+own)
		}
		if who == "" || who == "astro" {
			continue
		}
		x.posts(when, who, want[x.changes(who)] == 200)
	}
}

// posts tries to add one datum as JSON and one as a line.
func (x *sized) posts(when, who string, may bool) {
	x.t.Helper()
	n, t := x.n, x.t
	id := strings.Trim(strings.TrimPrefix(x.path, "/api/targets/"), "/")
	text := func(second int) string {
		return fmt.Sprintf(`{"target": %s, "data_type": "photometry", "timestamp": "2027-01-01T00:%02d:%02dZ", `+
			`"value": {"magnitude": 15}}`, id, second/60, second%60)
	}
	next := x.posted
	alone := n.ask(who, "POST", "/api/reduceddatums/", jsonText(text(next)))
	line := n.ask(who, "POST", "/api/reduceddatums/", raw{typeNDJSON, text(next+1) + "\n"}).want(t, 201).json(t)
	wanted, created := 400, 0
	if may {
		wanted, created = 201, 1
		x.posted += 2
	}
	if alone.status != wanted || fmt.Sprint(line["created"]) != fmt.Sprint(created) {
		t.Errorf("%s, mode %s: posting as %q: status %d and %v stored lines, want %d and %d", when, x.mode,
			who, alone.status, line["created"], wanted, created)
	}
	if !may {
		says := string(alone.body)
		if sees := strings.Contains(says, "You may see this target"); sees != x.sees(who) {
			t.Errorf("%s, mode %s: %q, who sees the target (%v), gets %s", when, x.mode, who, x.sees(who), says)
		}
	}
}

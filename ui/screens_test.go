package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestScreens writes pictures of the pages, in each look and two widths, to the folder that NIGHTJAR_SCREENS names, for a person to look at. NIGHTJAR_ONLY
// may hold the names of some, separated by commas.
func TestScreens(t *testing.T) {
	folder := os.Getenv("NIGHTJAR_SCREENS")
	if folder == "" {
		t.Skip("NIGHTJAR_SCREENS names no folder for pictures of the pages")
	}
	b := startBrowser(t)
	n := startNode(t)
	guest, admin := b.newPage(t, n.base), b.newPage(t, n.base)
	admin.size(1366, 800)
	admin.signIn(n)
	pages := []struct {
		name, path, ready string
		page              *page
		act               string // what is done before the picture, a script
	}{
		{"home-guest", "/", "$('#targets table')", guest, ""},
		{"login", "/accounts/login/", "$('#sign-in')", guest, ""},
		{"targets", "/targets/", "$('#targets table')", admin, ""},
		{"target", "/targets/1/", "$('[data-drawn]')", admin, ""},
		{"pulsator", "/targets/7/", "$('[data-drawn]')", admin, `[...document.querySelectorAll("#lightcurve input[type=checkbox]")].find((i) => i.parentElement.textContent === "Fold by").click(); $("#lightcurve details.points summary").click()`},
		{"hover", "/targets/1/", "$('#lightcurve [data-drawn]')", admin, `const c = $("#lightcurve .plot canvas"); c.focus(); for (let i = 0; i < 40; i++) c.dispatchEvent(new KeyboardEvent("keydown", { key: "." }))`},
		{"spectra", "/targets/1/", "$('#spectra [data-drawn]')", admin, `$("#spectra details summary").click(); for (const i of document.querySelectorAll("#spectra input[name=lines]")) i.click(); const r = document.querySelectorAll("#spectra input[type=range]")[1]; r.value = 5; r.dispatchEvent(new Event("input"))`},
		{"report", "/targets/1/", "$('#upload')", admin, `const dt = new DataTransfer(); dt.items.add(new File([` + quote(photometry+"60503,x,bad,1,,AB,T\n") + `], "night.csv")); dt.items.add(new File(["a,b\n1,2\n"], "bad.csv")); $("#upload .drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dt })); await new Promise((f) => setTimeout(f, 900)); for (const d of document.querySelectorAll("#upload .report details")) d.open = true`},
		{"keys", "/targets/", "$('tbody tr')", admin, `document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "?", bubbles: true }))`},
		{"delete", "/targets/1/", "$('#delete')", admin, `$("#delete").click(); await new Promise((f) => setTimeout(f, 300))`},
		{"filters", "/targets/?name=demo&type=SIDEREAL", "$('tbody tr')", admin, `$("aside details:last-child summary").click()`},
		{"meant", "/targets/?name=NJ24-aab", "$('.empty')", admin, ""},
		{"token", "/account/", "$('#new-token')", admin, `$("#new-token input").value = "night script"; $("#new-token").requestSubmit(); await new Promise((f) => setTimeout(f, 500))`},
		{"post", "/api/reduceddatums/", "$('#writes details')", admin, `$("#writes summary").click()`},
		{"missing", "/targets/99/", "$('h1')", guest, ""},
		{"fits", "/dataproducts/data/8/", "$('main h1')", admin, ""},
		{"comet", "/targets/12/", "$('[data-drawn]')", admin, ""},
		{"create", "/targets/create/", "$('form')", admin, ""},
		{"update", "/targets/1/update/", "$('form')", admin, ""},
		{"import", "/targets/import/", "$('.drop')", admin, ""},
		{"products", "/dataproducts/data/", "$('tbody tr')", admin, ""},
		{"product", "/dataproducts/data/2/", "$('main h1')", admin, ""},
		{"data", "/reduceddatums/?target__id=1&data_type=photometry", "$('tbody tr')", admin, ""},
		{"observations", "/observations/list/", "$('main h1')", admin, ""},
		{"account", "/account/", "$('main h1')", admin, ""},
		{"users", "/users/", "$('tbody tr')", admin, ""},
		{"node", "/node/", "$('main h1')", admin, ""},
		{"log", "/log/", "$('#list tbody tr')", admin, ""},
		{"api-one", "/api/targets/1/", "$('#tools .request')", admin, ""},
		{"api", "/api/targets/?limit=1", "$('#tools form')", admin, ""},
	}
	only := os.Getenv("NIGHTJAR_ONLY")
	for _, width := range []int{1366, 390} {
		for _, look := range []string{"light", "dark", "night"} {
			for _, s := range pages {
				if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
					continue
				}
				p := s.page
				p.size(width, 800)
				p.do("Page.navigate", map[string]any{"url": n.base + "/404/"}, nil)
				p.wait("document.title === 'Not found'")
				p.run("localStorage.setItem('nightjar-look', " + quote(look) + ")")
				p.do("Page.navigate", map[string]any{"url": n.base + s.path}, nil)
				p.wait("document.documentElement.dataset.shown === 'true' && " + s.ready)
				p.run(s.act + "; await new Promise((f) => setTimeout(f, 400))")
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", s.name, width, look)), p.picture(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	guest.clean("404")
	admin.clean("404", "dry_run")
}

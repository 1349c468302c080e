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
	}{
		{"home-guest", "/", "$('#targets table')", guest},
		{"login", "/accounts/login/", "$('#sign-in')", guest},
		{"targets", "/targets/", "$('#targets table')", admin},
		{"target", "/targets/1/", "$('[data-drawn]')", admin},
		{"pulsator", "/targets/7/", "$('[data-drawn]')", admin},
		{"comet", "/targets/12/", "$('[data-drawn]')", admin},
		{"create", "/targets/create/", "$('form')", admin},
		{"update", "/targets/1/update/", "$('form')", admin},
		{"import", "/targets/import/", "$('.drop')", admin},
		{"products", "/dataproducts/data/", "$('tbody tr')", admin},
		{"product", "/dataproducts/data/2/", "$('main h1')", admin},
		{"data", "/reduceddatums/?target__id=1&data_type=photometry", "$('tbody tr')", admin},
		{"observations", "/observations/list/", "$('main h1')", admin},
		{"account", "/account/", "$('main h1')", admin},
		{"users", "/users/", "$('tbody tr')", admin},
		{"node", "/node/", "$('main h1')", admin},
		{"api-one", "/api/targets/1/", "$('#tools .request')", admin},
		{"api", "/api/targets/?limit=1", "$('#tools form')", admin},
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
				p.run("await new Promise((f) => setTimeout(f, 400))")
				p.shot(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", s.name, width, look)))
			}
		}
	}
	guest.clean("404")
	admin.clean("404")
}

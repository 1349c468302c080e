package ui

import (
	"bytes"
	"image"
	"image/png"
	"maps"
	"slices"
	"strings"
	"testing"

	"nightjar/internal/testenv"
)

// TestNames reads the browser's accessibility tree: each control must have a name. It also checks
// that each page has one h1 and no duplicate ids.
func TestNames(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	furnish(p)
	p.do("Accessibility.enable", nil, nil)
	pages := map[string]string{
		"/targets/": "$('tbody tr')", "/targets/1/": "$('#spectra [data-drawn]') && $('#share')", "/targets/" +
			p.kept("long") + "/": "$('#lightcurve [data-drawn]') && $('#share')",
		"/targets/12/update/": "$('#target')", "/targets/import/": "$('.drop')", "/account/": "$('#tokens tbody tr')",
		"/node/":  "$('.setting')",
		"/users/": "$('tbody tr')", "/log/": "$('#list tbody tr')", "/reduceddatums/": "$('#list tbody tr')",
		"/dataproducts/data/": "$('#list tbody tr')", "/observations/list/": "$('#list tbody tr')",
		"/dataproducts/data/8/": "$('details')", "/api/targets/1/": "$('#writes details')",
	}
	for i, path := range slices.Sorted(maps.Keys(pages)) {
		ready := pages[path]
		if !testenv.Long() && i%2 == 1 {
			continue
		}
		p.open(path)
		p.wait(ready)
		p.run("for (const d of document.querySelectorAll('details')) d.open = true; await new Promise((f) => " +
			"setTimeout(f, 200))")
		var tree struct {
			Nodes []struct {
				Ignored       bool
				Role          struct{ Value string }
				Name          struct{ Value string }
				BackendNodeID int `json:"backendDOMNodeId"`
			}
		}
		p.do("Accessibility.getFullAXTree", nil, &tree)
		used := 0
		for _, node := range tree.Nodes {
			switch node.Role.Value {
			case "button", "link", "textbox", "searchbox", "combobox", "checkbox", "slider", "spinbutton", "radio",
				"image", "img", "dialog", "tab", "progressbar":
				if used++; !node.Ignored && strings.TrimSpace(node.Name.Value) == "" {
					var d struct{ OuterHTML string }
					p.do("DOM.getOuterHTML", map[string]any{"backendNodeId": node.BackendNodeID}, &d)
					t.Errorf("%s: a %s has no name: %.200s", path, node.Role.Value, d.OuterHTML)
				}
			}
		}
		if used < 10 {
			t.Errorf("%s: the accessibility tree has only %d controls", path, used)
		}
		var wrong []string
		p.eval(`(() => {
			const wrong = [], ids = [...document.querySelectorAll("[id]")].map((e) => e.id), twice = ids.filter((id, i) => ids.indexOf(id) < i);
			if (twice.length) wrong.push("duplicate ids: " + twice);
			const h1 = document.querySelectorAll("h1").length; if (h1 !== 1) wrong.push(h1 + " h1 headings");
			for (const l of document.querySelectorAll("label[for]")) if (!document.getElementById(l.htmlFor)) wrong.push("a label without its control: " + l.textContent);
			for (const e of document.querySelectorAll("[aria-describedby]")) for (const id of e.getAttribute("aria-describedby").split(" ")) if (!document.getElementById(id)) wrong.push("no element has the id " + id);
			if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page is wider than the window");
			return wrong })()`, &wrong)
		for _, text := range wrong {
			t.Errorf("%s: %s", path, text)
		}
		p.size(390, 800)
		p.run("await new Promise((f) => setTimeout(f, 200))")
		var wide []string
		if p.eval("document.documentElement.scrollWidth > 390 ? ['it "+
			"is'].concat(...[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right "+
			"> 390 && !e.closest('.scroll')).map((e) => e.outerHTML.slice(0, 99))) : []", &wide); len(wide) > 0 {
			t.Errorf("%s is wider than a phone: %q", path, wide)
		}
		p.size(1366, 800)
	}
	p.clean()
}

// TestNightIsRed checks that no pixel is bright, green or blue at night, which would spoil the
// eyes' dark adaptation.
func TestNightIsRed(t *testing.T) {
	b := startBrowser(t)
	n := sharedNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.run("localStorage.setItem('nightjar-look', 'night')")
	pages := map[string]string{
		"/targets/?name=demo&type=SIDEREAL": "$('tbody tr') && $('.sky + .help').textContent",
		"/targets/1/":                       "$('#spectra [data-drawn]') && $('#share')",
		"/targets/create/":                  "$('#target')", "/account/": "$('#tokens tbody tr')",
		"/node/":          "$('.setting')",
		"/reduceddatums/": "$('#list tbody tr')", "/api/targets/": "$('#writes details')",
		"/accounts/login/": "$('#sign-in')",
	}
	for i, path := range slices.Sorted(maps.Keys(pages)) {
		ready := pages[path]
		if !testenv.Long() && i%2 == 1 {
			continue
		}
		p.open(path)
		p.wait(ready)
		p.run("for (const d of document.querySelectorAll('details')) d.open = true; for (const i of " +
			"document.querySelectorAll('#spectra [name=lines], fieldset [type=checkbox]')) i.click(); await new " +
			"Promise((f) => setTimeout(f, 300))")
		picture, err := png.Decode(bytes.NewReader(p.picture()))
		if err != nil {
			t.Fatal(err)
		}
		bounds, bad, where := picture.Bounds(), 0, image.Point{}
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			for x := bounds.Min.X; x < bounds.Max.X; x++ {
				if r, g, b, _ := picture.At(x, y).RGBA(); r > 0xf000 || g > 0x6000 || b > 0x6000 ||
					max(g, b) > r+0x0800 {
					bad, where = bad+1, image.Pt(x, y)
				}
			}
		}
		if bad > 0 {
			t.Errorf("%s has %d pixels that are not dim red, one at %v: %v", path, bad, where,
				picture.At(where.X, where.Y))
		}
	}
	p.clean()
}

package ui

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// drag presses the mouse at one place of an element and releases it at another. Places are parts of
// its width and height.
func (p *page) drag(selector string, x0, y0, x1, y1 float64) {
	p.t.Helper()
	var box struct{ X, Y, Width, Height float64 }
	if err := p.eval("(() => { const e = document.querySelector("+quote(selector)+"); e.scrollIntoView({ block: "+
		"'center' }); const { x, y, width, height } = e.getBoundingClientRect(); return { x, y, width, height } })()",
		&box); err != nil {
		p.t.Fatal(err)
	}
	for i, kind := range []string{"mouseMoved", "mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"} {
		k := []float64{0, 0, 0.5, 1, 1}[i]
		p.do("Input.dispatchMouseEvent",
			map[string]any{"type": kind, "x": box.X + box.Width*(x0+k*(x1-x0)), "y": box.Y + box.Height*(y0+k*(y1-y0)),
				"button": "left", "buttons": 1, "clickCount": 1}, nil)
	}
}

// drawing returns the content of a canvas after two frames.
func (p *page) drawing(selector string) string {
	p.t.Helper()
	var s string
	err := p.eval("(async () => { for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame); return "+
		"document.querySelector("+quote(selector)+").toDataURL() })()", &s)
	if err != nil || len(s) < 1000 {
		p.t.Fatalf("%s shows nothing: %.80s, %v", selector, s, err)
	}
	return s
}

// labelled clicks the button or checkbox of a panel that has this text.
func (p *page) labelled(panel, text string) {
	p.t.Helper()
	p.run("const e = [...document.querySelectorAll(" + quote(panel+" button, "+panel+" label") +
		")].find((e) => e.textContent === " + quote(text) +
		"); for (const a of document.querySelectorAll('[data-wanted]')) delete a.dataset.wanted; " +
		"(e.querySelector('input') ?? e).dataset.wanted = 'true'")
	p.click(panel + " [data-wanted]")
}

// choose selects an option of a select.
func (p *page) choose(selector, value string) {
	p.t.Helper()
	p.run("const e = $(" + quote(selector) + "); e.value = " + quote(value) +
		"; e.dispatchEvent(new Event('change', { bubbles: true }))")
}

// TestLightCurve zooms, moves, folds, selects a point, and saves and deletes points.
func TestLightCurve(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.open("/targets/1/")
	const plot = "#lightcurve .plot canvas"
	p.wait("$('#lightcurve [data-drawn]') && $('#spectra [data-drawn]') && $('#share') && $('#upload')")
	p.catch()

	whole := p.drawing(plot)
	p.drag(plot, 0.4, 0.2, 0.7, 0.6)
	box := p.drawing(plot)
	p.run("document.activeElement.blur()")
	p.labelled("#lightcurve", "Drag moves")
	p.drag(plot, 0.4, 0.4, 0.5, 0.4)
	moved := p.drawing(plot)
	p.labelled("#lightcurve", "Drag moves")
	p.labelled("#lightcurve", "Reset zoom")
	if again := p.drawing(plot); again != whole || box == whole || moved == box {
		t.Errorf("zooming changes the plot: %t; moving changes it: %t; resetting restores it: %t",
			box != whole, moved != box, again == whole)
	}
	seen := map[string]bool{whole: true}
	for _, x := range []string{"utc", "ago"} {
		p.choose("#lightcurve .controls label:nth-of-type(1) select", x)
		if d := p.drawing(plot); seen[d] {
			t.Errorf("with time as %s the plot does not change", x)
		} else {
			seen[d] = true
		}
	}
	p.choose("#lightcurve .controls label:nth-of-type(1) select", "mjd")

	// the demo's magnitudes have no system; most of the new ones do
	p.choose("#lightcurve .controls label:nth-of-type(2) select", "flux")
	var all int
	p.eval("Number(document.querySelector('#lightcurve > .help').textContent.split(' ')[0])", &all)
	p.wait(fmt.Sprintf("$('#lightcurve > .help').textContent.includes('%d points, of which %[1]d cannot be shown as "+
		"flux')", all))
	p.run(`for (const value of [{ magnitude: 18.9, error: 0.1, filter: "V", magsys: "AB" }, { limit: 21.4,
		filter: "V", magsys: "AB" }, { magnitude: 20, filter: "V", zero_point: 25, flux_unit: "mJy" }, { magnitude: 20, filter: "V", magsys: "Vega" }]) { const r = await fetch("/api/reduceddatums/", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ target: 1, data_type: "photometry", timestamp: "2024-03-01T00:00:0" + Object.keys(value).length + "Z", value }) }); if (!r.ok) throw new Error(await r.text()) }`)
	p.wait(fmt.Sprintf("$('#lightcurve > .help').textContent.includes('%d points, of which %d cannot be shown as "+
		"flux')", all+4, all+1))
	p.run("const c = $(" + quote(plot) + "); c.focus(); c.dispatchEvent(new KeyboardEvent('keydown', { key: '.' }))")
	p.wait("!$('#lightcurve .tip').hidden && $('#lightcurve .tip').textContent.includes('filterV')")
	p.choose("#lightcurve .controls label:nth-of-type(2) select", "magnitude")

	// hiding a band also hides its limits
	before := p.drawing(plot)
	p.click("#lightcurve .legend button[data-band=V]")
	p.labelled("#lightcurve", "CSV")
	if table := p.caught("mjd,timestamp,filter"); strings.Contains(table, ",V,") || !strings.Contains(table, ",g,,,2") {
		t.Errorf("without V the table is\n%.400s", table)
	}
	p.click("#lightcurve .legend button[data-band=V]")
	p.labelled("#lightcurve", "ECSV")
	if table := p.caught("%ECSV 1.0"); !strings.Contains(table, `unit: "mag"`) ||
		!strings.Contains(table, ",V,18.9,0.1,,") || !strings.Contains(table, ",V,,,21.4,") {
		t.Errorf("the table as ECSV is\n%.900s", table)
	}
	if p.drawing(plot) != before {
		t.Error("hiding and showing band V changes the plot")
	}
	p.labelled("#lightcurve", "PNG")
	p.caught("PNG")

	// a click on a point finds its row
	// in the middle, where the tip is beside it
	p.run("const c = $(" + quote(plot) +
		"); c.focus(); for (let i = 0; i < 60 || !$('#lightcurve .tip').textContent.includes('filterg'); i++) " +
		"c.dispatchEvent(new KeyboardEvent('keydown', { key: '.' }))")
	var tip struct{ X, Y, W, H float64 }
	if err := p.eval("(() => { const tip = document.querySelector('#lightcurve .tip').getBoundingClientRect(), c = "+
		"document.querySelector("+quote(plot)+").getBoundingClientRect(); return { x: (tip.left - 14 - c.left) / "+
		"c.width, y: (tip.top + tip.height / 2 - c.top) / c.height } })()", &tip); err != nil {
		t.Fatal(err)
	}
	var said string
	p.eval("[...document.querySelectorAll('#lightcurve .tip dt')].find((e) => e.textContent === "+
		"'magnitude').nextSibling.textContent", &said)
	p.drag(plot, tip.X, tip.Y, tip.X, tip.Y)
	p.wait("$('#points tr.marked').textContent.includes(" + quote(said) + ")")

	// fold, then with twice the period
	p.enter("#period", "10")
	p.wait("$('#lightcurve .controls [type=checkbox][data-wanted], #lightcurve .controls [type=checkbox]:checked')")
	folded := p.drawing(plot)
	p.labelled("#lightcurve", "×2")
	p.wait("$('#period').value === '20'")
	if d := p.drawing(plot); d == folded || folded == whole {
		t.Error("folding changes nothing")
	}
	// delete a point, after a question
	count := p.text("#lightcurve > .help")
	p.click("#points tbody tr button")
	p.wait("$('dialog').textContent.includes('Delete this point?')")
	p.click("dialog button.danger")
	p.wait("!$('dialog') && $('#lightcurve > .help').textContent !== " + quote(count))
	p.clean()
}

// TestFluxInItsOwnUnit: fluxes that are neither magnitudes nor microjanskys are drawn in the unit
// of the file.
func TestFluxInItsOwnUnit(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.signIn(n)
	p.run(`const post = async (path, body) => { const r = await fetch(path, { method: "POST", body }); const text =
		await r.text(); if (!r.ok) throw new Error(text); return JSON.parse(text) };
		const target = new FormData(); target.set("name", "TESS star"); target.set("type", "SIDEREAL");
		target.set("ra", "10"); target.set("dec", "10"); const t = await post("/api/targets/", target);
		const file = new FormData(); file.set("target", t.id); file.set("data_product_type", "photometry");
		file.set("file", new File(["BTJD,FLUX (e-/s),FLUX_ERR\n3450.1,100.1,1\n3450.2,-2,1\n"], "tess.csv"));
		await post("/api/dataproducts/", file); history.pushState(null, "", "/targets/" + t.id + "/")`)
	var path string
	p.eval("location.pathname", &path)
	p.open(path)
	const notes = "$('#lightcurve > .help').textContent"
	p.wait("$('#lightcurve [data-drawn]') && " + notes +
		".startsWith('2 points, shown as flux in the unit of the file')")
	p.drawing("#lightcurve .plot canvas")
	p.run("$('#lightcurve details.points').open = true")
	p.wait("$$('#points tbody tr').length === 2 && $('#points').textContent.includes('-2 e-/s')")
	p.choose("#lightcurve .controls label:nth-of-type(2) select", "given")
	p.wait(notes + ".startsWith('2 points. ')")
	p.clean()
}

// TestSpectra uses every control of the spectra and saves their table.
func TestSpectra(t *testing.T) {
	b := startBrowser(t)
	n := sharedNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.open("/targets/1/")
	const plot = "#spectra .plot canvas"
	p.wait("$('#spectra [data-drawn]')")
	p.catch()
	seen := map[string]string{p.drawing(plot): "nothing"}
	changed := func(what string) {
		t.Helper()
		if d := p.drawing(plot); seen[d] != "" {
			t.Errorf("after %s the plot looks as after %s", what, seen[d])
		} else {
			seen[d] = what
		}
	}
	slide := func(n int, value string) {
		p.run(fmt.Sprintf("const r = document.querySelectorAll('#spectra input[type=range]')[%d]; r.value = %s; "+
			"r.dispatchEvent(new Event('input'))", n, value))
	}
	slide(0, "2.5")
	changed("the offset")
	slide(1, "6")
	changed("smoothing")
	p.click("#spectra summary")
	var lists []string
	p.eval("[...document.querySelectorAll('#spectra [name=lines]')].map((i) => i.value)", &lists)
	want := `["Hydrogen","Helium","Calcium","Oxygen","Sodium","Iron","Silicon","Telluric"]`
	if text, _ := json.Marshal(lists); string(text) != want {
		t.Errorf("the lists of lines are %s", text)
	}
	for _, name := range lists {
		p.click("#spectra [name=lines][value=" + name + "]")
		changed("the lines of " + name)
	}
	slide(2, "0.2")
	p.wait("$('#spectra input[type=number]').value === '0.2'")
	changed("a redshift")
	p.labelled("#spectra", "Rest")
	changed("the rest axis")
	p.run("const c = $(" + quote(plot) + "); c.focus(); c.dispatchEvent(new KeyboardEvent('keydown', { key: '.' }))")
	p.wait("$('#spectra .tip').textContent.includes('wavelength3000.00')") // 3600 at z = 0.2
	p.labelled("#spectra", "Rest")
	p.labelled("#spectra", "Log")
	changed("the logarithm")
	p.labelled("#spectra", "Normalise")
	changed("the flux as it is")
	p.click("#spectra .legend button")
	changed("hiding one")
	p.labelled("#spectra", "CSV")
	if table := p.caught("timestamp,wavelength_angstrom,flux"); strings.Contains(table, "2024-01-15") ||
		strings.Count(table, "\n") != 3*1600+1 {
		t.Errorf("the table of three spectra has %d lines:\n%.200s", strings.Count(table, "\n"), table)
	}
	p.labelled("#spectra", "PNG")
	p.caught("PNG")
	p.clean()
}

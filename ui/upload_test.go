package ui

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// undated is a spectrum without a date, and bright another.
const (
	undated = "wavelength (Angstrom),flux (erg/s/cm2/Angstrom)\n5000,1.5e-16\n5001,1.25e-16\n5002,1.75e-16\n"
	bright  = "wavelength (Angstrom),flux (erg/s/cm2/Angstrom)\n5000,2.5e-16\n5001,2.25e-16\n5002,2.75e-16\n"
)

// written writes files, given as names and contents in turn, and returns their paths.
func written(t *testing.T, parts ...string) (paths []string) {
	t.Helper()
	folder := t.TempDir()
	for i := 0; i < len(parts); i += 2 {
		paths = append(paths, filepath.Join(folder, parts[i]))
		if err := os.WriteFile(paths[i/2], []byte(parts[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// chooseFiles answers the browser's file chooser, which open opens.
func (p *page) chooseFiles(open func(), paths ...string) {
	p.t.Helper()
	p.do("Page.setInterceptFileChooserDialog", map[string]any{"enabled": true}, nil)
	open()
	var chooser struct {
		Mode          string
		BackendNodeID int `json:"backendNodeId"`
	}
	select {
	case params := <-p.choosers:
		if err := json.Unmarshal(params, &chooser); err != nil {
			p.t.Fatal(err)
		}
	case <-time.After(patience):
		p.t.Fatal("no file chooser opened")
	}
	if chooser.Mode != "selectMultiple" {
		p.t.Errorf("the file chooser is for %q", chooser.Mode)
	}
	p.do("DOM.setFileInputFiles", map[string]any{"files": paths, "backendNodeId": chooser.BackendNodeID}, nil)
}

// upload is the row of a file of the upload, as an expression.
func upload(name string) string {
	return "$$('#upload .upload').find((u) => u.querySelector('b').textContent === " + quote(name) + ")"
}

// inRow clicks a button of a file's row.
func (p *page) inRow(name, button string) {
	p.t.Helper()
	p.wait("[..." + upload(name) + ".querySelectorAll('button')].some((b) => b.textContent === " + quote(button) + ")")
	p.run("const $$ = (s) => [...document.querySelectorAll(s)]; " +
		"for (const a of $$('[data-wanted]')) delete a.dataset.wanted; [..." + upload(name) +
		".querySelectorAll('button')].find((b) => b.textContent === " + quote(button) + ").dataset.wanted = 'true'")
	p.click("[data-wanted]")
}

// say enters a value into a field of a file's row, as a user who then leaves the field.
func (p *page) say(name, field, value string) {
	p.t.Helper()
	p.run("const $$ = (s) => [...document.querySelectorAll(s)]; " +
		"for (const a of $$('[data-said]')) delete a.dataset.said; const e = " + upload(name) +
		".querySelector('[name=" + field +
		"]'); e.closest('details')?.setAttribute('open', ''); e.dataset.said = 'true'")
	p.enter("[data-said]", value)
	p.key("Enter")
}

// datums returns the datums of a target as the API gives them, oldest id first.
func (p *page) datums(query string) (list []struct {
	ID        int
	Timestamp string
	Value     map[string]any
	Product   int `json:"data_product"`
}) {
	p.t.Helper()
	err := p.eval("fetch('/api/reduceddatums/?limit=1000&ordering=created&"+query+"', { headers: { Accept: "+
		"'application/json' } }).then((r) => r.json()).then((a) => a.results)", &list)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// TestChooseFiles chooses several files with the browser's own chooser, by mouse and by keyboard.
func TestChooseFiles(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.run(`const r = await fetch("/api/targets/", { method: "POST", headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ name: "Chosen", type: "SIDEREAL", ra: 1, dec: 2 }) }); if (!r.ok) throw new Error(await r.text())`)
	p.open("/targets/1/")
	p.wait("$('#upload .drop button')")
	const row = "mjd,filter,magnitude\n6040%d.5,J,1%d.25\n"
	paths := written(t, "one.csv", fmt.Sprintf(row, 1, 1), "two.csv", fmt.Sprintf(row, 2, 2), "bad.csv", "a,b\n1,2\n",
		"three.csv", fmt.Sprintf(row, 3, 3), "four.csv", fmt.Sprintf(row, 4, 4), "five.csv", fmt.Sprintf(row, 5, 5))
	p.chooseFiles(func() { p.click("#upload .drop button") }, paths[:4]...)
	p.wait("$('#upload').textContent.includes('4 files: 3 ready · 1 refused')")
	var order []string
	p.eval("[...document.querySelectorAll('#upload .upload > .row:first-child > b')].map((e) => e.textContent)", &order)
	if got := strings.Join(order, " "); !strings.HasPrefix(got, "one.csv") || !strings.HasSuffix(got, "three.csv") {
		t.Errorf("the files are listed as %s", got)
	}
	p.run("$('#upload .drop button').focus()")
	p.chooseFiles(func() { p.key("Enter") }, paths[4:]...)
	p.wait("$('#upload').textContent.includes('6 files: 5 ready · 1 refused')")
	p.run("[...document.querySelectorAll('#upload button')].find((b) => b.textContent === 'Store all 5').click()")
	p.wait("$('#upload').textContent.includes('6 files: 1 refused · 5 stored')")
	if got := p.datums("target__id=1"); len(got) != 5 {
		t.Errorf("the node has %d datums: %v", len(got), got)
	}

	// the same file again is said to be here, and is not among those that are stored together
	p.chooseFiles(func() { p.click("#upload .drop button") }, paths[0])
	p.wait("$('#upload').textContent.includes('7 files: 1 here already · 1 refused · 5 stored') && $('#upload " +
		".upload').textContent.includes('is here already') && $('#upload .upload').textContent.includes('product ')")
	p.chooseFiles(func() { p.click("#upload .drop button") }, written(t, "others.csv", fmt.Sprintf(row, 1, 1)+
		"60402.5,J,12.25\n")...)
	p.wait("$('#upload .upload').textContent.includes('all its rows are stored already')")
	p.clean("dry_run=true")
}

// TestSayingWhatAFileIs says the date of one spectrum and not of the next, before and after they
// are dropped: what is stored is what the page showed, and the page says who gave the date.
func TestSayingWhatAFileIs(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.run(`const r = await fetch("/api/targets/", { method: "POST", headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ name: "Said", type: "SIDEREAL", ra: 1, dec: 2 }) }); if (!r.ok) throw new Error(await r.text())`)
	p.open("/targets/1/")
	p.wait("$('#upload .drop button')")
	paths := written(t, "first.txt", undated, "second.txt", bright, "third.txt", strings.ReplaceAll(bright, "2.", "3."))
	p.chooseFiles(func() { p.click("#upload .drop button") }, paths[0])
	// the field that the warning asks for is beside it
	p.wait(upload("first.txt") + ".textContent.includes('the time of the upload is taken') && !" + upload("first.txt") +
		".querySelector('[name=date_obs]').closest('details') && " + upload("first.txt") +
		".querySelector('[name=flux_scale]').closest('details')")
	p.say("first.txt", "date_obs", "2026-01-03T06:12:00")
	given := ".textContent.includes('Given by you: date of observation 2026-01-03T06:12:00')"
	p.wait(upload("first.txt") + given + " && " + upload("first.txt") +
		".textContent.includes('read as 2026-01-03T06:12:00Z, was given with the upload') && !" + upload("first.txt") +
		".textContent.includes('the time of the upload is taken')")
	p.say("first.txt", "flux_scale", "2")
	p.say("first.txt", "product_id", "first-of-all")
	p.wait(upload("first.txt") + ".textContent.includes('flux scale 2 · product id first-of-all')")
	p.inRow("first.txt", "Store")
	p.wait(upload("first.txt") + ".textContent.includes('1 datum stored') && " + upload("first.txt") + given +
		" && $('#spectra .plot canvas')")

	// nothing of it clings to the next ones
	p.chooseFiles(func() { p.click("#upload .drop button") }, paths[1:]...)
	p.wait(upload("second.txt") + ".textContent.includes('the time of the upload is taken') && " + upload("third.txt") +
		".textContent.includes('the time of the upload is taken')")
	// a date that is typed, and not yet previewed, is not passed over by Store
	p.run("const $$ = (s) => [...document.querySelectorAll(s)]; const e = " + upload("third.txt") +
		".querySelector('[name=date_obs]'); e.value = '61044.5'")
	p.inRow("third.txt", "Store")
	p.wait(upload("third.txt") + ".textContent.includes('read as 2026-01-04T12:00:00Z') && " + upload("third.txt") +
		".textContent.includes('nothing is stored yet')")
	p.run("[...document.querySelectorAll('#upload button')].find((b) => b.textContent === 'Store all 2').click()")
	p.wait("$('#upload').textContent.includes('3 files: 3 stored')")
	got := p.datums("target__id=1")
	if len(got) != 3 {
		t.Fatalf("the node has %v", got)
	}
	if d := got[0]; d.Timestamp != "2026-01-03T06:12:00Z" || d.Value["time_origin"] != nil ||
		fmt.Sprint(d.Value["flux"]) != "[3e-16 2.5e-16 3.5e-16]" {
		t.Errorf("the first is %v", d)
	}
	if d := got[1]; d.Value["time_origin"] != "upload" || fmt.Sprint(d.Value["flux"]) != "[2.5e-16 2.25e-16 2.75e-16]" {
		t.Errorf("the second is %v", d)
	}
	if d := got[2]; d.Timestamp != "2026-01-04T12:00:00Z" || d.Value["time_origin"] != nil {
		t.Errorf("the third is %v", d)
	}
	var ids []any
	p.eval("fetch('/api/dataproducts/', { headers: { Accept: 'application/json' } }).then((r) => r.json()).then((a) "+
		"=> a.results.map((x) => x.product_id).sort())", &ids)
	if fmt.Sprint(ids) != "[first-of-all <nil> <nil>]" {
		t.Errorf("the product ids are %v", ids)
	}

	// the undated one looks undated in the legend, in the tooltip, in lists and in tables
	const unknown = "date unknown, uploaded 20"
	p.wait("$$('#spectra .legend button').map((e) => e.textContent).join() === '2026-01-03,2026-01-04,date unknown " +
		"· second.txt' && $('#spectra').textContent.includes('The date of 1 spectrum is unknown')")
	p.run("const c = $('#spectra .plot canvas'); c.focus(); for (let i = 0; i < 9; i++) c.dispatchEvent(new " +
		"KeyboardEvent('keydown', { key: '.' }))")
	p.wait("$('#spectra .tip').textContent.startsWith('dateunknownuploaded20') && $('#spectra .tip').textContent" +
		".includes('filesecond.txt') && !$('#spectra .tip').textContent.includes('UTC')")
	p.wait("$('[aria-label=\"Recent data\"]').textContent.split('" + unknown + "').length === 2")
	p.catch()
	p.labelled("#spectra", "CSV")
	if table := p.caught("wavelength_angstrom"); strings.Count(table, "\n,500") != 3 ||
		strings.Count(table, "\n2026-01-0") != 6 {
		t.Errorf("the table of the spectra is\n%s", table)
	}
	p.open("/reduceddatums/")
	p.wait("$$('#list tbody tr').length === 3 && $$('#list td:first-child').filter((e) => e.textContent.startsWith('" +
		unknown + "')).length === 1")
	p.run("[...document.querySelectorAll('#list td:first-child button')].find((b) => b.textContent.startsWith('date " +
		"unknown')).click()")
	p.wait("$('dialog dl').textContent.includes('" + unknown + "')")
	p.open(fmt.Sprintf("/dataproducts/data/%d/", got[1].Product))
	p.wait("$('[aria-label=Data] table').textContent.includes('" + unknown + "')")
	p.clean()
}

// TestGroupsOfUploads checks that the page offers groups for uploads where they decide who sees
// them, warns without any, and sends those that the user named.
func TestGroupsOfUploads(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.run(`window.send = async (method, path, json) => { const r = await fetch(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(json) }); if (!r.ok) throw new Error(await r.text()); return r.json() };
		await send("POST", "/api/targets/", { name: "Grouped", type: "SIDEREAL", ra: 1, dec: 2 });
		await send("POST", "/api/groups/?all=true", { name: "Observers" })`)
	p.open("/targets/1/")
	p.wait("$('#upload .drop button')")
	paths := written(t, "seen.csv", "mjd,filter,magnitude\n60401.5,J,11.25\n", "counts.csv",
		"mjd,filter,flux\n60402.5,J,11.25\n60403.5,J,soon\n")
	var offered bool
	if p.eval("Boolean(document.querySelector('#seers'))", &offered); offered {
		t.Error("groups are offered where the targets decide")
	}
	p.run(`const r = await fetch("/api/settings/permissions/", { method: "PUT", headers: { "Content-Type": "application/json" },
		body: JSON.stringify({ value: "objects" }) }); if (!r.ok) throw new Error(await r.text())`)
	p.open("/targets/1/")
	p.wait("$('#seers').textContent.includes('No group is named: only you and superusers')")
	p.chooseFiles(func() { p.click("#upload .drop button") }, paths[0])
	p.wait(upload("seen.csv") + ".textContent.includes('nothing is stored yet')")
	p.run("[...document.querySelectorAll('#seers label')].find((l) => l.textContent === 'Observers').id = 'observers'")
	p.click("#observers input")
	p.wait("!$('#seers').textContent.includes('No group') && " + upload("seen.csv") +
		".textContent.includes('Given by you: seen by Observers')")
	p.inRow("seen.csv", "Store")
	p.wait(upload("seen.csv") + ".textContent.includes('1 datum stored')")
	var groups string
	p.eval("fetch('/api/dataproducts/1/', { headers: { Accept: 'application/json' } }).then((r) => r.json()).then((d) "+
		"=> d.groups.map((g) => g.name).join())", &groups)
	if groups != "Observers" {
		t.Errorf("the product has the groups %q", groups)
	}

	// the fields that the upload of photometry has, one of them asked for by the refusal
	p.chooseFiles(func() { p.click("#upload .drop button") }, paths[1])
	p.wait(upload("counts.csv") + ".textContent.includes('cannot be stored') && !" + upload("counts.csv") +
		".querySelector('[name=bad_rows]').closest('details')")
	p.run("const $$ = (s) => [...document.querySelectorAll(s)]; const e = " + upload("counts.csv") +
		".querySelector('[name=bad_rows]'); e.value = 'skip'; e.dispatchEvent(new Event('change'))")
	p.say("counts.csv", "flux_unit", "uJy")
	p.wait(upload("counts.csv") + ".textContent.includes('Given by you: flux unit uJy · rows that cannot be read " +
		"are left out and reported') && " + upload("counts.csv") + ".textContent.includes('1 datum would be stored')")
	p.clean("dry_run=true")
}

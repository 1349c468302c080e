package ui

import (
	"fmt"
	"testing"
)

// TestTwoEditors edits a target in two windows: each saves what its user changed, and nothing else.
// Sharing is confirmed before it happens.
func TestTwoEditors(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p, other := b.newPage(t, n.base), b.newPage(t, n.base)
	for _, w := range []*page{p, other} {
		w.size(1366, 800)
		w.signIn(n)
	}
	p.run(`const send = async (path, json) => { const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(json) }); if (!r.ok) throw new Error(await r.text()) };
		await send("/api/groups/?all=true", { name: "Observers" });
		await send("/api/targets/", { name: "Edited", type: "SIDEREAL", ra: 1, dec: 2, distance: 5, aliases: [{ name: "One" }, { name: "Two" }], targetextra_set: [{ key: "redshift", value: "0.1" }] })`)
	target := func() (v struct {
		Name        string
		RA, Dec     float64
		Distance    *float64
		Permissions string
		Groups      []struct{ Name string }
		Aliases     []struct{ Name string }
		Tags        []struct{ Value string } `json:"targetextra_set"`
	}) {
		t.Helper()
		if err := p.eval("fetch('/api/targets/1/', { headers: { Accept: 'application/json' } }).then((r) => r.json())",
			&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, w := range []*page{p, other} {
		w.open("/targets/1/update/")
		w.wait("$('#target')")
	}
	p.enter("input[name=name]", "Renamed")
	p.enter("input[name=distance]", "")
	p.enter("[data-item] input[name=alias]", "First")
	p.enter("input[name=value]", "0.2")
	p.click("#target button.main")
	p.wait("$('h1')?.textContent === 'Renamed'")
	other.enter("input[name=ra]", "10.5")
	// the message about a name is at its row, which is not the first that is sent
	other.run("const e = document.querySelectorAll('[name=alias]')[1]; e.value = 'x'.repeat(300)")
	other.click("#target button.main")
	other.wait("$$('#target .item').findIndex((r) => r.querySelector('.error').textContent) === 1")
	other.run("const e = document.querySelectorAll('[name=alias]')[1]; e.value = 'Second'")
	other.click("#target button.main")
	other.wait("$('h1')?.textContent === 'Renamed'")
	if got := target(); got.Name != "Renamed" || got.RA != 10.5 || got.Dec != 2 || got.Distance != nil ||
		fmt.Sprint(got.Aliases) != "[{First} {Second}]" || fmt.Sprint(got.Tags) != "[{0.2}]" {
		t.Errorf("after both edits the target is %+v", got)
	}

	p.open("/targets/1/update/")
	p.wait("$('#target')")
	p.choose("[name=permissions]", "OPEN")
	p.click("[name=group]")
	p.click("#target button.main")
	p.wait("$('dialog').textContent.includes('without signing in') && $('dialog').textContent" +
		".includes('The members of Public will see it')")
	p.key("Escape")
	p.wait("!$('dialog') && !$('#target button.main').disabled")
	if got := target(); got.Permissions != "PRIVATE" || len(got.Groups) != 0 {
		t.Errorf("before it is confirmed, the target is shared: %+v", got)
	}
	p.click("#target button.main")
	p.click("dialog button.danger")
	p.wait("$('h1')?.textContent === 'Renamed'")
	if got := target(); got.Permissions != "OPEN" || len(got.Groups) != 1 {
		t.Errorf("the target is not shared: %+v", got)
	}
	p.clean()
	other.clean("status of 400")
}

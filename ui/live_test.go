package ui

import (
	"fmt"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// TestArriving checks that an open page of a target shows a new datum without a reload.
func TestArriving(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p, other := b.newPage(t, n.base), b.newPage(t, n.base)
	p.open("/targets/3/") // guests do not see it
	p.signIn(n)
	other.signIn(n)
	p.open("/targets/3/")
	p.wait("$('#lightcurve [data-drawn]')")
	p.run("window.same = true")
	p.run("window.posted = Date.now(); new MutationObserver((_, o) => { if (document.querySelector('#lightcurve " +
		".legend button[data-band=UVW1]')) { window.took = Date.now() - window.posted; o.disconnect() } " +
		"}).observe(document.body, { childList: true, subtree: true })")
	other.run(`const r = await fetch("/api/reduceddatums/", { method: "POST",
		headers: { "Content-Type": "application/json" }, body: JSON.stringify({ target: 3, data_type: "photometry", value: { magnitude: 17.123, filter: "UVW1" } }) }); if (!r.ok) throw new Error(await r.text())`)
	p.wait("window.same && $('#lightcurve .legend button[data-band=UVW1]') && $('#notices').textContent.includes('1 " +
		"new datum has arrived') && document.body.textContent.includes('17.123')")
	var took float64
	if err := p.eval("window.took", &took); err != nil {
		t.Fatal(err)
	}
	t.Logf("from sending a datum until an open page shows it: %.0f ms", took)
	p.clean("status of 404")
	other.clean()
}

// TestLeavingLetsGo checks that pages close their connections when the user leaves them: a browser
// has only six for a node.
func TestLeavingLetsGo(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.signIn(n)
	slowest := time.Duration(0)
	for left := testenv.Choose(8, 12); left > 0; left-- {
		start := time.Now()
		p.open(fmt.Sprintf("/targets/%d/", 6-(left-1)%6))
		// now it listens for events
		p.wait("$('#lightcurve [data-drawn]') && performance.getEntriesByType('resource').some((r) => " +
			"r.name.includes('ordering=-created&limit=1'))")
		slowest = max(slowest, time.Since(start))
		p.run("await new Promise((f) => setTimeout(f, 300))")
		p.do("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	}
	p.open("/api/targets/")
	p.wait("$('#writes details')")
	if slowest > 40*time.Second { // a connection that is not closed times out after a minute
		t.Errorf("a page took %s", slowest)
	}
	// events arrive again after going back
	p.do("Page.navigateToHistoryEntry", map[string]any{"entryId": p.entry(-2)}, nil)
	p.wait("location.pathname === '/targets/6/' && $('#lightcurve [data-drawn]')")
	p.run(`const r = await fetch("/api/reduceddatums/", { method: "POST",
		headers: { "Content-Type": "application/json" }, body: JSON.stringify({ target: 6, data_type: "photometry", value: { magnitude: 15.321, filter: "UVW2" } }) }); if (!r.ok) throw new Error(await r.text())`)
	p.wait("$('#lightcurve .legend button[data-band=UVW2]')")
	p.clean()
}

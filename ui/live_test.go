package ui

import (
	"fmt"
	"io"
	"net/http"
	"strings"
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

// post sends a body to the node as its administrator.
func (n node) post(kind string, body io.Reader) error {
	r, err := http.NewRequest("POST", n.base+"/api/reduceddatums/", body)
	if err != nil {
		return err
	}
	r.SetBasicAuth("admin", n.password)
	r.Header.Set("Content-Type", kind)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode != http.StatusCreated {
		err = fmt.Errorf("status %d: %.300s", w.StatusCode, text)
	}
	return err
}

// point is the JSON of a point of target 3 in a band.
func point(band string, i int) string {
	return fmt.Sprintf(`{"target": 3, "data_type": "photometry", "timestamp": "2026-02-03T%02d:%02d:%02dZ", `+
		`"value": {"magnitude": 17, "filter": "%s"}}`, i/3600, i/60%60, i%60, band)
}

// TestLiveMissesNothing: three clients post while the page of their target loads and stays open.
// The page then shows every datum, also those of a long stream, whose ids are lower than those of
// datums that were shown before the stream ended.
func TestLiveMissesNothing(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.signIn(n)
	shown := func(band string, count int) string {
		return fmt.Sprintf("$('#lightcurve .legend button[data-band=%s]')?.textContent.replace(/[^0-9]/g, '') === '%d'",
			band, count)
	}
	const writers = 3
	total := testenv.Choose(300, 3_000)
	failures := make(chan error, writers)
	for w := range writers {
		go func() {
			for i := w; i < total; i += writers {
				if err := n.post("application/json", strings.NewReader(point("Z", i))); err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	p.open("/targets/3/")
	for range writers {
		if err := <-failures; err != nil {
			t.Fatal(err)
		}
	}
	p.wait(shown("Z", total))

	rows := testenv.Choose(6_000, 20_000)
	reader, stream := io.Pipe()
	go func() { failures <- n.post("application/x-ndjson", reader) }()
	for i := range rows {
		fmt.Fprintln(stream, point("J", i))
	}
	if err := n.post("application/json", strings.NewReader(point("H", 1))); err != nil {
		t.Fatal(err)
	}
	p.wait(shown("H", 1))
	stream.Close()
	if err := <-failures; err != nil {
		t.Fatal(err)
	}
	p.wait(shown("J", rows))
	p.clean()
}

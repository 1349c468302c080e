package ui

import "testing"

// TestSharedPoints: points as TOM Toolkit 3 shares them are drawn, magnitudes, fluxes and limits,
// each under its filter.
func TestSharedPoints(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p := b.newPage(t, n.base)
	p.signIn(n)
	p.run(`
		const post = async (path, body) => (await fetch(path, { method: "POST", body: JSON.stringify(body),
			headers: { "Content-Type": "application/json" } })).json();
		const { id } = await post("/api/targets/", { name: "shared", type: "SIDEREAL", ra: 1, dec: 2 });
		const values = [{ brightness: 17.5, brightness_error: 0.1, unit: "" }, { brightness: null, limit: 20.5, unit: "" },
			{ brightness: 150, brightness_error: 5, unit: "uJy" }];
		for (const [i, v] of values.entries())
			await post("/api/reduceddatums/", { target: id, data_type: "photometry", timestamp: "2026-01-0" + (i + 1),
				value: { ...v, bandpass: "r", telescope: "1m0", instrument: "" } });`)
	p.open("/targets/1/")
	p.wait("$('#lightcurve [data-drawn]')")
	p.wait("$('#lightcurve .legend').textContent.includes('r 2 ▽1')")
	p.wait("$('#lightcurve').textContent.includes('3 points.')") // none is said to be missing
}

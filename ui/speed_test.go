package ui

import (
	"encoding/json"
	"fmt"
	"testing"

	"nightjar/internal/testenv"
)

// TestPlotOfManyPoints draws a hundred thousand points while the view moves, and logs the time of a
// frame. It has no bound.
func TestPlotOfManyPoints(t *testing.T) {
	b := startBrowser(t)
	n := sharedNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.open("/targets/1/")
	var frames []float64
	err := p.eval(`(async () => {
		const { Plot } = await import("/static/plot.js"), host = document.querySelector("main");
		host.replaceChildren();
		const plot = new Plot(host, { name: "many", x: { label: "MJD" }, y: { label: "Magnitude", reversed: true } });
		const series = ["#b33", "#3b3", "#33b", "#b3b"].map((colour, k) => {
			const n = 25000, x = new Float64Array(n), y = new Float64Array(n), e = new Float64Array(n);
			for (let i = 0; i < n; i++) { x[i] = 60000 + i / 25 + k / 7; y[i] = 17 + k / 2 + Math.sin(x[i] / 9) + ((i * 7919) % 1000) / 2500; e[i] = 0.03 }
			return { x, y, e, kind: "points", symbol: "circle", filled: true, colour };
		});
		plot.set(series);
		await new Promise(requestAnimationFrame);
		const times = [];
		for (let i = 0; i < 60; i++) {
			plot.pan(i % 20 < 10 ? 9 : -9, i % 2 ? 2 : -2);
			if (i === 30) plot.zoom(0.5);
			const from = performance.now();
			plot.draw();
			plot.canvas.getContext("2d").getImageData(0, 0, 1, 1); // waits until it is drawn
			times.push(performance.now() - from);
			await new Promise(requestAnimationFrame);
		}
		return times.sort((a, b) => a - b);
	})()`, &frames)
	if err != nil || len(frames) != 60 {
		t.Fatal(err, len(frames))
	}
	t.Logf("100,000 points: a frame takes %.1f ms at the median and %.1f ms at the 95th percentile",
		frames[30], frames[57])
	p.clean()
}

// TestTargetPageShows logs the time from a click on a target until its light curve is drawn.
func TestTargetPageShows(t *testing.T) {
	b := startBrowser(t)
	n := sharedNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.open("/targets/2/")
	p.wait("$('#lightcurve [data-drawn]')")
	var took []float64
	for i := range testenv.Choose(2, 5) {
		p.open("/targets/?order=name")
		p.wait("$('#targets tbody tr')")
		p.run("sessionStorage.setItem('clicked', String(Date.now())); document.querySelectorAll('#targets tbody a')[" +
			fmt.Sprint(i) + "].click()")
		p.wait("location.pathname !== '/targets/' && $('#lightcurve [data-drawn]') && $('#lightcurve " +
			"[data-drawn]').dataset.at")
		var ms float64
		if err := p.eval("Number(document.querySelector('#lightcurve [data-drawn]').dataset.at) - "+
			"Number(sessionStorage.getItem('clicked'))", &ms); err != nil {
			t.Fatal(err)
		}
		took = append(took, ms)
	}
	text, _ := json.Marshal(took)
	t.Logf("from click to a drawn light curve, in ms: %s", text)
	p.clean()
}

package ui

import (
	"strings"
	"testing"

	"nightjar/internal/testenv"
)

// first is an expression: the name of the first target of the list.
const first = "$('#targets tbody a')?.textContent"

// TestTargetList filters by every field and by the map, sorts, pages and exports.
func TestTargetList(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 900)
	p.signIn(n)
	p.open("/targets/")
	p.wait("$('#count').textContent === '12 targets' && $('.sky + .help').textContent.includes('11 with coordinates')")
	p.click("button.sort")
	p.wait(first + " === 'NJ J1229+0203' && $('th[aria-sort=ascending]')")
	p.click("button.sort")
	p.wait(first + " === 'NJ24bqz' && $('th[aria-sort=descending]') && location.search === '?order=-name'")

	p.click("form summary")
	p.choose("[name=type]", "NON_SIDEREAL")
	p.run("$('[name=type]').dispatchEvent(new Event('input', { bubbles: true }))")
	p.wait("$('#count').textContent === '1 target' && " + first +
		" === 'NJ-C 1' && $('.sky + .help').textContent === 'No target with coordinates.'")
	p.run("$('[name=type]').value = ''")
	p.enter("[name=targetlist__name]", "Demo")
	p.wait("location.search.includes('targetlist__name=Demo') && !location.search.includes('type') && " +
		"$('#count').textContent !== '1 target'")
	p.enter("[name=targetlist__name]", "no such list")
	p.wait("$('#count').textContent.includes('not one of the available choices')")
	p.enter("[name=targetlist__name]", "")
	p.run("$('[name=targetlist__name]').dispatchEvent(new Event('input', { bubbles: true }))")
	p.enter("[name=key]", "classification")
	p.enter("[name=value]", "quasar")
	p.wait("$('#count').textContent === '1 target' && " + first + " === 'NJ J1229+0203'")
	p.run("$('[name=key]').value = $('[name=value]').value = ''")
	p.enter("[name=cone_search]", "12:29:06.7, +02:03:08, 0.1")
	p.wait("$('#count').textContent === '1 target' && " + first + " === 'NJ J1229+0203'")
	p.enter("[name=cone_search]", "12:29, nowhere, 1")
	p.wait("$('#count').textContent.includes('cone') || $('#count').textContent.includes('radius')")
	p.run("$('[name=cone_search]').value = ''")
	p.enter("[name=target_cone_search]", "NJ J1229+0203, 7")
	p.wait("$('#count').textContent === '2 targets'")
	p.run("$('[name=target_cone_search]').value = ''; $('[name=target_cone_search]').dispatchEvent(new " +
		"Event('input', { bubbles: true }))")
	p.wait("$('#count').textContent === '12 targets'")

	// the middle of the map is at 0h, 0°; a little above it lies nothing, to the left of it at 3h a
	// supernova
	p.drag(".sky canvas", 0.378, 0.65, 0.378, 0.65)
	p.wait("$('[name=cone_search]').value.startsWith('4') && " + first +
		" === 'NJ24acf' && $('#count').textContent === '1 target'")
	var csv string
	if err := p.eval("fetch([...document.querySelectorAll('#head ~ * a[download]')].find((a) => a.textContent === "+
		"'csv').href).then((r) => r.text())", &csv); err != nil || strings.Count(csv, "\n") != 2 ||
		!strings.Contains(csv, "NJ24acf") {
		t.Errorf("what is shown, as CSV, is %q, %v", csv, err)
	}

	// more than a page
	p.run(`const lines = Array.from({ length: 130 }, (_, i) => JSON.stringify({ name: "Many " + String(i).padStart(3, "0"), type: "SIDEREAL", ra: i, dec: i / 2 }));
		const r = await fetch("/api/targets/", { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: lines.join("\n") }); if (!r.ok) throw new Error(await r.text())`)
	p.open("/targets/?order=name")
	p.enter("input[type=search]", "Many")
	p.wait("$('.pager span').textContent === '1–50 of 130' && " + first + " === 'Many 000'")
	p.click(".pager button:nth-of-type(3)")
	p.wait("$('.pager span').textContent === '51–100 of 130' && " + first +
		" === 'Many 050' && location.search.includes('offset=50')")
	p.click(".pager button:last-of-type")
	p.wait("$('.pager span').textContent === '101–130 of 130' && " + first +
		" === 'Many 100' && $('.pager button:last-of-type').disabled")
	p.clean("status of 400")
}

// TestSkyOfManyTargets logs how long the map of many targets takes. It has no bound.
func TestSkyOfManyTargets(t *testing.T) {
	b := startBrowser(t)
	n := serve(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	count := testenv.Choose(25_000, 100_000) // more than one page of the map's requests
	p.manyTargets(count)
	p.open("/targets/")
	p.wait("$('.sky + .help').textContent.includes('by density')")
	var ms struct{ Loaded, Drawn float64 }
	err := p.eval(`(async () => {
		const { skyMap } = await import("/static/sky.js"), host = document.createElement("div");
		host.style.width = "900px";
		document.querySelector("main").replaceChildren(host);
		const sky = skyMap(() => {}), from = performance.now();
		host.append(sky);
		await sky.show({});
		const loaded = performance.now() - from, c = document.querySelector(".sky canvas"), times = [];
		for (let i = 0; i < 9; i++) {
			const { promise, resolve } = Promise.withResolvers(), fill = c.getContext("2d").fillText;
			host.style.width = 880 + i + "px"; // this redraws it
			c.getContext("2d").fillText = function (...args) { resolve(); return fill.apply(this, args) };
			const at = performance.now();
			await promise;
			c.getContext("2d").getImageData(0, 0, 1, 1);
			times.push(performance.now() - at);
		}
		return { loaded, drawn: times.sort((a, b) => a - b)[4] };
	})()`, &ms)
	if err != nil || ms.Loaded == 0 || ms.Drawn == 0 {
		t.Fatal(err, ms)
	}
	t.Logf("the map of %d targets: %.0f ms from asking until all of them are on it; redrawn, with the frame's "+
		"wait, in %.0f ms", count, ms.Loaded, ms.Drawn)
	p.clean()
}

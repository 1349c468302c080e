package ui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// screen is a page to photograph: when the expression ready is true, the script act runs; the
// picture is taken when the expression seen is true.
type screen struct {
	name, path, ready string
	page              *page
	act, seen         string
}

// TestScreens writes pictures of the pages, in each look and two widths, to the folder
// NIGHTJAR_SCREENS, for people to look at. NIGHTJAR_ONLY may name some of them, separated by
// commas.
func TestScreens(t *testing.T) {
	folder := os.Getenv("NIGHTJAR_SCREENS")
	if folder == "" {
		t.Skip("NIGHTJAR_SCREENS names no folder for the pictures")
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	b := startBrowser(t)
	n, empty, full := startNode(t), serve(t), serve(t)
	guest, admin, alone, crowd := b.newPage(t, n.base), b.newPage(t, n.base), b.newPage(t, empty.base),
		b.newPage(t, full.base)
	admin.signIn(n)
	alone.signIn(empty)
	crowd.signIn(full)
	furnish(admin)
	crowd.manyTargets(100000)
	long, starred := "/targets/"+admin.kept("long")+"/", "/dataproducts/data/"+admin.kept("stars.fits")+"/"

	const answered = "window.fetch = ((real) => (u, o) => String(u).includes('/verify/') ? Promise.resolve(new " +
		"Response(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode(ANSWER)) } }))) : real(u, " +
		"o))(fetch); $('#verify button.main').click()"
	pages := []screen{
		{"home-guest", "/", "$('#targets table')", guest, "", ""},
		{"login", "/accounts/login/", "$('#sign-in')", guest, "", ""},
		{"login-refused", "/accounts/login/", "$('#sign-in')", guest,
			`$("[name=username]").value = "admin"; $("[name=password]").value = "guess";
				$("#sign-in").requestSubmit()`, "$('#refused').textContent"},
		{"missing", "/targets/99/", "$('h1')", guest, "", ""},
		{"nowhere", "/no/such/page/", "$('h1')", guest, "", ""},
		{"targets", "/targets/", "$('#targets table')", admin, "", ""},
		{"target", "/targets/1/",
			"$('#lightcurve [data-drawn]') && $('#spectra [data-drawn]') && $('#share')", admin, "", ""},
		{"long", long, "$('#lightcurve [data-drawn]') && $('#share')", admin, "", ""},
		{"bare", "/targets/" + admin.kept("bare") + "/", "$('#upload')", admin, "", ""},
		{"pulsator", "/targets/7/", "$('[data-drawn]')", admin,
			`[...document.querySelectorAll("#lightcurve input[type=checkbox]")].find((i) => i.parentElement.textContent === "Fold by").click();
				$("#lightcurve details.points summary").click()`, "$('#points tbody tr')"},
		{"hover", "/targets/1/", "$('#lightcurve [data-drawn]')", admin,
			`const c = $("#lightcurve .plot canvas"); c.focus(); for (let i = 0; i < 40;
				i++) c.dispatchEvent(new KeyboardEvent("keydown", { key: "." }))`, "!$('.tip').hidden"},
		{"spectra", "/targets/1/", "$('#spectra [data-drawn]')", admin,
			`$("#spectra details summary").click();
				for (const i of document.querySelectorAll("#spectra input[name=lines]")) i.click(); const r = document.querySelectorAll("#spectra input[type=range]")[1]; r.value = 5; r.dispatchEvent(new Event("input"))`, ""},
		{"report", "/targets/1/", "$('#upload .drop')", admin,
			`const dt = new DataTransfer();
				dt.items.add(new File(["time,filter,mag,seeing\n60500,g,17.1,1.2\n60501,r,,1.3\n60502,r,99,1.3\n60500,g,17.1,1.2\n"], "warned.csv")); dt.items.add(new File([` + quote(photometry) + `], "night.csv")); dt.items.add(new File([` + quote(photometry+"60503,x,bad,1,,AB,T\n") + `], "wrong.csv")); dt.items.add(new File(["a,b\n1,2\n"], "unknown.csv")); $("#upload .drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dt, bubbles: true }))`, "$$('#upload .report').length === 4 && ($$('#upload .report details').forEach((d) => { d.open = true }), true)"},
		{"keys", "/targets/", "$('tbody tr')", admin,
			`document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "?",
				bubbles: true }))`, "$('dialog[open]')"},
		{"delete", "/targets/1/", "$('#delete') && $('#share')", admin, `$("#delete").click()`, "$('dialog[open]')"},
		{"filters", "/targets/?name=demo&type=SIDEREAL", "$('tbody tr')", admin,
			`$("aside details:last-child summary").click()`, ""},
		{"meant", "/targets/?name=NJ24-aab", "$('.empty a')", admin, "", ""},
		{"token", "/account/", "$('#new-token')", admin,
			`$("#new-token input").value = "night script"; $("#new-token").requestSubmit()`, "$('#secret')"},
		{"post", "/api/reduceddatums/", "$('#writes details')", admin,
			`$("#writes summary").click();
				$("#writes button.main").click()`, "$$('#writes .error').some((e) => e.textContent)"},
		{"options", "/api/targets/", "$('#writes details')", admin, `$("#options").click()`, ""},
		{"api-one", "/api/targets/1/", "$('#tools .request')", admin,
			`for (const s of document.querySelectorAll("#writes summary")) s.click()`, ""},
		{"api", "/api/targets/?limit=1", "$('#tools form')", admin, "", ""},
		{"api-root", "/api/", "$('#answer')", guest, "", ""},
		{"fits", starred, "$('canvas.preview')", admin, "", ""},
		{"headers", "/dataproducts/data/8/", "$('table.mono')", admin, "", ""},
		{"comet", "/targets/12/", "$('[data-drawn]')", admin, "", ""},
		{"create", "/targets/create/", "$('form')", admin, "", ""},
		{"create-refused", "/targets/create/", "$('form')", admin,
			`$("[name=name]").value = "NJ24aab"; $("[name=ra]").value = "25:00:00"; $("[name=dec]").value = "95";
				$("#target").requestSubmit()`, "$('[data-field=dec] .error').textContent"},
		{"update", "/targets/1/update/", "$('form')", admin, "", ""},
		{"import", "/targets/import/", "$('.drop')", admin,
			`const dt = new DataTransfer();
				dt.items.add(new File(["name,name2,ra,dec,host\nI 1,First,01:00:00,+10:00:00,NGC 1\nNJ24aab,,10,10,\nI 2,,370,-5,\n"], "t.csv")); $(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dt }))`, "$('section button.main')"},
		{"products", "/dataproducts/data/", "$('tbody tr')", admin, "", ""},
		{"product", "/dataproducts/data/2/", "$('pre.answer')", admin, "", ""},
		{"data", "/reduceddatums/?target__id=1&data_type=photometry", "$('tbody tr')", admin, "", ""},
		{"observations", "/observations/list/", "$('tbody tr')", admin, "", ""},
		{"account", "/account/", "$('#tokens tbody tr')", admin, "", ""},
		{"users", "/users/", "$('tbody tr')", admin, "", ""},
		{"user-refused", "/users/", "$('tbody tr')", admin,
			`$("#users button.main").click();
				while (!$("dialog [name=password]")) await new Promise((f) => setTimeout(f, 50)); $("dialog [name=username]").value = "admin"; $("dialog [name=password]").value = "short"; $("dialog form").requestSubmit()`, "$$('dialog .error').some((e) => e.textContent)"},
		{"node", "/node/", "$('.setting')", admin, "", ""},
		{"verify", "/node/", "$('.setting')", admin,
			strings.Replace(answered, "ANSWER", `'{"done":37,"total":100}\n'`, 1), "$('#verify progress').value > 0"},
		{"verify-bad", "/node/", "$('.setting')", admin,
			strings.Replace(strings.Replace(answered, "ANSWER",
				`'{"good":false,"records":1961,"blobs":25,"log_entries":44,`+
					`"problems":["table reduceddatum: record 812: checksum does not match",`+
					`"blob 14: chunk 3 is missing"],"more_problems":1207}\n'`, 1),
				") } })", "); c.close() } })", 1), "$('#verify li')"},
		{"log", "/log/", "$('#list tbody tr')", admin, "", ""},
		{"empty", "/targets/", "$('.empty')", alone, "", ""},
		{"empty-data", "/reduceddatums/", "$('.empty')", alone, "", ""},
		{"sky", "/targets/", "$('aside details').open = true, $('.sky + .help').textContent.includes('by density')",
			crowd, "", ""},
	}
	only := os.Getenv("NIGHTJAR_ONLY")
	for _, width := range []int{1440, 390} {
		for _, look := range []string{"light", "dark", "night"} {
			for _, p := range []*page{guest, admin, alone, crowd} {
				p.size(width, 800)
				p.do("Page.navigate", map[string]any{"url": p.base + "/404/"}, nil)
				p.wait("document.title === 'Not found'")
				p.run("localStorage.setItem('nightjar-look', " + quote(look) + ")")
			}
			for _, s := range pages {
				if only != "" && !strings.Contains(","+only+",", ","+s.name+",") {
					continue
				}
				p := s.page
				// so that no wait sees the page before
				p.do("Page.navigate", map[string]any{"url": "about:blank"}, nil)
				p.do("Page.navigate", map[string]any{"url": p.base + s.path}, nil)
				if p.wait(s.ready); s.name != "nowhere" {
					p.wait("document.documentElement.dataset.shown === 'true'")
				}
				if p.run(s.act); s.seen != "" {
					p.wait(s.seen)
				}
				p.run("await new Promise((f) => setTimeout(f, 350))")
				if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%s-%d-%s.png", s.name, width, look)),
					p.picture(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	guest.clean("404", "status of 400")
	admin.clean("404", "dry_run", "status of 400")
}

// furnish adds what the demo lacks: long names, an image, observations, users. It keeps the ids
// under names; see kept.
func furnish(p *page) {
	p.t.Helper()
	p.run(`const keep = (name, id) => sessionStorage.setItem(name, id);
		const post = async (path, json) => { const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(json) }); if (!r.ok) throw new Error(await r.text()); return r.json() };
		const group = await post("/api/groups/?all=true", { name: "Collaboration for the Rapid Follow-up of Everything That Moves or Changes" });
		for (const username of ["vera", "henrietta.swan.leavitt@observatory.example", "cecilia"]) await post("/api/users/", { username, password: "dark matter 1", groups: [{ id: group.id }] });
		const name = "SDSSJ123456.78+123456.7_candidate_counterpart_of_S240422ed_second_epoch_reprocessed";
		const long = await post("/api/targets/", { name, type: "SIDEREAL", ra: 188.73658, dec: -12.58241667, permissions: "PRIVATE", groups: [{ id: group.id }], target_lists: [{ name: "tonight" }, { name: "All that the collaboration has asked for in this semester and the next" }],
			aliases: ["AT2024xyz", "ZTF24abcdefghi", "ATLAS24xyz", "Gaia24xyz", "PS24xyz", "WISEA J123456.78+123456.7", "2MASS J12345678+1234567"].map((name) => ({ name })),
			targetextra_set: [["classification", "kilonova or supernova of type IIb, to be confirmed by spectroscopy"], ["redshift", "0.0123"], ["host", "NGC 4993"], ["a key that is rather long", "1"]].map(([key, value]) => ({ key, value })) });
		keep("long", long.id);
		keep("bare", (await post("/api/targets/", { name: "AT2025abc", type: "SIDEREAL", ra: 10, dec: 20 })).id);
		const filters = ["UVW2", "u", "g", "r", "i", "z", "J", "K"], telescopes = ["Mirador 0.6m", "Skalnica 1.0m", "A telescope with a very long name, and its camera", "LCO 1m"];
		const rows = Array.from({ length: 240 }, (_, i) => ({ target: long.id, data_type: "photometry", timestamp: new Date(Date.UTC(2024, 3, 22) + i * 9e6).toISOString(), source_name: "a pipeline",
			value: { filter: filters[i % 8], telescope: telescopes[(i >> 3) % 4], ...(i % 11 ? { magnitude: Number((16 + i / 60 + (i % 8) / 3).toFixed(3)), error: 0.02 + (i % 5) / 50 } : { limit: 20.5 }) } }));
		for (const row of rows) await post("/api/reduceddatums/", row);
		for (const [facility, status, i] of [["LCO", "COMPLETED", 1], ["GEM", "PENDING", 2], ["SOAR", "WINDOW_EXPIRED", 3]]) await post("/api/observations/", { target_id: 1 + i, facility, observation_type: "IMAGING", status, observing_parameters: { filter: "r", exposure_time: 60 * i, exposure_count: 3 } });
		const n = 256, card = (k, v) => (k.padEnd(8) + "= " + v).padEnd(80), head = [["SIMPLE", "                   T"], ["BITPIX", "                 -32"], ["NAXIS", "                   2"], ["NAXIS1", String(n).padStart(20)], ["NAXIS2", String(n).padStart(20)], ["OBJECT", "'M 13    '           / what was observed"], ["EXPTIME", "               120.0 / seconds"], ["FILTER", "'r       '"]].map(([k, v]) => card(k, v)).join("") + "END".padEnd(80);
		const bytes = new Uint8Array(2880 + Math.ceil(n * n * 4 / 2880) * 2880), view = new DataView(bytes.buffer), sky = new Float32Array(n * n);
		bytes.fill(32, 0, 2880); bytes.set(new TextEncoder().encode(head));
		let seed = 7; const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
		for (let i = 0; i < n * n; i++) sky[i] = 100 + 6 * (random() + random() + random() - 1.5);
		for (let s = 0; s < 260; s++) { const r = s < 160 ? 50 * Math.sqrt(-Math.log(random())) : 0, a = 6.283 * random(), cx = r ? 128 + r * Math.cos(a) : 256 * random(), cy = r ? 128 + r * Math.sin(a) : 256 * random(), f = 40 / (0.01 + random() ** 1.2); for (let y = Math.max(0, cy - 7 | 0); y < Math.min(n, cy + 8); y++) for (let x = Math.max(0, cx - 7 | 0); x < Math.min(n, cx + 8); x++) sky[y * n + x] += f * Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / 4.5) }
		for (let i = 0; i < n * n; i++) view.setFloat32(2880 + 4 * i, sky[i]);
		const form = new FormData(); form.set("target", 1); form.set("data_product_type", "fits_file"); form.set("product_id", "M13-r-120s"); form.set("file", new File([bytes], "stars.fits"));
		const r = await fetch("/api/dataproducts/", { method: "POST", body: form }); if (!r.ok) throw new Error(await r.text()); keep("stars.fits", (await r.json()).id)`)
}

// kept returns the id that furnish kept under a name.
func (p *page) kept(name string) string {
	p.t.Helper()
	var id string
	if err := p.eval("sessionStorage.getItem("+quote(name)+")", &id); err != nil || id == "" {
		p.t.Fatalf("furnish kept nothing as %s: %v", name, err)
	}
	return id
}

// manyTargets makes n targets, denser along the Milky Way.
func (p *page) manyTargets(n int) {
	p.t.Helper()
	p.run(fmt.Sprintf(`const { galactic } = await import("/static/angles.js");
		let seed = 11; const random = () => (seed = (seed * 16807) %% 2147483647) / 2147483647, lines = [];
		for (let i = 0; i < %d; i++) { const l = 360 * random(), b = i %% 3 ? Math.asin(2 * random() - 1) * 57.2958 : 12 * (random() + random() - 1), [ra, dec] = galactic(l, b); lines.push(JSON.stringify({ name: "S " + i, type: "SIDEREAL", ra: (ra + 360) %% 360, dec, permissions: "OPEN" })) }
		const r = await fetch("/api/targets/", { method: "POST", headers: { "Content-Type": "application/x-ndjson" }, body: lines.join("\n") }); if (!r.ok) throw new Error(await r.text())`, n))
}

package ui

import (
	"net/url"
	"strings"
	"testing"
)

// photometry is a file with AB magnitudes, a duplicate row and an empty magnitude.
const photometry = `mjd,filter,magnitude,error,limit,magsys,telescope
60500.1,g,17.11,0.02,,AB,Test 0.4m
60500.2,r,16.51,0.02,,AB,Test 0.4m
60501.1,g,17.21,0.03,,AB,Test 0.4m
60501.1,g,17.21,0.03,,AB,Test 0.4m
60502.1,r,,,19.50,AB,Test 0.4m
`

// drop drops a file on an element.
func (p *page) drop(selector, name, content string) {
	p.t.Helper()
	p.run(`const dt = new DataTransfer(); dt.items.add(new File([` + quote(content) + `], ` + quote(name) + `)); $(` +
		quote(selector) + `).dispatchEvent(new DragEvent("drop", { dataTransfer: dt, bubbles: true,
			cancelable: true }))`)
}

// catch puts copied texts and saved files of the page into window.caught.
func (p *page) catch() {
	p.t.Helper()
	p.run(`window.caught = []; navigator.clipboard.writeText = async (s) => { window.caught.push(s) };
		const was = URL.createObjectURL; URL.createObjectURL = (blob) => { blob.text().then((s) => window.caught.push(s)); return was.call(URL, blob) }`)
}

func (p *page) caught(part string) string {
	p.t.Helper()
	p.wait("window.caught.some((s) => s.includes(" + quote(part) + "))")
	var s string
	if err := p.eval("window.caught.findLast((s) => s.includes("+quote(part)+"))", &s); err != nil {
		p.t.Fatal(err)
	}
	return s
}

// TestMainPath plays the main use: sign in, find a target by part of an alias, check and store a
// file, see the light curve, filter datums, copy the request, save a table, and make a token.
func TestMainPath(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)

	p.open("/")
	p.wait("$('#targets tbody tr')")
	p.click("#head .tools a.button")
	p.wait("$('#sign-in')")
	p.enter("input[name=username]", "admin")
	p.enter("input[name=password]", "wrong")
	p.key("Enter")
	p.wait("$('#refused').textContent.includes('Unable to log in')")
	p.enter("input[name=password]", n.password)
	p.click("#sign-in button")
	p.wait("$('#who')?.textContent === 'admin' && $('#targets tbody tr')")

	p.enter("input[type=search]", "RR Lyr")
	p.wait("$('.suggestions li')")
	p.key("Escape")
	p.wait("$('#count').textContent === '1 target' && location.search.includes('RR')")
	p.click("#targets tbody a")
	p.wait("$('h1')?.textContent === 'NJ-V 7 Vir' && $('#lightcurve [data-drawn]')")
	if s := p.text("#sexagesimal"); !strings.HasPrefix(s, "14:32:10.344") {
		t.Errorf("the coordinates are %q", s)
	}

	p.wait("$('#upload .drop')")
	p.drop("#upload .drop", "bad.csv", "a,b\n1,2\n")
	p.wait("$('#upload .upload').innerText.includes('cannot be stored') && $('#upload .report')")
	p.drop("#upload .drop", "test.csv", photometry)
	p.wait("$('#upload .upload').innerText.includes('nothing is stored yet')")
	report := p.text("#upload .upload")
	for _, part := range []string{"test.csv", "Recognised as photometry, because", "5 rows read",
		"4 datums would be stored", "1 already stored"} {
		if !strings.Contains(report, part) {
			t.Errorf("the report lacks %q: %s", part, report)
		}
	}
	before := p.text("#lightcurve .help")
	p.click("#upload .upload button.main")
	p.wait("$('#lightcurve .help')?.textContent !== " + quote(before) +
		" && [...document.querySelectorAll('#lightcurve .legend button')].some((b) => b.textContent.includes('Test " +
		"0.4m'))")
	p.wait("[...document.querySelectorAll('a')].some((a) => a.textContent === 'test.csv')")
	if stored := p.text("#upload .upload"); !strings.Contains(stored, "4 datums stored") {
		t.Errorf("the report after storing is %s", stored)
	}

	// hide a band with its limits, save the rest as a table, and fold
	p.catch()
	p.click("#lightcurve .legend button[data-band=g]")
	p.wait("$('#lightcurve .legend button[data-band=g]').getAttribute('aria-pressed') === 'false'")
	p.run("[...document.querySelectorAll('#lightcurve .bar button')].find((b) => b.textContent === 'CSV').click()")
	table := p.caught("mjd,timestamp,filter")
	if strings.Contains(table, ",g,") ||
		!strings.Contains(table, "60502.100000,2024-07-11T02:24:00Z,r,,,19.5,Test 0.4m") {
		t.Errorf("the table of what is shown is\n%.600s", table)
	}
	p.run("[...document.querySelectorAll('#lightcurve .controls input')].find((i) => i.type === 'checkbox' && " +
		"i.parentElement.textContent === 'Fold by').click()")
	p.click("#lightcurve details.points summary")
	p.wait("$('#points tbody tr')")

	p.open("/reduceddatums/?target_name=RR+Lyrae")
	p.wait("$('#list tbody tr')")
	p.enter("input[name=source_name]", "Nightjar demo")
	p.wait("location.search.includes('source_name=Nightjar+demo') && $('#list tbody tr')")
	p.catch()
	p.click(".request .copy")
	curl := p.caught("curl")
	for _, part := range []string{"Authorization: Token",
		"/api/reduceddatums/?target_name=RR+Lyrae&source_name=Nightjar+demo&strict=true"} {
		if !strings.Contains(curl, part) {
			t.Errorf("the line for curl lacks %q: %s", part, curl)
		}
	}
	var csv string
	if err := p.eval("fetch(document.querySelector('[data-export=csv]').href).then((r) => r.text())",
		&csv); err != nil || !strings.HasPrefix(csv, "target,data_type,timestamp,mjd") {
		t.Errorf("the export is %.200q, %v", csv, err)
	}

	p.open("/account/")
	p.enter("#new-token input[name=name]", "a script")
	p.click("#new-token button.main")
	p.wait("$('#secret')")
	var status int
	if err := p.eval("fetch('/api/users/', { credentials: 'omit', headers: { Accept: 'application/json', "+
		"Authorization: 'Token ' + document.querySelector('#secret').textContent } }).then((r) => r.status)",
		&status); err != nil || status != 200 {
		t.Errorf("the token opens with %d, %v", status, err)
	}
	p.clean("/api/session/", "/api/dataproducts/?dry_run=true") // the errors provoked above
}

// TestPages plays the rest: it makes, changes, imports and deletes targets, manages users and
// groups, verifies the file, and uses the API in the browser.
func TestPages(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)

	t.Run("target", func(t *testing.T) {
		p.t = t
		p.open("/targets/create/")
		p.enter("input[name=name]", "NJ24aab")
		p.enter("input[name=ra]", "12:00:00")
		p.wait("$('[data-field=ra] .help').textContent.includes('180')")
		p.enter("input[name=dec]", "95")
		p.wait("$('[data-field=dec] .help.bad')")
		p.click("#target button.main")
		p.wait("$('[data-field=dec] .error').textContent && $('input[name=dec]').getAttribute('aria-invalid')")
		p.enter("input[name=dec]", "-01:30:00")
		p.click("#target button.main")
		p.wait("$('[data-field=name] .error').textContent.includes('already exists')")
		p.enter("input[name=name]", "Made here")
		p.enter("input[name=alias]", "Also this")
		p.enter("input[name=key]", "colour")
		p.enter("input[name=value]", "red")
		p.click("#target button.main")
		p.wait("$('h1')?.textContent === 'Made here' && $('.tag')?.textContent === 'colour red' && " +
			"document.documentElement.dataset.shown")
		p.do("Page.navigate", map[string]any{"url": n.base + "/targets/name/also%20this"}, nil)
		p.wait("location.pathname !== '/targets/name/also%20this' && $('h1')?.textContent === 'Made here' && " +
			"document.documentElement.dataset.shown && $('#delete')")
		p.click(".bar a.button")
		p.wait("$('[data-item]')?.dataset.item")
		p.click("[data-item] button")
		p.click("#target button.main")
		p.wait("$('h1')?.textContent === 'Made here' && document.documentElement.dataset.shown && " +
			"!$('main').textContent.includes('Also this') && $('#delete')")
		p.click("#delete")
		p.wait("$('dialog').textContent.includes('0 datums that you see')")
		p.click("dialog button.danger")
		p.wait("location.pathname === '/targets/' && $('#targets tbody')")
		p.open("/targets/1/")
		p.click("#delete")
		p.wait("$('dialog').textContent.includes('169 datums that you see') && $('dialog').textContent.includes('6 " +
			"data products with their files')")
		p.click("dialog button:not(.danger):not(.plain)")
		p.wait("!$('dialog')")
		p.open("/targets/?name=NJ24-aab")
		p.wait("$('.empty').textContent.includes('Did you mean NJ24aab')")
	})

	t.Run("suggestions", func(t *testing.T) {
		p.t = t
		const box, shown = "input[type=search]", "!$('.suggestions').hidden && $('.suggestions').textContent"
		p.open("/targets/")
		p.enter(box, "aab")
		p.wait(shown + ".includes('NJ24aab') && $('" + box + "').getAttribute('aria-expanded') === 'true'")
		p.key("ArrowUp")
		p.key("ArrowDown")
		p.wait("!$('" + box + "').hasAttribute('aria-activedescendant')")
		p.key("ArrowDown")
		p.wait("$('.suggestions [aria-selected=true]').id === $('" + box + "').getAttribute('aria-activedescendant')")
		p.key("Escape") // closes the list and leaves the text
		p.wait("$('.suggestions').hidden && $('" + box + "').value === 'aab' && !$('" + box +
			"').hasAttribute('aria-activedescendant')")
		p.enter(box, "NJ24aba")
		p.wait(shown + ".startsWith('NJ24aabsimilar name')")
		p.key("ArrowDown")
		p.key("Enter")
		p.wait("/^.targets.[0-9]+.$/.test(location.pathname) && $('h1')?.textContent === 'NJ24aab'")
		p.open("/targets/")
		p.enter(box, "JAR DEMO")
		p.wait(shown + ".includes('Nightjar demo')")
		p.run("[...document.querySelectorAll('.suggestions li')].find((o) => o.textContent === 'Nightjar demosource " +
			"of data').id = 'source'")
		p.click("#source")
		p.wait("location.pathname === '/reduceddatums/' && location.search.includes('source_name=Nightjar+demo') && " +
			"$('#list tbody tr')")
		// if the request fails, there is no list
		p.open("/targets/")
		p.run("const real = fetch; window.fetch = (u, o) => String(u).includes('/suggestions/') ? " +
			"Promise.reject(new Error('away')) : real(u, o)")
		p.enter(box, "aab")
		p.wait("$('#count').textContent === '1 target' && $('.suggestions').hidden")
	})

	t.Run("several files", func(t *testing.T) {
		p.t = t
		p.open("/targets/10/")
		p.wait("$('#upload .drop') && $('#lightcurve [data-drawn]')")
		p.run(`const dt = new DataTransfer(); for (const [k, name] of ["one.csv", "two.csv",
			"bad.csv"].entries()) dt.items.add(new File([name === "bad.csv" ? "a,b\n1,2\n" : "mjd,filter,magnitude\n6040" + k + ".5,J,1" + k + ".25\n"], name)); $("#upload .drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dt, bubbles: true, cancelable: true }))`)
		p.wait("$$('#upload .report').length === 3 && $('#upload').textContent.includes('say which with " +
			"time_column') && !$('#upload').textContent.includes('objects.')")
		p.run("[...document.querySelectorAll('#upload button')].find((b) => b.textContent === 'Store all 2').click()")
		p.wait("$$('#upload .upload').filter((u) => u.textContent.includes('1 datum stored')).length === 2 && " +
			"![...document.querySelectorAll('#upload button')].some((b) => b.textContent.startsWith('Store'))")
		p.wait("$('#lightcurve .legend button[data-band=J]').textContent === 'J 2' && $$('a').filter((a) => " +
			"['one.csv', 'two.csv'].includes(a.textContent)).length === 2")
	})

	t.Run("hostile texts", func(t *testing.T) {
		p.t = t
		const bad = `<img src=x onerror="window.ran=1">'"/>\u2028&amp;`
		p.run(`const name = ` + quote(bad) + `, post = async (path, json) => { const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(json) }); if (!r.ok) throw new Error(await r.text()); return r.json() };
			const t = await post("/api/targets/", { name, type: "SIDEREAL", ra: 1, dec: 2, aliases: [{ name: name + 2 }], targetextra_set: [{ key: name, value: name }] });
			await post("/api/reduceddatums/", { target: t.id, data_type: "photometry", source_name: name, source_location: "javascript:window.ran=1", value: { magnitude: 10, filter: name, telescope: name, [name]: name } });
			sessionStorage.setItem("bad", t.id)`)
		var id string
		p.eval("sessionStorage.getItem('bad')", &id)
		for path, ready := range map[string]string{
			"/targets/" + id + "/": "$('#lightcurve [data-drawn]') && $('#lightcurve " +
				".legend').textContent.includes('onerror')", "/targets/?name=onerror": "$('#targets tbody " +
				"a').textContent.includes('<img')",
			"/reduceddatums/?target_name=onerror": "$('#list tbody').textContent.includes('onerror')", "/api/targets/" +
				id + "/": "$('#answer').textContent.includes('onerror')", "/targets/" + id + "/update/": "$('#target')",
		} {
			p.open(path)
			p.wait(ready)
			p.run("for (const b of document.querySelectorAll('#list tbody button')) b.click()")
			var ran bool
			if p.eval("Boolean(window.ran) || document.querySelector('main img') !== null", &ran); ran {
				t.Errorf("%s: a text became part of the page", path)
			}
		}
		p.do("Page.navigate", map[string]any{"url": n.base + "/targets/name/" + url.PathEscape(bad)}, nil)
		p.wait("location.pathname === '/targets/" + id + "/' && $('h1').textContent.includes('onerror')")
	})

	t.Run("import", func(t *testing.T) {
		p.t = t
		p.open("/targets/import/")
		p.drop(".drop", "t.csv",
			"name,name2,ra,dec,host\nI 1,First,01:00:00,+10:00:00,\"NGC 1, near\"\nNJ24aab,,10,10,\nI 2,,370,-5,\n")
		p.wait("$('section pre').textContent.includes('NGC 1, near') && $('section button.main')")
		p.click("section button.main")
		p.wait("$('main').textContent.includes('2 targets imported') && $('main').textContent.includes('Line 3: ') " +
			"&& $('main').textContent.includes('Line 4: ra 370 is taken as 10.')")
	})

	t.Run("people", func(t *testing.T) {
		p.t = t
		p.open("/users/")
		p.click("#groups button.main")
		p.enter("dialog input[name=name]", "Observers")
		p.click("dialog button.main")
		p.wait("$('#groups').textContent.includes('Observers') && !$('dialog')")
		p.click("#users button.main")
		p.enter("dialog input[name=username]", "vera")
		p.enter("dialog input[name=password]", "short")
		p.click("dialog input[type=checkbox]")
		p.click("dialog button.main")
		p.wait("$('dialog [data-field=password] .error').textContent")
		p.enter("dialog input[name=password]", "dark matter")
		p.click("dialog button.main")
		p.wait("$('#users').textContent.includes('vera') && $('#groups').textContent.includes('vera')")
	})

	t.Run("node", func(t *testing.T) {
		p.t = t
		p.open("/node/")
		p.click("#verify button.main")
		p.wait("$('#verify').textContent.match(/The file is whole: .* records, .* files, .* log entries[.]/)")
		var backup string
		err := p.eval("fetch(document.querySelector('#backups a').href).then(async (r) => [r.status, "+
			"r.headers.get('Content-Disposition'), (await r.arrayBuffer()).byteLength > 500000].join(' '))", &backup)
		if err != nil || !strings.HasPrefix(backup, "200 attachment") || !strings.HasSuffix(backup, " true") {
			t.Errorf("a backup is %q, %v", backup, err)
		}
		p.run("const f = [...document.querySelectorAll('.setting')].find((f) => f.textContent.includes('tom " +
			"name')); f.querySelector('input').value = 'Dome 3'; f.requestSubmit()")
		p.wait("$('#notices').textContent.includes('tom name is set')")
		p.open("/node/")
		p.wait("$('.brand').textContent === 'Dome 3'")
		p.open("/log/?action=settings")
		p.wait("$('#list tbody tr').textContent.includes('tom_name') && $('#list tbody " +
			"tr').textContent.includes('admin')")
	})

	t.Run("API", func(t *testing.T) {
		p.t = t
		for range 3 { // from the second time on the answer is 304
			p.open("/api/targets/?limit=2")
			p.wait("$('#tools form') && getComputedStyle($('.card')).borderTopWidth === '1px'")
		}
		p.click("#pages a:nth-of-type(2)")
		p.wait("location.search.includes('offset=2') && $('#tools form') && document.documentElement.dataset.shown")
		p.click("#options")
		p.wait("$('#answer').textContent.includes('\"actions\"')")
		p.enter("#tools input[name=name]", "quasar")
		p.wait("$('.request code').textContent.includes('name=quasar')")
		p.click("#tools button.main")
		p.wait("location.search.includes('name=quasar') && $('#answer')?.textContent.includes('NJ J1229+0203') && " +
			"document.documentElement.dataset.shown")
		p.click("#writes summary")
		p.enter("#writes input[name=name]", "By the API")
		p.click("#writes button.main")
		p.wait("$('#writes [data-field=type] .error').textContent || $('#writes [role=alert]').textContent")
		p.run("$('#writes select[name=type]').value = 'SIDEREAL'")
		p.enter("#writes input[name=ra]", "10")
		p.enter("#writes input[name=dec]", "20")
		p.click("#writes button.main")
		p.wait("$('#answer').textContent.includes('Target successfully uploaded.')")

		// change, replace and delete the new target
		var id string
		p.eval("String(JSON.parse(document.querySelector('#answer').textContent).id)", &id)
		form := func(method string) string { // gives the card of a method an id
			p.run("for (const d of document.querySelectorAll('#writes details')) d.id = 'write-' + " +
				"d.querySelector('b').textContent")
			return "#write-" + method
		}
		p.open("/api/targets/" + id + "/")
		p.wait("$('#writes details')")
		patch := form("PATCH")
		p.click(patch + " summary")
		p.enter(patch+" input[name=dec]", "95")
		p.click(patch + " button.main")
		p.wait("$('" + patch + " [data-field=dec] .error').textContent.includes('90')")
		p.enter(patch+" input[name=dec]", "-12.5")
		p.click(patch + " button.main")
		p.wait("$('#answer').textContent.includes('\"dec\": -12.5') && $('#status').textContent.startsWith('PATCH " +
			"succeeded')")
		put := form("PUT")
		p.click(put + " summary")
		p.click(put + " [role=tab]:nth-of-type(2)")
		p.enter(put+" textarea", `{"name": "By JSON", "type": "SIDEREAL", "ra": 1.25, "dec": 2}`)
		p.click(put + " button.main")
		p.wait("$('#answer').textContent.includes('By JSON') && $('#status').textContent.startsWith('PUT succeeded')")
		p.click("#writes button.danger")
		p.click("dialog button.danger")
		p.wait("$('#answer').textContent === 'Deleted.' && !$('dialog')")
		p.do("Page.navigate", map[string]any{"url": n.base + "/api/targets/" + id + "/?again"}, nil)
		p.wait("location.search === '?again' && $('#answer').textContent.includes('No Target matches')")
	})

	t.Run("lists", func(t *testing.T) {
		p.t = t
		p.open("/dataproducts/data/")
		p.wait("$('#list tbody tr') && /^\\d\\d products$/.test($('#count').textContent)")
		p.enter("input[name=target_name]", "Demo quasar")
		p.wait("$('#count').textContent === '3 products' && location.search.includes('target_name=Demo+quasar')")
		p.click(".request [value=python]")
		p.wait("$('.request code').textContent.includes('\"target_name\": \"Demo quasar\"')")
		p.click("#list tbody button")
		p.wait("$('dialog').textContent.includes('The file is deleted for good')")
		p.key("Escape")
		p.wait("!$('dialog')")
		p.open("/reduceddatums/?target__id=1&data_type=photometry&mjd_min=60340")
		p.wait("$('input[name=mjd_min]').value === '60340' && $('#list tbody tr')")
		p.click("button.sort")
		p.wait("$('th[aria-sort=ascending]') && $$('#list tbody tr').length > 20 && $$('#list tbody tr').every((r, " +
			"i, all) => i === 0 || all[i - 1].textContent.slice(0, 19) <= r.textContent.slice(0, 19))")
		p.click("#list tbody button")
		p.wait("$('dialog').textContent.includes('source name') && $('dialog pre').textContent.includes('magnitude')")
		p.key("Escape")
		p.open("/observations/list/")
		p.wait("$('#list tbody tr') && $('[name=facility]')")
		p.enter("[name=facility]", "nobody's")
		p.wait("$('#list .empty')")
	})

	t.Run("files", func(t *testing.T) {
		p.t = t
		p.open("/targets/1/")
		p.run(`const card = (k, v) => (k.padEnd(8) + "= " + v).padEnd(80), head = [["SIMPLE", "T"], ["BITPIX", "8"], ["NAXIS", "2"], ["NAXIS1", "64"], ["NAXIS2", "32"], ["OBJECT", "'<b>M 31</b>'"]].map(([k, v]) => card(k, v)).join("") + "END".padEnd(80);
			const bytes = new Uint8Array(2 * 2880).fill(32); bytes.set(new TextEncoder().encode(head)); for (let i = 0; i < 2048; i++) bytes[2880 + i] = i % 256;
			const png = await new Promise((f) => { const c = document.createElement("canvas"); c.width = 20; c.height = 10; c.toBlob(f, "image/png") });
			window.ids = [];
			for (const [type, name, content] of [["fits_file", "m31.fits", bytes], ["image_file", "m31.png", png]]) {
				const form = new FormData(); form.set("target", 1); form.set("data_product_type", type); form.set("file", new File([content], name));
				const r = await fetch("/api/dataproducts/", { method: "POST", body: form }); if (!r.ok) throw new Error(await r.text()); sessionStorage.setItem(name, (await r.json()).id);
			}`)
		var id string
		p.eval("sessionStorage.getItem('m31.fits')", &id)
		p.open("/dataproducts/data/" + id + "/")
		p.wait("$('canvas.preview').width === 64 && $('main').textContent.includes('<b>M 31</b>')")
		const sum = "JSON.stringify([...document.querySelector('canvas.preview').getContext('2d').getImageData(0, " +
			"0, 64, 32).data.slice(0, 64)])"
		var before, after string
		p.eval(sum, &before)
		p.run("const i = $('.controls input[type=checkbox]'); i.click()")
		if p.eval(sum, &after); before == after || len(after) < 64 {
			t.Errorf("inverting does not change the image: %.80s", after)
		}
		p.eval("sessionStorage.getItem('m31.png')", &id)
		p.open("/dataproducts/data/" + id + "/")
		p.wait("$('img.preview').naturalWidth === 20")
		p.run("[...document.querySelectorAll('button')].find((b) => b.textContent === 'Delete').click()")
		p.click("dialog button.danger")
		p.wait("location.pathname === '/targets/1/' && $('#lightcurve [data-drawn]')")
	})

	t.Run("keys", func(t *testing.T) {
		p.t = t
		p.open("/targets/")
		p.wait("$('#targets tbody tr')")
		p.key("j")
		p.key("j")
		p.key("k")
		p.wait("document.activeElement === document.querySelector('#targets tbody tr a')")
		p.key("/")
		p.wait("document.activeElement.type === 'search'")
		p.run("document.activeElement.blur()")
		p.key("l")
		p.key("l")
		p.wait("document.documentElement.dataset.look === 'night'")
		p.key("?")
		p.wait("$('dialog[open]').textContent.includes('Next row')")
	})
	p.t = t
	p.clean("status of 400", "status of 404")
}

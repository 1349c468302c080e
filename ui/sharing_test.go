package ui

import "testing"

// TestSharing gives a group rights on a target, step by step: viewing is proposed, nothing is
// shared before it is confirmed, and the page says what the group may do.
func TestSharing(t *testing.T) {
	b := startBrowser(t)
	n := startNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 900)
	p.signIn(n)
	p.run(`for (const name of ["Observers", "Readers"]) {
			const r = await fetch("/api/groups/?all=true", { method: "POST",
				headers: { "Content-Type": "application/json" }, body: JSON.stringify({ name }) });
			if (!r.ok) throw new Error(await r.text());
		}`)
	rights := func() (text string) {
		t.Helper()
		err := p.eval(`fetch("/api/targets/4/groups/").then((r) => r.json()).then(({ results }) =>
			results.map((g) => [g.name, g.view, g.change, g.delete].join(" ")).join(", "))`, &text)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	was := rights()
	with := func(more string) string {
		if was == "" || more == "" {
			return was + more
		}
		return was + ", " + more
	}
	check := func(want string) {
		t.Helper()
		if got := rights(); got != want {
			t.Errorf("the rights are %q, want %q", got, want)
		}
	}
	choose := func(group, rights string) {
		t.Helper()
		p.wait("$('#share') && $('#share-rights')")
		p.run("const o = [...$('#share').options].find((o) => o.textContent === " + quote(group) +
			"); $('#share').value = o.value")
		if rights != "" {
			p.choose("#share-rights", rights)
		}
		p.click("#rights form button")
		p.wait("$('dialog[open]')?.textContent.includes('The members of " + group + " will be able to see')")
	}
	p.open("/targets/4/")
	choose("Observers", "")
	check(was) // nothing before the confirmation
	p.click("dialog form button[type=button]")
	p.wait("!$('dialog')")
	check(was)
	choose("Observers", "")
	p.wait("!$('dialog').textContent.includes('change and share')")
	p.click("dialog form button[type=submit]")
	p.wait("!$('dialog') && $('#rights')?.textContent.includes('Observers: view×')")
	check(with("Observers true false false"))
	choose("Observers", "change")
	p.wait("$('dialog').textContent.includes('change and share it') && " +
		"$('dialog').textContent.includes('Until now they may view it.')")
	p.key("Escape")
	p.wait("!$('dialog')")
	check(with("Observers true false false"))
	choose("Observers", "change delete")
	p.wait("$('dialog').textContent.includes('delete it with everything on it')")
	p.click("dialog form button[type=submit]")
	p.wait("!$('dialog') && $('#rights')?.textContent.includes('Observers: view, change and delete×')")
	check(with("Observers true true true"))
	choose("Readers", "delete")
	p.click("dialog form button[type=submit]")
	p.wait("!$('dialog') && $('#rights')?.textContent.includes('Readers: view and delete×')")
	p.click("[aria-label='Withdraw from Readers']")
	p.wait("$('dialog[open]')")
	check(with("Observers true true true, Readers true false true"))
	p.click("dialog form button[type=submit]")
	p.wait("!$('dialog') && $('#rights') && !$('#rights').textContent.includes('Readers:')")
	check(with("Observers true true true"))
	p.clean()
}

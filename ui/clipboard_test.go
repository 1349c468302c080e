package ui

import (
	"strings"
	"testing"
)

// pasted empties a field and pastes into it by keyboard.
func (p *page) pasted(selector string) string {
	p.t.Helper()
	p.run("const e = $(" + quote(selector) + "); e.value = ''; e.focus()")
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		p.do("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "v", "code": "KeyV", "modifiers": 2,
			"windowsVirtualKeyCode": 86, "commands": []string{"paste"}}, nil)
	}
	p.wait("$(" + quote(selector) + ").value")
	var s string
	p.eval("document.querySelector("+quote(selector)+").value", &s)
	return s
}

// TestClipboard copies with the buttons, by mouse and by keyboard, to the browser's own clipboard,
// and pastes it into a field. Without permission for the clipboard the buttons copy too.
func TestClipboard(t *testing.T) {
	b := startBrowser(t)
	n := sharedNode(t)
	p := b.newPage(t, n.base)
	p.size(1366, 800)
	p.signIn(n)
	p.open("/targets/1/")
	p.wait("$('#sexagesimal')")
	const search = "#pasted"
	p.run("const e = document.createElement('input'); e.id = 'pasted'; e.ariaLabel = 'Pasted'; $('main').append(e)")
	var at struct{ RA, Dec float64 }
	var degrees string
	p.eval("fetch('/api/targets/1/', { headers: { Accept: 'application/json' } }).then((r) => r.json())", &at)
	p.eval("fetch('/api/targets/1/', { headers: { Accept: 'application/json' } }).then((r) => r.json()).then((d) => "+
		"d.ra + ' ' + d.dec)", &degrees)
	p.click("[aria-label='Copy the name']")
	p.wait("$('#notices').textContent.includes('Copied.')")
	if s := p.pasted(search); s != "NJ24aab" {
		t.Errorf("the name is pasted as %q", s)
	}
	p.run("$(\"[aria-label='Copy the coordinates in degrees']\").focus()")
	p.key("Enter")
	p.wait("$$('#notices .notice').length === 2")
	if s := p.pasted(search); s != degrees || at.RA == 0 {
		t.Errorf("the coordinates in degrees are pasted as %q, want %q", s, degrees)
	}
	p.run("navigator.clipboard.writeText = () => Promise.reject(new Error('denied'))")
	p.click("[aria-label='Copy the sexagesimal coordinates']")
	p.wait("$$('#notices .notice').length === 3")
	shown := strings.ReplaceAll(strings.Join(strings.Fields(p.text("#sexagesimal")), " "), "−", "-")
	if s := p.pasted(search); s != shown || !strings.Contains(s, ":") {
		t.Errorf("the sexagesimal coordinates are pasted as %q, want %q", s, shown)
	}
	p.clean()
}

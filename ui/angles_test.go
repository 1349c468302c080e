package ui

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestAngles reads the texts that package sky reads in its own test.
func TestAngles(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "sky", "testdata", "angles.json"))
	if err != nil {
		t.Fatal(err)
	}
	type vector struct {
		Text string
		RA   *float64
		Dec  *float64
		Pair []float64
	}
	var want, got []vector
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	p := startBrowser(t).newPage(t, sharedNode(t).base)
	p.open("/targets/")
	err = p.eval(`(async () => {
		const { parseRA, parseDec, parsePair } = await import("/static/angles.js");
		return JSON.parse(`+quote(string(b))+`).map((v) =>
			({ text: v.text, ra: parseRA(v.text), dec: parseDec(v.text), pair: parsePair(v.text) }));
	})()`, &got)
	if err != nil {
		t.Fatal(err)
	}
	text := func(v *vector) string {
		s := ""
		for _, f := range []*float64{v.RA, v.Dec} {
			if f == nil {
				s += " refused"
			} else {
				s += fmt.Sprintf(" %.10f", *f)
			}
		}
		for _, f := range v.Pair {
			s += fmt.Sprintf(" %.10f", f)
		}
		return s
	}
	if len(got) != len(want) {
		t.Fatalf("%d texts of %d", len(got), len(want))
	}
	for i := range want {
		if g, w := text(&got[i]), text(&want[i]); g != w {
			t.Errorf("%q is read as%s, want%s", want[i].Text, g, w)
		}
	}
}

// TestPastedCoordinates: both coordinates in one field, as they are copied elsewhere, go to their
// fields, and the line below a field says how it is read.
func TestPastedCoordinates(t *testing.T) {
	n := sharedNode(t)
	p := startBrowser(t).newPage(t, n.base)
	p.signIn(n)
	p.open("/targets/create/")
	p.enter("input[name=ra]", "13:47:02.1 −12:30:00")
	p.wait("$('[data-field=ra] .help').textContent.includes('RA 13:47:02.100, Dec −12:30:00.00')")
	p.key("Tab")
	p.wait("$('input[name=ra]').value.startsWith('206.75875') && $('input[name=dec]').value === '-12.5'")
	p.enter("input[name=dec]", "12:30:00 S")
	p.wait("$('[data-field=dec] .help').textContent.includes('−12:30:00.00')")
	p.enter("input[name=dec]", "12:30:00 s")
	p.wait("$('[data-field=dec] .help.bad').textContent.includes('seconds or south')")
	p.clean()
}

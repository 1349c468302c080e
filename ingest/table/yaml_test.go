package table

import (
	"testing"

	"nightjar/ingest/bounded"
)

// FuzzYAML: any header is parsed or refused, and its nodes can be read.
func FuzzYAML(f *testing.F) {
	for _, s := range []string{"a: 1\nb: [1, {c: d}]\n", "- !!omap\n- {a: &x {<<: *x}}\n", "? a\n: |\n  b\n", "{a: *a}",
		"&a [*a, *a]", "a: !astropy.units.Unit {unit: mag}\n", "%YAML 1.1\n---\n- \"\\u00e9\"\n...\n", "\t- a", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		document, err := parseYAML([]byte(text), []int{1, 2, 3})
		if err != nil {
			if _, ok := err.(*bounded.Refusal); !ok {
				t.Fatal(err)
			}
			return
		}
		document.member("a").items(func(n yamlNode) {
			n.members(func(key string, value yamlNode) { _ = key + value.scalar() + value.name() + value.tag() })
		})
		_ = document.scalar() + document.member("b").member("c").name()
	})
}

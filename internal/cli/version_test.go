package cli

import (
	"os"
	"regexp"
	"testing"
)

// TestVersion: the version is the newest of the change log, and a commit may come from the linker.
func TestVersion(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^## (\S+)`).FindSubmatch(text)
	if newest == nil || string(newest[1]) != version {
		t.Errorf("CHANGELOG.md begins with %s, the version is %s", newest, version)
	}
	defer func() { commit = "" }()
	for _, commit = range []string{"", "0123abc-dirty"} {
		out := must(t, "version")
		m := regexp.MustCompile(
			`^nightjar \d+\.\d+\.\d+\ncommit (unknown|[0-9a-f]{7,40}(?:-dirty)?)\ngo\d\S*\n$`).FindStringSubmatch(out)
		if m == nil || commit != "" && m[1] != commit {
			t.Errorf("%q with commit %q", out, commit)
		}
	}
}

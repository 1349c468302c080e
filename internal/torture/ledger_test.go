package torture_test

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"nightjar/internal/torture"
)

// TestLedgerSees: the ledger finds whatever is removed, added or changed without it. The other
// tests rely on this.
func TestLedgerSees(t *testing.T) {
	parallel(t)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	ledger := new(torture.Ledger)
	done := n.load(torture.Load{Posters: 2, Rows: []int{30}, Files: []int{5000}, Streams: []int{30}}, ledger, 1)
	for {
		acknowledged, _ := ledger.Count(1)
		some := n.count("/api/observations/") > 0 && n.count("/api/users/") > 1
		if acknowledged > 60 && some {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	done()
	time.Sleep(100 * time.Millisecond) // requests that were broken off may still be written
	n.whole(ledger)
	first := func(path string) string {
		var page struct{ Results []struct{ ID int } }
		if err := n.admin.Call(t.Context(), http.MethodGet, path+"?limit=1", nil, &page); err != nil ||
			len(page.Results) == 0 {
			t.Fatal(path, err)
		}
		return path + strconv.Itoa(page.Results[0].ID) + "/"
	}
	second := func(path string) string { // the first user is admin
		var page struct{ Results []struct{ ID int } }
		if err := n.admin.Call(t.Context(), http.MethodGet, path+"?limit=2", nil, &page); err != nil ||
			len(page.Results) < 2 {
			t.Fatal(path, err)
		}
		return path + strconv.Itoa(page.Results[1].ID) + "/"
	}
	for _, x := range []struct {
		name, method, path string
		in                 any
		want               string
	}{
		{"a datum is deleted", http.MethodDelete, first("/api/reduceddatums/"), nil, "is missing"},
		{"a tag changes", http.MethodPatch, first("/api/targets/"),
			map[string]any{"targetextra_set": []map[string]string{{"key": "k", "value": "v"}}}, "should have"},
		{"a target is renamed", http.MethodPatch, first("/api/targets/"),
			map[string]string{"name": "torture 1 z"}, "is missing"},
		{"a user loses the groups", http.MethodPatch, second("/api/users/"),
			map[string]any{"groups": []string{}}, "should have"},
		{"a user is deleted", http.MethodDelete, second("/api/users/"), nil, "is missing"},
		{"an observation is added", http.MethodPost, "/api/observations/",
			map[string]any{"target_id": 1, "facility": "torture", "observation_type": "IMAGING",
				"observation_id": "another", "observing_parameters": map[string]any{"exposure_time": 1}},
			"observations, not"},
		{"a target is added", http.MethodPost, "/api/targets/",
			map[string]any{"name": "torture 9 z", "type": "SIDEREAL", "ra": 1, "dec": 1}, "targets, not"},
		{"a product is deleted", http.MethodDelete, first("/api/dataproducts/"), nil, "is missing"},
	} {
		if err := n.admin.Call(t.Context(), x.method, x.path, x.in, nil); err != nil {
			t.Fatal(x.name, err)
		}
		problems, err := ledger.Check(t.Context(), n.admin, torture.At(time.Now()), true, true)
		if err != nil {
			t.Fatal(x.name, err)
		}
		if !strings.Contains(strings.Join(problems, "\n"), x.want) {
			t.Errorf("%s: %q", x.name, problems)
		}
	}
}

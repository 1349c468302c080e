package archive

import (
	"path/filepath"
	"testing"
)

// TestReindexWhileOpening: a new index that is requested before the old one is open is built, and
// counts as missing until then.
func TestReindexWhileOpening(t *testing.T) {
	f := open(t, Options{})
	dir := filepath.Join(t.TempDir(), "index")
	for round := range 2 {
		n := &indexFollower{a: f.Archive, dir: dir}
		if err := n.renew(); err != nil || n.State().Why == "" {
			t.Errorf("round %d: requested: %v, %+v", round, err, n.State())
		}
		err := n.catchUp(t.Context())
		if st := n.State(); err != nil || st.Rebuilt != 1 || st.Why != "" {
			t.Errorf("round %d: built: %v, %+v", round, err, st)
		}
		if err := n.x.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

package api

import (
	"strings"
	"sync/atomic"
	"testing"
)

// TestHealthOfBackups: /healthz stays 200 when the last automatic backup failed, but is no longer
// "ok", and does not name paths or causes.
func TestHealthOfBackups(t *testing.T) {
	var failed atomic.Value
	failed.Store("")
	n := start(t, Options{Backups: func() BackupState { return BackupState{Failed: failed.Load().(string)} }})
	for _, x := range [][2]string{{"", "ok"}, {"/media/stick: no such folder", "backup failed"}, {"", "ok"}} {
		failed.Store(x[0])
		r := n.ask("", "GET", "/healthz", nil).want(t, 200)
		if got := r.json(t)["status"]; got != x[1] {
			t.Errorf("after the failure %q the status is %v, want %s", x[0], got, x[1])
		}
		if text := string(r.body); strings.Contains(text, "stick") ||
			strings.Contains(text, "nightjar stat") != (x[0] != "") {
			t.Errorf("after the failure %q: %s", x[0], text)
		}
	}
}

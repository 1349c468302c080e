package api

import (
	"net/http/httptest"
	"testing"

	"nightjar/auth"
)

// TestTagOfOldRules: an answer that was begun under other rules, or before its viewer lost a group,
// has another tag than one that is begun now, though the log's head is read after both.
func TestTagOfOldRules(t *testing.T) {
	n := start(t, Options{})
	begin := func(v auth.Viewer) *request {
		r := n.api.request(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/targets/", nil), &route{})
		r.viewer, r.access = v, n.archive.For(v)
		return r
	}
	member, other := auth.Viewer{ID: 7, Groups: []uint64{2}}, auth.Viewer{ID: 7}
	n.mode(auth.ModeObjects, auth.ReadOnly)
	objects := begin(member)
	n.mode(auth.ModeTargets, auth.Locked)
	locked := begin(member)
	n.mode(auth.ModeTargets, auth.ReadOnly)
	tags := map[string]bool{}
	for _, r := range []*request{objects, locked, begin(member), begin(other)} {
		tags[r.cacheTag()] = true
	}
	if len(tags) != 4 {
		t.Errorf("%d different tags, want 4", len(tags))
	}
	if now := begin(member); !tags[now.cacheTag()] {
		t.Error("the tag is not steady")
	}
}

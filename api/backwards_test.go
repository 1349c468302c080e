package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"nightjar/internal/testenv"
)

// browserCache answers as a browser does that asks whether its copy is still current.
type browserCache map[string]*httptest.ResponseRecorder

// get asks the node in this process, as a user.
func (c browserCache) get(n *node, user, path string) (answer *httptest.ResponseRecorder, status int) {
	ask := httptest.NewRequest("GET", n.URL+path, nil)
	ask.Header.Set("Authorization", "Token "+n.tokens[user])
	have := c[user+path]
	if have != nil {
		ask.Header.Set("If-None-Match", have.Header().Get("ETag"))
	}
	w := httptest.NewRecorder()
	if n.api.ServeHTTP(w, ask); w.Code == http.StatusNotModified {
		return have, w.Code
	}
	c[user+path] = w
	return w, w.Code
}

// TestAnswersNeverGoBack: while three clients post, two viewers read two lists by turns, each with
// its cached copy. No answer shows less than the one before, cached or not.
func TestAnswersNeverGoBack(t *testing.T) {
	n := start(t, Options{})
	target := n.target("astro", "M 31", "Observers")
	var stop atomic.Bool
	var posted atomic.Int64
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := 0; !stop.Load(); i++ {
				body := fmt.Sprintf(`{"target": %s, "data_type": "photometry", "timestamp": "2026-01-02T03:04:05Z", `+
					`"value": {"n": %d}}`, target, 3*i+w)
				r := httptest.NewRequest("POST", n.URL+"/api/reduceddatums/", strings.NewReader(body))
				r.Header.Set("Authorization", "Token "+n.tokens["astro"])
				r.Header.Set("Content-Type", typeJSON)
				answer := httptest.NewRecorder()
				if n.api.ServeHTTP(answer, r); answer.Code != http.StatusCreated {
					t.Errorf("status %d: %s", answer.Code, answer.Body)
					return
				}
				posted.Add(1)
			}
		})
	}
	defer writers.Wait()
	defer stop.Store(true)

	paths := []string{"/api/reduceddatums/?ordering=-created&limit=1&fields=id",
		"/api/reduceddatums/?ordering=-created&limit=3&fields=id&target__id=" + target}
	cache := browserCache{}
	var seen, back, confirmed int
	pairs := testenv.Choose(4_000, 20_000)
	for i := range pairs {
		user := []string{"astro", "carol"}[i/2%2]
		for _, path := range []string{paths[i%2], paths[1-i%2]} {
			answer, status := cache.get(n, user, path)
			var list struct {
				Count   int
				Results []struct{ ID int }
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil {
				t.Fatalf("%s: %d %v: %.200s", path, status, err, answer.Body)
			}
			if status == http.StatusNotModified {
				confirmed++
			}
			if list.Count < seen {
				if back++; back <= 3 {
					t.Errorf("pair %d: %s shows %d datums with status %d, after %d were seen", i, path, list.Count,
						status, seen)
				}
			}
			seen = max(seen, list.Count)
		}
	}
	t.Logf("%d pairs: %d answers confirmed, %d steps back, %d datums posted", pairs, confirmed, back, posted.Load())
	if confirmed == 0 || posted.Load() == 0 {
		t.Errorf("%d answers were confirmed while %d datums were posted: nothing was tried", confirmed, posted.Load())
	}
}

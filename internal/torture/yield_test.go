package torture_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nightjar/internal/testenv"
)

// TestLongWorkYields: another user's posts go on while a table is uploaded again, so that all its
// rows are merged with existing ones, and while one of two products with the same rows is deleted.
// The short form compares only the rows, not the times.
func TestLongWorkYields(t *testing.T) {
	parallel(t)
	rows := testenv.Choose(6_000, 1_000_000)
	n := serve(t, filepath.Join(t.TempDir(), "test.db"), "")
	n.addGroup("observers")
	target, other := n.shareTarget("imported", "PRIVATE"), n.shareTarget("posted", "PRIVATE", "observers")
	poster := n.addUser("poster", false, time.Time{}, "observers").client(n)
	content := lightCurve(50_000, rows)
	count := 0
	// beside posts datums one by one while fn runs, at least this many, and returns the time of
	// each
	beside := func(least int, fn func()) (took []time.Duration) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			defer cancel()
			fn()
		}()
		for len(took) < least || ctx.Err() == nil {
			count++
			began := time.Now()
			check(t, poster.Call(t.Context(), http.MethodPost, "/api/reduceddatums/",
				map[string]any{"target": other, "data_type": "photometry", "source_name": "single",
					"timestamp": time.Unix(1_700_000_000+int64(count), 0).UTC().Format(time.RFC3339),
					"value":     map[string]any{"magnitude": count}}, nil))
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		return took
	}
	posted := func(name string) (id int) {
		t.Helper()
		contentType, body := productForm(target, name, "photometry", "large.csv", content)
		r, err := n.admin.Send(t.Context(), http.MethodPost, "/api/dataproducts/?fields=id,report", contentType,
			bytes.NewReader(body))
		check(t, err)
		defer r.Body.Close()
		var got struct {
			ID     int
			Report struct{ Created, Duplicate int }
		}
		var b bytes.Buffer
		_, err = b.ReadFrom(r.Body)
		check(t, err)
		check(t, unmarshal(b.Bytes(), &got))
		if want := [2]int{rows, 0}; name == "first" && [2]int{got.Report.Created, got.Report.Duplicate} != want {
			t.Errorf("the first upload: %d created, %d duplicate", got.Report.Created, got.Report.Duplicate)
		}
		if want := [2]int{0, rows}; name == "second" && [2]int{got.Report.Created, got.Report.Duplicate} != want {
			t.Errorf("the second upload: %d created, %d duplicate", got.Report.Created, got.Report.Duplicate)
		}
		return got.ID
	}
	deleted := func(id int) { n.ask(http.MethodDelete, fmt.Sprintf("/api/dataproducts/%d/", id), nil, nil) }
	of := func(id int) int { return n.count(fmt.Sprintf("/api/reduceddatums/?data_product__id=%d", id)) }
	var first, second int
	alone := beside(testenv.Choose(50, 2000), func() {})
	importing := beside(1, func() { first = posted("first") })
	again := beside(1, func() { second = posted("second") })
	if have := of(first); have != rows { // a list by product has only the first product of a datum
		t.Errorf("product %d has %d datums, not %d", first, have, rows)
	}
	deleting := beside(1, func() { deleted(first) })
	if have := n.count(fmt.Sprintf("/api/reduceddatums/?target__id=%d", target)); have != rows ||
		of(second) != rows || of(first) != 0 {
		t.Errorf("after the deletion of one of two products with %d datums, %d remain, and the other has %d",
			rows, have, of(second))
	}
	most := func(took []time.Duration) time.Duration { return took[(len(took)*999)/1000] }
	t.Logf("posts beside %d rows, 99.9th percentile (number): alone %v (%d), first import %v (%d), second import %v "+
		"(%d), deletion %v (%d)", rows,
		most(alone), len(alone), most(importing), len(importing), most(again), len(again), most(deleting),
		len(deleting))
	if testenv.Long() {
		bound := max(250*time.Millisecond, 3*most(alone))
		for name, took := range map[string][]time.Duration{"a second import": again,
			"the deletion of a shared product": deleting} {
			if most(took) > bound {
				t.Errorf("beside %s the 99.9th percentile of %d posts is %v; at most %v is allowed", name, len(took),
					most(took), bound)
			}
		}
	}
	deleted(second)
	if have := n.count(fmt.Sprintf("/api/reduceddatums/?target__id=%d", target)); have != 0 {
		t.Errorf("after the deletion of the other, %d datums remain", have)
	}
	if have := n.count("/api/reduceddatums/?source_name=single"); have != count {
		t.Errorf("%d of %d posts remain", have, count)
	}
	n.stop()
	must(t, "--db", n.file, "verify")
}

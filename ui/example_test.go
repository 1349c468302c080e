package ui_test

import (
	"fmt"
	"net/http/httptest"

	"nightjar/ui"
)

// One document is served under all paths of pages; its scripts may only come from the node.
func ExampleHandler() {
	for _, path := range []string{"/targets/5/", "/nowhere"} {
		w := httptest.NewRecorder()
		ui.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(path, w.Code, w.Header().Get("Content-Type"))
	}
	// Output:
	// /targets/5/ 200 text/html; charset=utf-8
	// /nowhere 404 text/html; charset=utf-8
}

package api_test

import (
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"nightjar/api"
	"nightjar/archive"
)

// The owner of the file may do everything, and is reached without the network. Others ask the
// handler that New returns, and see what is open to them.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	a, err := archive.Open(filepath.Join(dir, "node.db"), archive.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	node := api.New(a, api.Options{BaseURL: "https://node.example.org"})
	defer node.Stop()

	table := "name,ra,dec,permissions\nM 31,00:42:44.3,+41:16:09,OPEN\nM 33,01:33:50.9,+30:39:37,PRIVATE\n"
	r := httptest.NewRequest("POST", "/api/targets/", strings.NewReader(table))
	r.Header.Set("Content-Type", "text/csv")
	w := httptest.NewRecorder()
	node.Owner().ServeHTTP(w, r)
	fmt.Println(w.Code)

	w = httptest.NewRecorder()
	node.ServeHTTP(w, httptest.NewRequest("GET", "/api/targets/?fields=name,ra", nil))
	fmt.Println(w.Body)
	// Output:
	// 201
	// {"count":1,"next":null,"previous":null,"results":[{"name":"M 31","ra":10.684583333333334}]}
}

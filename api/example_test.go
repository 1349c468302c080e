package api_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"nightjar/api"
	"nightjar/archive"
)

// open makes an archive that is deleted when it is closed.
func open() (a *archive.Archive, closed func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	a, err = archive.Open(filepath.Join(dir, "node.db"), archive.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return a, func() {
		a.Close()
		os.RemoveAll(dir)
	}
}

// ask sends a request to a handler, without a network.
func ask(h http.Handler, method, path, kind, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A guest sees the open targets, and no others.
func ExampleNew() {
	a, closed := open()
	defer closed()
	node := api.New(a, api.Options{BaseURL: "https://node.example.org"})
	defer node.Stop()

	table := "name,ra,dec,permissions\nM 31,00:42:44.3,+41:16:09,OPEN\nM 33,01:33:50.9,+30:39:37,PRIVATE\n"
	fmt.Println(ask(node.Owner(), "POST", "/api/targets/", "text/csv", table).Code)
	fmt.Println(ask(node, "GET", "/api/targets/?fields=name,ra", "", "").Body)
	// Output:
	// 201
	// {"count":1,"next":null,"previous":null,"results":[{"name":"M 31","ra":10.684583333333334}]}
}

// The owner of the file may do everything. Never serve this handler on a network.
func ExampleAPI_Owner() {
	a, closed := open()
	defer closed()
	node := api.New(a, api.Options{})
	defer node.Stop()

	user := `{"username": "astro", "is_superuser": true}`
	fmt.Println(ask(node, "POST", "/api/users/", "application/json", user).Code)
	fmt.Println(ask(node.Owner(), "POST", "/api/users/", "application/json", user).Code)
	// Output:
	// 401
	// 201
}

// Stop ends the streams of events, for which a server would otherwise wait when it shuts down.
func ExampleAPI_Stop() {
	a, closed := open()
	defer closed()
	node := api.New(a, api.Options{})
	server := httptest.NewServer(node)
	server.Config.RegisterOnShutdown(node.Stop)

	target := `{"name": "M 31", "type": "SIDEREAL", "ra": 10.7, "dec": 41.3, "permissions": "OPEN"}`
	ask(node.Owner(), "POST", "/api/targets/", "application/json", target)
	events, err := http.Get(server.URL + "/api/events/?target__id=1")
	if err != nil {
		log.Fatal(err)
	}
	defer events.Body.Close()
	fmt.Println(events.Header.Get("Content-Type"))
	fmt.Println(server.Config.Shutdown(context.Background()))
	// Output:
	// text/event-stream
	// <nil>
}

// Bodies have at most 20 bytes here, and a user sends at most two files at a time. Limits that are
// zero have their default values.
func ExampleLimits() {
	a, closed := open()
	defer closed()
	node := api.New(a, api.Options{Limits: api.Limits{MaxBody: 20, UserUploads: 2}})
	defer node.Stop()

	fmt.Println(ask(node.Owner(), "POST", "/api/targets/", "application/json", `{"name": "Messier 31"}`).Body)
	// Output:
	// {"detail":"The body is larger than 20 bytes."}
}

func ExampleFingerprint() {
	fmt.Println(api.Fingerprint([]byte("a certificate in DER"))[:23])
	// Output:
	// 68:EB:E6:F9:FF:6B:B6:27
}

// Package ui is the embedded pages. They are a client of the REST API and nothing else: what they
// show they ask for under /api/, as anybody could. Nothing is fetched from elsewhere, and no page
// holds a script or a style of its own, so that a strict content security policy keeps what was
// uploaded from ever running.
//
// There is one document, which is served under every path that has a page, and main.js finds by the
// path which module fills it. The modules are served as they stand in the folder static: there is
// no build step. What they compute without a document (coordinates, photometry, spectra, tables)
// has tests beside the pages' own, which drive a browser.
//
// It imports nothing but the standard library.
package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var files embed.FS

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// paths are those that have a page, as a TOM names them where it has them; # stands for a number
// and * for all that is left, a name.
var paths = []string{
	"/", "/targets/", "/targets/create/", "/targets/import/", "/targets/#/", "/targets/#/update/", "/targets/name/*/",
	"/dataproducts/data/", "/dataproducts/data/#/", "/reduceddatums/", "/observations/list/",
	"/accounts/login/", "/account/", "/users/", "/node/", "/log/",
}

// moved are other paths under which a TOM, or habit, looks for a page.
var moved = map[string]string{
	"/dataproducts/": "/dataproducts/data/", "/observations/": "/observations/list/", "/users/list/": "/users/", "/groups/": "/users/",
	"/accounts/logout/": "/account/", "/tokens/": "/account/",
}

// Handler serves the pages, and what they need under /static/. Everything else is a page that says
// that there is nothing.
func Handler() http.Handler {
	static := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
			return
		}
		name := "404.html"
		if rest, ok := strings.CutPrefix(r.URL.Path, "/static/"); ok {
			if path.Ext(rest) != ".html" && static[rest] != nil {
				name = rest
			}
		} else if to := destination(r.URL.EscapedPath()); to == r.URL.EscapedPath() {
			name = "page.html"
		} else if to != "" {
			if r.URL.RawQuery != "" {
				to += "?" + r.URL.RawQuery
			}
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		f := static[name]
		h.Set("ETag", f.tag)
		h.Set("Cache-Control", "no-cache")
		if name == "404.html" {
			h.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			w.Write(f.content)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(f.content))
	})
}

// destination is the path of the page that is meant by a path, both escaped; "" for none.
func destination(path string) string {
	if !strings.HasSuffix(path, "/") {
		path += "/"
	}
	if to, ok := moved[path]; ok {
		return to
	}
	for _, pattern := range paths {
		if matches(pattern, path) {
			return path
		}
	}
	return ""
}

func matches(pattern, path string) bool {
	for {
		want, pattern2, more := strings.Cut(pattern, "/")
		have, path2, left := strings.Cut(path, "/")
		switch {
		case want == "*":
			return have != "" || path2 != ""
		case want == "#" && have != "" && strings.Trim(have, "0123456789") == "":
		case want != have:
			return false
		}
		if !more || !left {
			return more == left
		}
		pattern, path = pattern2, path2
	}
}

// file is a file of the folder static, with its entity tag.
type file struct {
	content []byte
	tag     string
}

// load reads the folder static, which is part of the program.
func load() map[string]*file {
	all := map[string]*file{}
	err := fs.WalkDir(files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(name)
		sum := sha256.Sum256(b)
		all[strings.TrimPrefix(name, "static/")] = &file{b, `"` + hex.EncodeToString(sum[:16]) + `"`}
		return err
	})
	if err != nil {
		panic(err)
	}
	return all
}

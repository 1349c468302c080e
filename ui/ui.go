// Package ui has the embedded pages. They are only a client of the REST API: they request all that
// they show under /api/, as any client could. They load nothing from other sites and have no inline
// scripts or styles, so a strict content security policy keeps uploaded text from running as a
// script.
//
// One document is served under every path that has a page, and main.js chooses by the path the
// module that fills it. The modules are served unchanged from the folder static: there is no build
// step. Code that needs no document (coordinates, photometry, spectra, tables) has tests in
// ui/pure; the other tests drive a browser.
//
// It imports only the standard library.
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

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src " +
	"'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// paths are the paths that have a page, named as in a TOM where a TOM has them. # matches a number,
// and * matches the rest of the path, a name.
var paths = []string{
	"/", "/targets/", "/targets/create/", "/targets/import/", "/targets/#/", "/targets/#/update/", "/targets/name/*/",
	"/dataproducts/data/", "/dataproducts/data/#/", "/reduceddatums/", "/observations/list/",
	"/accounts/login/", "/account/", "/users/", "/node/", "/log/",
}

// moved maps other common paths, such as a TOM's, to the paths of the pages.
var moved = map[string]string{
	"/dataproducts/": "/dataproducts/data/", "/observations/": "/observations/list/", "/users/list/": "/users/",
	"/groups/":          "/users/",
	"/accounts/logout/": "/account/", "/tokens/": "/account/",
}

// Handler serves the pages and, under /static/, their files. Every other path gets the page for
// 404.
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

// destination returns the path of the page that a path means, both escaped; "" if there is none.
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

// Package ui is the embedded pages. They are a client of the REST API and nothing else: what they show they ask for under /api/, as anybody could. Nothing is
// fetched from elsewhere, and no page holds a script or a style of its own, so that a strict content security policy keeps what was uploaded from ever running.
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
	"time"
)

//go:embed static
var files embed.FS

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handler serves the pages: / and what they need under /static/. Everything else is a page that says that there is nothing.
func Handler() http.Handler {
	root, err := fs.Sub(files, "static")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
			return
		}
		name := "404.html"
		if r.URL.Path == "/" {
			name = "index.html"
		} else if rest, ok := bytes.CutPrefix([]byte(r.URL.Path), []byte("/static/")); ok && fs.ValidPath(string(rest)) && path.Ext(string(rest)) != ".html" {
			name = string(rest)
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			name = "404.html"
			if b, err = fs.ReadFile(root, name); err != nil {
				panic(err)
			}
		}
		sum := sha256.Sum256(b)
		h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
		h.Set("Cache-Control", "no-cache")
		if name == "404.html" {
			h.Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(http.StatusNotFound)
			w.Write(b)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(b))
	})
}

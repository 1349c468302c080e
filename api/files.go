package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"
)

// shown are the types of files that a browser may show in place; everything else is to be saved, so
// that nothing that was uploaded runs in our name.
var shown = []string{"text/plain", "text/csv", "image/png", "image/jpeg", "image/gif", "application/json",
	"application/pdf"}

// serveFile sends the file of a data product to those who may see it, in parts if they like.
func (api *API) serveFile(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	rq := api.request(w, r, &route{view: "File", spec: spec{anyType: true}})
	err := rq.prepare()
	if err == nil {
		err = rq.sendFile(strings.TrimPrefix(params.ByName("path"), "/"))
	}
	if err != nil {
		rq.fail(err)
	}
}

func (r *request) sendFile(name string) error {
	if r.flag("preview") {
		return r.sendLook("image/png", func() ([]byte, error) { return r.access.Preview(r.Context(), name) })
	}
	if r.flag("header") {
		return r.sendLook("application/json", func() ([]byte, error) { return r.access.Header(r.Context(), name) })
	}
	f, err := r.access.File(name)
	if err != nil {
		return err
	}
	h := r.w.Header()
	disposition := "attachment"
	if slices.Contains(shown, f.ContentType) {
		disposition = "inline"
	}
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": path.Base(f.Path)}))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("ETag", `"`+hex.EncodeToString(f.SHA[:16])+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization, Cookie")
	http.ServeContent(r.w, r.Request, "", time.UnixMicro(f.Created), f)
	return nil
}

// sendLook sends what is to be seen of a file: its preview or its header.
func (r *request) sendLook(kind string, look func() ([]byte, error)) error {
	b, err := look()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	h := r.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization, Cookie")
	http.ServeContent(r.w, r.Request, "", time.Time{}, bytes.NewReader(b))
	return nil
}

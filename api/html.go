package api

import (
	"bytes"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

// page shows an answer to somebody who looks at the API with a browser.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.View}} – {{.Node}}</title>
<script src="/static/look.js"></script><link rel="stylesheet" href="/static/nightjar.css"><link rel="icon" href="/static/nightjar.svg"><script type="module" src="/static/browse.js"></script></head>
<body><header id="head"><a class="brand" href="/">{{.Node}}</a> <a href="/api/">API</a> <span>{{.Who}}</span></header>
<main id="main"><h1>{{.View}}</h1>
<p><code>{{.Method}} {{.URL}}</code></p>
{{if .Unknown}}<p class="warning">Not known here, and ignored: {{.Unknown}}</p>{{end}}
<p id="status">HTTP {{.Status}} {{.StatusText}}<br>Allow: {{.Allow}}</p>
<pre id="answer" class="answer">{{.Body}}</pre>
<div id="tools">{{if .Filters}}<h2>Filters</h2><form method="get">{{range .Filters}}<label>{{.Name}} <input name="{{.Name}}" value="{{.Value}}"> <small>{{.Help}}</small></label>{{end}}<button>Ask</button></form>{{end}}</div>
</main><div id="notices" role="status" aria-live="polite"></div></body></html>
`))

// writePage sends an answer as a page.
func (r *request) writePage(a *answer) {
	node, err := r.api.archive.Name()
	if err != nil {
		node = "Nightjar"
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, a.body, "", "  ") != nil {
		pretty.Write(a.body)
	}
	h := r.w.Header()
	type field struct{ Name, Value, Help string }
	data := struct {
		Node, View, Method, URL, Who, Allow, Body, Unknown, StatusText string
		Status                                                         int
		Filters                                                        []field
	}{Node: node, View: r.route.view, Method: r.Method, URL: r.URL.RequestURI(), Who: r.viewer.Name, Allow: h.Get("Allow"),
		Body: pretty.String(), Unknown: h.Get("Nightjar-Unknown-Parameters"), Status: a.status, StatusText: http.StatusText(a.status)}
	for _, f := range r.route.filters {
		data.Filters = append(data.Filters, field{f.Name, lastOf(r.query, f.Name), f.Help})
	}
	var out bytes.Buffer
	if err := page.Execute(&out, data); err != nil {
		r.api.failed(r.w, r.Request, err)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.Join([]string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"}, "; "))
	r.w.WriteHeader(a.status)
	r.w.Write(out.Bytes())
}

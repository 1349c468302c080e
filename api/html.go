package api

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"unicode/utf8"

	"nightjar/api/wire"
)

// page shows an answer in a browser.
var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.View}} – {{.Node}}</title>
<script src="/static/look.js"></script><link rel="stylesheet" href="/static/nightjar.css"><link rel="icon" href="/static/nightjar.svg"><script type="module" src="/static/browse.js"></script></head>
<body><header id="head"><a class="brand" href="/">{{.Node}}</a> <a href="/api/">API</a> <span>{{.Who}}</span></header>
<main id="main"><h1>{{.View}}</h1>
<p><code>{{.Method}} {{.URL}}</code></p>
{{if .Unknown}}<p class="warning">Unknown query parameters were ignored: {{.Unknown}}</p>{{end}}
<p id="status">HTTP {{.Status}} {{.StatusText}}<br>Allow: {{.Allow}}</p>
{{range .Notes}}<p class="warning">{{.}}{{if $.Whole}} <a href="{{$.Whole}}">The whole answer as JSON</a>{{end}}</p>
{{end}}<pre id="answer" class="answer">`))

// pageEnd comes after the answer.
var pageEnd = template.Must(template.New("end").Parse(`</pre>
<div id="tools">{{if .Filters}}<h2>Filters</h2><form method="get">{{range .Filters}}<label>{{.Name}} <input name="{{.Name}}" value="{{.Value}}"> <small>{{.Help}}</small></label>{{end}}<button>Send</button></form>{{end}}</div>
</main><div id="notices" role="status" aria-live="polite"></div></body></html>
`))

// pagePolicy lets a page load only what the node serves.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxIndented is the most bytes that indented JSON may have, in an answer or on a page. A list
// nested in two hundred lists becomes a hundred times as long when it is indented.
const maxIndented = 2 << 20

// writePage sends an answer as a page. It indents at most maxIndented bytes, and escapes them piece
// by piece as it sends them.
func (r *request) writePage(a *answer) {
	node, err := r.api.archive.Name()
	if err != nil {
		node = "Nightjar"
	}
	h := r.w.Header()
	type field struct{ Name, Value, Help string }
	data := struct {
		Node, View, Method, URL, Who, Allow, Unknown, StatusText, Whole string
		Status                                                          int
		Notes                                                           []string
		Filters                                                         []field
	}{Node: node, View: r.route.view, Method: r.Method, URL: r.URL.RequestURI(), Who: r.viewer.Name,
		Allow: h.Get("Allow"), Unknown: h.Get("Nightjar-Unknown-Parameters"),
		Status: a.status, StatusText: http.StatusText(a.status)}
	text, whole := indented(a.body, 2, maxIndented)
	if r.rowsCapped {
		data.Notes = append(data.Notes,
			fmt.Sprintf("A page shows at most %d rows. Next leads to the others.", maxPageRows))
	}
	if a.cut || !whole {
		data.Notes = append(data.Notes, "The answer is too long for a page. The page shows its beginning.")
	}
	if len(data.Notes) > 0 && r.reads() {
		q := maps.Clone(r.query)
		q.Set("format", "json")
		data.Whole = r.URL.EscapedPath() + "?" + q.Encode()
	}
	for _, f := range r.route.filters {
		data.Filters = append(data.Filters, field{f.Name, wire.Last(r.query, f.Name), f.Help})
	}
	var head, end bytes.Buffer
	if err := errors.Join(page.Execute(&head, data), pageEnd.Execute(&end, data)); err != nil {
		r.api.serverError(r.w, r.Request, err)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pagePolicy)
	r.w.WriteHeader(a.status)
	r.w.Write(head.Bytes())
	for len(text) > 0 {
		n := min(len(text), 32<<10)
		var b bytes.Buffer
		// HTMLEscape works byte by byte, so pieces may be cut inside a character
		template.HTMLEscape(&b, text[:n])
		if _, err := r.w.Write(b.Bytes()); err != nil {
			return
		}
		text = text[n:]
	}
	r.w.Write(end.Bytes())
}

// indented puts each member and item of compact JSON on a line of its own. If the result would have
// more than most bytes, or text is incomplete, whole is false and out is the beginning.
func indented(text []byte, blanks, most int) (out []byte, whole bool) {
	out = make([]byte, 0, min(2*len(text)+64, most+64))
	depth, quoted := 0, false
	line := func() {
		out = append(out, '\n')
		for range min(depth*blanks, most) {
			out = append(out, ' ')
		}
	}
	for i := 0; i < len(text); i++ {
		if len(out) > most {
			return trimPartialRune(out[:most]), false
		}
		c := text[i]
		if quoted {
			out = append(out, c)
			switch {
			case c == '\\' && i+1 < len(text):
				i++
				out = append(out, text[i])
			case c == '"':
				quoted = false
			}
			continue
		}
		switch c {
		case '"':
			quoted = true
			out = append(out, c)
		case '{', '[':
			out = append(out, c)
			if i+1 < len(text) && (text[i+1] == '}' || text[i+1] == ']') {
				i++
				out = append(out, text[i])
				continue
			}
			depth++
			line()
		case '}', ']':
			depth--
			line()
			out = append(out, c)
		case ',':
			out = append(out, c)
			line()
		case ':':
			out = append(out, c, ' ')
		default:
			out = append(out, c)
		}
	}
	if len(out) > most {
		return trimPartialRune(out[:most]), false
	}
	return out, depth == 0 && !quoted
}

// trimPartialRune cuts an incomplete character off the end.
func trimPartialRune(b []byte) []byte {
	for n := len(b) - 1; n >= 0 && n > len(b)-utf8.UTFMax; n-- {
		if utf8.RuneStart(b[n]) {
			if !utf8.FullRune(b[n:]) {
				return b[:n]
			}
			break
		}
	}
	return b
}

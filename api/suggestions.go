package api

import (
	"net/http"

	"nightjar/archive"
	"nightjar/auth"
)

var suggestionFilters = []Filter{{Name: "q", Kind: Text, Help: "What was typed; it must be given."}}

var suggestedTargetFields = []Field{
	{Name: "id", Label: "Id", Kind: Integer, ReadOnly: true},
	{Name: "name", Label: "Name", Kind: Text, ReadOnly: true, Help: "The target's name."},
	{Name: "as", Label: "As", Kind: Text, ReadOnly: true, Help: "The name or alias that fits."},
}

var suggestionFields = []Field{
	{Name: "targets", Label: "Targets", Kind: List, ReadOnly: true, Of: suggestedTargetFields,
		Help: "Targets with a name or an alias that contains the text, whatever the case; first those where it begins with it."},
	{Name: "similar", Label: "Similar", Kind: List, ReadOnly: true, Of: suggestedTargetFields,
		Help: "When there are none: targets with a name or an alias that is nearly the text."},
	{Name: "source_names", Label: "Source names", Kind: AnyJSON, ReadOnly: true,
		Help: "Source names of reduced data that contain the text, whatever the case."},
}

// suggestionRoute suggests names while somebody types.
func (api *API) suggestionRoute() *route {
	return &route{path: "/api/suggestions/", view: "Suggestions", parses: allParsers, filters: suggestionFilters,
		fields: fixed(suggestionFields), handle: map[string]handler{"GET": suggest}}
}

func suggest(r *request) (*answer, error) {
	p := new(auth.Problems)
	in := parseFilters(suggestionFilters, r.query, p)
	if in.text("q") == "" && !p.Has("q") {
		p.Add("q", msgRequired)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	list, err := r.access.Suggest(r.Context(), in.text("q"))
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *writer) {
		w.key("targets")
		writeSuggested(w, list.Targets)
		w.key("similar")
		writeSuggested(w, list.Similar)
		w.key("source_names")
		w.list(func() {
			for _, name := range list.Sources {
				w.text(name)
			}
		})
	})
}

func writeSuggested(w *writer, list []archive.SuggestedTarget) {
	w.list(func() {
		for _, t := range list {
			w.object(func() {
				w.key("id")
				w.id(t.ID)
				w.textMember("name", t.Name)
				w.textMember("as", t.As)
			})
		}
	})
}

package api

import (
	"net/http"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

var suggestionFilters = []wire.Filter{{Name: "q", Kind: wire.Text, Help: "What was typed; it must be given."}}

var suggestedTargetFields = []wire.Field{
	{Name: "id", Label: "Id", Kind: wire.Integer, ReadOnly: true},
	{Name: "name", Label: "Name", Kind: wire.Text, ReadOnly: true, Help: "The target's name."},
	{Name: "as", Label: "As", Kind: wire.Text, ReadOnly: true, Help: "The name or alias that fits."},
}

var suggestionFields = []wire.Field{
	{Name: "targets", Label: "Targets", Kind: wire.List, ReadOnly: true, Of: suggestedTargetFields,
		Help: "Targets with a name or an alias that contains the text, whatever the case; first those where it begins with it."},
	{Name: "similar", Label: "Similar", Kind: wire.List, ReadOnly: true, Of: suggestedTargetFields,
		Help: "When there are none: targets with a name or an alias that is nearly the text."},
	{Name: "source_names", Label: "Source names", Kind: wire.AnyJSON, ReadOnly: true,
		Help: "Source names of reduced data that contain the text, whatever the case."},
}

var suggestionsSpec = spec{filters: suggestionFilters, fields: suggestionFields}

func suggest(r *request) (*answer, error) {
	p := new(problem.List)
	in := wire.ParseQuery(suggestionFilters, r.query, p)
	if in.Text("q") == "" && !p.Has("q") {
		p.Add("q", wire.MsgRequired)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	list, err := r.access.Suggest(r.Context(), in.Text("q"))
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		w.Key("targets")
		writeSuggested(w, list.Targets)
		w.Key("similar")
		writeSuggested(w, list.Similar)
		w.Key("source_names")
		w.List(func() {
			for _, name := range list.Sources {
				w.Text(name)
			}
		})
	})
}

func writeSuggested(w *wire.Writer, list []archive.SuggestedTarget) {
	w.List(func() {
		for _, t := range list {
			w.Object(func() {
				w.Key("id")
				w.ID(t.ID)
				w.TextMember("name", t.Name)
				w.TextMember("as", t.As)
			})
		}
	})
}

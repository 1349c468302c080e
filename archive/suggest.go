package archive

import (
	"context"
	"slices"
	"strings"

	"nightjar/index"
	"nightjar/kv"
)

// Suggestions are what a search box offers for a text: at most MaxSuggestions of each kind.
type Suggestions struct {
	// Targets have a name that contains the text, whatever the case: first, by name, those with a
	// name that begins with it.
	Targets []SuggestedTarget
	// Similar have a name that is nearly the text. They are looked for when there are no Targets,
	// and only while the index of names answers.
	Similar []SuggestedTarget
	// Sources are source names of reduced datums that contain the text, whatever the case, by name.
	Sources []string
}

// SuggestedTarget is a target that is suggested for the sake of one of its names.
type SuggestedTarget struct {
	ID   uint64
	Name string // the target's name
	As   string // the name or alias that fits the text
}

// MaxSuggestions bounds each kind of suggestions.
const MaxSuggestions = 8

const (
	// maxPrefixes is how many names that begin with a text are looked at: a viewer may see few of
	// them.
	maxPrefixes = 2000
	// maxSimilar is how many targets with a similar name are looked at, for the same reason.
	maxSimilar = 200
	// maxSources is how many source names are looked at. There should be some hundreds.
	maxSources = 10_000
)

// Suggest returns suggestions for a text, of what the viewer sees: what is hidden does not exist.
func (s *Session) Suggest(ctx context.Context, text string) (list Suggestions, err error) {
	folded := index.Fold(text)
	q := s.a.findNames(ctx, text)
	err = s.view(func(s *Session, tx *kv.Tx) error {
		list = Suggestions{}
		if err := s.suggestTargets(tx, q, folded, &list.Targets); err != nil {
			return err
		}
		return s.suggestSources(tx, folded, &list.Sources)
	})
	x := s.a.names.current()
	if err != nil || len(list.Targets) > 0 || x == nil {
		return list, err
	}
	matches := x.Similar(ctx, text, maxSimilar)
	err = s.view(func(s *Session, tx *kv.Tx) error {
		list.Similar = nil
		for _, m := range matches { // the target may have been renamed since the index saw it
			like := func(n string) bool { return index.Simplify(n) == m.Simple }
			if err := s.suggest(tx, m.ID, like, &list.Similar); err != nil || len(list.Similar) == MaxSuggestions {
				return err
			}
		}
		return nil
	})
	return list, err
}

// suggestTargets appends targets that the viewer sees and one of whose names contains a folded
// text.
func (s *Session) suggestTargets(tx *kv.Tx, q *nameQuery, folded string, list *[]SuggestedTarget) error {
	begins := func(n string) bool { return strings.HasPrefix(index.Fold(n), folded) }
	looked := 0
	for name, id := range tx.Range(orderFolded, 0, []byte(folded), nil) {
		if looked++; looked > maxPrefixes || !strings.HasPrefix(string(name), folded) {
			break
		}
		if err := s.suggest(tx, id, begins, list); err != nil || len(*list) == MaxSuggestions {
			return err
		}
	}
	found, err := q.in(tx)
	if err != nil {
		return err
	}
	contains := func(n string) bool { return strings.Contains(index.Fold(n), folded) }
	for id, err := range kv.And(visible(s, tx, targets, false), kv.IDs(found.IDs)).Each() {
		if err == nil {
			err = s.suggest(tx, id, contains, list)
		}
		if err != nil || len(*list) == MaxSuggestions {
			return err
		}
	}
	return nil
}

// suggest appends a target if the viewer sees it, it is not in the list yet, and one of its names
// fits.
func (s *Session) suggest(tx *kv.Tx, id uint64, fits func(name string) bool, list *[]SuggestedTarget) error {
	if slices.ContainsFunc(*list, func(t SuggestedTarget) bool { return t.ID == id }) {
		return nil
	}
	t, err := s.target(tx, id)
	if isRefusal(err) {
		return nil
	}
	if err != nil {
		return err
	}
	names := t.Names()
	if i := slices.IndexFunc(names, fits); i >= 0 {
		*list = append(*list, SuggestedTarget{ID: id, Name: t.Name, As: names[i]})
	}
	return nil
}

// suggestSources appends the source names that contain a folded text and that a datum has which the
// viewer sees.
func (s *Session) suggestSources(tx *kv.Tx, folded string, list *[]string) error {
	seen := visible(s, tx, datums, true)
	looked := 0
	for v := range datums.Values(tx, dimSource, "") {
		if looked++; looked > maxSources || len(*list) == MaxSuggestions {
			break
		}
		name := v.Text()
		if name == "" || !strings.Contains(index.Fold(name), folded) {
			continue
		}
		for _, err := range kv.And(seen, datums.Set(tx, dimSource, v)).Each() {
			if err != nil {
				return err
			}
			*list = append(*list, name)
			break
		}
	}
	return nil
}

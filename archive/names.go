package archive

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"nightjar/index"
	"nightjar/internal/cache"
	"nightjar/kv"
)

// A nameQuery finds targets by their names, in two steps whose order makes it exact (see package
// index). Before the transaction begins, propose reads the index's mark and searches the index. In
// the transaction, in checks the real names of every candidate and of every target whose names
// changed after the mark. When the index cannot answer, in scans the folded names. The result is
// cached until a name changes.
type nameQuery struct {
	a     *Archive
	how   nameMatch
	terms []string
	list  *nameList // of the terms, for anyRun

	after      uint64
	candidates []uint64
	proposed   bool
}

// A nameMatch says when a term matches a target. Case never matters.
type nameMatch byte

const (
	anyContains nameMatch = 'c' // the name or an alias contains the term
	ownContains nameMatch = 'o' // the name, rather than an alias, contains the term
	anyEquals   nameMatch = 'f' // the name or an alias equals the term when both are simplified
	anyRun      nameMatch = 'r' // the name or an alias equals a run of the terms, see nameList
)

// maxCandidates is how many candidates are checked one by one; for more, the scan is faster.
const maxCandidates = 2000

// findNames begins a search for targets that one of the terms matches. For anyRun, longestRuns then
// picks those that the viewer means.
func (a *Archive) findNames(ctx context.Context, how nameMatch, terms ...string) *nameQuery {
	q := &nameQuery{a: a, how: how, terms: terms}
	if how == anyRun {
		q.list = newNameList(terms)
	}
	q.propose(ctx)
	return q
}

func (q *nameQuery) propose(ctx context.Context) {
	x := q.a.names.current()
	if x == nil || q.remembered() {
		return
	}
	q.after = x.Mark().Seq
	terms, ok := q.terms, true
	if q.how == anyRun {
		terms, ok = q.list.runs()
	}
	if !ok {
		return
	}
	for _, term := range terms {
		var ids []uint64
		var ok bool
		if q.how == anyEquals || q.how == anyRun {
			ids, ok = x.Simplified(ctx, term)
		} else {
			ids, ok = x.Contains(ctx, term, maxCandidates)
		}
		if !ok || len(ids) > maxCandidates {
			return
		}
		q.candidates = append(q.candidates, ids...)
	}
	q.proposed = true
}

// remembered reports whether in will most likely find the result in the cache.
func (q *nameQuery) remembered() (yes bool) {
	key := q.key()
	if _, ok := q.a.found.Get(key); !ok {
		return false
	}
	q.a.db.View(func(tx *kv.Tx) error { // in will return an error, too
		yes = q.a.found.get(key, lastNamed(tx)) != nil
		return nil
	})
	return yes
}

// in returns the matching targets, visible or not; some of them may have been deleted since. It is
// for read transactions.
func (q *nameQuery) in(tx *kv.Tx) (*kv.IDList, error) {
	key, named := q.key(), lastNamed(tx)
	if p := q.a.found.get(key, named); p != nil {
		return p, nil
	}
	ids, err := q.search(tx)
	if err != nil {
		return nil, err
	}
	p := q.a.db.IDList(ids)
	q.a.found.put(key, named, p)
	return p, nil
}

// lastNamed returns the log entry of the last change of an existing target's names. While it is the
// same, a result stays right, except that targets may have been deleted.
func lastNamed(tx *kv.Tx) uint64 {
	sortKey, _, ok := tx.LastPlace(orderNamed, 0)
	if !ok {
		return 0
	}
	return binary.BigEndian.Uint64(sortKey)
}

// key identifies the query in the cache.
func (q *nameQuery) key() string {
	b := []byte{byte(q.how)}
	for _, t := range q.terms {
		b = appendText(b, t)
	}
	return string(b)
}

// search returns the matching targets, ascending.
func (q *nameQuery) search(tx *kv.Tx) ([]uint64, error) {
	match := q.matcher()
	if !q.proposed {
		return q.scan(tx, match)
	}
	candidates := slices.Clone(q.candidates) // search may run again
	for _, id := range tx.Range(orderNamed, 0, binary.BigEndian.AppendUint64(nil, q.after+1), nil) {
		candidates = append(candidates, id)
	}
	slices.Sort(candidates)
	var found []uint64
	for _, id := range slices.Compact(candidates) {
		t, err := targets.Get(tx, id)
		if err == kv.ErrNotFound {
			continue // deleted, which the index has not applied yet
		}
		if err != nil {
			return nil, err
		}
		names := t.Names()
		if q.how == ownContains {
			names = names[:1]
		}
		if slices.ContainsFunc(names, func(n string) bool { return match([]byte(index.Fold(n))) }) {
			found = append(found, id)
		}
	}
	return found, nil
}

// foundNames caches results of searches by name. An entry costs its number of ids, plus foundCost
// for its text, so that a thousand empty results fit.
type foundNames struct{ *cache.LRU[string, foundName] }

type foundName struct {
	named uint64
	*kv.IDList
}

// Bounds of the cache: the length of a text in bytes, and the number of ids in all.
const (
	maxFoundText = 1000
	maxFoundIDs  = 1_000_000
	foundCost    = 1000
)

// get returns the result for a state of the names, nil for none.
func (f foundNames) get(key string, named uint64) *kv.IDList {
	if e, ok := f.Get(key); ok && e.named == named {
		return e.IDList
	}
	return nil
}

func (f foundNames) put(key string, named uint64, p *kv.IDList) {
	if len(key) <= maxFoundText && len(p.IDs) <= maxFoundIDs/4 {
		f.Put(key, foundName{named, p}, foundCost+int64(len(p.IDs)))
	}
}

// matcher returns a function that reports whether a folded name matches.
func (q *nameQuery) matcher() func(folded []byte) bool {
	switch q.how {
	case anyRun:
		return func(folded []byte) bool { return len(q.list.find(index.Simplify(string(folded)))) > 0 }
	case anyEquals:
		simple := make(map[string]bool, len(q.terms)) // there may be many
		for _, t := range q.terms {
			simple[index.Simplify(t)] = true
		}
		return func(folded []byte) bool { return simple[index.Simplify(string(folded))] }
	}
	terms := make([]string, len(q.terms))
	for i, t := range q.terms {
		terms[i] = index.Fold(t)
	}
	return func(folded []byte) bool {
		return slices.ContainsFunc(terms, func(t string) bool { return strings.Contains(string(folded), t) })
	}
}

// scan searches all folded names.
func (q *nameQuery) scan(tx *kv.Tx, match func([]byte) bool) ([]uint64, error) {
	var found []uint64
	for sortKey, id := range tx.Range(orderFolded, 0, nil, nil) {
		if match(folded(sortKey)) {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if q.how != ownContains {
		return found, nil
	}
	own := found[:0]
	for _, id := range found {
		t, err := targets.Get(tx, id)
		if err != nil {
			return nil, err
		}
		if match([]byte(index.Fold(t.Name))) {
			own = append(own, id)
		}
	}
	return own, nil
}

// productsNamed returns the products whose product id or path contains text, ignoring case, by a
// scan of the folded names.
func productsNamed(tx *kv.Tx, text string) []uint64 {
	text = index.Fold(text)
	var found []uint64
	for sortKey, id := range tx.Range(orderProduct, 0, nil, nil) {
		if strings.Contains(string(folded(sortKey)), text) {
			found = append(found, id)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// unionOf returns the set of the rows with one of some parents.
func unionOf[T any](tx *kv.Tx, table *kv.Table[T], dim byte, parents []uint64) kv.Set {
	sets := make([]kv.Set, len(parents))
	for i, p := range parents {
		sets[i] = table.Set(tx, dim, kv.Int(p))
	}
	return kv.Or(sets...)
}

// Suggestions holds what a search box offers for a text: at most MaxSuggestions of each kind.
type Suggestions struct {
	// Targets have a name that contains the text, ignoring case. Those with a name that begins with
	// it come first, ordered by that name.
	Targets []SuggestedTarget
	// Similar have a name that is nearly the text. They are only searched for when there are no
	// Targets and the index of names is ready.
	Similar []SuggestedTarget
	// Sources are the source names of datums that contain the text, ignoring case, in order.
	Sources []string
}

// SuggestedTarget is a target that is suggested for one of its names.
type SuggestedTarget struct {
	ID   uint64
	Name string // the target's name
	As   string // the name or alias that matches the text
}

// MaxSuggestions bounds each kind of suggestions.
const MaxSuggestions = 8

const (
	// maxPrefixes bounds how many names that begin with a text are looked at: the viewer may see
	// few of them.
	maxPrefixes = 2000
	// maxSimilar bounds how many targets with a similar name are looked at, for the same reason.
	maxSimilar = 200
	// maxSources bounds how many source names are looked at. A file should have some hundreds.
	maxSources = 10_000
)

// Suggest returns suggestions for a text out of what the viewer sees.
func (s *Session) Suggest(ctx context.Context, text string) (list Suggestions, err error) {
	folded := index.Fold(text)
	q := s.a.findNames(ctx, anyContains, text)
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

// suggestTargets appends visible targets with a name that contains a folded text.
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

// suggest appends a target if it is visible, not yet in the list, and one of its names fits.
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

// suggestSources appends the source names of visible datums that contain a folded text.
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

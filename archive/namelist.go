package archive

import (
	"cmp"
	"slices"
	"strings"

	"nightjar/index"
	"nightjar/kv"
)

// A nameList is a text of names, cut at its commas. A name may contain commas itself, so a run of
// neighbouring pieces can be one name: "Pair, B 2" is a name, or the names "Pair" and "B 2". The
// longest run that is the name of a target decides: a run counts unless it is a part of a longer
// run that counts. The longest run of all is the whole text.
type nameList struct {
	pieces []string         // simplified
	at     map[string][]int // where each piece is
	whole  bool             // a piece is blank: only the whole text can be a name
}

// newNameList returns the list of the pieces of a text between its commas.
func newNameList(pieces []string) *nameList {
	l := &nameList{at: map[string][]int{}}
	for i, p := range pieces {
		l.whole = l.whole || strings.TrimSpace(p) == ""
		p = index.Simplify(p)
		l.pieces = append(l.pieces, p)
		l.at[p] = append(l.at[p], i)
	}
	return l
}

// maxRuns is how many runs of a list are looked up in the index. For more, all names are scanned.
const maxRuns = 500

// runs returns the runs that can be names, simplified and joined by commas; ok is false when there
// are more than maxRuns.
func (l *nameList) runs() (list []string, ok bool) {
	n := len(l.pieces)
	if l.whole {
		return []string{strings.Join(l.pieces, ",")}, true
	}
	for from := range n {
		bytes := -1
		for to := from + 1; to <= n; to++ {
			if bytes += 1 + len(l.pieces[to-1]); bytes > longestName && to > from+1 {
				break
			}
			if list = append(list, strings.Join(l.pieces[from:to], ",")); len(list) > maxRuns {
				return nil, false
			}
		}
	}
	return list, true
}

// A run is a part of a list, from one piece to before another.
type run struct{ from, to int }

// find returns the runs that are a simplified name.
func (l *nameList) find(name string) (found []run) {
	if l.whole {
		if name == strings.Join(l.pieces, ",") {
			return []run{{0, len(l.pieces)}}
		}
		return nil
	}
	first, _, several := strings.Cut(name, ",")
	at := l.at[first]
	if len(at) == 0 {
		return nil
	}
	parts := []string{first}
	if several {
		parts = strings.Split(name, ",")
	}
	for _, i := range at {
		if to := i + len(parts); to <= len(l.pieces) && slices.Equal(l.pieces[i:to], parts) {
			found = append(found, run{i, to})
		}
	}
	return found
}

// longestRuns returns those of the visible targets in found whose names are runs that count.
// Hidden targets make no difference to it.
func (q *nameQuery) longestRuns(tx *kv.Tx, found *kv.IDList, seen kv.Set) ([]uint64, error) {
	type hit struct {
		run
		id uint64
	}
	var hits []hit
	for id, err := range kv.And(kv.IDs(found.IDs), seen).Each() {
		if err != nil {
			return nil, err
		}
		t, err := targets.Get(tx, id)
		if err != nil {
			return nil, err
		}
		for _, name := range t.Names() {
			for _, r := range q.list.find(index.Simplify(name)) {
				hits = append(hits, hit{r, id})
			}
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { // a run comes after those that contain it
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	var ids []uint64
	var last run // the last one that counts
	for _, h := range hits {
		if h.to > last.to {
			last = h.run
		}
		if h.run == last {
			ids = append(ids, h.id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

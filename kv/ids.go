package kv

import (
	"encoding/binary"
	"iter"
	"slices"
	"sort"
)

// idRuns is a set of ids as runs of consecutive ones, ascending once sorted. The log and the lists
// of pending and purged rows use it, since their ids mostly follow each other.
type idRuns []idRun

type idRun struct{ first, last uint64 }

// add adds an id; ids that come in order extend the last run.
func (r *idRuns) add(id uint64) {
	if n := len(*r); n > 0 && (*r)[n-1].last+1 == id {
		(*r)[n-1].last = id
		return
	}
	*r = append(*r, idRun{id, id})
}

// sorted returns the runs in order, joined where they touch or overlap.
func (r idRuns) sorted() idRuns {
	if slices.IsSortedFunc(r, func(a, b idRun) int { return compareRuns(a, b) }) && !r.touch() {
		return r
	}
	r = slices.Clone(r)
	slices.SortFunc(r, compareRuns)
	out := r[:0]
	for _, x := range r {
		if n := len(out); n > 0 && x.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, x.last)
		} else {
			out = append(out, x)
		}
	}
	return out
}

func compareRuns(a, b idRun) int {
	switch {
	case a.first < b.first:
		return -1
	case a.first > b.first:
		return 1
	}
	return 0
}

func (r idRuns) touch() bool {
	for i := 1; i < len(r); i++ {
		if r[i].first <= r[i-1].last+1 {
			return true
		}
	}
	return false
}

// has says whether an id is in sorted runs.
func (r idRuns) has(id uint64) bool {
	i := sort.Search(len(r), func(i int) bool { return r[i].last >= id })
	return i < len(r) && r[i].first <= id
}

func (r idRuns) count() uint64 {
	n := uint64(0)
	for _, x := range r {
		n += x.last - x.first + 1
	}
	return n
}

// from yields the ids of sorted runs from id on.
func (r idRuns) from(id uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for _, x := range r {
			for i := max(x.first, id); i <= x.last; i++ {
				if !yield(i) {
					return
				}
			}
		}
	}
}

// append appends sorted runs as uvarints: the gap before each run and its length less one.
func (r idRuns) append(dst []byte) []byte {
	last := uint64(0)
	for _, x := range r {
		dst = binary.AppendUvarint(dst, x.first-last)
		dst = binary.AppendUvarint(dst, x.last-x.first)
		last = x.last
	}
	return dst
}

func readRuns(b []byte) (idRuns, error) {
	var r idRuns
	last := uint64(0)
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errShort
		}
		length, m := binary.Uvarint(b[n:])
		if m <= 0 || gap > MaxID || length > MaxID || last+gap+length > MaxID {
			return nil, errShort
		}
		first := last + gap
		last = first + length
		r = append(r, idRun{first, last})
		b = b[n+m:]
	}
	return r, nil
}

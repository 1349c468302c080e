package archive

import (
	"math"
	"slices"

	"nightjar/kv"
)

// A span is a range of times, including both ends.
type span struct{ first, last int64 }

func (s span) has(time int64) bool { return s.first <= time && time <= s.last }

// bounds returns the times that a filter asks for.
func (f DatumFilter) bounds() span {
	s := span{math.MinInt64, math.MaxInt64}
	if f.From != nil {
		s.first = *f.From
	}
	if f.To != nil {
		s.last = *f.To
	}
	return s
}

// Each datum is in a set for its day and in one for its 64 days, so that a range of whole days is a
// union of few sets: at most 63 single days at either end, and 6 sets of 64 days for each year in
// between. Days count from 2^27 days before 1970, so that none is negative.
const (
	day     = 86_400 * 1e6 // microseconds
	day1970 = 1 << 27
	dayBits = 6 // 64 days
)

// dayOf returns the number of the day of a time.
func dayOf(time int64) uint64 {
	d := time / day
	if time%day < 0 {
		d--
	}
	return uint64(d + day1970)
}

// timesOf returns the times of a day, as far as an int64 goes.
func timesOf(d uint64) span {
	s := span{math.MinInt64, math.MaxInt64}
	if d > dayOf(math.MinInt64) {
		s.first = (int64(d) - day1970) * day
	}
	if d < dayOf(math.MaxInt64) {
		s.last = (int64(d)+1-day1970)*day - 1
	}
	return s
}

// wholeDays returns the set of the datums of the days from first to last.
func wholeDays(tx *kv.Tx, first, last uint64) kv.Set {
	const low = 1<<dayBits - 1
	var sets []kv.Set
	for ; first <= last && first&low != 0; first++ {
		sets = append(sets, datums.Set(tx, dimDay, kv.Int(first)))
	}
	for ; first <= last && last&low != low; last-- {
		sets = append(sets, datums.Set(tx, dimDay, kv.Int(last)))
	}
	if first <= last {
		for v := range datums.Values(tx, dimDays, kv.Int(first>>dayBits)) {
			if v.Int() > last>>dayBits {
				break
			}
			sets = append(sets, datums.Set(tx, dimDays, v))
		}
	}
	return kv.Or(sets...)
}

// within returns the part of a set whose times lie within the filter's bounds. Whole days come from
// the sets of days; the times of the other days, at most two, are read.
func (s *Session) within(tx *kv.Tx, set kv.Set, f DatumFilter, q *nameQuery) (kv.Set, error) {
	bounds := f.bounds()
	if bounds.first > bounds.last {
		return kv.Set{}, nil
	}
	if few, err := isFew(set); err != nil {
		return kv.Set{}, err
	} else if few {
		return s.timesWithin(tx, set, f, q, bounds)
	}
	first, last := dayOf(bounds.first), dayOf(bounds.last)
	var parts []kv.Set
	edge := func(d uint64) error {
		times := timesOf(d)
		part, err := s.timesWithin(tx, kv.And(set, wholeDays(tx, d, d)), f, q,
			span{max(bounds.first, times.first), min(bounds.last, times.last)})
		parts = append(parts, part)
		return err
	}
	if bounds.first > timesOf(first).first {
		if err := edge(first); err != nil {
			return kv.Set{}, err
		}
		first++
	}
	if first <= last && bounds.last < timesOf(last).last {
		if err := edge(last); err != nil {
			return kv.Set{}, err
		}
		last--
	}
	if first <= last {
		parts = append(parts, kv.And(set, wholeDays(tx, first, last)))
	}
	return kv.Or(parts...), nil
}

// fewDatums is the largest number of datums whose records are read for their times.
const fewDatums = 1000

func isFew(set kv.Set) (bool, error) {
	n, err := set.Count()
	return n <= fewDatums, err
}

// timesWithin returns the part of a set whose times lie within bounds, by reading the times.
func (s *Session) timesWithin(tx *kv.Tx, set kv.Set, f DatumFilter, q *nameQuery, bounds span) (kv.Set, error) {
	places, err := s.datumTimes(tx, set, f, q, bounds)
	return kv.IDs(sortedIDs(places)), err
}

// datumTimes lists the datums of a set whose times lie within bounds, unordered. It reads the light
// curves of the targets that are asked for, or the records where those are fewer. The cost depends
// on the size of the set, or of the light curves within the bounds, not on the page.
func (s *Session) datumTimes(tx *kv.Tx, set kv.Set, f DatumFilter, q *nameQuery, bounds span) ([]Place, error) {
	count, err := set.Count()
	if err != nil {
		return nil, err
	}
	total, err := datums.All(tx).Count()
	if err != nil {
		return nil, err
	}
	if count <= fewDatums || !f.Target.Given && q == nil && count < total/16 {
		return recordTimes(tx, set, bounds)
	}
	var parents []uint64
	switch {
	case f.Target.Given:
		parents = []uint64{f.Target.Value}
	case q != nil:
		var found *kv.IDList
		if found, err = q.in(tx); err == nil {
			parents = found.IDs
		}
	case s.byHolder(): // the targets may be hidden
		parents, err = targets.All(tx).IDs()
	default:
		parents, err = visible(s, tx, targets, false).IDs()
	}
	if err != nil {
		return nil, err
	}
	codes, err := codesOf(tx, f.Type)
	if err != nil {
		return nil, err
	}
	to := bounds.last
	if to < math.MaxInt64 { // Series excludes its end, unless that is the last microsecond
		to++
	}
	var places []Place
	for _, id := range parents {
		for _, code := range codes {
			for p := range datums.Series(tx, lightCurve(id, code), bounds.first, to) {
				places = append(places, Place{p.Time, p.ID})
			}
		}
	}
	return membersOf(set, places)
}

// codesOf lists the codes of the data types that a list may hold.
func codesOf(tx *kv.Tx, name string) ([]byte, error) {
	if name == "" {
		return tx.Codes(codeDataType)
	}
	code, err := knownCode(tx, name)
	return []byte{code}, err
}

func recordTimes(tx *kv.Tx, set kv.Set, bounds span) ([]Place, error) {
	var places []Place
	var d Datum
	for id, err := range set.Each() {
		if err == nil {
			err = datums.Read(tx, id, &d)
		}
		if err != nil {
			return nil, err
		}
		if bounds.has(d.Time) {
			places = append(places, Place{d.Time, id})
		}
	}
	return places, nil
}

// membersOf keeps the places of the rows in a set.
func membersOf(set kv.Set, places []Place) ([]Place, error) {
	ids, err := kv.And(set, kv.IDs(sortedIDs(places))).IDs()
	if err != nil || len(ids) == len(places) {
		return places, err
	}
	return slices.DeleteFunc(places, func(p Place) bool {
		_, in := slices.BinarySearch(ids, p.ID)
		return !in
	}), nil
}

func sortedIDs(places []Place) []uint64 {
	ids := make([]uint64, len(places))
	for i := range places {
		ids[i] = places[i].ID
	}
	slices.Sort(ids)
	return ids
}

package archive

import (
	"math"
	"slices"

	"nightjar/kv"
)

// timed says whether the times of data decide on a list.
func (f DatumFilter) timed() bool { return f.ByTime || f.From != nil || f.To != nil }

// fewData is up to how many data are asked for their times one by one.
const fewData = 1000

// dataTimes gives the times of the data of a set that lie within the filter's bounds, in no order. No set holds times: they are read from the light curves of the targets that are
// asked for, or from the records where that is less. What it costs depends on the size of the set, or of the targets' light curves, not on the page.
func (s *Access) dataTimes(tx *kv.Tx, set kv.Set, f DatumFilter, q *nameQuery) ([]Place, error) {
	count, err := set.Count()
	if err != nil {
		return nil, err
	}
	total, err := datums.All(tx).Count()
	if err != nil {
		return nil, err
	}
	if count <= fewData || !f.Target.Given && q == nil && count < total/16 {
		return recordTimes(tx, set, f)
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
	from, to := f.bounds()
	var places []Place
	for _, id := range parents {
		for _, code := range codes {
			for p := range datums.Series(tx, lightCurve(id, code), from, to) {
				places = append(places, Place{p.Time, p.ID})
			}
		}
	}
	return membersOf(set, places)
}

// bounds are the first time that is wanted and the first after it that is not.
func (f DatumFilter) bounds() (from, to int64) {
	from, to = math.MinInt64, math.MaxInt64
	if f.From != nil {
		from = *f.From
	}
	if f.To != nil {
		to = *f.To + 1
	}
	return from, to
}

// codesOf lists the codes of the data types that a list may hold.
func codesOf(tx *kv.Tx, name string) ([]byte, error) {
	if name == "" {
		return tx.Codes(codeDataType)
	}
	code, err := knownCode(tx, name)
	return []byte{code}, err
}

func recordTimes(tx *kv.Tx, set kv.Set, f DatumFilter) ([]Place, error) {
	from, to := f.bounds()
	var places []Place
	var d Datum
	for id, err := range set.Each() {
		if err == nil {
			err = datums.Read(tx, id, &d)
		}
		if err != nil {
			return nil, err
		}
		if d.Time >= from && d.Time < to {
			places = append(places, Place{d.Time, id})
		}
	}
	return places, nil
}

// membersOf keeps the places whose rows are in a set.
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

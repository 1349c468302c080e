package archive

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"nightjar/auth"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// ObservationInput is an observation to be recorded. Nothing is submitted to a facility. List holds
// the problems already found in single fields.
type ObservationInput struct {
	problem.List
	Target         uint64
	Facility       string
	ObservationID  string
	Status         string
	Parameters     []byte // a JSON object
	ScheduledStart *int64 // microseconds of UTC since 1970
	ScheduledEnd   *int64
	Groups         []auth.GroupRef // who holds it besides its creator, in mode objects
}

// AddObservation records an observation of a target that the viewer sees: as for a TOM, a record
// changes no target. Errors: *problem.List.
func (s *Session) AddObservation(ctx context.Context, in *ObservationInput) (o *Observation, err error) {
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		p := in.Clone()
		if !p.Has("target_id") {
			if _, err := s.target(tx.Tx, in.Target); isRefusal(err) {
				NoSuch(p, "target_id", in.Target)
			} else if err != nil {
				return err
			}
		}
		refs, err := s.checkGroups(tx.Tx, p, "groups", in.Groups, false)
		if err != nil {
			return err
		}
		parameters, err := jsontext.Compact(nil, in.Parameters)
		if (err != nil || parameters[0] != '{') && !p.Has("observing_parameters") {
			p.Add("observing_parameters", "This must be a JSON object.")
		}
		tooManyBytes(p, "observing_parameters", len(parameters), MaxParameters)
		tooManyCharacters(p, "facility", in.Facility, MaxFacility)
		tooManyCharacters(p, "observation_id", in.ObservationID, MaxObservationID)
		tooManyCharacters(p, "status", in.Status, MaxStatus)
		if in.ScheduledStart != nil && in.ScheduledEnd != nil && *in.ScheduledEnd < *in.ScheduledStart {
			p.Add("scheduled_end", "This is before scheduled_start.")
		}
		if err := p.Err(); err != nil {
			return err
		}
		o = &Observation{Target: in.Target, Creator: s.v.ID, Facility: in.Facility, ObservationID: in.ObservationID,
			Status: in.Status, Parameters: parameters, ScheduledStart: in.ScheduledStart,
			ScheduledEnd: in.ScheduledEnd, Created: tx.Now().UnixMicro()}
		o.Modified = o.Created
		for _, r := range refs {
			o.Groups = append(o.Groups, r.ID)
		}
		if o.UID, err = tx.NewUID(); err != nil {
			return err
		}
		o.ID, err = observations.Insert(tx, o)
		return err
	})
	return o, err
}

// Observation reads one observation record. Error: NotFound.
func (s *Session) Observation(id uint64) (o *Observation, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) (err error) { o, err = s.observation(tx, id); return err })
	return o, err
}

// ObservationFilter selects observation records. All conditions that are given must hold.
type ObservationFilter struct {
	Targets        []uint64 // one of them
	ObservationID  string
	Facilities     []string // one of them
	Status         string
	StartAfter     *int64 // inclusive bounds, in microseconds of UTC since 1970
	StartBefore    *int64
	EndAfter       *int64
	EndBefore      *int64
	CreatedAfter   *int64
	CreatedBefore  *int64
	ModifiedAfter  *int64
	ModifiedBefore *int64
	Order          []string // of ObservationOrders, with "-" before it for descending; newest first when empty
}

// ObservationOrders lists the fields by which observation records can be ordered.
var ObservationOrders = []string{"scheduled_start", "scheduled_end", "status", "created", "modified"}

// Observations lists the visible observation records. Errors: *problem.List.
func (s *Session) Observations(ctx context.Context, f ObservationFilter, page Page, out Out[Observation]) error {
	find := func(s *Session, tx *kv.Tx) ([]uint64, Extent, error) {
		seen := visible(s, tx, observations, true)
		sets := []kv.Set{seen}
		if len(f.Targets) > 0 {
			for _, id := range f.Targets {
				_, err := s.target(tx, id)
				if isRefusal(err) { // a hidden target is known to those who see an observation of it
					var n int
					n, err = kv.And(seen, observations.Set(tx, dimTarget, kv.Int(id))).Count()
					if err == nil && n == 0 {
						err = problem.Invalid("target_id",
							"Select a valid choice. %d is not one of the available choices.", id)
					}
				}
				if err != nil {
					return nil, Extent{}, err
				}
			}
			sets = append(sets, unionOf(tx, observations, dimTarget, f.Targets))
		}
		if len(f.Facilities) > 0 {
			var some []kv.Set
			for _, name := range f.Facilities {
				some = append(some, observations.Set(tx, dimFacility, kv.Text(name)))
			}
			sets = append(sets, kv.Or(some...))
		}
		if f.Status != "" {
			sets = append(sets, observations.Set(tx, dimStatus, kv.Text(f.Status)))
		}
		set := kv.And(sets...)
		if !f.needsRecords() {
			return page.of(set, true)
		}
		return f.sorted(tx, set, page)
	}
	read := func(s *Session, tx *kv.Tx, id uint64, row *Observation) (bool, error) {
		o, err := s.observation(tx, id)
		if isRefusal(err) {
			return false, goneOrHidden(tx, observations, id)
		}
		if err == nil {
			*row = *o
		}
		return err == nil, err
	}
	return sendPage(s, ctx, out, find, read)
}

// needsRecords reports whether a list must read all records: for their times, for which there are
// no sets, or to sort. Observations are few compared to datums.
func (f ObservationFilter) needsRecords() bool {
	return len(f.Order) > 0 || f.ObservationID != "" || f.StartAfter != nil || f.StartBefore != nil ||
		f.EndAfter != nil || f.EndBefore != nil ||
		f.CreatedAfter != nil || f.CreatedBefore != nil || f.ModifiedAfter != nil || f.ModifiedBefore != nil
}

func within(t, after, before *int64) bool {
	if after == nil && before == nil {
		return true
	}
	return t != nil && (after == nil || *t >= *after) && (before == nil || *t <= *before)
}

func (f ObservationFilter) lets(o *Observation) bool {
	return (f.ObservationID == "" || o.ObservationID == f.ObservationID) &&
		within(o.ScheduledStart, f.StartAfter, f.StartBefore) && within(o.ScheduledEnd, f.EndAfter, f.EndBefore) &&
		within(&o.Created, f.CreatedAfter, f.CreatedBefore) && within(&o.Modified, f.ModifiedAfter, f.ModifiedBefore)
}

func (f ObservationFilter) sorted(tx *kv.Tx, set kv.Set, page Page) ([]uint64, Extent, error) {
	if err := page.noCursor("times, observation_id and ordering"); err != nil {
		return nil, Extent{}, err
	}
	var rows []*Observation
	for id, err := range set.Each() {
		if err != nil {
			return nil, Extent{}, err
		}
		o, err := observations.Get(tx, id)
		if err != nil {
			return nil, Extent{}, err
		}
		if o.ID = id; f.lets(o) {
			rows = append(rows, o)
		}
	}
	slices.SortStableFunc(rows, func(a, b *Observation) int {
		for _, by := range f.Order {
			name, down := strings.CutPrefix(by, "-")
			if c := compareObservations(a, b, name); c != 0 {
				if down {
					return -c
				}
				return c
			}
		}
		if len(f.Order) > 0 {
			return cmp.Compare(a.ID, b.ID)
		}
		return cmp.Compare(b.ID, a.ID)
	})
	ids := make([]uint64, len(rows))
	for i, o := range rows {
		ids[i] = o.ID
	}
	ids, extent := page.ofSorted(ids, false)
	return ids, extent, nil
}

// compareObservations compares by one field; an unknown time comes first.
func compareObservations(a, b *Observation, by string) int {
	times := func(x, y *int64) int {
		switch {
		case x == nil && y == nil:
			return 0
		case x == nil:
			return -1
		case y == nil:
			return 1
		}
		return cmp.Compare(*x, *y)
	}
	switch by {
	case "scheduled_start":
		return times(a.ScheduledStart, b.ScheduledStart)
	case "scheduled_end":
		return times(a.ScheduledEnd, b.ScheduledEnd)
	case "status":
		return strings.Compare(a.Status, b.Status)
	case "created":
		return cmp.Compare(a.Created, b.Created)
	case "modified":
		return cmp.Compare(a.Modified, b.Modified)
	}
	return bytes.Compare(a.UID[:], b.UID[:])
}

// CancelObservation sets the status of an observation that the viewer may cancel
// (auth.Policy.MayCancel) to CANCELED; no facility is notified. Errors: NotFound; Forbidden.
func (s *Session) CancelObservation(ctx context.Context, id uint64) (o *Observation, err error) {
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		if o, err = s.observation(tx.Tx, id); err != nil {
			return err
		}
		t, err := targets.Get(tx.Tx, o.Target)
		if err != nil {
			return err
		}
		if !s.p.MayCancel(s.v, t.Object(), holders(o.Creator, o.Groups)) {
			return problem.ErrForbidden
		}
		o.Status, o.Modified = "CANCELED", tx.Now().UnixMicro()
		return observations.Put(tx, id, o)
	})
	return o, err
}

// Facilities lists the facilities of the visible observations.
func (s *Session) Facilities() (list []string, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		seen := visible(s, tx, observations, true)
		for v := range observations.Values(tx, dimFacility, "") {
			n, err := kv.And(observations.Set(tx, dimFacility, v), seen).Count()
			if err != nil {
				return err
			}
			if n > 0 {
				list = append(list, v.Text())
			}
		}
		return nil
	})
	return list, err
}

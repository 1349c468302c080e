package api

import (
	"net/http"
	"slices"
	"strings"

	"nightjar/archive"
	"nightjar/internal/problem"
)

// observationFields describe an observation record as a TOM does. A record is made from other fields, see sentObservationFields.
var observationFields = []Field{
	{Name: "id", Label: "ID", Kind: Integer, ReadOnly: true},
	{Name: "groups", Label: "Groups", Kind: List, Of: groupFields},
	{Name: "observation_groups", Label: "Observation groups", Kind: List, ReadOnly: true},
	{Name: "status", Label: "Status", Kind: Text},
	{Name: "facility", Label: "Facility", Kind: Text, Required: true, Max: archive.MaxFacility},
	{Name: "parameters", Label: "Parameters", Kind: AnyJSON, Required: true, Help: "What was asked of the facility; sent as observing_parameters."},
	{Name: "observation_id", Label: "Observation id", Kind: Text, Required: true, Max: archive.MaxObservationID},
	{Name: "scheduled_start", Label: "Scheduled start", Kind: DateTime},
	{Name: "scheduled_end", Label: "Scheduled end", Kind: DateTime},
	{Name: "created", Label: "Created", Kind: DateTime, ReadOnly: true},
	{Name: "modified", Label: "Modified", Kind: DateTime, ReadOnly: true},
	{Name: "target", Label: "Target", Kind: Ref, Required: true, Help: "Sent as target_id."},
	{Name: "user", Label: "User", Kind: Ref},
}

// sentObservationFields are what is read of an observation that is noted.
var sentObservationFields = []Field{
	{Name: "target_id", Label: "Target", Kind: Ref, Required: true},
	{Name: "facility", Label: "Facility", Kind: Text, Required: true, Max: archive.MaxFacility},
	{Name: "observation_type", Label: "Observation type", Kind: Text, Required: true, Blank: true, Max: 100},
	{Name: "observing_parameters", Label: "Observing parameters", Kind: AnyJSON, Required: true},
	{Name: "observation_id", Label: "Observation id", Kind: Text, Blank: true, Max: archive.MaxObservationID},
	{Name: "status", Label: "Status", Kind: Text, Blank: true, Max: archive.MaxStatus},
	{Name: "scheduled_start", Label: "Scheduled start", Kind: DateTime, Null: true},
	{Name: "scheduled_end", Label: "Scheduled end", Kind: DateTime, Null: true},
	{Name: "groups", Label: "Groups", Kind: List, Of: groupFields},
}

var observationColumns = func() []column[archive.Observation] {
	type T = archive.Observation
	return []column[T]{
		{"id", func(w *writer, v *T) { w.id(v.ID) }},
		{"observation_groups", func(w *writer, v *T) { w.list(func() {}) }},
		{"status", func(w *writer, v *T) { w.text(v.Status) }},
		{"facility", func(w *writer, v *T) { w.text(v.Facility) }},
		{"parameters", func(w *writer, v *T) { w.raw(v.Parameters) }},
		{"observation_id", func(w *writer, v *T) { w.text(v.ObservationID) }},
		{"scheduled_start", func(w *writer, v *T) { w.optTime(v.ScheduledStart) }},
		{"scheduled_end", func(w *writer, v *T) { w.optTime(v.ScheduledEnd) }},
		{"created", func(w *writer, v *T) { w.time(v.Created) }},
		{"modified", func(w *writer, v *T) { w.time(v.Modified) }},
		{"target", func(w *writer, v *T) { w.id(v.Target) }},
		{"user", func(w *writer, v *T) { w.ref(v.Creator) }},
	}
}()

func writeObservation(w *writer, v *archive.Observation) { writeRow(w, observationColumns, v) }

var observationFilters = []Filter{
	{Name: "target_id", Kind: Text, Many: true, Help: "The target's id; several may be given."},
	{Name: "observation_id", Kind: Text, Help: "The facility's id of the observation."},
	{Name: "facility", Kind: Text, Many: true, Help: "The facility; several may be given."},
	{Name: "status", Kind: Text, Help: "The status."},
	{Name: "observationgroup", Kind: Text, Many: true, Help: "A group of observations; there are none here."},
	{Name: "scheduled_start_after", Kind: DateTime, Help: "Scheduled to start then or later."},
	{Name: "scheduled_start_before", Kind: DateTime, Help: "Scheduled to start then or earlier."},
	{Name: "scheduled_end_after", Kind: DateTime, Help: "Scheduled to end then or later."},
	{Name: "scheduled_end_before", Kind: DateTime, Help: "Scheduled to end then or earlier."},
	{Name: "created_after", Kind: DateTime, Help: "Noted then or later."},
	{Name: "created_before", Kind: DateTime, Help: "Noted then or earlier."},
	{Name: "modified_after", Kind: DateTime, Help: "Changed then or later."},
	{Name: "modified_before", Kind: DateTime, Help: "Changed then or earlier."},
	{Name: "ordering", Kind: Text, Help: "The order: one or several of " + strings.Join(archive.ObservationOrders, ", ") + ", each perhaps with - before it, separated by commas."},
}

func parseObservationFilter(r *request) (f archive.ObservationFilter, err error) {
	p := new(problem.List)
	in := parseFilters(observationFilters, r.query, p)
	for _, s := range in.many("target_id") {
		if id, ok := whole(s); ok {
			f.Targets = append(f.Targets, id)
		} else {
			p.Add("target_id", notAnObject(s), s)
		}
	}
	for _, s := range in.many("observationgroup") {
		p.Add("observationgroup", notAnObject(s), s)
	}
	for o := range strings.SplitSeq(in.text("ordering"), ",") {
		if o = strings.TrimSpace(o); o == "" {
			continue
		}
		if !slices.Contains(archive.ObservationOrders, strings.TrimPrefix(o, "-")) {
			p.Add("ordering", notAChoice, o)
		}
		f.Order = append(f.Order, o)
	}
	f.ObservationID, f.Facilities, f.Status = in.text("observation_id"), in.many("facility"), in.text("status")
	f.StartAfter, f.StartBefore = in.time("scheduled_start_after"), in.time("scheduled_start_before")
	f.EndAfter, f.EndBefore = in.time("scheduled_end_after"), in.time("scheduled_end_before")
	f.CreatedAfter, f.CreatedBefore = in.time("created_after"), in.time("created_before")
	f.ModifiedAfter, f.ModifiedBefore = in.time("modified_after"), in.time("modified_before")
	return f, p.Err()
}

// notAnObject is what is said of an id of which there is no object to choose.
func notAnObject(id string) string {
	if isDigits(id) {
		return notAChoice
	}
	return notAValue
}

func (api *API) observationRoutes() []*route {
	return []*route{
		{
			path: "/api/observations/", view: "Observation Record List", parses: allParsers, filters: observationFilters, lists: true, cursors: true, steady: true, members: names(observationColumns),
			fields: fixed(observationFields), sent: sentObservationFields,
			handle: map[string]handler{"GET": listObservations, "POST": createObservation},
		},
		{
			path: "/api/observations/:id/", view: "Observation Record Instance", parses: allParsers, steady: true, members: names(observationColumns),
			handle: map[string]handler{"GET": func(r *request) (*answer, error) {
				return getPart(r, r.access.Observation, func(w *writer, o **archive.Observation) { writeRow(w, pickColumns(r, observationColumns), *o) })
			}},
		},
		{
			path: "/api/observations/:id/cancel/", view: "Cancel", parses: allParsers,
			handle: map[string]handler{"PATCH": cancelObservation},
		},
	}
}

func listObservations(r *request) (*answer, error) {
	f, err := parseObservationFilter(r)
	if err != nil {
		return nil, err
	}
	return r.list(func(l *listWriter) error {
		return r.access.Observations(r.Context(), f, l.page, rows(l, observationColumns))
	})
}

// createObservation notes an observation. A TOM submits it to a facility; here nothing is submitted, and any facility may be named.
func createObservation(r *request) (*answer, error) {
	in, err := r.input()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"facility", "observation_type", "observing_parameters", "target_id"} {
		if _, ok := in.field(&Field{Name: name, Kind: Text, Blank: true}); !ok {
			return nil, problem.Invalid(archive.WholeList, "Missing required field '%s'.", name)
		}
	}
	o := new(archive.ObservationInput)
	rec := decode(sentObservationFields, in, false, &o.List, "")
	o.Target, o.Facility, o.Status = rec.Get("target_id").Int, rec.Get("facility").Text, rec.Get("status").Text
	o.ObservationID, o.Parameters = rec.Get("observation_id").Text, rec.Get("observing_parameters").JSON
	o.ScheduledStart, o.ScheduledEnd = rec.Get("scheduled_start").optTime(), rec.Get("scheduled_end").optTime()
	o.Groups = groupRefs(rec.Get("groups").Items)
	made, err := r.access.AddObservation(r.Context(), o)
	if err != nil {
		return nil, err
	}
	var w writer
	w.list(func() { writeObservation(&w, made) })
	return &answer{status: http.StatusCreated, body: w.buf}, nil
}

func cancelObservation(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	o, err := r.access.CancelObservation(r.Context(), id)
	if err != nil {
		return nil, err
	}
	var w writer
	writeObservation(&w, o)
	return &answer{status: http.StatusOK, body: w.buf}, nil
}

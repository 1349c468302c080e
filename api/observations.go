package api

import (
	"net/http"
	"slices"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

var observationGroups = wire.Field{Name: "groups", Label: "Groups", Kind: wire.List, Of: groupFields,
	Help: "Groups that can see the record, where permissions are on objects. Without groups, only the user who made " +
		"it and superusers can see it."}

// observationFields describe an observation record as a TOM does. A record is created from
// sentObservationFields.
var observationFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	observationGroups,
	{Name: "observation_groups", Label: "Observation groups", Kind: wire.List, ReadOnly: true},
	{Name: "status", Label: "Status", Kind: wire.Text},
	{Name: "facility", Label: "Facility", Kind: wire.Text, Required: true, Max: archive.MaxFacility},
	{Name: "parameters", Label: "Parameters", Kind: wire.AnyJSON, Required: true,
		Help: "The parameters for the facility. Sent as observing_parameters."},
	{Name: "observation_id", Label: "Observation id", Kind: wire.Text, Required: true, Max: archive.MaxObservationID},
	{Name: "scheduled_start", Label: "Scheduled start", Kind: wire.DateTime},
	{Name: "scheduled_end", Label: "Scheduled end", Kind: wire.DateTime},
	{Name: "created", Label: "Created", Kind: wire.DateTime, ReadOnly: true},
	{Name: "modified", Label: "Modified", Kind: wire.DateTime, ReadOnly: true},
	{Name: "target", Label: "Target", Kind: wire.Ref, Required: true, Help: "Sent as target_id."},
	{Name: "user", Label: "User", Kind: wire.Ref},
}

// sentObservationFields are read from a new observation record.
var sentObservationFields = []wire.Field{
	{Name: "target_id", Label: "Target", Kind: wire.Ref, Required: true},
	{Name: "facility", Label: "Facility", Kind: wire.Text, Required: true, Max: archive.MaxFacility},
	{Name: "observation_type", Label: "Observation type", Kind: wire.Text, Required: true, Blank: true, Max: 100},
	{Name: "observing_parameters", Label: "Observing parameters", Kind: wire.AnyJSON, Required: true},
	{Name: "observation_id", Label: "Observation id", Kind: wire.Text, Blank: true, Max: archive.MaxObservationID},
	{Name: "status", Label: "Status", Kind: wire.Text, Blank: true, Max: archive.MaxStatus},
	{Name: "scheduled_start", Label: "Scheduled start", Kind: wire.DateTime, Null: true},
	{Name: "scheduled_end", Label: "Scheduled end", Kind: wire.DateTime, Null: true},
	observationGroups,
}

var observationColumns = func() []column[archive.Observation] {
	type T = archive.Observation
	return []column[T]{
		{"id", func(w *wire.Writer, v *T) { w.ID(v.ID) }},
		{"observation_groups", func(w *wire.Writer, v *T) { w.List(func() {}) }},
		{"status", func(w *wire.Writer, v *T) { w.Text(v.Status) }},
		{"facility", func(w *wire.Writer, v *T) { w.Text(v.Facility) }},
		{"parameters", func(w *wire.Writer, v *T) { w.Raw(v.Parameters) }},
		{"observation_id", func(w *wire.Writer, v *T) { w.Text(v.ObservationID) }},
		{"scheduled_start", func(w *wire.Writer, v *T) { w.OptTime(v.ScheduledStart) }},
		{"scheduled_end", func(w *wire.Writer, v *T) { w.OptTime(v.ScheduledEnd) }},
		{"created", func(w *wire.Writer, v *T) { w.Time(v.Created) }},
		{"modified", func(w *wire.Writer, v *T) { w.Time(v.Modified) }},
		{"target", func(w *wire.Writer, v *T) { w.ID(v.Target) }},
		{"user", func(w *wire.Writer, v *T) { w.Ref(v.Creator) }},
	}
}()

func writeObservation(w *wire.Writer, v *archive.Observation) {
	writeRow(w, observationColumns, v)
}

var observationFilters = []wire.Filter{
	{Name: "target_id", Kind: wire.Text, Many: true, Help: "The target's id. Can be repeated."},
	{Name: "observation_id", Kind: wire.Text, Help: "The id that the facility gave the observation."},
	{Name: "facility", Kind: wire.Text, Many: true, Help: "The facility. Can be repeated."},
	{Name: "status", Kind: wire.Text, Help: "The status."},
	{Name: "observationgroup", Kind: wire.Text, Many: true, Help: "A group of observations. Nightjar has none."},
	{Name: "scheduled_start_after", Kind: wire.DateTime, Help: "Scheduled to start at or after this time."},
	{Name: "scheduled_start_before", Kind: wire.DateTime, Help: "Scheduled to start at or before this time."},
	{Name: "scheduled_end_after", Kind: wire.DateTime, Help: "Scheduled to end at or after this time."},
	{Name: "scheduled_end_before", Kind: wire.DateTime, Help: "Scheduled to end at or before this time."},
	{Name: "created_after", Kind: wire.DateTime, Help: "Recorded at or after this time."},
	{Name: "created_before", Kind: wire.DateTime, Help: "Recorded at or before this time."},
	{Name: "modified_after", Kind: wire.DateTime, Help: "Changed at or after this time."},
	{Name: "modified_before", Kind: wire.DateTime, Help: "Changed at or before this time."},
	{Name: "ordering", Kind: wire.Text,
		Help: "The order: one or more of " + strings.Join(archive.ObservationOrders, ", ") +
			", separated by commas, each optionally after a minus sign."},
}

func parseObservationFilter(r *request) (f archive.ObservationFilter, err error) {
	p := new(problem.List)
	in := wire.ParseQuery(observationFilters, r.query, p)
	for _, s := range in.Many("target_id") {
		if id, ok := wire.ParseWhole(s); ok {
			f.Targets = append(f.Targets, id)
		} else {
			p.Add("target_id", notAnObject(s), s)
		}
	}
	for _, s := range in.Many("observationgroup") {
		p.Add("observationgroup", notAnObject(s), s)
	}
	orders, _ := r.parts(in, "ordering", p)
	for _, o := range orders {
		if o = strings.TrimSpace(o); o == "" {
			continue
		}
		if !slices.Contains(archive.ObservationOrders, strings.TrimPrefix(o, "-")) {
			p.Add("ordering", wire.NotAChoice, o)
		}
		f.Order = append(f.Order, o)
	}
	f.ObservationID, f.Facilities, f.Status = in.Text("observation_id"), in.Many("facility"), in.Text("status")
	f.StartAfter, f.StartBefore = in.Time("scheduled_start_after"), in.Time("scheduled_start_before")
	f.EndAfter, f.EndBefore = in.Time("scheduled_end_after"), in.Time("scheduled_end_before")
	f.CreatedAfter, f.CreatedBefore = in.Time("created_after"), in.Time("created_before")
	f.ModifiedAfter, f.ModifiedBefore = in.Time("modified_after"), in.Time("modified_before")
	return f, p.Err()
}

// notAnObject returns the message for an id that no object has.
func notAnObject(id string) string {
	if wire.IsDigits(id) {
		return wire.NotAChoice
	}
	return wire.NotAValue
}

var observationsSpec = spec{
	about:  "Records of observations. Nothing is submitted to a facility.",
	fields: observationFields, inputFields: sentObservationFields, filters: observationFilters,
	lists: true, cursors: true, cacheable: true, members: names(observationColumns),
}

var observationSpec = spec{members: names(observationColumns)}

func listObservations(r *request) (*answer, error) {
	f, err := parseObservationFilter(r)
	if err != nil {
		return nil, err
	}
	return r.list(func(l *listWriter) error {
		return r.access.Observations(r.Context(), f, l.page, rows(l, observationColumns))
	})
}

func getObservation(r *request) (*answer, error) {
	return getByID(r, r.access.Observation, func(w *wire.Writer, o **archive.Observation) {
		writeRow(w, pickColumns(r, observationColumns), *o)
	})
}

// createObservation records an observation. A TOM submits it to a facility; Nightjar submits
// nothing, and takes any facility.
func createObservation(r *request) (*answer, error) {
	in, err := r.input()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"facility", "observation_type", "observing_parameters", "target_id"} {
		if _, ok := in.Field(&wire.Field{Name: name, Kind: wire.Text, Blank: true}); !ok {
			return nil, problem.Invalid(problem.WholeList, "Missing required field '%s'.", name)
		}
	}
	o := new(archive.ObservationInput)
	rec := wire.Decode(sentObservationFields, in, false, &o.List, "")
	o.Target, o.Facility, o.Status = rec.Get("target_id").Int, rec.Get("facility").Text, rec.Get("status").Text
	o.ObservationID, o.Parameters = rec.Get("observation_id").Text, rec.Get("observing_parameters").JSON
	o.ScheduledStart, o.ScheduledEnd = rec.Get("scheduled_start").OptTime(), rec.Get("scheduled_end").OptTime()
	o.Groups = groupRefs(rec.Get("groups").Items)
	made, err := r.access.AddObservation(r.Context(), o)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	w.List(func() { writeObservation(&w, made) })
	return &answer{status: http.StatusCreated, body: w.Buf}, nil
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
	var w wire.Writer
	writeObservation(&w, o)
	return &answer{status: http.StatusOK, body: w.Buf}, nil
}

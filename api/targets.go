package api

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/sky"
)

// Fields of objects in lists of other resources.
var (
	groupFields = []wire.Field{
		{Name: "id", Label: "Id", Kind: wire.Integer},
		{Name: "name", Label: "Name", Kind: wire.Text},
	}
	extraFields = []wire.Field{
		{Name: "id", Label: "Id", Kind: wire.Integer},
		{Name: "key", Label: "Key", Kind: wire.Text, Required: true, Max: archive.MaxExtraKey},
		{Name: "value", Label: "Value", Kind: wire.Text, Blank: true, MaxBytes: archive.MaxExtraValue},
	}
	aliasFields = []wire.Field{
		{Name: "id", Label: "Id", Kind: wire.Integer},
		{Name: "name", Label: "Alias", Kind: wire.Text, Required: true, Max: archive.MaxName},
	}
)

// numberHelp has a label and a help text for each of a target's numbers.
var numberHelp = map[string][2]string{
	"ra":                   {"Right Ascension", "ICRS, degrees, 0 <= ra < 360."},
	"dec":                  {"Declination", "ICRS, degrees, -90 to 90."},
	"epoch":                {"Epoch", "Julian year."},
	"parallax":             {"Parallax", "Milliarcseconds."},
	"pm_ra":                {"Proper Motion (RA)", "Milliarcseconds a year."},
	"pm_dec":               {"Proper Motion (Declination)", "Milliarcseconds a year."},
	"galactic_lng":         {"Galactic Longitude", "Degrees."},
	"galactic_lat":         {"Galactic Latitude", "Degrees."},
	"distance":             {"Distance", "Parsecs."},
	"distance_err":         {"Distance Error", "Parsecs."},
	"epoch_of_elements":    {"Epoch of Elements", "MJD."},
	"mean_anomaly":         {"Mean Anomaly", "Degrees."},
	"arg_of_perihelion":    {"Argument of Perihelion", "J2000, degrees."},
	"eccentricity":         {"Eccentricity", ""},
	"lng_asc_node":         {"Longitude of Ascending Node", "J2000, degrees."},
	"inclination":          {"Inclination to the ecliptic", "J2000, degrees."},
	"mean_daily_motion":    {"Mean Daily Motion", "Degrees a day."},
	"semimajor_axis":       {"Semimajor Axis", "Astronomical units."},
	"epoch_of_perihelion":  {"Epoch of Perihelion", "MJD."},
	"ephemeris_period":     {"Ephemeris Period", "Days."},
	"ephemeris_period_err": {"Ephemeris Period Error", "Days."},
	"ephemeris_epoch":      {"Ephemeris Epoch", "MJD."},
	"ephemeris_epoch_err":  {"Ephemeris Epoch Error", "Days."},
	"perihdist":            {"Perihelion Distance", "Astronomical units."},
	"abs_mag":              {"Absolute Magnitude", ""},
	"slope":                {"Slope parameter", ""},
}

// targetFields describe a target.
var targetFields = func() []wire.Field {
	fields := []wire.Field{
		{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
		{Name: "targetextra_set", Label: "Targetextra set", Kind: wire.List, Of: extraFields,
			Help: "Tags: each a key and a value."},
		{Name: "aliases", Label: "Aliases", Kind: wire.List, Of: aliasFields, Help: "Other names."},
		{Name: "target_lists", Label: "Target lists", Kind: wire.List, Of: groupFields,
			Help: "Lists to add the target to. Lists that do not exist are created."},
		{Name: "groups", Label: "Groups", Kind: wire.List, Of: groupFields,
			Help: "Groups that get all rights to the target."},
		{Name: "name", Label: "Name", Kind: wire.Text, Max: archive.MaxName, Help: "A unique name."},
		{Name: "type", Label: "Target Type", Kind: wire.Selected, Required: true,
			Choices: []wire.Choice{{Value: archive.Sidereal, Label: "Sidereal"},
				{Value: archive.NonSidereal, Label: "Non-sidereal"}}},
		{Name: "created", Label: "Time Created", Kind: wire.DateTime, ReadOnly: true},
		{Name: "modified", Label: "Last Modified", Kind: wire.DateTime, ReadOnly: true},
		{Name: "permissions", Label: "Permissions", Kind: wire.Selected,
			Help: "Who else can see the target, besides the users and groups it is shared with: everybody (OPEN), " +
				"all signed-in users (PUBLIC), nobody (PRIVATE).",
			Choices: []wire.Choice{{Value: string(auth.VisibleToAll), Label: "Open"},
				{Value: string(auth.VisibleToSignedIn), Label: "Public"}, {Value: string(auth.VisibleToGranted),
					Label: "Private"}}},
	}
	for _, n := range archive.Numbers {
		h := numberHelp[n.Name]
		f := wire.Field{Name: n.Name, Label: h[0], Help: h[1], Kind: wire.Float, Null: true}
		if r, ok := archive.Ranges[n.Name]; ok {
			bounds := wire.Range(r)
			f.Range = &bounds
		}
		fields = append(fields, f)
		if n.Name == "distance_err" {
			scheme := wire.Field{Name: "scheme", Label: "Orbital Element Scheme", Kind: wire.Selected, Blank: true}
			for i, s := range archive.Schemes {
				scheme.Choices = append(scheme.Choices,
					wire.Choice{Value: s, Label: []string{"MPC Minor Planet", "MPC Comet", "JPL Major Planet"}[i]})
			}
			fields = append(fields, scheme)
		}
	}
	return fields
}()

// sentTargetFields are read from a target that is sent. Its groups can have rights, which a TOM
// does not know.
var sentTargetFields = func() []wire.Field {
	fields := slices.Clone(targetFields)
	for i := range fields {
		if f := &fields[i]; f.Name == "groups" {
			f.Of = slices.Concat(groupFields, rightFields)
			f.Help = "Groups that get rights to the target: those that are named with the group, or else all rights " +
				"that you have."
		}
	}
	return fields
}()

func writeGroups(w *wire.Writer, groups []auth.GroupInfo) {
	w.List(func() {
		for _, g := range groups {
			w.Object(func() {
				w.Key("id")
				w.ID(g.ID)
				w.TextMember("name", g.Name)
			})
		}
	})
}

func writeAlias(w *wire.Writer, id uint64, name string) {
	w.Object(func() {
		w.Key("id")
		w.ID(id)
		w.TextMember("name", name)
	})
}

func writeExtra(w *wire.Writer, id uint64, key, value string) {
	w.Object(func() {
		w.Key("id")
		w.ID(id)
		w.TextMember("key", key)
		w.TextMember("value", value)
	})
}

var targetColumns = func() []column[archive.TargetView] {
	type T = archive.TargetView
	columns := []column[T]{
		{"id", func(w *wire.Writer, v *T) { w.ID(v.ID) }},
		{"targetextra_set", func(w *wire.Writer, v *T) {
			w.List(func() {
				for _, e := range v.Extras {
					writeExtra(w, e.ID, e.Key, e.Value)
				}
			})
		}},
		{"aliases", func(w *wire.Writer, v *T) {
			w.List(func() {
				for _, a := range v.Aliases {
					writeAlias(w, a.ID, a.Name)
				}
			})
		}},
		{"name", func(w *wire.Writer, v *T) { w.Text(v.Name) }},
		{"type", func(w *wire.Writer, v *T) { w.Text(v.Type) }},
		{"created", func(w *wire.Writer, v *T) { w.Time(v.Created) }},
		{"modified", func(w *wire.Writer, v *T) { w.Time(v.Modified) }},
		{"permissions", func(w *wire.Writer, v *T) { w.Text(string(v.Visibility)) }},
	}
	for _, n := range archive.Numbers {
		columns = append(columns, column[T]{n.Name, func(w *wire.Writer, v *T) { w.Float(*n.Of(v.Target)) }})
		if n.Name == "distance_err" {
			columns = append(columns, column[T]{"scheme", func(w *wire.Writer, v *T) { w.Text(v.Scheme) }})
		}
	}
	return append(columns, column[T]{"groups", func(w *wire.Writer, v *T) {
		w.List(func() {
			for _, g := range v.Groups {
				writeAlias(w, g.ID, g.Name)
			}
		})
	}})
}()

// targetLists are the lists that contain a target. A TOM does not send them, so they are sent only
// when fields= names them.
var targetLists = column[archive.TargetView]{"target_lists", func(w *wire.Writer, v *archive.TargetView) {
	w.List(func() {
		for _, l := range v.Lists {
			writeAlias(w, l.ID, l.Name)
		}
	})
}}

// groupRights are the rights of the groups of a target. Like targetLists they are not in a TOM's
// answer.
var groupRights = column[archive.TargetView]{"group_rights", func(w *wire.Writer, v *archive.TargetView) {
	w.List(func() {
		for i := range v.Groups {
			writeGroupRights(w, &v.Groups[i])
		}
	})
}}

var targetFilters = []wire.Filter{
	{Name: "type", Kind: wire.Selected, Help: "The target's type.",
		Choices: []string{archive.Sidereal, archive.NonSidereal}},
	{Name: "name", Kind: wire.Text,
		Help: "A part of the name or of an alias, ignoring case. With several, separated by commas, one must match."},
	{Name: "name_fuzzy", Kind: wire.Text,
		Help: "The name or an alias, ignoring case, blanks, dashes, underscores and parentheses. With several, " +
			"separated by commas, one must match. A name may contain commas: the longest parts of the value that " +
			"are names decide."},
	{Name: "query", Kind: wire.Text, Help: "A part of the name, ignoring case. Aliases do not count."},
	{Name: "key", Kind: wire.Text, Help: "Has a tag with this key."},
	{Name: "value", Kind: wire.Text, Help: "Has a tag with this value."},
	{Name: "cone_search", Kind: wire.Text,
		Help: "ra,dec,radius in degrees: inside this cone. ra and dec may be sexagesimal."},
	{Name: "target_cone_search", Kind: wire.Text, Help: "name,radius: within radius degrees of this target."},
	{Name: "targetlist__name", Kind: wire.Text, Help: "On the list with this name or id."},
	{Name: "order", Kind: wire.Text,
		Help: "The order: " + strings.Join(archive.TargetOrders, ", ") + ", each optionally after a minus sign."},
}

func parseTargetFilter(r *request) (f archive.TargetFilter, err error) {
	p := new(problem.List)
	in := wire.ParseQuery(targetFilters, r.query, p)
	f = archive.TargetFilter{Type: in.Text("type"), Query: in.Text("query"), Key: in.Text("key"),
		Value: in.Text("value"), List: in.Text("targetlist__name")}
	// the parts are not trimmed: " M2" and "M2" differ
	var blank int
	f.Names, blank = r.parts(in, "name", p)
	f.None = blank > 0 && blank < len(f.Names) // commas alone are no filter, as for a TOM
	f.Fuzzy, _ = r.parts(in, "name_fuzzy", p)
	if s := in.Text("cone_search"); s != "" {
		f.Cone = parseCone(s, p)
	}
	if s := in.Text("target_cone_search"); s != "" {
		at := strings.LastIndexByte(s, ',')
		radius, ok := parseRadius(s[at+1:])
		if at < 0 || !ok {
			p.Add("target_cone_search", "This must be name,radius, the radius in degrees.")
		} else if f.Around, f.Radius = strings.TrimSpace(s[:at]), radius; f.Around == "" {
			r.emptyPart("target_cone_search", p)
			f.None = true
		}
	}
	if s := in.Text("order"); s != "" {
		for _, o := range archive.TargetOrders {
			if s == o || s == "-"+o {
				f.Order = s
			}
		}
		if f.Order == "" && r.strict() {
			p.Add("order", wire.NotAChoice, s)
		}
	}
	return f, p.Err()
}

// parts returns the parts of a parameter that commas separate, nil when it was not given, and how
// many of them are blank. A blank part matches nothing, and is a problem for a strict request.
func (r *request) parts(in wire.Query, name string, p *problem.List) (list []string, blank int) {
	text := in.Text(name)
	if text == "" {
		return nil, 0
	}
	list = strings.Split(text, ",")
	for _, part := range list {
		if strings.TrimSpace(part) == "" {
			blank++
		}
	}
	if blank > 0 {
		r.emptyPart(name, p)
	}
	return list, blank
}

// emptyPart adds the problem with a parameter that has an empty part, if the request is strict.
func (r *request) emptyPart(name string, p *problem.List) {
	if r.strict() {
		p.Add(name, "A part of this value is empty.")
	}
}

// parseCone reads ra,dec,radius.
func parseCone(s string, p *problem.List) *sky.Cone {
	var ra, dec float64
	var err1, err2 error
	parts := strings.Split(s, ",")
	switch len(parts) {
	case 2: // the coordinates as one text
		ra, dec, err1 = sky.ParsePair(parts[0])
	case 3:
		ra, err1 = sky.ParseRA(parts[0])
		dec, err2 = sky.ParseDec(parts[1])
	default:
		p.Add("cone_search", "This must be ra,dec,radius in degrees; ra and dec may be sexagesimal.")
		return nil
	}
	radius, ok := parseRadius(parts[len(parts)-1])
	if err := cmp.Or(err1, err2); err != nil {
		p.Add("cone_search", "This must be ra,dec,radius in degrees; ra and dec may be sexagesimal: %v", err)
		return nil
	}
	if !ok {
		p.Add("cone_search", "This must be ra,dec,radius in degrees, with radius >= 0.")
		return nil
	}
	return &sky.Cone{RA: ra, Dec: dec, Radius: radius}
}

func parseRadius(s string) (float64, bool) {
	n, ok := wire.ParseNumber(s)
	return n, ok && n >= 0
}

// targetInput converts a decoded body for the archive.
func targetInput(in wire.Input, part bool) *archive.TargetInput {
	t := &archive.TargetInput{Numbers: map[string]archive.Opt[float64]{}}
	rec := wire.Decode(sentTargetFields, in, part, &t.List, "")
	t.Name, t.Type = optText(rec.Get("name")), optText(rec.Get("type"))
	t.Visibility, t.Scheme = optText(rec.Get("permissions")), optText(rec.Get("scheme"))
	for _, n := range archive.Numbers {
		if g := rec.Get(n.Name); g.Given {
			t.Numbers[n.Name] = optFloat(g)
		}
	}
	for _, item := range rec.Get("aliases").Items {
		t.Aliases = append(t.Aliases, archive.AliasInput{ID: item.Get("id").Int, Name: item.Get("name").Text})
	}
	for _, item := range rec.Get("targetextra_set").Items {
		t.Extras = append(t.Extras,
			archive.ExtraInput{ID: item.Get("id").Int, Key: item.Get("key").Text, Value: item.Get("value").Text})
	}
	for _, item := range rec.Get("target_lists").Items {
		t.Lists = append(t.Lists, archive.ListInput{ID: item.Get("id").Int, Name: item.Get("name").Text})
	}
	groups := rec.Get("groups").Items
	t.Groups = groupRefs(groups)
	for i, item := range groups {
		right, given := decodeRights(item, &t.List, "groups."+strconv.Itoa(i))
		if !given {
			right = 0 // all, as in a TOM
		}
		t.Rights = append(t.Rights, right)
	}
	return t
}

func groupRefs(items []wire.Record) (refs []auth.GroupRef) {
	for _, item := range items {
		refs = append(refs, auth.GroupRef{ID: item.Get("id").Int, Name: item.Get("name").Text})
	}
	return refs
}

var targetsSpec = spec{
	about: "Targets: objects on the sky, with their aliases, tags, lists and groups.",
	csvHelp: "A header, and a target in each row: name, type, ra and dec in degrees or sexagesimal, the other " +
		"numbers, permissions, name2 and so on for aliases, and groups; other columns become tags.",
	fields: targetFields, inputFields: sentTargetFields, filters: targetFilters,
	lists: true, cursors: true, cacheable: true,
	members: names(targetColumns), optionalMembers: []string{targetLists.name, groupRights.name},
}

var targetSpec = spec{
	fields: targetFields, inputFields: sentTargetFields, missing: problem.Missing("Target"),
	mayAct: mayChangeTarget, only: onlyUnchanged,
	members: names(targetColumns), optionalMembers: []string{targetLists.name, groupRights.name},
}

// partSpec is the spec of an alias, a tag and a list of targets.
var partSpec = spec{}

func listTargets(r *request) (*answer, error) {
	f, err := parseTargetFilter(r)
	if err != nil {
		return nil, err
	}
	return r.list(func(l *listWriter) error {
		return r.access.Targets(r.Context(), f, l.page, rows(l, targetColumns, targetLists, groupRights))
	})
}

func createTarget(r *request) (*answer, error) {
	in, err := r.input()
	if err != nil {
		return nil, err
	}
	v, err := r.access.CreateTarget(r.Context(), targetInput(in, false))
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		writeColumns(w, targetColumns, v)
		w.TextMember("message", "Target successfully uploaded.")
	})
}

func getTarget(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	v, err := r.access.Target(id)
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK,
		func(w *wire.Writer) { writeColumns(w, pickColumns(r, targetColumns, targetLists, groupRights), v) })
}

// onlyUnchanged returns a session that changes or deletes the target only if unchanged agrees.
func onlyUnchanged(r *request, unchanged func(body []byte) error) (*archive.Session, error) {
	id, err := r.id()
	return r.access.IfTarget(id, func(v *archive.TargetView) error {
		var w wire.Writer
		w.Object(func() { writeColumns(&w, targetColumns, v) })
		return unchanged(w.Buf)
	}), err
}

func mayChangeTarget(r *request) bool {
	id, err := r.id()
	if err != nil {
		return false
	}
	may, err := r.access.MayChangeTarget(id)
	return err == nil && may
}

func changeTarget(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if _, err := r.access.MayChangeTarget(id); err != nil {
		return nil, err // for a target that does not exist the body is not checked
	}
	in, err := r.input()
	if err != nil {
		return nil, err
	}
	part := r.Method == http.MethodPatch
	v, err := r.access.ChangeTarget(r.Context(), id, targetInput(in, part), !part)
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusOK, func(w *wire.Writer) {
		writeColumns(w, targetColumns, v)
		w.TextMember("message", "Target successfully updated.")
	})
}

func deleteTarget(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteTarget) }

func getAlias(r *request) (*answer, error) {
	return getByID(r, r.access.Alias, func(w *wire.Writer, p *archive.Part) { writeAlias(w, p.ID, p.Name) })
}

func deleteAlias(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteAlias) }

func getExtra(r *request) (*answer, error) {
	return getByID(r, r.access.Extra, func(w *wire.Writer, p *archive.Part) { writeExtra(w, p.ID, p.Key, p.Value) })
}

func deleteExtra(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteExtra) }

func getTargetList(r *request) (*answer, error) {
	return getByID(r, r.access.TargetList, func(w *wire.Writer, l *archive.ListInfo) { writeAlias(w, l.ID, l.Name) })
}

func deleteTargetList(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteTargetList) }

var suggestionFilters = []wire.Filter{{Name: "q", Kind: wire.Text, Help: "The text to complete. Required."}}

var suggestedTargetFields = []wire.Field{
	{Name: "id", Label: "Id", Kind: wire.Integer, ReadOnly: true},
	{Name: "name", Label: "Name", Kind: wire.Text, ReadOnly: true, Help: "The target's name."},
	{Name: "as", Label: "As", Kind: wire.Text, ReadOnly: true, Help: "The name or alias that matches."},
}

var suggestionFields = []wire.Field{
	{Name: "targets", Label: "Targets", Kind: wire.List, ReadOnly: true, Of: suggestedTargetFields,
		Help: "Targets with a name or an alias that contains the text, ignoring case. Those that begin with it come " +
			"first."},
	{Name: "similar", Label: "Similar", Kind: wire.List, ReadOnly: true, Of: suggestedTargetFields,
		Help: "If there are none: targets with a name or an alias that is similar to the text."},
	{Name: "source_names", Label: "Source names", Kind: wire.AnyJSON, ReadOnly: true,
		Help: "Source names of reduced datums that contain the text, ignoring case."},
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

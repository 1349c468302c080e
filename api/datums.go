package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/ingest"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// datumFields describe a reduced datum.
var datumFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	{Name: "data_product", Label: "Data product", Kind: wire.Ref, Null: true,
		Help: "The data product that the datum belongs to."},
	{Name: "data_type", Label: "Data type", Kind: wire.Text, Max: archive.MaxType,
		Help: "One of the node's data types, such as photometry."},
	{Name: "source_name", Label: "Source name", Kind: wire.Text, Blank: true, Max: archive.MaxSource,
		Help: "Where the datum comes from, such as a survey or a telescope."},
	{Name: "source_location", Label: "Source location", Kind: wire.Text, Blank: true, Max: archive.MaxLocation,
		Help: "Where the source has it, such as the address of an alert."},
	{Name: "timestamp", Label: "Timestamp", Kind: wire.DateTime,
		Help: "UTC unless it has a zone. Default: the time of the request."},
	{Name: "value", Label: "Value", Kind: wire.AnyJSON, Required: true,
		Help: "Any JSON value that is not empty. It is returned as it was sent."},
	{Name: "target", Label: "Target", Kind: wire.Ref, Required: true, Help: "The id of the target."},
}

// datumGroups can be sent with a datum in mode objects. A TOM ignores it and does not describe it.
var datumGroups = wire.Field{Name: "groups", Label: "Groups", Kind: wire.List, Of: groupFields,
	Help: "Groups that can see a datum without a data product, where permissions are on objects. Without groups, " +
		"only the user who sent it and superusers can see it."}

var datumColumns = func() []column[archive.DatumView] {
	type T = archive.DatumView
	return []column[T]{
		{"data_product", func(w *wire.Writer, v *T) { w.Ref(v.Product) }},
		{"data_type", func(w *wire.Writer, v *T) { w.Text(v.Type) }},
		{"source_name", func(w *wire.Writer, v *T) { w.Text(v.Source) }},
		{"source_location", func(w *wire.Writer, v *T) { w.Text(v.Location) }},
		{"timestamp", func(w *wire.Writer, v *T) { w.Time(v.Time) }},
		{"value", func(w *wire.Writer, v *T) { w.Raw(v.Value) }},
		{"target", func(w *wire.Writer, v *T) { w.ID(v.Target) }},
		{"id", func(w *wire.Writer, v *T) { w.ID(v.ID) }},
	}
}()

var datumFilters = []wire.Filter{
	{Name: "target__id", Kind: wire.Integer, Help: "The target's id."},
	{Name: "target_name", Kind: wire.Text, Help: "A part of the target's name or of an alias, ignoring case."},
	{Name: "data_product__id", Kind: wire.Integer, Help: "The data product's id."},
	{Name: "data_product_pk", Kind: wire.Integer, Help: "The same as data_product__id."},
	{Name: "data_product_product_id", Kind: wire.Text, Help: "The data product's product id, or the name of its file."},
	{Name: "data_product__product_id", Kind: wire.Text, Help: "The same as data_product_product_id."},
	{Name: "data_product_name", Kind: wire.Text,
		Help: "A part of the data product's product id or of its file's path, ignoring case."},
	{Name: "source_name", Kind: wire.Text, Help: "The source's name."},
	{Name: "data_type", Kind: wire.Text, Help: "The data type."},
	{Name: "upload", Kind: wire.Integer, Help: "The upload that added the datums."},
	{Name: "timestamp_after", Kind: wire.DateTime, Help: "At or after this time. UTC unless it has a zone."},
	{Name: "timestamp_before", Kind: wire.DateTime, Help: "At or before this time. UTC unless it has a zone."},
	{Name: "mjd_min", Kind: wire.Float, Help: "At or after this modified Julian date (UTC)."},
	{Name: "mjd_max", Kind: wire.Float, Help: "At or before this modified Julian date (UTC)."},
	{Name: "ordering", Kind: wire.Selected,
		Choices: []string{"id", "-id", "timestamp", "-timestamp", "created", "-created"},
		Help: "The order. created is the same as id. timestamp takes time in proportion to the whole list, not to " +
			"the page."},
}

// duplicateParameter says what to do with a datum that already exists.
var duplicateParameter = wire.Filter{Name: "duplicates", Kind: wire.Selected, Choices: []string{"error", "skip"},
	Help: "What to do with a datum that already exists: error refuses it, skip leaves it as it is. Default: error " +
		"for one datum, skip for a file and for a stream of rows. A list of datums must give it."}

// refusesDuplicates reads duplicateParameter; unless is the default.
func refusesDuplicates(r *request, unless string) (bool, error) {
	p := new(problem.List)
	in := wire.ParseQuery([]wire.Filter{duplicateParameter}, r.query, p)
	choice := in.Text("duplicates")
	if choice == "" {
		choice = unless
	}
	return choice == "error", p.Err()
}

func parseDatumFilter(r *request) (archive.DatumFilter, error) {
	p := new(problem.List)
	in := wire.ParseQuery(datumFilters, r.query, p)
	productID := in.Text("data_product_product_id")
	if productID == "" {
		productID = in.Text("data_product__product_id")
	}
	f := archive.DatumFilter{
		Target:      optID(in.ID("target__id")),
		TargetName:  in.Text("target_name"),
		Product:     optID(in.ID("data_product_pk", "data_product__id")),
		ProductID:   productID,
		ProductName: in.Text("data_product_name"),
		Source:      in.Text("source_name"),
		Type:        in.Text("data_type"),
		Upload:      optID(in.ID("upload")),
	}
	f.From, f.To = in.Time("timestamp_after"), in.Time("timestamp_before")
	if t := mjdBound(in, "mjd_min", p); t != nil && (f.From == nil || *t > *f.From) {
		f.From = t
	}
	if t := mjdBound(in, "mjd_max", p); t != nil && (f.To == nil || *t < *f.To) {
		f.To = t
	}
	order, descending := strings.CutPrefix(in.Text("ordering"), "-")
	f.ByTime, f.Descending = order == "timestamp", descending
	return f, p.Err()
}

// mjdBound returns the value of a parameter that is a modified Julian date, in microseconds of UTC
// since 1970.
func mjdBound(in wire.Query, name string, p *problem.List) *int64 {
	s := in.Text(name)
	if s == "" || p.Has(name) {
		return nil
	}
	t, err := instant.ParseMJD(s)
	if err != nil {
		p.Add(name, "Enter a number.")
		return nil
	}
	return &t
}

var datumsSpec = spec{
	about: "Reduced datums: points of light curves, spectra, astrometry and other data of targets, each with a type, " +
		"a time and a value of any JSON. They are posted one by one, as a list or as a stream, or read from the file " +
		"of a data product.",
	parses: []string{typeForm, typeJSON}, acceptsList: true,
	csvHelp: "A header, and a datum in each row: target (name, alias or id), data_type, timestamp or mjd, " +
		"source_name, source_location, and value, or value.KEY for each member of an object.",
	fields: datumFields, inputFields: sentDatumFields, filters: datumFilters,
	readParams:  []wire.Filter{wavelengthParameter},
	writeParams: []wire.Filter{duplicateParameter},
	lists:       true, cursors: true, cacheable: true, members: names(datumColumns),
}

var datumSpec = spec{
	parses: []string{typeForm, typeJSON}, readParams: []wire.Filter{wavelengthParameter},
	members: names(datumColumns),
}

func listDatums(r *request) (*answer, error) {
	f, err := parseDatumFilter(r)
	if err != nil {
		return nil, err
	}
	inUnits, err := r.rowsInUnits()
	if err != nil {
		return nil, err
	}
	return r.list(func(l *listWriter) error {
		out := datumRows(l)
		row := out.Row
		out.Row = func(v *archive.DatumView) error {
			inUnits(v)
			return row(v)
		}
		return r.access.Datums(r.Context(), f, l.page, out)
	})
}

func getDatum(r *request) (*answer, error) {
	inUnits, err := r.inUnits()
	if err != nil {
		return nil, err
	}
	get := func(id uint64) (*archive.DatumView, error) {
		v, err := r.access.Datum(id)
		if err == nil {
			err = inUnits(v)
		}
		return v, err
	}
	return getByID(r, get, func(w *wire.Writer, v **archive.DatumView) {
		writeRow(w, pickColumns(r, datumColumns), *v)
	})
}

func deleteDatum(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteDatum) }

// sentDatumFields are read from a datum that is sent.
var sentDatumFields = append(datumFields[:len(datumFields):len(datumFields)], datumGroups)

// namedDatumFields are read from a datum with a target_name, which replaces target.
var namedDatumFields = func() []wire.Field {
	fields := slices.Clone(sentDatumFields)
	for i := range fields {
		if fields[i].Name == "target" {
			fields[i].ReadOnly = true
		}
	}
	return fields
}()

// datumInput converts a decoded body for the archive.
func datumInput(fields []wire.Field, in wire.Input) *archive.DatumInput {
	d := new(archive.DatumInput)
	rec := wire.Decode(fields, in, false, &d.List, "")
	d.Target, d.Product = rec.Get("target").Int, rec.Get("data_product").Int
	d.Type, d.Source, d.Location = rec.Get("data_type").Text, rec.Get("source_name").Text,
		rec.Get("source_location").Text
	if t := rec.Get("timestamp"); t.Given {
		d.Time, d.Timed = t.Time, true
	}
	d.Value = rec.Get("value").JSON
	if _, err := jsontext.Compact(d.Value[:0:len(d.Value)], d.Value); err == nil {
		d.Compact = true // true unless a number is out of range; it saves a copy
	}
	d.Groups = groupRefs(rec.Get("groups").Items)
	if !rec.Get("data_type").Given && !d.Has("data_type") {
		d.Add("data_type", wire.MsgRequired)
	}
	return d
}

func createDatum(r *request) (*answer, error) {
	refuse, err := refusesDuplicates(r, "error")
	if err != nil {
		return nil, err
	}
	in, list, err := r.inputs()
	if err != nil {
		return nil, err
	}
	if list != nil {
		if !r.query.Has(duplicateParameter.Name) { // a TOM takes no lists, and its clients may count on that
			p := new(problem.List)
			p.Add("", wire.MsgNotObject, "list")
			p.Add("hint", "To send a list of datums, add duplicates=error or duplicates=skip to the query.")
			return nil, p
		}
		return r.createDatums(list, refuse)
	}
	d := datumInput(sentDatumFields, in)
	d.Refuse = refuse
	v, added, err := r.access.AddDatum(r.Context(), d)
	if err != nil {
		return nil, err
	}
	status, message := http.StatusCreated, "Data successfully uploaded."
	if added == archive.Duplicate {
		if refuse {
			return nil, problem.Invalid("", archive.AlreadyThere)
		}
		status, message = http.StatusOK, archive.AlreadyThere
	}
	w := wire.Writer{Buf: make([]byte, 0, len(v.Value)+1<<10)} // large enough for one copy of the value
	w.Object(func() {
		writeColumns(&w, datumColumns, v)
		w.TextMember("message", message)
	})
	return &answer{status: status, body: w.Buf}, nil
}

// createDatums adds a list of datums, all or none, and answers with them.
func (r *request) createDatums(items []wire.Value, refuse bool) (*answer, error) {
	list := make([]*archive.DatumInput, len(items))
	for i, item := range items {
		in, ok := item.Object()
		if !ok {
			list[i] = new(archive.DatumInput)
			list[i].Add("", "%s", item.WhyNotObject())
			continue
		}
		list[i] = datumInput(sentDatumFields, in)
		list[i].Refuse = refuse
	}
	views, created, err := r.access.AddList(r.Context(), list)
	if err != nil {
		return nil, err
	}
	h := r.w.Header()
	h.Set("Nightjar-Created", strconv.Itoa(created))
	h.Set("Nightjar-Duplicate", strconv.Itoa(len(list)-created))
	var w wire.Writer
	w.List(func() {
		for _, v := range views {
			writeDatum(&w, v)
		}
	})
	return &answer{status: http.StatusCreated, body: w.Buf}, nil
}

// wavelengthParameter asks for spectra with their wavelengths in a given unit.
var wavelengthParameter = wire.Filter{Name: "wavelength_units", Kind: wire.Text, Choices: ingest.WavelengthUnits,
	Help: "Convert the wavelengths of spectra to this unit, given by its name or another spelling. Default: as they " +
		"are stored. Fluxes are not converted, see flux_units."}

// inUnits returns a function that converts the wavelengths of a spectrum as the request asks. It
// returns an error for a unit that cannot be converted, and leaves the datum unchanged. The new
// value is valid until the next call.
func (r *request) inUnits() (func(*archive.DatumView) error, error) {
	text := wire.Last(r.query, wavelengthParameter.Name)
	if text == "" {
		return func(*archive.DatumView) error { return nil }, nil
	}
	unit, ok := ingest.WavelengthUnit(text)
	if !ok {
		return nil, problem.Invalid(wavelengthParameter.Name, "%q is not a known unit of wavelength. Use one of %s.",
			text, strings.Join(ingest.WavelengthUnits, ", "))
	}
	var buf []byte
	return func(v *archive.DatumView) error {
		out, err := ingest.AppendInUnits(buf[:0], v.Value, unit)
		if buf = out; err != nil {
			return problem.Invalid(wavelengthParameter.Name,
				"This datum can only be served as it is stored: %v.", err)
		}
		v.Value = out
		return nil
	}, nil
}

// rowsInUnits is inUnits for lists. A spectrum that cannot be converted stays as it is stored, and
// its wavelength_units says so: one spectrum does not make the whole list fail.
func (r *request) rowsInUnits() (func(*archive.DatumView), error) {
	inUnits, err := r.inUnits()
	return func(v *archive.DatumView) { _ = inUnits(v) }, err
}

// writeDatum writes a datum with all of datumColumns, as writeRow would. It is written by hand
// because lists of datums are the most frequent answers.
func writeDatum(w *wire.Writer, v *archive.DatumView) {
	w.Sep()
	b := append(w.Buf, `{"data_product":`...)
	if v.Product == 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendUint(b, v.Product, 10)
	}
	b = wire.AppendText(append(b, `,"data_type":`...), v.Type)
	b = wire.AppendText(append(b, `,"source_name":`...), v.Source)
	b = wire.AppendText(append(b, `,"source_location":`...), v.Location)
	b = wire.AppendTime(append(b, `,"timestamp":"`...), v.Time)
	b = append(append(b, `","value":`...), v.Value...)
	b = strconv.AppendUint(append(b, `,"target":`...), v.Target, 10)
	b = strconv.AppendUint(append(b, `,"id":`...), v.ID, 10)
	w.Buf = append(b, '}')
}

// datumRows is rows for lists of datums.
func datumRows(l *listWriter) archive.Out[archive.DatumView] {
	out := rows(l, datumColumns)
	if l.r.picked == nil {
		out.Row = func(v *archive.DatumView) error { writeDatum(&l.Writer, v); return l.checkPageFull() }
	}
	return out
}

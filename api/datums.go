package api

import (
	"net/http"

	"nightjar/archive"
	"nightjar/auth"
)

// datumFields describe a reduced datum.
var datumFields = []Field{
	{Name: "id", Label: "ID", Kind: Integer, ReadOnly: true},
	{Name: "data_product", Label: "Data product", Kind: Ref, Null: true, Help: "The data product that the datum belongs to."},
	{Name: "data_type", Label: "Data type", Kind: Text, Max: archive.MaxType, Help: "One of the node's types of data, such as photometry."},
	{Name: "source_name", Label: "Source name", Kind: Text, Blank: true, Max: archive.MaxSource},
	{Name: "source_location", Label: "Source location", Kind: Text, Blank: true, Max: archive.MaxLocation},
	{Name: "timestamp", Label: "Timestamp", Kind: DateTime, Help: "UTC if no zone is given; the time of the request if nothing is given."},
	{Name: "value", Label: "Value", Kind: AnyJSON, Required: true, Help: "Any JSON that says something; it comes back as it was given."},
	{Name: "target", Label: "Target", Kind: Ref, Required: true},
}

// datumGroups may be sent with a datum in mode objects; a TOM ignores it and does not describe it.
var datumGroups = Field{Name: "groups", Label: "Groups", Kind: List, Of: groupFields}

var datumColumns = func() []column[archive.DatumView] {
	type T = archive.DatumView
	return []column[T]{
		{"data_product", func(w *writer, v *T) { w.ref(v.Product) }},
		{"data_type", func(w *writer, v *T) { w.text(v.Type) }},
		{"source_name", func(w *writer, v *T) { w.text(v.Source) }},
		{"source_location", func(w *writer, v *T) { w.text(v.Location) }},
		{"timestamp", func(w *writer, v *T) { w.time(v.Time) }},
		{"value", func(w *writer, v *T) { w.raw(v.Value) }},
		{"target", func(w *writer, v *T) { w.id(v.Target) }},
		{"id", func(w *writer, v *T) { w.id(v.ID) }},
	}
}()

func writeDatum(w *writer, v *archive.DatumView) {
	w.open('{')
	writeColumns(w, datumColumns, v)
	w.end('}')
}

var datumFilters = []Filter{
	{Name: "target__id", Kind: Integer, Help: "The target's id."},
	{Name: "target_name", Kind: Text, Help: "A part of the target's name or of an alias, whatever the case."},
	{Name: "data_product__id", Kind: Integer, Help: "The data product's id."},
	{Name: "data_product_pk", Kind: Integer, Help: "The same as data_product__id."},
	{Name: "data_product_product_id", Kind: Text, Help: "The data product's product id, or the name of its file."},
	{Name: "data_product__product_id", Kind: Text, Help: "The same as data_product_product_id."},
	{Name: "data_product_name", Kind: Text, Help: "A part of the data product's product id or of its file's path, whatever the case."},
	{Name: "source_name", Kind: Text, Help: "The source's name."},
	{Name: "data_type", Kind: Text, Help: "The type of data."},
	{Name: "upload", Kind: Integer, Help: "The bulk write that brought the data."},
}

func parseDatumFilter(r *request) (archive.DatumFilter, error) {
	p := new(auth.Problems)
	in := parseFilters(datumFilters, r.query, p)
	productID := in.text("data_product_product_id")
	if productID == "" {
		productID = in.text("data_product__product_id")
	}
	f := archive.DatumFilter{Target: in.id("target__id"), TargetName: in.text("target_name"), Product: in.id("data_product_pk", "data_product__id"),
		ProductID: productID, ProductName: in.text("data_product_name"), Source: in.text("source_name"), Type: in.text("data_type"), Upload: in.id("upload")}
	return f, p.Err()
}

func (api *API) datumRoutes() []*route {
	return []*route{
		{
			path: "/api/reduceddatums/", view: "Reduced Datum List", parses: []string{typeForm, typeJSON}, filters: datumFilters, lists: true, fields: fixed(datumFields), export: exportDatums,
			handle: map[string]handler{"GET": listDatums, "POST": createDatum},
		},
		{
			path: "/api/reduceddatums/:id/", view: "Reduced Datum Instance", parses: []string{typeForm, typeJSON},
			handle: map[string]handler{"GET": getDatum, "DELETE": func(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteDatum) }},
		},
	}
}

func listDatums(r *request) (*answer, error) {
	f, err := parseDatumFilter(r)
	if err != nil {
		return nil, err
	}
	return r.list(func(l *listWriter) error { return r.access.Datums(r.Context(), f, l.page, rows(l, writeDatum)) })
}

func getDatum(r *request) (*answer, error) {
	return getPart(r, r.access.Datum, func(w *writer, v **archive.DatumView) { writeDatum(w, *v) })
}

// sentDatumFields are what is read of a datum that is sent.
var sentDatumFields = append(datumFields[:len(datumFields):len(datumFields)], datumGroups)

// datumInput turns what was sent into what the archive wants.
func datumInput(in input) *archive.DatumInput {
	d := new(archive.DatumInput)
	rec := decode(sentDatumFields, in, false, &d.Problems, "")
	d.Target, d.Product = rec.Get("target").Int, rec.Get("data_product").Int
	d.Type, d.Source, d.Location = rec.Get("data_type").Text, rec.Get("source_name").Text, rec.Get("source_location").Text
	if t := rec.Get("timestamp"); t.Given {
		d.Time, d.Timed = t.Time, true
	}
	d.Value = rec.Get("value").JSON
	d.Groups = groupRefs(rec.Get("groups").Items)
	if len(d.All()) == 0 && !rec.Get("data_type").Given {
		d.Add("data_type", msgRequired) // a TOM breaks down here, after it has checked the rest
	}
	return d
}

func createDatum(r *request) (*answer, error) {
	if media, _ := r.mediaType(); media == typeNDJSON {
		return importDatums(r)
	}
	in, err := r.input()
	if err != nil {
		return nil, err
	}
	d := datumInput(in)
	v, added, err := r.access.AddDatum(r.Context(), d)
	if err != nil {
		return nil, err
	}
	if added == archive.Duplicate {
		return nil, auth.Invalid("", archive.AlreadyThere)
	}
	return r.object(http.StatusCreated, func(w *writer) {
		writeColumns(w, datumColumns, v)
		w.textMember("message", "Data successfully uploaded.")
	})
}

package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

// productFields describe a data product. The file itself is sent as the part "file" of a form.
var productFields = []Field{
	{Name: "id", Label: "ID", Kind: Integer, ReadOnly: true},
	{Name: "product_id", Label: "Product id", Kind: Text, Null: true, Max: archive.MaxProductID, Help: "A name of one's own for the product, unique."},
	{Name: "target", Label: "Target", Kind: Ref, Required: true},
	{Name: "observation_record", Label: "Observation record", Kind: Ref, Null: true},
	{Name: "data", Label: "Data", Kind: FileData, Max: archive.MaxFileName, Help: "The file; sent as the part called file."},
	{Name: "extra_data", Label: "Extra data", Kind: Text, Blank: true, MaxBytes: archive.MaxExtraData},
	{Name: "data_product_type", Label: "Data product type", Kind: Text, Required: true, Max: 50},
	{Name: "groups", Label: "Groups", Kind: List, Of: groupFields},
	{Name: "data_product_group", Label: "Data product group", Kind: List, Of: []Field{
		{Name: "name", Label: "Name", Kind: Text, Required: true, Max: 200},
		{Name: "created", Label: "Created", Kind: DateTime, ReadOnly: true},
		{Name: "modified", Label: "Modified", Kind: DateTime, ReadOnly: true},
	}},
	{Name: "reduceddatum_set", Label: "Reduceddatum set", Kind: List, Of: datumFields},
}

// uploadFields are what is read of an upload: the others are a serialized product's, and are made here.
var uploadFields = []Field{
	productFields[1], {Name: "target", Label: "Target", Kind: Ref, Help: "Needed, unless the rows of a file of photometry name their objects: then each goes to the target of that name."},
	productFields[3], productFields[5], productFields[6],
	{Name: "date_obs", Label: "Date of observation", Kind: Text, Blank: true, Max: 100},
	{Name: "flux_scale", Label: "Flux scale", Kind: Float, Null: true},
	{Name: "time_column", Label: "Time column", Kind: Text, Blank: true, Max: 200, Help: "The column of photometry that holds the time, where its name does not tell."},
	{Name: "time_format", Label: "Time format", Kind: Text, Blank: true, Max: 50, Help: "What the time counts: mjd, jd, hjd, bjd, btjd, bkjd, unix or iso; with a scale, as mjd_tt, or with what was subtracted, as jd-2450000."},
	{Name: "columns", Label: "Columns", Kind: Text, Blank: true, Max: 10_000, Help: "Columns by role, a JSON object, such as {\"magnitude\": \"m_corr\"}."},
}

type productColumn = column[archive.ProductView]

// The columns of a product before and after its data.
func (api *API) productColumns(base string) (before, after []productColumn) {
	type T = archive.ProductView
	before = []productColumn{
		{"id", func(w *writer, v *T) { w.id(v.ID) }},
		{"product_id", func(w *writer, v *T) {
			if v.ProductID == "" {
				w.null()
			} else {
				w.text(v.ProductID)
			}
		}},
		{"target", func(w *writer, v *T) { w.id(v.Target) }},
		{"observation_record", func(w *writer, v *T) { w.ref(v.Observation) }},
		{"data", func(w *writer, v *T) { w.text(base + "/data/" + escapePath(v.Path)) }},
		{"extra_data", func(w *writer, v *T) { w.text(v.ExtraData) }},
		{"data_product_type", func(w *writer, v *T) { w.text(v.Type) }},
	}
	after = []productColumn{{"groups", func(w *writer, v *T) { writeGroups(w, v.Groups) }}}
	return before, after
}

var productFilters = []Filter{
	{Name: "target_name", Kind: Text, Help: "A part of the target's name or of an alias, whatever the case."},
	{Name: "facility", Kind: Text, Help: "The facility of the observation that the product came from."},
}

var dryRunParameter = Filter{Name: "dry_run", Kind: Boolean, Help: "Tell what would become of the file, and store nothing."}

// sentUploadFields are all parts of the form of an upload.
var sentUploadFields = slices.Concat([]Field{{Name: "file", Label: "File", Kind: FileData, Required: true, Help: "The file."}}, uploadFields, []Field{
	{Name: "groups", Label: "Groups", Kind: List, Of: groupFields, Help: "Groups that see the product, in mode objects: as a JSON text, as groups[0]id, or as ids in repeated parts."},
	{Name: "dry_run", Label: "Dry run", Kind: Boolean, Help: dryRunParameter.Help},
})

// productMembers are the members of a product that fields= chooses from.
var productMembers = func() []string {
	before, after := new(API).productColumns("")
	return slices.Concat(names(before), []string{"reduceddatum_set"}, names(after))
}()

func (api *API) productRoutes() []*route {
	return []*route{
		{
			path: "/api/dataproducts/", view: "Data Product List", parses: []string{typeMultipart}, filters: productFilters, lists: true, cursors: true, steady: true, members: productMembers,
			fields: fixed(productFields), writes: []Filter{duplicateParameter, dryRunParameter}, sent: sentUploadFields,
			handle: map[string]handler{"GET": listProducts, "POST": uploading(uploadProduct, false)},
		},
		{
			path: "/api/dataproducts/:id/", view: "Data Product Instance", parses: []string{typeMultipart}, steady: true, members: productMembers,
			handle: map[string]handler{"GET": getProduct, "DELETE": func(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteProduct) }},
		},
	}
}

// productOut writes products with their data.
func (r *request) productOut(l *listWriter) archive.ProductOut {
	before, after := r.api.productColumns(r.base())
	before, after = pickColumns(r, before), pickColumns(r, after)
	var open *archive.ProductView
	if r.picked != nil && !r.picked["reduceddatum_set"] {
		return archive.ProductOut{
			Begin: l.begin,
			Product: func(v *archive.ProductView) error {
				writeRow(&l.writer, append(before[:len(before):len(before)], after...), v)
				return l.enough()
			},
			End:   func() error { return nil },
			Flush: l.flush,
			Full:  l.full,
		}
	}
	return archive.ProductOut{
		Begin: l.begin,
		Product: func(v *archive.ProductView) error {
			open = v
			l.open('{')
			writeColumns(&l.writer, before, v)
			l.key("reduceddatum_set")
			l.open('[')
			return nil
		},
		Datum: func(d *archive.DatumView) error { writeDatum(&l.writer, d); return l.enough() },
		End: func() error {
			l.end(']')
			writeColumns(&l.writer, after, open)
			l.end('}')
			return l.enough()
		},
		Flush: l.flush,
		Full:  l.full,
	}
}

func listProducts(r *request) (*answer, error) {
	p := new(problem.List)
	in := parseFilters(productFilters, r.query, p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	f := archive.ProductFilter{TargetName: in.text("target_name"), Facility: in.text("facility")}
	return r.list(func(l *listWriter) error { return r.access.Products(r.Context(), f, l.page, r.productOut(l)) })
}

func getProduct(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	l := &listWriter{r: r}
	err = r.access.Product(r.Context(), id, r.productOut(l))
	if errors.Is(err, errEnough) {
		return &answer{status: http.StatusOK, body: l.buf, cut: true}, nil
	}
	if err != nil {
		if l.stream {
			r.api.breakOff(r.Request, err)
		}
		return nil, err
	}
	if l.stream {
		r.w.Write(l.buf)
		return &answer{sent: true}, nil
	}
	return &answer{status: http.StatusOK, body: l.buf}, nil
}

// uploadProduct takes a file in. The parts of the form may come in any order; the file goes to the disk as it comes, and is given up if
// anything is wrong.
func uploadProduct(r *request) (*answer, error) {
	media, params := r.mediaType()
	if media == "" && r.ContentLength == 0 {
		return nil, problem.Invalid("file", noFile)
	}
	if media != typeMultipart {
		return nil, r.unsupported()
	}
	parts, err := multipartReader(r.Body, params)
	if err != nil {
		return nil, err
	}
	file, err := r.access.NewFile(r.Context())
	if err != nil {
		return nil, err
	}
	a, err := r.upload(parts, file)
	return a, errors.Join(err, file.Abort())
}

// upload reads an upload and hands it to the archive; what is left of the file after that is nobody's.
func (r *request) upload(parts *formParts, file *archive.NewFile) (*answer, error) {
	refuse, err := refusesDuplicates(r, "skip")
	if err != nil {
		return nil, err
	}
	form, name, err := r.readUpload(parts, file)
	if err != nil {
		return nil, err
	}
	in := productInput(form, name)
	in.Refuse = refuse
	in.DryRun = r.flag("dry_run") || isTrue(form.Get("dry_run"))
	views, report, err := r.access.Upload(r.Context(), in, file)
	switch {
	case err != nil:
		return nil, err
	case in.DryRun:
		return r.object(http.StatusOK, func(w *writer) {
			w.textMember("message", "This was a dry run: nothing was stored.")
			w.key("report")
			writeReport(w, report)
		})
	case in.Target == 0: // the file names its targets
		return r.uploadedByObject(views, report)
	}
	return r.uploaded(views[0], report)
}

const (
	noFile      = "No file was submitted."
	maxFormText = 1 << 20 // bytes of the fields of an upload, their names included
	formField   = 64      // about what a field takes beside them
)

// readUpload reads the parts of an upload: the file into file, the fields into a form. The name is "" when there is no file.
func (r *request) readUpload(parts *formParts, file *archive.NewFile) (form url.Values, name string, err error) {
	form = url.Values{}
	room := int64(maxFormText)
	files := 0
	for {
		part, err := parts.next()
		if errors.Is(err, io.EOF) {
			return form, name, nil
		}
		if err != nil {
			return nil, "", multipartError(err)
		}
		if part.FormName() == "file" && part.FileName() != "" {
			if files++; files > 1 {
				return nil, "", problem.Invalid("file", "Only one file can be uploaded at a time.")
			}
			name = fileName(part)
			if _, err := io.Copy(file, part); err != nil {
				if isUnexpected(err) {
					return nil, "", multipartError(err)
				}
				return nil, "", err
			}
			continue
		}
		field := part.FormName()
		room -= int64(len(field)) + formField
		text, err := io.ReadAll(io.LimitReader(part, max(room, 0)+1))
		if err != nil {
			return nil, "", multipartError(err)
		}
		if room -= int64(len(text)); room < 0 {
			return nil, "", &httpError{status: http.StatusRequestEntityTooLarge, detail: "The fields of the form are larger than " + strconv.Itoa(maxFormText) + " bytes."}
		}
		if part.FileName() == "" {
			form.Add(field, string(text))
		}
	}
}

func isUnexpected(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// fileName is the file's name as it was sent, without folders. (part.FileName takes folders away as this system writes them.)
func fileName(part *multipart.Part) string {
	name := strings.ReplaceAll(part.FileName(), `\`, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// productInput turns what was sent into what the archive wants.
func productInput(form url.Values, name string) *archive.ProductInput {
	p := &archive.ProductInput{FileName: name}
	rec := decode(uploadFields, input{form: form}, false, &p.List, "")
	if form.Has("target") && !rec.Get("target").Given && !p.Has("target") { // an empty one is none, rather than not given
		p.Add("target", msgNull)
	}
	if name == "" {
		p.Add("file", noFile)
	}
	p.Target, p.Observation = rec.Get("target").Int, rec.Get("observation_record").Int
	p.ProductID, p.ExtraData, p.Type = rec.Get("product_id").Text, rec.Get("extra_data").Text, rec.Get("data_product_type").Text
	p.DateObs, p.FluxScale = rec.Get("date_obs").Text, rec.Get("flux_scale").Float
	p.TimeColumn, p.TimeFormat = rec.Get("time_column").Text, rec.Get("time_format").Text
	if text := rec.Get("columns").Text; text != "" && json.Unmarshal([]byte(text), &p.Columns) != nil {
		p.Add("columns", "This must be a JSON object of roles and names of columns.")
	}
	p.Groups = formGroups(form, &p.List)
	return p
}

// formGroups reads the groups of a form: groups[0]id=3, groups as JSON text ([{"id": 3}]), or groups=3 as often as need be.
func formGroups(form url.Values, p *problem.List) []auth.GroupRef {
	field := Field{Name: "groups", Kind: List, Of: groupFields}
	var refs []auth.GroupRef
	take := func(v value) {
		var g Given
		if field.decode(v, &g, p, "groups"); g.Items != nil {
			refs = append(refs, groupRefs(g.Items)...)
		}
	}
	if parts := formList(form, "groups"); len(parts) > 0 {
		take(value{list: true, parts: parts})
	}
	for _, text := range form["groups"] {
		if id, ok := whole(strings.TrimSpace(text)); ok {
			refs = append(refs, auth.GroupRef{ID: id})
			continue
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		j, err := archive.ParseJSON([]byte(text))
		if err != nil {
			p.Add("groups", "This must be a JSON list of objects with id or name, or an id.")
			continue
		}
		take(jsonValue(j))
	}
	return slices.Clip(refs)
}

// uploaded answers an upload: the product, as a TOM does without its data, and the report.
func (r *request) uploaded(v *archive.ProductView, report *archive.Report) (*answer, error) {
	return r.object(http.StatusCreated, func(w *writer) {
		r.writeUploaded(w, v)
		w.textMember("message", "Data product successfully uploaded.")
		w.key("report")
		writeReport(w, report)
	})
}

// writeUploaded writes the members of a new product, without its data.
func (r *request) writeUploaded(w *writer, v *archive.ProductView) {
	before, after := r.api.productColumns(r.base())
	writeColumns(w, before, v)
	w.key("reduceddatum_set")
	w.list(func() {})
	writeColumns(w, after, v)
}

// uploadedByObject answers an upload whose rows named their targets: a product for each, and the report.
func (r *request) uploadedByObject(views []*archive.ProductView, report *archive.Report) (*answer, error) {
	return r.object(http.StatusCreated, func(w *writer) {
		w.key("products")
		w.list(func() {
			for _, v := range views {
				w.object(func() { r.writeUploaded(w, v) })
			}
		})
		w.textMember("message", "Data products successfully uploaded.")
		w.key("report")
		writeReport(w, report)
	})
}

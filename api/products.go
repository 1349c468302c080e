package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/ingest"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// productFields describe a data product. The file itself is sent as the part "file" of a form.
var productFields = []wire.Field{
	{Name: "id", Label: "ID", Kind: wire.Integer, ReadOnly: true},
	{Name: "product_id", Label: "Product id", Kind: wire.Text, Null: true, Max: archive.MaxProductID,
		Help: "A unique name of your choice for the product."},
	{Name: "target", Label: "Target", Kind: wire.Ref, Required: true, Help: "The id of the target."},
	{Name: "observation_record", Label: "Observation record", Kind: wire.Ref, Null: true,
		Help: "The id of the observation record that the file belongs to."},
	{Name: "data", Label: "Data", Kind: wire.FileData, Max: archive.MaxFileName,
		Help: "The file. Sent as the part named file."},
	{Name: "extra_data", Label: "Extra data", Kind: wire.Text, Blank: true, MaxBytes: archive.MaxExtraData,
		Help: "Any text. It is returned as it was sent."},
	{Name: "data_product_type", Label: "Data product type", Kind: wire.Text, Required: true, Max: 50,
		Help: "One of the node's types, such as photometry, or auto: the content of the file decides."},
	{Name: "groups", Label: "Groups", Kind: wire.List, Of: groupFields, Help: "Groups that can see the data product " +
		"and its datums, where permissions are on objects: as JSON, as groups[0]id, or as ids in repeated parts. " +
		"Without groups, only the uploader and superusers can see them. Where permissions are on targets, who sees " +
		"the target sees its data products."},
	{Name: "data_product_group", Label: "Data product group", Kind: wire.List,
		Help: "A TOM's groups of data products. Nightjar has none.", Of: []wire.Field{
			{Name: "name", Label: "Name", Kind: wire.Text, Required: true, Max: 200},
			{Name: "created", Label: "Created", Kind: wire.DateTime, ReadOnly: true},
			{Name: "modified", Label: "Modified", Kind: wire.DateTime, ReadOnly: true},
		}},
	{Name: "reduceddatum_set", Label: "Reduceddatum set", Kind: wire.List, Of: datumFields,
		Help: "The datums of the data product. They are read from the file, not from this field."},
}

// uploadFields are read from an upload. The other productFields exist only in answers.
var uploadFields = []wire.Field{
	productFields[1], {Name: "target", Label: "Target", Kind: wire.Ref,
		Help: "Required, unless the rows of a photometry file name their objects: then each row goes to the target " +
			"with that name."},
	productFields[3], productFields[5], productFields[6],
	{Name: "date_obs", Label: "Date of observation", Kind: wire.Text, Blank: true, Max: 100,
		Help: "The date of a spectrum that has none, UTC, as ISO 8601 or MJD. It overrides a date in the file."},
	{Name: "flux_scale", Label: "Flux scale", Kind: wire.Float, Null: true,
		Help: "A factor above 0 by which all fluxes of the file are multiplied."},
	{Name: "time_column", Label: "Time column", Kind: wire.Text, Blank: true, Max: 200,
		Help: "The column of a photometry file that has the time, if its name does not say so."},
	{Name: "time_format", Label: "Time format", Kind: wire.Text, Blank: true, Max: 50,
		Help: "The format of the time: mjd, jd, hjd, bjd, btjd, bkjd, rjd, gaia, unix or iso. It can have a scale, " +
			"as in mjd_tt, or an offset, as in jd-2450000. days:2020-01-01T00:00:00 is days since that date."},
	{Name: "flux_unit", Label: "Flux unit", Kind: wire.Text, Blank: true, Max: 100,
		Help: "The unit of the fluxes of a photometry file that gives none, such as uJy."},
	{Name: "zero_point", Label: "Zero point", Kind: wire.Text, Blank: true, Max: 30,
		Help: "The magnitude of a flux of 1, for rows of a photometry file that have no zero point."},
	{Name: "images", Label: "Images", Kind: wire.Selected, Blank: true,
		Choices: []wire.Choice{{Value: ingest.ImagesDifference, Label: "Difference images"},
			{Value: ingest.ImagesReduced, Label: "Reduced images"}},
		Help: "The images that photometry was made of, if they differ from what the format of the file implies: " +
			"ATLAS forced photometry is read as that of difference images."},
	{Name: "bad_rows", Label: "Bad rows", Kind: wire.Selected, Blank: true,
		Choices: []wire.Choice{{Value: "refuse", Label: "Refuse the file"},
			{Value: skipBadRows, Label: "Skip them and report their lines"}},
		Help: "What to do with rows that cannot be read. The default is refuse."},
	{Name: "columns", Label: "Columns", Kind: wire.Text, Blank: true, Max: 10_000,
		Help: "A JSON object with the columns for roles, such as {\"magnitude\": \"m_corr\"}."},
}

const skipBadRows = "skip"

type productColumn = column[archive.ProductView]

// productColumns returns the columns of a product before and after its datums.
func (api *API) productColumns(base string) (before, after []productColumn) {
	type T = archive.ProductView
	before = []productColumn{
		{"id", func(w *wire.Writer, v *T) { w.ID(v.ID) }},
		{"product_id", func(w *wire.Writer, v *T) {
			if v.ProductID == "" {
				w.Null()
			} else {
				w.Text(v.ProductID)
			}
		}},
		{"target", func(w *wire.Writer, v *T) { w.ID(v.Target) }},
		{"observation_record", func(w *wire.Writer, v *T) { w.Ref(v.Observation) }},
		{"data", func(w *wire.Writer, v *T) { w.Text(base + "/data/" + escapePath(v.Path)) }},
		{"extra_data", func(w *wire.Writer, v *T) { w.Text(v.ExtraData) }},
		{"data_product_type", func(w *wire.Writer, v *T) { w.Text(v.Type) }},
	}
	after = []productColumn{{"groups", func(w *wire.Writer, v *T) { writeGroups(w, v.Groups) }}}
	return before, after
}

var productFilters = []wire.Filter{
	{Name: "target_name", Kind: wire.Text, Help: "A part of the target's name or of an alias, ignoring case."},
	{Name: "facility", Kind: wire.Text, Help: "The facility of the product's observation."},
}

var dryRunParameter = wire.Filter{Name: "dry_run", Kind: wire.Boolean,
	Help: "Report what the upload would do, and store nothing."}

// sentUploadFields are all parts of the form of an upload.
var sentUploadFields = slices.Concat([]wire.Field{{Name: "file", Label: "File", Kind: wire.FileData, Required: true,
	Help: "The file."}}, uploadFields, []wire.Field{
	productFields[7],
	{Name: "dry_run", Label: "Dry run", Kind: wire.Boolean, Help: dryRunParameter.Help},
})

// productMembers are the members that fields= can choose from.
var productMembers = func() []string {
	before, after := new(API).productColumns("")
	return slices.Concat(names(before), []string{"reduceddatum_set"}, names(after))
}()

var productsSpec = spec{
	about: "Data products: uploaded files, and the datums that were read from them. A file is posted as the part " +
		"file of a form. The answer has a report of what was read, what was left out, and what to mind.",
	parses: []string{typeMultipart}, fields: productFields, inputFields: sentUploadFields,
	filters: productFilters, writeParams: []wire.Filter{duplicateParameter, dryRunParameter},
	lists: true, cursors: true, cacheable: true, members: productMembers,
}

var productSpec = spec{parses: []string{typeMultipart}, cacheable: true, ownTag: true, members: productMembers}

// productOut writes products with their datums.
func (r *request) productOut(l *listWriter) archive.ProductOut {
	before, after := r.api.productColumns(r.base())
	before, after = pickColumns(r, before), pickColumns(r, after)
	var open *archive.ProductView
	if r.picked != nil && !r.picked["reduceddatum_set"] {
		return archive.ProductOut{
			Begin: l.begin,
			Product: func(v *archive.ProductView) error {
				writeRow(&l.Writer, append(before[:len(before):len(before)], after...), v)
				return l.checkPageFull()
			},
			Flush: l.flush,
			Full:  l.full,
		}
	}
	return archive.ProductOut{
		Begin: l.begin,
		Product: func(v *archive.ProductView) error {
			open = v
			l.Open('{')
			writeColumns(&l.Writer, before, v)
			l.Key("reduceddatum_set")
			l.Open('[')
			return nil
		},
		Datum: func(d *archive.DatumView) error { writeDatum(&l.Writer, d); return l.checkPageFull() },
		End: func() error {
			l.End(']')
			writeColumns(&l.Writer, after, open)
			l.End('}')
			return l.checkPageFull()
		},
		Flush: l.flush,
		Full:  l.full,
	}
}

func listProducts(r *request) (*answer, error) {
	p := new(problem.List)
	in := wire.ParseQuery(productFilters, r.query, p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	f := archive.ProductFilter{TargetName: in.Text("target_name"), Facility: in.Text("facility")}
	return r.list(func(l *listWriter) error { return r.access.Products(r.Context(), f, l.page, r.productOut(l)) })
}

func getProduct(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	l := newListWriter(r, archive.Page{})
	return l.finish(r.access.Product(r.Context(), id, r.productOut(l)))
}

func deleteProduct(r *request) (*answer, error) { return deleteByID(r, r.access.DeleteProduct) }

// uploadProduct receives a file. The parts of the form may come in any order. The file is written
// to the disk as it arrives, and discarded if anything is wrong.
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
	file, err := r.access.BeginUpload(r.Context())
	if err != nil {
		return nil, err
	}
	a, err := r.upload(parts, file)
	return a, errors.Join(err, file.Abort())
}

// upload reads an upload and hands it to the archive.
func (r *request) upload(parts *formParts, file *archive.FileUpload) (*answer, error) {
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
	in.DryRun = r.flag("dry_run") || wire.IsTrue(form.Get("dry_run"))
	views, report, err := r.access.Upload(r.Context(), in, file)
	switch {
	case err != nil:
		return nil, err
	case in.DryRun:
		return r.object(http.StatusOK, func(w *wire.Writer) {
			w.TextMember("message", "This was a dry run: nothing was stored.")
			w.Key("report")
			writeReport(w, report)
		})
	case in.Target == 0: // the rows of the file name their targets
		return r.uploadedByObject(views, report)
	}
	return r.uploaded(views[0], report)
}

const (
	noFile      = "No file was submitted."
	maxFormText = 1 << 20 // bytes of the fields of an upload, with their names
	formField   = 64      // bytes that a field takes in addition, roughly
)

// readUpload reads the parts of an upload: the file into file, the fields into form. name is ""
// when there is no file.
func (r *request) readUpload(parts *formParts, file *archive.FileUpload) (form url.Values, name string, err error) {
	form = url.Values{}
	left := int64(maxFormText)
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
		left -= int64(len(field)) + formField
		text, err := io.ReadAll(io.LimitReader(part, max(left, 0)+1))
		if err != nil {
			return nil, "", multipartError(err)
		}
		if left -= int64(len(text)); left < 0 {
			return nil, "", &httpError{status: http.StatusRequestEntityTooLarge,
				detail: "The fields of the form are larger than " + strconv.Itoa(maxFormText) + " bytes."}
		}
		if part.FileName() == "" {
			form.Add(field, string(text))
		}
	}
}

func isUnexpected(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }

// fileName returns the name of the file without folders, with either kind of slash. (part.FileName
// knows only the kind of this system.)
func fileName(part *multipart.Part) string {
	name := strings.ReplaceAll(part.FileName(), `\`, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// productInput converts a form for the archive.
func productInput(form url.Values, name string) *archive.ProductInput {
	p := &archive.ProductInput{FileName: name}
	rec := wire.Decode(uploadFields, wire.Input{Form: form}, false, &p.List, "")
	// an empty target is null, not missing
	if form.Has("target") && !rec.Get("target").Given && !p.Has("target") {
		p.Add("target", wire.MsgNull)
	}
	if name == "" {
		p.Add("file", noFile)
	}
	p.Target, p.Observation = rec.Get("target").Int, rec.Get("observation_record").Int
	p.ProductID, p.ExtraData, p.Type = rec.Get("product_id").Text, rec.Get("extra_data").Text,
		rec.Get("data_product_type").Text
	p.DateObs, p.FluxScale = rec.Get("date_obs").Text, rec.Get("flux_scale").Float
	p.TimeColumn, p.TimeFormat = rec.Get("time_column").Text, rec.Get("time_format").Text
	p.FluxUnit, p.ZeroPoint = rec.Get("flux_unit").Text, rec.Get("zero_point").Text
	p.Images, p.SkipBadRows = rec.Get("images").Text, rec.Get("bad_rows").Text == skipBadRows
	if text := rec.Get("columns").Text; text != "" && json.Unmarshal([]byte(text), &p.Columns) != nil {
		p.Add("columns", "This must be a JSON object that maps roles to names of columns.")
	}
	p.Groups = formGroups(form, &p.List)
	return p
}

// formGroups reads the groups of a form: groups[0]id=3, groups as JSON ([{"id": 3}]), or any number
// of groups=3.
func formGroups(form url.Values, p *problem.List) []auth.GroupRef {
	field := wire.Field{Name: "groups", Kind: wire.List, Of: groupFields}
	var refs []auth.GroupRef
	take := func(v wire.Value) {
		var g wire.Given
		if field.Decode(v, &g, p, "groups"); g.Items != nil {
			refs = append(refs, groupRefs(g.Items)...)
		}
	}
	if parts := wire.FormList(form, "groups"); len(parts) > 0 {
		take(wire.FormItems(parts))
	}
	for _, text := range form["groups"] {
		if id, ok := wire.ParseWhole(strings.TrimSpace(text)); ok {
			refs = append(refs, auth.GroupRef{ID: id})
			continue
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		j, err := jsontext.Parse([]byte(text))
		if err != nil {
			p.Add("groups", "This must be a JSON list of objects with an id or a name, or an id.")
			continue
		}
		take(wire.FromJSON(j))
	}
	return slices.Clip(refs)
}

// uploaded answers an upload with the product, without its datums as a TOM does, and the report.
func (r *request) uploaded(v *archive.ProductView, report *archive.Report) (*answer, error) {
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		r.writeUploaded(w, v)
		w.TextMember("message", "Data product successfully uploaded.")
		w.Key("report")
		writeReport(w, report)
	})
}

// writeUploaded writes the members of a new product, without its datums.
func (r *request) writeUploaded(w *wire.Writer, v *archive.ProductView) {
	before, after := r.api.productColumns(r.base())
	writeColumns(w, before, v)
	w.Key("reduceddatum_set")
	w.List(func() {})
	writeColumns(w, after, v)
}

// uploadedByObject answers an upload whose rows named their targets: with a product for each
// target, and the report.
func (r *request) uploadedByObject(views []*archive.ProductView, report *archive.Report) (*answer, error) {
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.Key("products")
		w.List(func() {
			for _, v := range views {
				w.Object(func() { r.writeUploaded(w, v) })
			}
		})
		w.TextMember("message", "Data products successfully uploaded.")
		w.Key("report")
		writeReport(w, report)
	})
}

// escapePath returns the path of a file as part of a URL.
func escapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

// inlineTypes are the types of files that a browser may show. It saves all others, so that no
// uploaded script runs with the node's origin.
var inlineTypes = []string{"text/plain", "text/csv", "image/png", "image/jpeg", "image/gif", "application/json",
	"application/pdf"}

// serveFile sends the file of a data product, or a range of it, to viewers who may see it.
func (api *API) serveFile(w http.ResponseWriter, r *http.Request, params httprouter.Params) {
	rq := api.request(w, r, &route{view: "File", spec: spec{oneForm: true}})
	err := rq.prepare()
	if err == nil {
		err = rq.sendFile(strings.TrimPrefix(params.ByName("path"), "/"))
	}
	if err != nil {
		rq.fail(err)
	}
}

func (r *request) sendFile(name string) error {
	if r.flag("preview") {
		return r.sendView("image/png", func() ([]byte, error) { return r.access.Preview(r.Context(), name) })
	}
	if r.flag("header") {
		return r.sendView("application/json", func() ([]byte, error) { return r.access.Header(r.Context(), name) })
	}
	f, err := r.access.File(name)
	if err != nil {
		return err
	}
	h := r.w.Header()
	disposition := "attachment"
	if slices.Contains(inlineTypes, f.ContentType) {
		disposition = "inline"
	}
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": path.Base(f.Path)}))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("ETag", `"`+hex.EncodeToString(f.SHA[:16])+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization, Cookie")
	http.ServeContent(r.w, r.Request, "", time.UnixMicro(f.Created), f)
	return nil
}

// sendView sends a view of a file: its preview or its header.
func (r *request) sendView(kind string, look func() ([]byte, error)) error {
	b, err := look()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(b)
	h := r.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	h.Set("Cache-Control", "private, no-cache")
	h.Add("Vary", "Authorization, Cookie")
	http.ServeContent(r.w, r.Request, "", time.Time{}, bytes.NewReader(b))
	return nil
}

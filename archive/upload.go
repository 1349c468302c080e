package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/auth"
	"nightjar/ingest"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// ProductInput describes an uploaded file. List holds the problems already found in single fields.
type ProductInput struct {
	problem.List
	Target      uint64 // 0 for the targets that the rows of the file name
	Type        string
	ProductID   string // "" for none
	ExtraData   string
	Observation uint64 // 0 for none
	Groups      []auth.GroupRef
	FileName    string
	DateObs     string            // date of a spectrum, "" for that of the file
	FluxScale   float64           // a factor on fluxes, 0 for none
	TimeColumn  string            // the column of photometry with the time, "" to recognise it
	TimeFormat  string            // its format, such as mjd_tt or jd-2450000; "" to recognise it
	FluxUnit    string            // of photometry, "" for that of the file
	ZeroPoint   string            // of rows of photometry that have none, a decimal number; "" for none
	Images      string            // ingest.ImagesDifference or ingest.ImagesReduced; "" as the format says
	SkipBadRows bool              // leave bad rows out instead of refusing the file
	Columns     map[string]string // columns by role, as far as the uploader names them
	Refuse      bool              // fail when the viewer already sees a datum of the file
	DryRun      bool              // return the report of the upload, and store nothing

	byObject *objects // the targets that the rows name, when Target is 0
}

// AutoType is the type of an upload whose content decides its type.
const AutoType = ingest.AutoType

const productIDTaken = "data product with this product id already exists."

// A ProcessingError says that a file could not be read as its type. Nothing of it was stored.
type ProcessingError struct{ Report *ingest.Report }

func (e *ProcessingError) Error() string {
	if len(e.Report.Errors) > 0 {
		return e.Report.Errors[0].String()
	}
	return "the file could not be processed"
}

// Report says what a file contains and what was stored of it.
type Report = ingest.Report

// productPlan is a checked input.
type productPlan struct {
	target *Target
	obs    *Observation
	groups []uint64
	// warnings are about unknown groups in mode targets, in which groups do not matter.
	warnings []string
	code     byte   // of the data type of the file's datums
	why      string // what decided on the data type; "" if the uploader did
}

// planProduct checks everything but the content of the file.
func (s *Session) planProduct(tx *kv.Tx, in *ProductInput, size int64) (*productPlan, error) {
	p := in.Clone()
	pl := new(productPlan)
	if !p.Has("target") && in.byObject == nil {
		var err error
		if pl.target, err = s.targetToAddTo(tx, p, "target", in.Target); err != nil {
			return nil, err
		}
	}
	if !p.Has("data_product_type") {
		list, err := productTypes(tx)
		if err != nil {
			return nil, err
		}
		if in.Type != AutoType && !slices.Contains(list, in.Type) {
			p.Add("data_product_type", "Not a valid data_product_type. Valid data_product_types are %s.",
				strings.Join(list, ", "))
		}
	}
	if in.ProductID != "" && !p.Has("product_id") {
		if _, taken, err := tx.Lookup(kindProductID, in.ProductID); err != nil {
			return nil, err
		} else if taken {
			p.Add("product_id", productIDTaken)
		}
	}
	if in.Observation != 0 && !p.Has("observation_record") {
		o, err := s.observation(tx, in.Observation)
		switch {
		case isRefusal(err):
			NoSuch(p, "observation_record", in.Observation)
		case err != nil:
			return nil, err
		}
		pl.obs = o
	}
	if !p.Has("data") {
		if n := utf8.RuneCountInString(in.FileName); n > MaxFileName {
			p.Add("data", "Ensure this filename has at most %d characters (it has %d).", MaxFileName, n)
		} else if size == 0 {
			p.Add("data", "The submitted file is empty.")
		}
	}
	tooManyCharacters(p, "product_id", in.ProductID, MaxProductID)
	tooManyBytes(p, "extra_data", len(in.ExtraData), MaxExtraData)
	if math.IsNaN(in.FluxScale) || math.IsInf(in.FluxScale, 0) || in.FluxScale < 0 {
		p.Add("flux_scale", "A valid number is required.")
	}
	for _, x := range (&ingest.Options{DateObs: in.DateObs, TimeFormat: in.TimeFormat, FluxUnit: in.FluxUnit,
		ZeroPoint: in.ZeroPoint, Images: in.Images}).Problems() {
		if !p.Has(x.Column) {
			p.Add(x.Column, "%s", x.Reason)
		}
	}
	unknown := p
	if s.p.Mode == auth.ModeTargets {
		unknown = new(problem.List) // a TOM checks the groups of an upload only in mode objects
	}
	refs, err := s.checkGroups(tx, unknown, "groups", in.Groups, false)
	if err != nil {
		return nil, err
	}
	if unknown != p {
		for _, x := range unknown.All() {
			pl.warnings = append(pl.warnings, x.Path+": "+x.Message+" It was left out.")
		}
	}
	for _, r := range refs {
		pl.groups = append(pl.groups, r.ID)
	}
	return pl, p.Err()
}

// Upload stores a file as a data product and, when its type is one that is processed, the datums in
// it. It stores everything or nothing.
//
// Without a target in the input, the file must be photometry whose rows name objects. Each row goes
// to the visible target with the name or alias of its object; case, blanks, dashes and underscores
// do not matter. Rows of unknown objects are rejected. Each target gets a data product of its own,
// with the same file, and all become visible at once. A file that names no objects is refused,
// since the target is missing.
//
// A dry run returns no views. Errors: *problem.List; *ProcessingError.
func (s *Session) Upload(ctx context.Context, in *ProductInput, f *FileUpload) (
	views []*ProductView, report *Report, err error) {
	plan := s.planUpload
	if in.Target == 0 && !in.Has("target") {
		plan = s.planByObject
	}
	in, pl, err := plan(ctx, in, f)
	if err != nil {
		return nil, nil, err
	}
	same, err := s.sameFile(ctx, in, f)
	if err != nil {
		return nil, nil, err
	}
	if in.DryRun {
		report, err = s.dryRun(ctx, in, f, pl)
	} else {
		views, report, err = s.store(ctx, in, f, pl)
	}
	if err != nil {
		return nil, nil, err
	}
	if same != nil {
		report.SameFile = same.ID
		report.Warnings = append(report.Warnings,
			fmt.Sprintf("this very file is here already: product %d, %s", same.ID, path.Base(same.Path)))
	}
	report.Warnings = slices.Concat(report.Warnings, pl.warnings, s.unshared(pl.groups),
		s.blindGroups(pl.target, pl.groups))
	if report.Warnings == nil { // Concat returns nil for nothing, which JSON would show as null
		report.Warnings = []string{}
	}
	if in.byObject != nil {
		in.byObject.warn(s, report, views, pl.groups)
	}
	return views, report, nil
}

// store stores the data products of a planned upload, one for each of its targets, and their
// datums.
func (s *Session) store(ctx context.Context, in *ProductInput, f *FileUpload, pl *productPlan) (
	[]*ProductView, *Report, error) {
	rows := &fileRows{in: in, file: f, each: in.each()}
	b := &bulk{s: s, ctx: ctx, rows: rows}
	report, err := s.process(ctx, in, f, pl, func(d Datum, line int) error {
		value := d.Value
		d.Value = nil
		rows.front.add(d, value, line)
		return b.added(rowMemory + len(value) + len(d.Source))
	})
	if err == nil {
		rows.report = report
		err = b.finish()
	}
	if err != nil {
		return nil, nil, errors.Join(err, b.abort())
	}
	f.blob = nil
	report.Created, report.Duplicate = b.done.created, b.done.duplicate
	return rows.views, report, nil
}

// fileRows holds the rows of a file, which refer to the data product of their target.
type fileRows struct {
	doubleBuffer[Datum]
	in     *ProductInput
	file   *FileUpload
	each   []*ProductInput // for each target
	report *Report
	views  []*ProductView
}

// datum returns a copy, since the function of a transaction may run twice.
func (r *fileRows) datum(_ *Session, _ *kv.Tx, i int) (*Datum, error) {
	scratch := r.made.scratch
	r.made = r.back.rows[i]
	r.made.scratch, r.made.Value = scratch, r.back.value(i)
	return &r.made, nil
}

func (r *fileRows) refusal(i int) error {
	if !r.in.Refuse {
		return nil
	}
	return &refusedLine{r.back.lines[i]}
}

func (r *fileRows) reserve(tx *kv.WriteTx) (first uint64, err error) {
	for i := range r.each {
		id, err := products.Reserve(tx)
		if err != nil {
			return 0, err
		}
		if i == 0 {
			first = id
		}
	}
	return first, nil
}

func (r *fileRows) refer(d *Datum, id uint64) {
	d.Products = []uint64{id + r.in.byObject.indexOf(d.Target)}
}

func (r *fileRows) create(s *Session, tx *kv.WriteTx, id uint64) error {
	r.views = nil // the function of a transaction may run twice
	for i, one := range r.each {
		v, err := s.writeProduct(tx, one, r.file, id+uint64(i))
		if err != nil {
			return err
		}
		r.views = append(r.views, v)
	}
	return nil
}

func (r *fileRows) products() int { return len(r.each) }

func (r *fileRows) check(done tally) error {
	if !r.in.Refuse {
		return nil
	}
	return refuseLines(r.in.FileName, r.report, done)
}

// planUpload checks everything but the rows of the file, and finds out its type.
func (s *Session) planUpload(ctx context.Context, in *ProductInput, f *FileUpload) (*ProductInput,
	*productPlan, error) {
	if f.blob == nil {
		return nil, nil, errNoFile
	}
	if err := s.p.MayWrite(s.v); err != nil {
		return nil, nil, err
	}
	var pl *productPlan
	err := s.view(func(s *Session, tx *kv.Tx) (err error) {
		pl, err = s.planProduct(tx, in, f.Size())
		return err
	})
	if err == nil && in.Type == AutoType {
		in, pl.why, err = s.recognised(ctx, in, pl, f)
	}
	if err == nil {
		err = s.view(func(s *Session, tx *kv.Tx) (err error) { pl.code, err = knownCode(tx, in.Type); return err })
	}
	return in, pl, err
}

// refusedLine is the refusal of a line whose datum already exists.
type refusedLine struct{ line int }

func (e *refusedLine) Error() string { return AlreadyThere }

// maxRefusedLines is how many lines a refused upload lists.
const maxRefusedLines = 100

// refuseLines makes an upload fail when some of its datums already exist.
func refuseLines(file string, report *Report, done tally) error {
	n := done.rejected.count + done.duplicate
	if n == 0 {
		return nil
	}
	failed := *report
	for _, err := range done.rejected.first[:min(len(done.rejected.first), maxRefusedLines)] {
		var at *refusedLine
		if errors.As(err, &at) {
			failed.Errors = append(failed.Errors, ingest.Problem{File: file, Line: at.line, Reason: AlreadyThere})
		}
	}
	if more := n - len(failed.Errors); more > 0 {
		failed.Errors = append(failed.Errors,
			ingest.Problem{File: file, Reason: fmt.Sprintf("%d more already exist", more)})
	}
	return &ProcessingError{&failed}
}

// recognised returns the input with the type of its content, and what decided on it.
func (s *Session) recognised(ctx context.Context, in *ProductInput, pl *productPlan,
	f *FileUpload) (typed *ProductInput, why string, err error) {
	dataType, why, err := s.a.processors.Recognise(ctx, in.file(f), in.options(pl))
	var refused *ingest.Error
	if errors.As(err, &refused) {
		report := ingest.EmptyReport()
		report.Recognised, report.Errors = ingest.NotRecognised, refused.Problems
		return nil, "", &ProcessingError{&report}
	}
	if err != nil {
		return nil, "", err
	}
	other := *in
	other.Type = dataType
	return &other, why, nil
}

func (in *ProductInput) file(f *FileUpload) ingest.File {
	return ingest.File{Name: in.FileName, Size: f.Size(), Content: f.blob}
}

func (in *ProductInput) options(pl *productPlan) ingest.Options {
	o := ingest.Options{DateObs: in.DateObs, FluxScale: in.FluxScale, TimeColumn: in.TimeColumn,
		TimeFormat: in.TimeFormat, FluxUnit: in.FluxUnit, ZeroPoint: in.ZeroPoint, Images: in.Images,
		SkipBadRows: in.SkipBadRows, Columns: in.Columns}
	if in.byObject != nil {
		o.Objects = in.byObject.refused
	} else {
		o.Names = pl.target.Names()
	}
	return o
}

// writeProduct stores the data product under its reserved id, and returns the view of its creator.
func (s *Session) writeProduct(tx *kv.WriteTx, in *ProductInput, f *FileUpload, id uint64) (*ProductView, error) {
	pl, err := s.planProduct(tx.Tx, in, f.Size()) // something may have changed meanwhile
	if err != nil {
		return nil, err
	}
	p := &Product{ProductID: in.ProductID, Target: pl.target.ID, ExtraData: in.ExtraData, Type: in.Type,
		ContentType: contentType(in.FileName),
		Creator:     s.v.ID, Groups: pl.groups, Created: tx.Now().UnixMicro()}
	p.Modified = p.Created
	if pl.obs != nil {
		p.Observation, p.Facility = pl.obs.ID, pl.obs.Facility
	}
	if p.Path, err = s.newPath(tx.Tx, pl.target, p.Facility, in.FileName); err != nil {
		return nil, err
	}
	if p.UID, err = tx.NewUID(); err != nil {
		return nil, err
	}
	blob, info, err := f.blob.Store(tx)
	if err != nil {
		return nil, err
	}
	p.Blob, p.Size, p.SHA = blob, info.Size, info.SHA
	p.ID = id
	if err := products.InsertAs(tx, id, p); err != nil {
		return nil, err
	}
	return s.productView(tx.Tx, p, pl.target)
}

// process reads the file, if its type is one that is processed, and calls add with its points,
// whose values are valid until add returns.
func (s *Session) process(ctx context.Context, in *ProductInput, f *FileUpload, pl *productPlan,
	add func(d Datum, line int) error) (*Report, error) {
	if !s.a.processors.Handles(in.Type) {
		report, o := ingest.EmptyReport(), in.options(pl)
		report.Recognised = pl.why
		report.Warnings = append(report.Warnings, o.Unused(in.Type)...)
		return &report, nil
	}
	now := s.a.o.Now().UnixMicro()
	var buf []byte
	report, err := s.a.processors.Process(ctx, in.Type, in.file(f), in.options(pl), func(p ingest.Point) error {
		var err error
		if buf, err = jsontext.Compact(buf[:0], p.Value); err != nil {
			return fmt.Errorf("line %d of %s became an invalid value: %w", p.Line, in.FileName, err)
		}
		if utf8.RuneCountInString(p.Source) > MaxSource {
			return &ingest.Error{Problems: []ingest.Problem{{File: in.FileName, Line: p.Line, Column: "source",
				Reason: fmt.Sprintf("a source has at most %d characters", MaxSource)}}}
		}
		d := Datum{Target: in.targetOf(p.Object), Code: pl.code, Time: p.Time, Source: p.Source, Value: buf}
		if !p.Timed {
			d.Time, d.Value = now, withOrigin(buf)
		}
		if n := len(d.Value); n > MaxValue {
			return &ingest.Error{Problems: []ingest.Problem{{File: in.FileName, Line: p.Line,
				Reason: fmt.Sprintf("its value has %d bytes; at most %d are stored", n, MaxValue)}}}
		}
		return add(d, p.Line)
	})
	report.Recognised = pl.why
	var refused *ingest.Error
	if errors.As(err, &refused) {
		if len(report.Errors) == 0 {
			report.Errors = refused.Problems
		}
		return nil, &ProcessingError{&report}
	}
	return &report, err
}

// withOrigin marks a value: its time is only that of the upload.
func withOrigin(value []byte) []byte {
	if len(value) < 2 || value[0] != '{' {
		return value
	}
	out := bytes.Clone(value[:len(value)-1])
	if len(out) > 1 {
		out = append(out, ',')
	}
	return append(out, `"`+ingest.TimeOrigin+`":"upload"}`...)
}

// unshared warns about an upload that names no group in mode objects.
func (s *Session) unshared(groups []uint64) []string {
	switch {
	case s.p.Mode != auth.ModeObjects || len(groups) > 0:
		return nil
	case s.v.ID == 0: // the owner of the file is no user
		return []string{"No group is named (groups): only superusers can see this data product and its datums."}
	}
	return []string{"No group is named (groups): only you and superusers can see this data product and its datums."}
}

// blindGroups warns about named groups that cannot see the target: they see the product and its
// datums, but not the name of the target.
func (s *Session) blindGroups(t *Target, groups []uint64) (warnings []string) {
	if s.p.Mode != auth.ModeObjects || t == nil {
		return nil
	}
	o := t.Object()
	for _, g := range groups {
		if !slices.Contains(o.Seers(), auth.GroupGrantee(g)) && o.Visibility == auth.VisibleToGranted {
			name := fmt.Sprint(g)
			if info, err := s.a.auth.Group(s.v, g); err == nil {
				name = info.Name
			}
			warnings = append(warnings, fmt.Sprintf("The group %s cannot see the target. It sees this product and its "+
				"datums, without the target's name, unless the target is shared with it.", name))
		}
	}
	return warnings
}

package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/internal/problem"
)

// ErrNoProcessor is the error, wrapped, that Process returns for a data type that it does not read.
var ErrNoProcessor = errors.New("ingest: no processor for this data type")

// Processors reads files by data type. It has no state, and several goroutines may use it.
type Processors struct {
	formats map[string][]format
}

// NewProcessors returns the processors of photometry and spectroscopy.
func NewProcessors() *Processors {
	return &Processors{formats: map[string][]format{
		"photometry":   photometryFormats(),
		"spectroscopy": spectroscopyFormats(),
	}}
}

// Handles reports whether files of a data type are read. Others, such as fits_file and image_file,
// are stored unread.
func (p *Processors) Handles(dataType string) bool {
	return len(p.formats[dataType]) > 0
}

// Process recognises the format by the content, reads the file and calls emit for each point, in
// the order of the file.
//
// If the file cannot be read exactly, the error is an [*Error], and the caller must discard the
// points. An error of emit or of the context ends the reading and is returned unchanged. An error
// in reading the content, for which the file is not to blame, is returned wrapped. For a data type
// that is not handled, the error wraps [ErrNoProcessor]. The report is always returned, as far as
// the file was read.
//
// Photometry is streamed: memory does not grow with the file. A spectrum is one point, which is
// held until it is emitted, unless Options.Discard is set. [bounded.Bounds] lists the limits.
func (p *Processors) Process(ctx context.Context, dataType string, f bounded.File, o Options,
	emit func(Point) error) (Report, error) {
	if o.MaxProblems <= 0 {
		o.MaxProblems = 100
	}
	f, cancel := f.Metered(ctx, "")
	defer cancel()
	j := &job{notes: newNotes(f.Name, o.MaxProblems), file: f, options: o, emit: emit}
	formats := p.formats[dataType]
	if len(formats) == 0 {
		return j.finish(), fmt.Errorf("%w: %q", ErrNoProcessor, problem.Clip(dataType))
	}
	err := j.run(ctx, formats)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err() // the true cause, whatever error it led to
	}
	var r *bounded.Refusal
	switch {
	case errors.As(err, &r):
		j.problem(bounded.Problem(*r))
	case err != nil:
		return j.finish(), err
	}
	for _, unused := range o.Unused(dataType) {
		j.warn("%s", unused)
	}
	report := j.finish()
	if len(report.Errors) > 0 {
		return report, &bounded.Error{Problems: report.Errors, More: j.more}
	}
	return report, nil
}

// run checks the options, chooses the format and reads the file.
func (j *job) run(ctx context.Context, formats []format) error {
	if err := j.options.check(); err != nil {
		return err
	}
	if j.file.Size <= 0 {
		return bounded.Refuse(bounded.Problem{Reason: "the file is empty"})
	}
	head, err := bounded.ReadHead(j.file)
	if err != nil {
		return err
	}
	if bounded.IsGzip(head) {
		if j.file, err = bounded.Gunzip(j.file); err != nil {
			return err
		}
		if head, err = bounded.ReadHead(j.file); err != nil {
			return err
		}
		defer func() {
			if j.report.Format != "" {
				j.report.Format += ", gzip"
			}
		}()
	}
	for _, f := range formats {
		if f.recognise(head) {
			j.report.Format = f.name
			return f.read(ctx, j)
		}
	}
	if what := foreignFormat(head); what != "" {
		return bounded.Refuse(bounded.Problem{Reason: what})
	}
	return bounded.Refuse(bounded.Problem{Reason: "the format is not known"})
}

// Recognise finds the data type of a file by its content: the type whose processor finds columns
// and reads a first point (photometry is tried first, then spectroscopy). If o.Objects is set, it
// reads all of the file. Any other FITS file is a fits_file, and a picture is an image_file. why
// says what decided, as in "photometry, because ...". Otherwise the error is an [*Error] that lists
// what each processor found.
func (p *Processors) Recognise(ctx context.Context, f bounded.File, o Options) (dataType, why string, err error) {
	var all bounded.Error
	f, cancel := f.Metered(ctx, "")
	defer cancel()
	o.Discard = true
	head, err := bounded.ReadHead(f)
	if err != nil {
		return "", "", err
	}
	var r *bounded.Refusal
	if bounded.IsGzip(head) {
		inside, err := bounded.Gunzip(f)
		if err == nil {
			f = inside
			head, err = bounded.ReadHead(f)
		}
		if errors.As(err, &r) {
			return "", "", &bounded.Error{Problems: []bounded.Problem{bounded.Problem(*r)}}
		}
		if err != nil {
			return "", "", err
		}
	}
	o.byContent = true
	enough := errors.New("a point was read")
	var found []string
	for _, dataType := range []string{"photometry", "spectroscopy"} {
		report, err := p.Process(ctx, dataType, f, o, func(Point) error {
			if o.Objects == nil {
				return enough
			}
			return nil
		})
		var refused *bounded.Error
		if err == nil || errors.Is(err, enough) {
			return dataType, dataType + ", because " + report.because(), nil
		}
		if !errors.As(err, &refused) {
			return dataType, "", err
		}
		found = append(found, "as "+dataType+": "+refused.Problems[0].String())
		for _, problem := range refused.Problems {
			problem.Reason = "as " + dataType + ": " + problem.Reason
			all.Problems = append(all.Problems, problem)
		}
		all.More += refused.More
	}
	if fits.IsFITS(head) {
		return "fits_file", "fits_file, stored unread, because it could not be read " + strings.Join(found, ", nor "),
			nil
	}
	for _, picture := range []struct{ start, name string }{{"\x89PNG", "PNG"}, {"\xff\xd8\xff", "JPEG"}, {"GIF8",
		"GIF"}} {
		if bytes.HasPrefix(head, []byte(picture.start)) {
			return "image_file", "image_file, stored unread, because it is a " + picture.name + " image", nil
		}
	}
	return "", "", &all
}

// because says by what a file that was read was recognised.
func (r *Report) because() string {
	if r.guess != "" {
		return r.guess
	}
	names := map[string]string{}
	for _, c := range r.Columns {
		if names[c.Role] == "" {
			names[c.Role] = problem.Quoted(c.Name)
		}
	}
	measured := ""
	for _, role := range []string{"magnitude", "flux", "limit", "differential_magnitude"} {
		if measured == "" && names[role] != "" {
			measured = names[role] + " a " + strings.ReplaceAll(role, "_", " ")
		}
	}
	switch {
	case names["wavelength"] != "":
		return names["wavelength"] + " is a wavelength and " + measured
	case names["time"] != "" && measured != "":
		return names["time"] + " is a time and " + measured
	}
	return "it is " + r.Format
}

// AutoType is the data type of a file whose content decides.
const AutoType = "auto"

// NotRecognised begins the report on a file whose content does not tell the data type.
const NotRecognised = "nothing: the file can be read neither as photometry nor as a spectrum"

// Inspect reads a file as an upload of a data type would, and stores nothing. With [AutoType] the
// content decides. as is the type that the file was read as. In the report, Errors says why the
// file would be refused, and Created counts its points. The error is one of reading the content.
func (p *Processors) Inspect(ctx context.Context, dataType string, f File, o Options) (as string,
	report Report, err error) {
	o.Discard = true
	var refused *Error
	why := ""
	if dataType == AutoType {
		if dataType, why, err = p.Recognise(ctx, f, o); errors.As(err, &refused) {
			report = EmptyReport()
			report.Recognised, report.Errors = NotRecognised, refused.Problems
			return "", report, nil
		}
		if err != nil {
			return "", report, err
		}
	}
	report = EmptyReport()
	if p.Handles(dataType) {
		points := 0
		report, err = p.Process(ctx, dataType, f, o, func(Point) error {
			points++
			return nil
		})
		if err == nil {
			report.Created = points
		} else if errors.As(err, &refused) {
			err = nil
		}
	}
	report.Recognised = why
	return dataType, report, err
}

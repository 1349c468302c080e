package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"

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

// Recognise finds the data type of a file by its content: the type whose processor reads all of it
// (photometry is tried first, then spectroscopy). Any other FITS file is a fits_file, and a picture
// is an image_file. For a FITS file that is not a spectrum, note says why. Otherwise the error is
// an [*Error] that lists what each processor found.
func (p *Processors) Recognise(ctx context.Context, f bounded.File, o Options) (dataType, note string, err error) {
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
	for _, dataType := range []string{"photometry", "spectroscopy"} {
		_, err := p.Process(ctx, dataType, f, o, func(Point) error { return nil })
		var refused *bounded.Error
		if err == nil || !errors.As(err, &refused) {
			return dataType, "", err
		}
		for _, problem := range refused.Problems {
			problem.Reason = "as " + dataType + ": " + problem.Reason
			all.Problems = append(all.Problems, problem)
		}
		all.More += refused.More
	}
	if fits.IsFITS(head) {
		return "fits_file", all.Problems[len(all.Problems)-1].String(), nil
	}
	for _, start := range []string{"\x89PNG", "\xff\xd8\xff", "GIF8"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return "image_file", "", nil
		}
	}
	return "", "", &all
}

// AutoType is the data type of a file whose content decides.
const AutoType = "auto"

// Inspect reads a file as an upload of a data type would, and stores nothing. With [AutoType] the
// content decides. as is the type that the file was read as. note says why a FITS file holds
// nothing that can be read. In the report, Errors says why the file would be refused, and Created
// counts its points. The error is one of reading the content.
func (p *Processors) Inspect(ctx context.Context, dataType string, f File, o Options) (as, note string,
	report Report, err error) {
	o.Discard = true
	var refused *Error
	if dataType == AutoType {
		if dataType, note, err = p.Recognise(ctx, f, o); errors.As(err, &refused) {
			report = EmptyReport()
			report.Errors = refused.Problems
			return "", "", report, nil
		}
		if err != nil {
			return "", "", report, err
		}
	}
	if !p.Handles(dataType) {
		return dataType, note, EmptyReport(), nil
	}
	points := 0
	report, err = p.Process(ctx, dataType, f, o, func(Point) error {
		points++
		return nil
	})
	if errors.As(err, &refused) {
		return dataType, note, report, nil
	}
	report.Created = points
	return dataType, note, report, err
}

package ingest

import (
	"bytes"
	"context"
	"errors"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
)

// Recognise tells of which data type a file's content is: the first processor that reads the whole
// of it says so (photometry, then spectroscopy); a FITS file that is no spectrum is a fits_file, a
// picture an image_file. note says, for a FITS file, why it is no spectrum. For anything else the
// error is an *Error with what each processor says.
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

// AutoType is the data type of a file whose content is to decide.
const AutoType = "auto"

// Inspect reads a file as an upload of a data type would, and hands nothing out. With AutoType the
// content decides. The report tells in Errors why a file would be refused, and in Created how many
// points it has. as is the type that it was read as, and note, for a FITS file that holds no data
// that can be read, why not. The error is one of reading the content.
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

package ingest

import (
	"bytes"
	"context"
	"errors"
)

// Recognise tells of which data type a file's content is: the first processor that reads the whole of it says so
// (photometry, then spectroscopy); a FITS file that is no spectrum is a fits_file, a picture an image_file. note says, for
// a FITS file, why it is no spectrum. For anything else the error is an *Error with what each processor says.
func (p *Processors) Recognise(ctx context.Context, f File, o Options) (dataType, note string, err error) {
	var all Error
	f, cancel := f.metered(ctx, "")
	defer cancel()
	o.Discard = true
	head, err := readHead(f)
	if err != nil {
		return "", "", err
	}
	var r *refusal
	if isGzip(head) {
		inside, err := gunzip(f)
		if err == nil {
			f = inside
			head, err = readHead(f)
		}
		if errors.As(err, &r) {
			return "", "", &Error{Problems: []Problem{Problem(*r)}}
		}
		if err != nil {
			return "", "", err
		}
	}
	o.byContent = true
	for _, dataType := range []string{"photometry", "spectroscopy"} {
		_, err := p.Process(ctx, dataType, f, o, func(Point) error { return nil })
		var refused *Error
		if err == nil || !errors.As(err, &refused) {
			return dataType, "", err
		}
		for _, problem := range refused.Problems {
			problem.Reason = "as " + dataType + ": " + problem.Reason
			all.Problems = append(all.Problems, problem)
		}
		all.More += refused.More
	}
	if isFITS(head) {
		return "fits_file", all.Problems[len(all.Problems)-1].String(), nil
	}
	for _, start := range []string{"\x89PNG", "\xff\xd8\xff", "GIF8"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return "image_file", "", nil
		}
	}
	return "", "", &all
}

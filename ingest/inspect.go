package ingest

import (
	"context"
	"errors"
)

// AutoType is the data type of a file whose content is to decide.
const AutoType = "auto"

// Inspect reads a file as an upload of a data type would, and hands nothing out. With AutoType the content decides. The
// report tells in Errors why a file would be refused, and in Created how many points it has. as is the type that it was
// read as, and note, for a FITS file that holds no data that can be read, why not. The error is one of reading the content.
func (p *Processors) Inspect(ctx context.Context, dataType string, f File, o Options) (as, note string, report Report, err error) {
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

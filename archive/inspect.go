package archive

import (
	"context"
	"errors"
	"io"

	"nightjar/ingest"
)

// InspectOptions are what an uploader may say of a file; see ProductInput.
type InspectOptions struct {
	DateObs, TimeColumn, TimeFormat string
	Columns                         map[string]string
}

// Inspect reads a file as an upload of a data type would and stores nothing; no archive is needed. With AutoType the content
// decides. The report tells in Errors why a file would be refused. dataType is what it was read as, and note, for a FITS file that
// holds no data that can be read, why not. The error is one of reading the content.
func Inspect(ctx context.Context, name string, size int64, content io.ReaderAt, dataType string, o InspectOptions) (as, note string, report *Report, err error) {
	processors := ingest.NewProcessors()
	f := ingest.File{Name: name, Size: size, Content: content}
	options := ingest.Options{DateObs: o.DateObs, TimeColumn: o.TimeColumn, TimeFormat: o.TimeFormat,
		Columns: o.Columns, Discard: true}
	var refused *ingest.Error
	report = emptyReport()
	if dataType == AutoType {
		if dataType, note, err = processors.Recognise(ctx, f, options); errors.As(err, &refused) {
			report.Errors = refused.Problems
			return "", "", report, nil
		}
		if err != nil {
			return "", "", nil, err
		}
	}
	if !processors.Handles(dataType) {
		return dataType, note, report, nil
	}
	found, err := processors.Process(ctx, dataType, f, options, func(ingest.Point) error {
		report.Created++
		return nil
	})
	if err != nil && !errors.As(err, &refused) {
		return dataType, note, nil, err
	}
	found.Created = report.Created
	if refused != nil {
		found.Created = 0
	}
	return dataType, note, &found, nil
}

// emptyReport is that of a file which is kept as it is.
func emptyReport() *Report {
	return &Report{Columns: []ingest.Column{}, Rejected: []ingest.Problem{}, Warnings: []string{}, Errors: []ingest.Problem{}}
}

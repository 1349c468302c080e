package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// ErrNoProcessor is what Process returns, wrapped, for a data type that Handles says no to.
var ErrNoProcessor = errors.New("ingest: no processor for this data type")

// Point is one reduced datum out of a file.
type Point struct {
	Time   int64  // microseconds of UTC since 1970-01-01, days of 86,400 s; years 1 to 9999
	Timed  bool   // false: the file has no date (a spectrum) and Time is 0; the caller decides the time
	Source string // source_name; "" when the file names none
	Value  []byte // a JSON object, keys in the file's order; valid until emit returns
	// 1-based line, or row of a table without lines, where the point stands; 0 when it is the whole
	// file's
	Line   int
	Object string // the object that the point's row names; "" when the file has no such column
}

// Options are the uploader's wishes. The zero value asks for nothing.
type Options struct {
	// DateObs is the date of a spectrum given by hand (upload field date_obs): an MJD (or a JD
	// between 2,400,000 and 2,500,000) or ISO 8601, UTC. It goes before a date in the file, and a
	// warning names both. "" takes the file's. Photometry has no use for it.
	DateObs string
	// FluxScale is a factor on fluxes and their errors (upload field flux_scale), finite and above
	// 0; 0 or 1 is none. A warning names it.
	FluxScale float64
	// TimeColumn names the column of photometry that holds the time (upload field time_column); ""
	// lets the names decide.
	TimeColumn string
	// TimeFormat says what the times count (upload field time_format): mjd, jd, hjd, bjd, btjd,
	// bkjd, unix or iso, with a scale behind (mjd_tt, bjd_tdb) or what was subtracted (jd-2450000).
	// It goes before what names and file say; "" leaves it to them.
	TimeFormat string
	// Columns gives columns of a table by their role (upload field columns), as {"magnitude":
	// "m_corr"}. Roles are time, magnitude, error, limit, filter, flux, flux_error, flux_unit,
	// zero_point, magsys, telescope, instrument, source and object of photometry, and wavelength,
	// flux and flux_error of a spectrum.
	Columns map[string]string
	// Names are those of the target, all of them. Where a table has several objects, rows that name
	// another one are rejected. Nil takes all rows, and Point.Object says whose they are.
	Names []string
	// Objects decides about each good row of photometry by the object that it names, "" where it
	// names none, if its table or file names objects: a reason leaves the row out. Nil takes all
	// rows. It is called often, from the goroutine that reads.
	Objects func(name string) (reason string)
	// Discard says that nobody wants the values of spectra: they are checked and not held, and
	// their Value is nil.
	Discard   bool
	byContent bool // the content is to say what data they are: what may be either is refused
	// MaxProblems is how many problems, and how many rejected rows, are listed before the rest are
	// only counted; 0 is 100.
	MaxProblems int
}

// Processors reads files, by data type. It holds no state and may be used from several goroutines.
type Processors struct {
	formats map[string][]format
}

// Format is one file format of a data type.
type format struct {
	about
	name string
	// recognise looks at the first bytes of a file, at most headBytes; the first format of a list
	// that says yes reads it.
	recognise func(head []byte) bool
	read      func(ctx context.Context, j *job) error
}

// job is one file on its way through a format's reader. Problems, rejections and warnings go to the
// notes; an error that a reader returns ends the reading.
type job struct {
	*notes
	file    bounded.File
	options Options
	emit    func(Point) error
}

// NewProcessors returns the processors of photometry and spectroscopy.
func NewProcessors() *Processors {
	return &Processors{formats: map[string][]format{
		"photometry":   photometryFormats(),
		"spectroscopy": spectroscopyFormats(),
	}}
}

// Handles tells whether files of this data type are read. Others, such as fits_file and image_file,
// are stored as they are.
func (p *Processors) Handles(dataType string) bool {
	return len(p.formats[dataType]) > 0
}

// Process recognises the format by content, reads the file and hands its points, in the file's
// order, to emit.
//
// A file that cannot be read exactly is refused with *Error, and whatever was emitted must be
// discarded by the caller. An error of emit ends the reading and is returned as it is, and so is
// the context's. An error of reading the content itself (which is no fault of the file) is returned
// wrapped. ErrNoProcessor, wrapped, is returned for a data type that is not handled. The report is
// returned in every case, as far as the reading came.
//
// Photometry is streamed: memory does not grow with the file. A spectrum is one point, held whole
// until it is emitted, unless Options.Discard says that nobody wants it. Bounds lists what is
// refused for its size.
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
		err = ctx.Err() // whatever the end of the work was called on the way
	}
	var r *bounded.Refusal
	switch {
	case errors.As(err, &r):
		j.problem(bounded.Problem(*r))
	case err != nil:
		return j.finish(), err
	}
	report := j.finish()
	if len(report.Errors) > 0 {
		return report, &bounded.Error{Problems: report.Errors, More: j.more}
	}
	return report, nil
}

// run checks the options, chooses the format and reads.
func (j *job) run(ctx context.Context, formats []format) error {
	scale := j.options.FluxScale
	if math.IsNaN(scale) || math.IsInf(scale, 0) || scale < 0 {
		return bounded.Refuse(bounded.Problem{Column: "flux_scale",
			Reason: "the factor must be a finite number above 0"})
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
	if what := foreign(head); what != "" {
		return bounded.Refuse(bounded.Problem{Reason: what})
	}
	return bounded.Refuse(bounded.Problem{Reason: "the format is not known"})
}

// scaled tells whether fluxes are to be multiplied by options.FluxScale.
func (j *job) scaled() bool {
	return j.options.FluxScale != 0 && j.options.FluxScale != 1
}

// What is handed over, and what is wrong with it; see package bounded.
type (
	File    = bounded.File
	Problem = bounded.Problem
	Error   = bounded.Error
)

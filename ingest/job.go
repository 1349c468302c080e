package ingest

import (
	"context"
	"fmt"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// Point is one reduced datum of a file.
type Point struct {
	Time   int64  // microseconds of UTC since 1970-01-01, days of 86,400 s; years 1 to 9999
	Timed  bool   // false: the file has no date (a spectrum), Time is 0 and the caller decides
	Source string // source_name; "" if the file names none
	Value  []byte // a JSON object, keys in the file's order; valid until emit returns
	// 1-based line of the point, or row in a table without lines; 0 if the point is the whole file
	Line   int
	Object string // the object that the row names; "" if it names none
}

// Options are what the user asks for. The zero value asks for nothing.
type Options struct {
	// DateObs is the date of a spectrum (upload field date_obs): an MJD (or a JD between 2,400,000
	// and 2,500,000) or ISO 8601, UTC. It overrides a date in the file, and a warning names both.
	// "" uses the date of the file. Photometry ignores it.
	DateObs string
	// FluxScale is a factor for fluxes and their errors (upload field flux_scale), finite and above
	// 0; 0 or 1 leaves them unchanged. A warning names it.
	FluxScale float64
	// TimeColumn names the column that holds the times of photometry (upload field time_column); ""
	// finds it by name.
	TimeColumn string
	// TimeFormat says how times are counted (upload field time_format): mjd, jd, hjd, bjd, btjd,
	// bkjd, rjd, gaia, unix or iso, with an optional scale (mjd_tt, bjd_tdb) or an offset that was
	// subtracted (jd-2450000), or days:DATE for days since a date. It overrides names and the file;
	// "" uses them.
	TimeFormat string
	// FluxUnit is the unit of the fluxes of photometry and of their errors (upload field
	// flux_unit). It overrides the unit of the file, and a warning names both; "" uses that of the
	// file.
	FluxUnit string
	// ZeroPoint is the magnitude of a flux of 1 (upload field zero_point), a decimal number from 0
	// to 60, or near -48.6 for cgs units. It is for rows of photometry that have no zero point of
	// their own; "" is none.
	ZeroPoint string
	// Images says which images photometry was made of (upload field images): [ImagesDifference] or
	// [ImagesReduced]. "" uses what the format says.
	Images string
	// Columns maps roles to names of columns (upload field columns), as in {"magnitude": "m_corr"}.
	// Roles of photometry are time, magnitude, error, limit, filter, flux, flux_error, flux_unit,
	// zero_point, magsys, telescope, instrument, source and object; those of a spectrum are
	// wavelength, flux and flux_error.
	Columns map[string]string
	// Names are all names of the target. In a table of several objects, rows that name another
	// object are rejected. Nil takes all rows, and Point.Object has the object of each.
	Names []string
	// Objects decides about each good row of a file of photometry that names objects. It gets the
	// name, "" if the row has none, and returns a reason to leave the row out. Nil takes all rows.
	// It is called often, from the goroutine that called Process.
	Objects func(name string) (reason string)
	// SkipBadRows leaves out rows of photometry that cannot be read, with line and reason (upload
	// field bad_rows, skip); false refuses the file for the first of them (refuse). A bad row of a
	// spectrum, which is a pixel, always refuses the file.
	SkipBadRows bool
	// Discard drops the values of spectra: they are checked but not held, and Point.Value is nil.
	Discard   bool
	byContent bool // the content decides on the data type: what may be either type is refused
	// MaxProblems is how many problems, and how many rejected rows, are listed before the rest is
	// only counted; 0 means 100.
	MaxProblems int
}

// about is what users should know about a format; docs/use/formats.md is made from it.
type about struct {
	by      string // how it is recognised
	roles   string // which columns are read as what
	units   string
	time    string
	refused string
}

// format is one file format of a data type.
type format struct {
	about
	name string
	// recognise looks at the first bytes of a file, at most headBytes. The first format of a list
	// that returns true reads the file.
	recognise func(head []byte) bool
	read      func(ctx context.Context, j *job) error
}

// job is one file that is being read. Problems, rejections and warnings go to the notes; an error
// that a reader returns ends the reading.
type job struct {
	*notes
	file    bounded.File
	options Options
	emit    func(Point) error

	saidScaled bool // a warning has named options.FluxScale
}

// scaled reports whether fluxes are multiplied by options.FluxScale.
func (j *job) scaled() bool {
	return j.options.FluxScale != 0 && j.options.FluxScale != 1
}

// ctxRows is how many rows are read between two checks of the context.
const ctxRows = 1024

// Files and problems; see package bounded.
type (
	File    = bounded.File
	Problem = bounded.Problem
	Error   = bounded.Error
)

// Report says what became of a file. Its JSON keys are in snake_case. The lists of a report that
// Process returns are never null.
type Report struct {
	// what [AutoType] decided and why, as in "photometry, because ..."; "" without it
	Recognised string `json:"recognised,omitempty"`

	Format  string   `json:"format"`  // such as "delimited text (comma)"; "" if it was not recognised
	Columns []Column `json:"columns"` // in the order of the file
	Rows    int      `json:"rows"`    // rows of data, or pixels of a spectrum, with the rejected ones

	// Created, Duplicate and SameFile are set by the caller, who stores the points. SameFile is the
	// id of a data product of the target that has this very file, 0 for none.
	Created   int    `json:"created"`
	Duplicate int    `json:"duplicate"`
	SameFile  uint64 `json:"same_file,omitempty"`

	// rows that were left out, with line and reason; at most Options.MaxProblems
	Rejected      []bounded.Problem `json:"rejected"`
	RejectedCount int               `json:"rejected_count"`
	Warnings      []string          `json:"warnings"`
	Errors        []bounded.Problem `json:"errors"` // why the file was refused; at most Options.MaxProblems

	guess string // what made the file be taken for one of its data type, if no names of columns say it
}

// EmptyReport is the report of a file that is stored unread.
func EmptyReport() Report {
	return Report{Columns: []Column{}, Rejected: []Problem{}, Warnings: []string{}, Errors: []Problem{}}
}

// Column says what a column was read as.
type Column struct {
	Name string `json:"name"` // as the file spells it
	// the key under which it is stored, or "time", "source", "limit_flag"; "" for other columns
	Role string `json:"role,omitempty"`
	Unit string `json:"unit,omitempty"` // of a time how it was read: MJD, JD, Unix seconds or ISO 8601
}

// notes collects what the report says about a file.
type notes struct {
	file   string
	max    int
	report Report
	more   int // problems beyond max
	// warnings counts all warnings, of which the report lists at most MaxWarnings.
	warnings int
}

func newNotes(file string, max int) *notes {
	return &notes{file: problem.Clip(file), max: max, report: EmptyReport()}
}

// problem refuses the file. The reader may go on and find more problems.
func (n *notes) problem(p bounded.Problem) {
	if len(n.report.Errors) >= n.max {
		n.more++
		return
	}
	p.File = n.file
	n.report.Errors = append(n.report.Errors, p)
}

// refused reports whether there was a problem, so that no more points are needed.
func (n *notes) refused() bool { return len(n.report.Errors) > 0 }

// reject leaves a row out.
func (n *notes) reject(p bounded.Problem) {
	n.report.RejectedCount++
	if len(n.report.Rejected) < n.max {
		p.File = n.file
		n.report.Rejected = append(n.report.Rejected, p)
	}
}

// warn adds a warning: what was assumed, was changed or looks odd.
func (n *notes) warn(format string, a ...any) {
	if n.warnings++; n.warnings > bounded.MaxWarnings {
		return
	}
	n.report.Warnings = append(n.report.Warnings, fmt.Sprintf(format, a...))
}

func (n *notes) finish() Report {
	if more := n.warnings - bounded.MaxWarnings; more > 0 {
		n.report.Warnings = append(n.report.Warnings, problem.Plural(more, "more warning"))
	}
	return n.report
}

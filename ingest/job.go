package ingest

import (
	"context"
	"fmt"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

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

// about is what a user should know of a format; docs/use/formats.md is made of it.
type about struct {
	by      string // what it is recognised by
	roles   string // what becomes what
	units   string
	time    string
	refused string
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

// scaled tells whether fluxes are to be multiplied by options.FluxScale.
func (j *job) scaled() bool {
	return j.options.FluxScale != 0 && j.options.FluxScale != 1
}

// ctxRows is how many rows are read between two looks at the context.
const ctxRows = 1024

// What is handed over, and what is wrong with it; see package bounded.
type (
	File    = bounded.File
	Problem = bounded.Problem
	Error   = bounded.Error
)

// Report says what became of a file. It is JSON in snake_case; its lists are never null when
// Process made it.
type Report struct {
	Format  string   `json:"format"`  // as "delimited text (comma)"; "" when it was not recognised
	Columns []Column `json:"columns"` // in the file's order
	Rows    int      `json:"rows"`    // data rows read, or pixels of a spectrum, with the rejected ones

	// Created and Duplicate are filled in by whoever stores the points.
	Created   int `json:"created"`
	Duplicate int `json:"duplicate"`

	// rows left out, with line and reason; at most Options.MaxProblems
	Rejected      []bounded.Problem `json:"rejected"`
	RejectedCount int               `json:"rejected_count"`
	Warnings      []string          `json:"warnings"`
	Errors        []bounded.Problem `json:"errors"` // why the file was refused; at most Options.MaxProblems
}

// EmptyReport is that of a file which is kept as it is.
func EmptyReport() Report {
	return Report{Columns: []Column{}, Rejected: []Problem{}, Warnings: []string{}, Errors: []Problem{}}
}

// Column says what a column was taken for.
type Column struct {
	Name string `json:"name"` // as the file spells it
	// the key under which it is stored, or "time", "source", "limit_flag"; "" for others
	Role string `json:"role,omitempty"`
	Unit string `json:"unit,omitempty"` // for a time how it was read: MJD, JD, Unix seconds or ISO 8601
}

// Notes gathers what is to be said about a file.
type notes struct {
	file   string
	max    int
	report Report
	more   int // problems beyond max
	// warnings counts all, of which at most MaxWarnings are in the report.
	warnings int
}

func newNotes(file string, max int) *notes {
	return &notes{file: problem.Clip(file), max: max, report: EmptyReport()}
}

// problem refuses the file; the reading may go on to find others.
func (n *notes) problem(p bounded.Problem) {
	if len(n.report.Errors) >= n.max {
		n.more++
		return
	}
	p.File = n.file
	n.report.Errors = append(n.report.Errors, p)
}

// Refused tells whether there was a problem: points need no longer be made.
func (n *notes) refused() bool { return len(n.report.Errors) > 0 }

// reject leaves a row out.
func (n *notes) reject(p bounded.Problem) {
	n.report.RejectedCount++
	if len(n.report.Rejected) < n.max {
		p.File = n.file
		n.report.Rejected = append(n.report.Rejected, p)
	}
}

// warn says what was assumed, changed or looks odd.
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

package ingest

import (
	"fmt"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
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

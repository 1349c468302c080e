package ingest

import (
	"fmt"
	"nightjar/internal/problem"
	"strconv"
	"strings"
)

// Report says what became of a file. It is JSON in snake_case; its lists are never null when Process made it.
type Report struct {
	Format  string   `json:"format"`  // as "delimited text (comma)"; "" when it was not recognised
	Columns []Column `json:"columns"` // in the file's order
	Rows    int      `json:"rows"`    // data rows read, or pixels of a spectrum, with the rejected ones

	// Created and Duplicate are filled in by whoever stores the points.
	Created   int `json:"created"`
	Duplicate int `json:"duplicate"`

	Rejected      []Problem `json:"rejected"` // rows left out, with line and reason; at most Options.MaxProblems
	RejectedCount int       `json:"rejected_count"`
	Warnings      []string  `json:"warnings"`
	Errors        []Problem `json:"errors"` // why the file was refused; at most Options.MaxProblems
}

// Column says what a column was taken for.
type Column struct {
	Name string `json:"name"`           // as the file spells it
	Role string `json:"role,omitempty"` // the key under which it is stored, or "time", "source", "limit_flag"; "" for others
	Unit string `json:"unit,omitempty"` // for a time how it was read: MJD, JD, Unix seconds or ISO 8601
}

// Problem is one fault of a file and where it stands. Fields that are not known are zero.
type Problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`   // 1-based
	HDU    int    `json:"hdu,omitempty"`    // 1-based, the primary HDU is 1
	Row    int    `json:"row,omitempty"`    // 1-based, of a table that has no lines
	Column string `json:"column,omitempty"` // a table's column, a FITS keyword, or an upload field
	Reason string `json:"reason"`
}

// String is one line without the file's name, as `line 14, column error: 'n/a' is not a number`.
func (p Problem) String() string {
	var places []string
	if p.HDU > 0 {
		places = append(places, "HDU "+strconv.Itoa(p.HDU))
	}
	if p.Row > 0 {
		places = append(places, "row "+strconv.Itoa(p.Row))
	}
	if p.Line > 0 {
		places = append(places, "line "+strconv.Itoa(p.Line))
	}
	if p.Column != "" {
		places = append(places, "column "+p.Column)
	}
	if len(places) == 0 {
		return p.Reason
	}
	return strings.Join(places, ", ") + ": " + p.Reason
}

// Error refuses a file. Problems are in the file's order, at least one; More were found and only counted.
type Error struct {
	Problems []Problem
	More     int
}

// Error is one line that begins with the file's name and gives the first problem.
func (e *Error) Error() string {
	if len(e.Problems) == 0 {
		return "file refused"
	}
	name := problem.Clip(e.Problems[0].File)
	if name == "" {
		name = "file"
	}
	text := name + ": " + e.Problems[0].String()
	switch more := len(e.Problems) - 1 + e.More; more {
	case 0:
	case 1:
		text += " (and 1 more problem)"
	default:
		text += fmt.Sprintf(" (and %d more problems)", more)
	}
	return text
}

// refusal is a problem that ends the reading of a file at once; Process makes it one of the report's errors.
type refusal Problem

func (r *refusal) Error() string { return Problem(*r).String() }

func refuse(p Problem) error {
	r := refusal(p)
	return &r
}

// notes gathers what is to be said about a file.
type notes struct {
	file   string
	max    int
	report Report
	more   int // problems beyond max
	// warnings counts all, of which at most maxWarnings are in the report.
	warnings int
}

func newNotes(file string, max int) *notes {
	return &notes{file: problem.Clip(file), max: max, report: Report{
		Columns: []Column{}, Rejected: []Problem{}, Warnings: []string{}, Errors: []Problem{}}}
}

// problem refuses the file; the reading may go on to find others.
func (n *notes) problem(p Problem) {
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
func (n *notes) reject(p Problem) {
	n.report.RejectedCount++
	if len(n.report.Rejected) < n.max {
		p.File = n.file
		n.report.Rejected = append(n.report.Rejected, p)
	}
}

// warn says what was assumed, changed or looks odd.
func (n *notes) warn(format string, a ...any) {
	if n.warnings++; n.warnings > maxWarnings {
		return
	}
	n.report.Warnings = append(n.report.Warnings, fmt.Sprintf(format, a...))
}

func (n *notes) finish() Report {
	if more := n.warnings - maxWarnings; more > 0 {
		n.report.Warnings = append(n.report.Warnings, problem.Plural(more, "more warning"))
	}
	return n.report
}

package bounded

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"nightjar/internal/problem"
)

// Problem is a fault of a file and its place. Unknown fields are zero.
type Problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`   // 1-based
	HDU    int    `json:"hdu,omitempty"`    // 1-based, the primary HDU is 1
	Row    int    `json:"row,omitempty"`    // 1-based, of a table without lines
	Column string `json:"column,omitempty"` // a column, a FITS keyword or an upload field
	Reason string `json:"reason"`
}

// String is one line without the name of the file, such as `line 14, column error: 'n/a' is not a
// number`.
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

// Error refuses a file. Problems are in the order of the file, at least one; More were only
// counted.
type Error struct {
	Problems []Problem
	More     int
}

// Error is one line: the name of the file and the first problem.
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

// Refusal is a problem that ends the reading of a file. Process adds it to the errors of the
// report.
type Refusal Problem

func (r *Refusal) Error() string { return Problem(*r).String() }

// Refuse returns the problem as an error, a [*Refusal].
func Refuse(p Problem) error {
	r := Refusal(p)
	return &r
}

// FileError turns a refusal into an [*Error]; it returns other errors unchanged.
func FileError(f File, err error) error {
	var r *Refusal
	if errors.As(err, &r) {
		p := Problem(*r)
		p.File = problem.Clip(f.Name)
		return &Error{Problems: []Problem{p}}
	}
	return err
}

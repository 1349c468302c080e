package ingest

import (
	"unicode"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
)

// badRows counts rows of photometry that cannot be read and are left out alone.
type badRows struct {
	bad      int
	firstBad int  // its index in the rejected rows
	rowIsBad bool // the current row was left out
	fatal    int  // problems of rows that refuse the file
}

// badRow decides about a row that cannot be split into the columns: if its fault lies in free text
// behind the columns that are read, or if the user wants bad rows to be skipped, it is left out
// with its reason. Any other refuses the file.
func (p *photometry) badRow(r *row) {
	p.rowIsBad = false
	if !p.faultInFreeText(r) {
		p.problemAt(r.Line, "", r.Reason)
		return
	}
	place := p.grid.problemAt(r.Line)
	place.Reason = r.Reason + ", in text behind the columns that are read"
	p.rejectBad(place)
}

// rejectBad leaves out a row that cannot be read.
func (p *photometry) rejectBad(place bounded.Problem) {
	p.rowIsBad = true
	if p.bad++; p.bad == 1 {
		p.firstBad = min(len(p.report.Rejected), p.max-1)
	}
	p.reject(place)
}

// faultInFreeText reports whether the columns of a row that have a meaning can be read, and the
// fault is behind them in a column without a meaning: a quote that is not closed, or more fields
// than columns, some of which hold letters. The row is not read, because a delimiter too many may
// be before them all the same.
func (p *photometry) faultInFreeText(r *row) bool {
	last := 0
	for i, c := range p.columns {
		if c.role != roleOther && c.role != roleNone || i == p.timeColumn {
			last = i
		}
	}
	if last+1 >= len(p.columns) || r.Whole <= last || r.Whole > len(r.Cells) {
		return false
	}
	if _, reason := p.columns[p.timeColumn].time.Parse(r.Cells[p.timeColumn]); reason != "" {
		return false
	}
	for i, c := range p.columns[:last+1] {
		cell := r.Cells[i]
		if missing(cell) || notAvailable(cell) || i == p.timeColumn {
			continue
		}
		_, number := instant.ParseDecimal(table.WithoutSign(cell))
		if c.role.numeric() && !number || number && p.holdsTexts(i) {
			return false
		}
	}
	if r.Whole <= len(p.columns) {
		return true // a quote; of a row that is too short no cell is whole
	}
	for _, cell := range r.Cells[last+1 : r.Whole] {
		for _, c := range string(cell) {
			if unicode.IsLetter(c) {
				return true
			}
		}
	}
	return false
}

// holdsTexts reports whether a column holds texts, and no numbers, in the first rows.
func (p *photometry) holdsTexts(i int) bool {
	texts := false
	for _, cells := range p.grid.Sample {
		if len(cells) != len(p.columns) || missing([]byte(cells[i])) {
			continue
		}
		if _, number := instant.ParseDecimal([]byte(cells[i])); number {
			return false
		}
		texts = true
	}
	return texts
}

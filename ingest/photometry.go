package ingest

import (
	"context"
	"io"
)

// photometryFormats lists the formats of photometry, the most particular first.
func photometryFormats() []format {
	return []format{
		{name: "delimited text", recognise: isText, read: readPhotometry},
	}
}

// ctxRows is how many rows are read between two looks at the context.
const ctxRows = 1024

// readPhotometry reads a table of one point a row.
func readPhotometry(ctx context.Context, j *job) error {
	l, err := findLayout(j.file)
	if err != nil {
		return err
	}
	if l.line == 0 {
		return refuse(Problem{Reason: "no rows: the file holds only comments and blank lines"})
	}
	j.report.Format = "delimited text (" + l.delim.String() + ")"
	columns, timeColumn := photometryColumns(l, j.notes)
	j.report.Columns = reportColumns(columns, timeColumn, "")
	if j.refused() {
		return nil // without knowing the columns nothing sensible can be said of the rows
	}
	p := newPhotometry(j, columns, timeColumn)
	t := openTable(j.file, l, true, nil)
	created := 0
	for {
		reason, err := t.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		j.report.Rows++
		if j.report.Rows%ctxRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if reason == "" && len(t.cells) != len(columns) {
			reason = plural(len(t.cells), "field") + " where the header has " + plural(len(columns), "column")
		}
		if reason != "" {
			j.problem(Problem{Line: t.line, Reason: reason})
			continue
		}
		point, ok := p.row(t.cells, t.line)
		if !ok || j.refused() {
			continue
		}
		created++
		if err := j.emit(point); err != nil {
			return err
		}
	}
	p.finish()
	j.report.Columns = reportColumns(columns, timeColumn, p.timeForms())
	switch {
	case j.report.Rows == 0:
		j.problem(Problem{Reason: "no rows below the header"})
	case created == 0 && !j.refused():
		j.problem(Problem{Reason: "no rows are left: none holds a magnitude, a limit or a flux"})
	}
	return nil
}

// photometry turns rows into points.
type photometry struct {
	*job
	columns    []column
	timeColumn int
	magnitude  int // index of the column, -1 for none
	limit      int
	addUnit    []byte // `"flux_unit":"uJy"` where only the flux column's name tells
	flags      []int  // columns that say whether the magnitude is a limit

	value   []byte // reused from row to row
	sources map[string]string

	forms                              [formISO + 1]bool
	converted, dayOnly, leaps, leapDay int
	signs, flagged, large, negative    int
}

func newPhotometry(j *job, columns []column, timeColumn int) *photometry {
	p := &photometry{job: j, columns: columns, timeColumn: timeColumn, magnitude: -1, limit: -1, sources: map[string]string{}}
	unit, given := "", false
	for i, c := range columns {
		switch c.role {
		case roleMagnitude:
			p.magnitude = i
		case roleLimit:
			p.limit = i
		case roleLimitFlag:
			p.flags = append(p.flags, i)
		case roleFlux:
			unit = c.unit
		case roleFluxUnit:
			given = true
		}
	}
	if unit != "" && !given {
		p.addUnit = appendString([]byte(`,"flux_unit":`), unit)
	}
	if j.scaled() {
		j.warn("fluxes and their errors were multiplied by %g, as the upload asked", j.options.FluxScale)
	}
	return p
}

// row makes one point. ok is false when the row is rejected or has a problem; both are noted.
func (p *photometry) row(cells [][]byte, line int) (point Point, ok bool) {
	bad := len(p.report.Errors) + p.more
	point.Line, point.Timed = line, true
	v := append(p.value[:0], '{')
	measured := false
	asLimit := p.isLimit(cells, line)
	for i := range p.columns {
		c, cell := &p.columns[i], cells[i]
		switch {
		case i == p.timeColumn:
			point.Time, v = p.time(c, cell, line, v)
			continue
		case c.role == roleNone || missing(cell):
			continue
		case c.role == roleSource:
			point.Source = p.source(cell)
			continue
		case c.role == roleOther || c.role == roleTime || c.role == roleLimitFlag:
			v = appendAny(p.key(v, c), cell)
			continue
		case !c.role.numeric():
			v = appendString(p.key(v, c), cell)
			continue
		}
		var there bool
		v, there = p.number(c, cell, line, asLimit && i == p.magnitude, v)
		if !there {
			continue
		}
		switch c.role {
		case roleMagnitude, roleLimit, roleFlux:
			measured = true
		}
		if c.role == roleFlux {
			v = append(v, p.addUnit...)
		}
	}
	v = append(v, '}')
	p.value = v
	if len(p.report.Errors)+p.more > bad {
		return point, false
	}
	if !measured {
		p.reject(Problem{Line: line, Reason: "the row holds neither a magnitude nor a limit nor a flux"})
		return point, false
	}
	point.Value = v
	return point, true
}

// time reads the row's time and keeps its text.
func (p *photometry) time(c *column, cell []byte, line int, v []byte) (int64, []byte) {
	if missing(cell) {
		p.problem(Problem{Line: line, Column: clip(c.name), Reason: "the row has no time"})
		return 0, v
	}
	t, reason := parseInstant(cell, c.time.kind)
	if reason != "" {
		p.problem(Problem{Line: line, Column: clip(c.name), Reason: reason})
		return 0, v
	}
	p.forms[t.form] = true
	if t.form == formJD && c.time.kind != kindJD {
		p.converted++
	}
	if t.dateOnly {
		p.dayOnly++
	}
	if t.leap {
		p.leaps++
	}
	if onLeapDay(t.micros) {
		p.leapDay++
	}
	v = p.key(v, c)
	if t.form == formISO {
		return t.micros, appendString(v, cell)
	}
	d, _ := parseDecimal(cell)
	return t.micros, d.appendJSON(v)
}

// number writes a cell that must be a number. there is false when it is missing or a problem. asLimit writes a magnitude
// as a limit.
func (p *photometry) number(c *column, cell []byte, line int, asLimit bool, v []byte) (out []byte, there bool) {
	sign := c.role != roleError && c.role.sentinels() && signed(cell)
	if sign {
		cell = withoutSign(cell)
	}
	d, ok := parseDecimal(cell)
	switch {
	case !ok && (missing(cell) || notAvailable(cell)):
		return v, false
	case !ok:
		p.problem(Problem{Line: line, Column: clip(c.name), Reason: notNumber(cell)})
		return v, false
	case c.role.sentinels() && sentinel(d):
		return v, false
	case !d.finite():
		p.problem(Problem{Line: line, Column: clip(c.name), Reason: quoted(cell) + " is out of range"})
		return v, false
	}
	if c.role == roleError {
		p.oddError(d)
	}
	switch {
	case asLimit && sign:
		p.signs++
		v = appendKey(v, roleLimit.String())
	case asLimit:
		p.flagged++
		v = appendKey(v, roleLimit.String())
	default:
		v = p.key(v, c)
	}
	if p.scaled() && (c.role == roleFlux || c.role == roleFluxError) {
		f, _ := d.float()
		if f *= p.options.FluxScale; f-f != 0 { // only an infinite number's difference from itself is not 0
			p.problem(Problem{Line: line, Column: clip(c.name), Reason: quoted(cell) + " is out of range when multiplied"})
			return v, false
		}
		return appendFloat(v, f), true
	}
	return d.appendJSON(v), true
}

// key writes a column's key.
func (p *photometry) key(v []byte, c *column) []byte {
	if len(v) > 1 {
		v = append(v, ',')
	}
	return append(v, c.key...)
}

// source returns the cell as a string, the same one for equal cells. Only the first thousand names are remembered, and none
// that is long.
func (p *photometry) source(cell []byte) string {
	if s, ok := p.sources[string(cell)]; ok {
		return s
	}
	s := string(cell)
	if len(p.sources) < 1000 && len(s) <= 100 {
		p.sources[s] = s
	}
	return s
}

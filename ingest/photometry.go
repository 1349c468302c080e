package ingest

import (
	"context"
	"io"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// photometryFormats lists the formats of photometry, the most particular first.
func photometryFormats() []format {
	return []format{
		{about: aboutFITSTable(), name: "FITS table", recognise: fits.IsFITS, read: readFITSPhotometry},
		{about: aboutVOTable(), name: "VOTable", recognise: table.IsVOTable, read: readVOPhotometry},
		{about: aboutECSV(), name: "ECSV", recognise: table.IsECSV, read: photometryOf(ecsvGrid)},
		{about: aboutJSON(), name: "JSON", recognise: isJSON, read: photometryOf(jsonGrid)},
		{about: aboutAAVSO(), name: "AAVSO", recognise: isAAVSO, read: photometryOf(aavsoGrid)},
		{about: aboutSNANA(), name: "SNANA", recognise: isSNANA, read: photometryOf(snanaGrid)},
		{about: aboutGaia(), name: "Gaia Alerts", recognise: isGaiaAlert, read: photometryOf(gaiaGrid)},
		{about: aboutADES(), name: "ADES PSV", recognise: isADES, read: photometryOf(adesGrid)},
		{about: aboutMPC(), name: "MPC 80-column", recognise: isMPC, read: photometryOf(mpcGrid)},
		{about: aboutText(), name: "delimited text", recognise: isText, read: photometryOf(textGrid)},
	}
}

// earlyTime is the MJD 10,000, of 1886-04-04: before it hardly a plate was taken, and days may be
// counted from elsewhere.
const earlyTime = (10_000 - instant.MJDOfUnix) * 86_400_000_000

// ctxRows is how many rows are read between two looks at the context.
const ctxRows = 1024

// photometryOf makes a reader of a format that has one table.
func photometryOf(grid func(bounded.File) (*grid, error)) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		g, err := grid(j.file)
		if err != nil {
			return err
		}
		return j.readPhotometry(ctx, g)
	}
}

// readFirst reads the first of several tables that has all that photometry needs; where none has,
// the problems are the first one's.
func (j *job) readFirst(ctx context.Context, tables []*grid) error {
	chosen := tables[0]
	for _, g := range tables {
		scratch := newNotes("", 1)
		d := *g
		d.settle(&j.options)
		if photometryColumns(&d, &j.options, scratch); !scratch.refused() {
			chosen = g
			break
		}
	}
	if len(tables) > 1 {
		j.warn("the file has %d tables: %s is read, others are not", len(tables), chosen.called())
	}
	return j.readPhotometry(ctx, chosen)
}

// readPhotometry reads a table of one point a row.
func (j *job) readPhotometry(ctx context.Context, g *grid) error {
	g.settle(&j.options)
	j.report.Format = g.format
	for _, note := range g.notes {
		j.warn("%s", note)
	}
	columns, timeColumn := photometryColumns(g, &j.options, j.notes)
	j.report.Columns = reportColumns(columns, timeColumn, "")
	if j.refused() {
		return nil // without knowing the columns nothing sensible can be said of the rows
	}
	p := newPhotometry(j, g, columns, timeColumn)
	if err := p.findObjects(ctx); err != nil {
		return err
	}
	in, err := g.open(nil)
	if err != nil {
		return err
	}
	created := 0
	var r row
	for {
		err := in.next(&r)
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
		if r.Fit(len(columns)); r.Reason == "" && len(r.Cells) != len(columns) {
			r.Reason = problem.Plural(len(r.Cells), "field") + " where the header has " +
				problem.Plural(len(columns), "column")
		}
		if r.Reason != "" {
			p.problemAt(r.Line, "", r.Reason)
			continue
		}
		point, ok := p.row(&r)
		if !ok || j.refused() {
			continue
		}
		created++
		if err := j.emit(point); err != nil {
			return err
		}
	}
	p.finish()
	j.report.Columns = reportColumns(columns, timeColumn, describe(columns[timeColumn].time, p.timeForms()))
	switch {
	case j.report.Rows == 0 && g.numbered:
		j.problem(bounded.Problem{HDU: g.hdu, Reason: "the table has no rows"})
	case j.report.Rows == 0:
		j.problem(bounded.Problem{Reason: "no rows below the header"})
	case created == 0 && !j.refused() && p.others > 0:
		j.problem(bounded.Problem{Reason: "no rows are left: none is of an object that data are taken of"})
	case created == 0 && !j.refused():
		j.problem(bounded.Problem{Reason: "no rows are left: none holds a magnitude, a limit or a flux"})
	}
	return nil
}

// photometry turns rows into points.
type photometry struct {
	*job
	grid       *grid
	columns    []column
	timeColumn int
	magnitude  int // index of the column, -1 for none
	limit      int
	object     int
	kind       int    // column that tells differential magnitudes from standard ones; -1 for none
	addUnit    []byte // `"flux_unit":"uJy"` where only the flux column's name tells
	flags      []int  // columns that say whether the magnitude is a limit
	rule       *fluxRule
	constant   []byte // members of every value, with a comma before each
	objects    int    // how many objects the rows name, at most 2
	others     int    // rows that Options.Objects left out

	value   []byte // reused from row to row
	sources map[string]string

	forms                              [instant.FormCount + 1]bool
	converted, dayOnly, leaps, leapDay int
	early                              int // times under a name that does not tell, taken for an MJD, before 1886
	signs, flagged, large, negative    int
	shifts                             int
	leastShift, mostShift              int64
	computed, computedLimits           int
	ref                                string // heliocentric or barycentric, when times were
}

func newPhotometry(j *job, g *grid, columns []column, timeColumn int) *photometry {
	p := &photometry{job: j, grid: g, columns: columns, timeColumn: timeColumn, magnitude: -1, limit: -1, object: -1,
		kind: -1, sources: map[string]string{}}
	unit, given := "", false
	for i, c := range columns {
		if name := fold(c.name); name == "mtype" || name == "measurement_method" {
			p.kind = i
		}
		switch c.role {
		case roleMagnitude:
			p.magnitude = i
		case roleLimit:
			p.limit = i
		case roleLimitFlag:
			p.flags = append(p.flags, i)
		case roleObject:
			p.object = i
		case roleFlux:
			unit = c.unit
		case roleFluxUnit:
			given = true
		}
		if c.role != roleOther && c.role != roleNone && g.field(i).note != "" {
			j.warn("column %s: %s", problem.Clip(c.name), g.field(i).note)
		}
	}
	if unit != "" && !given {
		p.addUnit = jsontext.AppendString([]byte(`,"flux_unit":`), unit)
	}
	if j.scaled() {
		j.warn("fluxes and their errors were multiplied by %g, as the upload asked", j.options.FluxScale)
	}
	if t := columns[timeColumn].time; t.Ref != "" {
		p.constant = jsontext.AppendString([]byte(`,"time_ref":`), t.Ref)
	}
	if g.dialect != nil {
		p.constant = append(p.constant, g.dialect.constant...)
		for _, note := range g.dialect.notes {
			j.warn("%s", note)
		}
	}
	p.findRule()
	return p
}

// holds tells whether a row has anything in its columns of measurements.
func (p *photometry) holds(cells [][]byte) bool {
	for i, c := range p.columns {
		switch c.role {
		case roleMagnitude, roleLimit, roleFlux, roleDifferential:
			if !missing(cells[i]) {
				return true
			}
		}
	}
	return false
}

var differentialKey = []byte(`"differential_magnitude":`)

// problemAt notes what is wrong in a row, or in one cell of it.
func (p *photometry) problemAt(line int, column, reason string) {
	place := p.grid.at(line)
	place.Column, place.Reason = column, reason
	p.problem(place)
}

// rejectAt leaves a row out.
func (p *photometry) rejectAt(line int, reason string) {
	place := p.grid.at(line)
	place.Reason = reason
	p.reject(place)
}

// row makes one point. ok is false when the row is rejected or has a problem; both are noted.
func (p *photometry) row(r *row) (point Point, ok bool) {
	if r.left != "" {
		p.rejectAt(r.Line, r.left)
		return point, false
	}
	bad := len(p.report.Errors) + p.more
	cells, line := r.Cells, r.Line
	point.Line, point.Timed, point.Object = line, true, p.grid.object
	if p.object >= 0 && !missing(cells[p.object]) {
		if point.Object = p.source(cells[p.object]); p.objects > 1 && p.options.Names != nil &&
			!named(p.options.Names, point.Object) {
			p.rejectAt(line, "the row is of "+problem.Quoted(point.Object)+", not of the target")
			return point, false
		}
	}
	if missing(cells[p.timeColumn]) && !p.holds(cells) {
		p.rejectAt(line, "the row holds neither a time nor a measurement")
		return point, false
	}
	if p.grid.dialect != nil && p.grid.dialect.clean != nil {
		p.grid.dialect.clean(p.columns, cells)
	}
	v := append(p.value[:0], '{')
	measured, limited := false, false
	asLimit := p.isLimit(cells, line)
	found := p.judge(cells)
	differential := p.kind >= 0 && len(cells[p.kind]) >= 3 && strings.EqualFold(string(cells[p.kind][:3]), "dif")
	if differential && asLimit {
		p.rejectAt(line, "a limit on a differential magnitude is none on the object's")
		return point, false
	}
	for i := range p.columns {
		c, cell := &p.columns[i], cells[i]
		switch {
		case i == p.timeColumn:
			point.Time, v = p.time(c, cell, r, v)
			continue
		case c.role == roleNone || missing(cell):
			continue
		case c.role == roleSource:
			point.Source = p.source(cell)
			continue
		case c.role == roleOther || c.role == roleTime || c.role == roleLimitFlag || c.role == roleObject:
			switch {
			case c.hidden:
			case p.grid.field(i).text:
				v = jsontext.AppendString(p.key(v, c), cell)
			default:
				v = appendAny(p.key(v, c), cell)
			}
			continue
		case c.role == roleFilter && p.grid.dialect != nil:
			v = jsontext.AppendString(p.key(v, c), p.grid.dialect.filter(cell))
			continue
		case !c.role.numeric():
			v = jsontext.AppendString(p.key(v, c), cell)
			continue
		case found.limit && (c.role == roleMagnitude || c.role == roleError):
			continue
		}
		if differential && c.role == roleMagnitude {
			c = &column{name: c.name, role: roleDifferential, key: differentialKey}
		}
		var there bool
		v, there = p.number(c, cell, line, asLimit && i == p.magnitude, v)
		if !there {
			continue
		}
		switch c.role {
		case roleMagnitude, roleFlux, roleDifferential:
			measured = true
		case roleLimit:
			measured, limited = true, true
		}
		if c.role == roleFlux {
			v = append(v, p.addUnit...)
		}
	}
	v = p.conclude(v, found, limited)
	if len(v) > 1 {
		v = append(v, p.constant...)
		if len(r.tail) > 0 {
			v = append(append(v, ','), r.tail...)
		}
	}
	v = append(v, '}')
	p.value = v
	if len(p.report.Errors)+p.more > bad {
		return point, false
	}
	if !measured {
		p.rejectAt(line, "the row holds neither a magnitude nor a limit nor a flux")
		return point, false
	}
	if p.options.Objects != nil && (p.object >= 0 || point.Object != "") {
		if reason := p.options.Objects(point.Object); reason != "" {
			p.rejectAt(line, reason)
			p.others++
			return point, false
		}
	}
	if point.Source == "" {
		if point.Source = p.grid.source; p.grid.dialect != nil && point.Source == "" {
			point.Source = p.grid.dialect.source
		}
	}
	point.Value = v
	return point, true
}

// Time reads the row's time and keeps its text.
func (p *photometry) time(c *column, cell []byte, r *row, v []byte) (int64, []byte) {
	if missing(cell) {
		p.problemAt(r.Line, problem.Clip(c.name), "the row has no time")
		return 0, v
	}
	clock := &c.time
	if r.time != nil {
		clock = r.time
	}
	t, reason := clock.Parse(cell)
	if reason != "" {
		p.problemAt(r.Line, problem.Clip(c.name), reason)
		return 0, v
	}
	p.forms[t.Form] = true
	if clock.Ref != "" {
		p.ref = clock.Ref
	}
	if t.Form == instant.FormJD && clock.Kind != instant.KindJD {
		p.converted++
	}
	if clock.Kind == instant.KindTime && t.Form == instant.FormMJD && t.Micros < earlyTime {
		p.early++
	}
	if t.DateOnly {
		p.dayOnly++
	}
	if t.Leap {
		p.leaps++
	}
	if instant.OnLeapDay(t.Micros) {
		p.leapDay++
	}
	if clock.Scale != instant.ScaleUTC {
		if p.shifts++; p.shifts == 1 {
			p.leastShift, p.mostShift = t.Shift, t.Shift
		}
		p.leastShift, p.mostShift = min(p.leastShift, t.Shift), max(p.mostShift, t.Shift)
	}
	if c.hidden {
		return t.Micros, v
	}
	v = p.key(v, c)
	if d, ok := instant.ParseDecimal(cell); ok && t.Form != instant.FormISO {
		return t.Micros, d.AppendJSON(v)
	}
	return t.Micros, jsontext.AppendString(v, cell)
}

// Number writes a cell that must be a number. there is false when it is missing or a problem.
// asLimit writes a magnitude as a limit.
func (p *photometry) number(c *column, cell []byte, line int, asLimit bool, v []byte) (out []byte, there bool) {
	sign := c.role != roleError && c.role.sentinels() && table.Signed(cell)
	if sign {
		cell = table.WithoutSign(cell)
	}
	d, ok := instant.ParseDecimal(cell)
	switch {
	case !ok && (missing(cell) || notAvailable(cell)):
		return v, false
	case !ok:
		p.problemAt(line, problem.Clip(c.name), notNumber(cell))
		return v, false
	case c.role.sentinels() && sentinel(d):
		return v, false
	case !d.Finite():
		p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is out of range")
		return v, false
	}
	if c.role == roleError {
		p.oddError(d)
	}
	switch {
	case asLimit && sign:
		p.signs++
		v = jsontext.AppendKey(v, roleLimit.String())
	case asLimit:
		p.flagged++
		v = jsontext.AppendKey(v, roleLimit.String())
	default:
		v = p.key(v, c)
	}
	if p.scaled() && (c.role == roleFlux || c.role == roleFluxError) {
		f, _ := d.Float()
		if f *= p.options.FluxScale; f-f != 0 { // only an infinite number's difference from itself is not 0
			p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is out of range when multiplied")
			return v, false
		}
		return jsontext.AppendFloat(v, f), true
	}
	return d.AppendJSON(v), true
}

// key writes a column's key.
func (p *photometry) key(v []byte, c *column) []byte {
	if len(v) > 1 {
		v = append(v, ',')
	}
	return append(v, c.key...)
}

// source returns the cell as a string, the same one for equal cells. Only the first thousand names
// are remembered, and none that is long.
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

package ingest

import (
	"bytes"
	"math"
	"strings"

	"nightjar/ingest/table"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// photometry turns rows into points.
type photometry struct {
	*job
	grid       *grid
	columns    []column
	timeColumn int
	magnitude  int // index of the column, -1 for none
	limit      int
	flux       int
	fluxError  int
	zero       int // column of zero points
	object     int
	kind       int    // column that tells differential magnitudes from standard ones; -1 for none
	addUnit    []byte // `"flux_unit":"uJy"` if only the name of the flux column gives the unit
	flags      []int  // columns that tell whether the magnitude is a limit
	rule       *fluxRule
	constant   []byte // members of every value, each with a comma before it
	objects    int    // number of objects that the rows name, at most 2
	others     int    // rows of other objects, which were left out
	firstOther int    // the index of the first of them in the rejected rows
	badRows

	value   []byte // reused from row to row
	sources map[string]string

	forms                              [instant.FormCount + 1]bool
	converted, dayOnly, leaps, leapDay int
	early                              int // times before 1886, taken for an MJD though the name does not say so
	signs, flagged, large              int
	limitErrors                        int // errors of limits, left out
	fluxLimits                         int // fluxes that a flag says are limits
	noFlux                             int // fluxes that are missing, as their errors are
	firstNoFlux                        string
	outside                            map[string]*outside // numbers that are no value of their role, by column
	ownZero                            []byte              // `,"zero_point":25` for rows without one
	notCGS                             bool                // the fluxes are not in units of cgs
	shifts                             int
	leastShift, mostShift              int64
	computed, computedLimits           int
	hinted                             bool // the ways to state the origin of times have been named
	otherTimes                         []otherTime
	names                              otherNames
	errorLimits                        int    // limits of rows with an error and no flux
	withoutError                       int    // rows of a flux without an error, whose magnitude was left out
	ref                                string // heliocentric or barycentric, if times were
}

// outside counts the numbers of a column that are outside its bounds.
type outside struct {
	count int
	first string
}

func newPhotometry(j *job, g *grid, columns []column, timeColumn int) *photometry {
	p := &photometry{job: j, grid: g, columns: columns, timeColumn: timeColumn, magnitude: -1, limit: -1, flux: -1,
		fluxError: -1, zero: -1, object: -1, kind: -1, sources: map[string]string{}, outside: map[string]*outside{}}
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
		case roleObject:
			p.object = i
		case roleFlux:
			p.flux, unit = i, c.unit
		case roleFluxError:
			p.fluxError = i
		case roleZeroPoint:
			p.zero = i
		case roleFluxUnit:
			given = true
		}
		if c.sense != flagNone {
			p.flags = append(p.flags, i)
		}
		if c.role != roleOther && c.role != roleNone && g.field(i).note != "" {
			j.warn("column %s: %s", problem.Clip(c.name), g.field(i).note)
		}
	}
	p.names = findNames(g, columns)
	if unit != "" && !given {
		p.addUnit = jsontext.AppendString([]byte(`,"flux_unit":`), unit)
	}
	if g.isTOM() && columns[timeColumn].name == "time" {
		for i, c := range columns {
			if i != timeColumn && c.role == roleTime && c.time.Refused == "" {
				p.otherTimes = append(p.otherTimes, otherTime{column: i})
			}
		}
	}
	if u, ok := units.Parse(unit); ok {
		p.notCGS = !strings.Contains(u.String(), "erg")
	}
	if d, ok := instant.ParseDecimal([]byte(j.options.ZeroPoint)); ok && p.flux >= 0 {
		p.ownZero = d.AppendJSON([]byte(`,"zero_point":`))
		j.warn("the zero point %s of the upload is used for fluxes that have none", j.options.ZeroPoint)
	}
	if j.scaled() {
		j.warn("fluxes and their errors were multiplied by %g, as the upload asked", j.options.FluxScale)
	}
	if t := columns[timeColumn].time; t.Ref != "" {
		p.constant = jsontext.AppendString([]byte(`,"time_ref":`), t.Ref)
	}
	if g.dialect != nil {
		p.fromDialect(g.dialect)
	}
	if j.options.Images == ImagesDifference && !bytes.Contains(p.constant, []byte(difference)) {
		p.constant = append(p.constant, difference...)
	}
	p.findRule()
	p.unitWarning()
	p.nameFilter()
	return p
}

// fromDialect adds what a dialect says of every row.
func (p *photometry) fromDialect(d *dialect) {
	constant, notes := d.constant, d.notes
	if d.reduced != nil && p.options.Images == ImagesReduced {
		constant, notes = strings.Replace(constant, difference, "", 1), d.reduced
	}
	p.constant = append(p.constant, constant...)
	for _, note := range notes {
		p.warn("%s", note)
	}
}

// problemAt adds a problem of a row, or of one cell in it. With Options.SkipBadRows it rejects the
// row, once.
func (p *photometry) problemAt(line int, column, reason string) {
	place := p.grid.problemAt(line)
	place.Column, place.Reason = column, reason
	switch {
	case !p.options.SkipBadRows:
		p.problem(place)
		p.fatal++
	case !p.rowIsBad:
		p.rejectBad(place)
	}
}

// rejectAt leaves a row out.
func (p *photometry) rejectAt(line int, reason string) {
	place := p.grid.problemAt(line)
	place.Reason = reason
	p.reject(place)
}

// rejectOther leaves out a row of another object.
func (p *photometry) rejectOther(line int, reason string) {
	if p.others++; p.others == 1 {
		p.firstOther = min(len(p.report.Rejected), p.max-1)
	}
	p.rejectAt(line, reason)
}

// row makes a point from a row. ok is false if the row is rejected or has a problem.
func (p *photometry) row(r *row) (point Point, ok bool) {
	if r.leftOut != "" {
		p.rejectAt(r.Line, r.leftOut)
		return point, false
	}
	bad := len(p.report.Errors) + p.more
	p.rowIsBad = false
	cells, line := r.Cells, r.Line
	point.Line, point.Timed, point.Object = line, true, p.grid.object
	if p.object >= 0 && !missing(cells[p.object]) {
		if point.Object = p.source(cells[p.object]); p.objects > 1 && p.options.Names != nil &&
			!named(p.options.Names, point.Object) {
			p.rejectOther(line, "the row is of "+problem.Quoted(point.Object)+", not of the target")
			return point, false
		}
	}
	if p.grid.dialect != nil && p.grid.dialect.clean != nil {
		p.grid.dialect.clean(p.columns, cells)
	}
	if missing(cells[p.timeColumn]) && !p.hasMeasurement(cells) {
		p.rejectAt(line, "the row holds neither a time nor a measurement")
		return point, false
	}
	p.dropSentinels(cells)
	p.names.see(cells)
	v := append(p.value[:0], '{')
	var measured, limited bool
	asLimit := p.isLimit(cells, line)
	found := p.judgeFlux(cells)
	if p.isLimitOfFlux(cells, line) {
		zero := p.zeroOf(cells)
		if found.limMag = zero - 2.5*math.Log10(floatOf(cells[p.flux])); found.limMag-found.limMag != 0 {
			p.rejectAt(line, "the flux is a limit, as a flag says; only limits in magnitudes are stored, and there "+
				"is no zero point")
			return point, false
		}
		p.fluxLimits++
		found.limit, found.mag = true, math.NaN()
		cells[p.flux] = nil
		measured, limited = true, false
	}
	differential := p.kind >= 0 && len(cells[p.kind]) >= 3 && strings.EqualFold(string(cells[p.kind][:3]), "dif")
	if differential && asLimit {
		p.rejectAt(line, "a limit on a differential magnitude is not one on the object")
		return point, false
	}
	for i := range p.columns {
		c, cell := &p.columns[i], cells[i]
		if c.unitKind != kindNone && !missing(cell) {
			p.checkUnit(c, cell, line)
		}
		switch {
		case i == p.timeColumn:
			if point.Time, v = p.time(c, cell, r, v); p.otherTimes != nil {
				p.compareTimes(cells, point.Time)
			}
			continue
		case c.role == roleNone || missing(cell):
			continue
		case c.role == roleSource:
			if point.Source = p.source(cell); c.weak { // an observer is kept as such, too
				v = jsontext.AppendString(p.key(v, c), cell)
			}
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
		case asLimit && c.role == roleError:
			p.limitErrors++
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
			if p.ownZero != nil && !p.hasZero(cells) {
				v = append(v, p.ownZero...)
			}
		}
	}
	before := p.errorLimits
	v = p.appendComputed(v, found, limited)
	measured = measured || p.errorLimits > before
	if len(v) > 1 {
		v = append(v, p.constant...)
		if len(r.tail) > 0 {
			v = append(append(v, ','), r.tail...)
		}
	}
	v = append(v, '}')
	p.value = v
	if p.rowIsBad || len(p.report.Errors)+p.more > bad {
		return point, false
	}
	if !measured {
		p.rejectAt(line, "the row holds neither a magnitude nor a limit nor a flux")
		return point, false
	}
	if p.options.Objects != nil && (p.object >= 0 || point.Object != "") {
		if reason := p.options.Objects(point.Object); reason != "" {
			p.rejectOther(line, reason)
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

// hasMeasurement reports whether a row has a value in a column of measurements.
func (p *photometry) hasMeasurement(cells [][]byte) bool {
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

// named reports whether a name is in a list, ignoring case, blanks, dashes and underscores.
func named(list []string, name string) bool {
	for _, n := range list {
		if foldObject(n) == foldObject(name) {
			return true
		}
	}
	return false
}

func foldObject(name string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(name))
}

// time reads the time of a row and keeps its text in the value.
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
		if _, number := instant.ParseDecimal(cell); number && !p.hinted &&
			(clock.Kind == instant.KindUnknown || clock.Kind == instant.KindJD || clock.Kind == instant.KindTime) {
			reason, p.hinted = reason+waysOut, true
		}
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

// earlyTime is MJD 10,000, 1886-04-04. There is hardly any photometry before it, so smaller numbers
// probably count from another day.
const earlyTime = (10_000 - instant.MJDOfUnix) * instant.DayMicros

// number writes a cell that must be a number, with asLimit a magnitude as a limit. written is
// false if the cell is missing or has a problem.
func (p *photometry) number(c *column, cell []byte, line int, asLimit bool, v []byte) (out []byte, written bool) {
	sign := (c.role == roleMagnitude || c.role == roleLimit) && table.Signed(cell)
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
	case !d.Finite():
		p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is out of range")
		return v, false
	case !p.holds(c.role, d) || c.role == roleFluxError && d.Neg && !d.Zero():
		p.countOutside(c.name, cell)
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
		if f *= p.options.FluxScale; f-f != 0 { // only for an infinite number or NaN
			p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is out of range when multiplied")
			return v, false
		}
		return jsontext.AppendFloat(v, f), true
	}
	return d.AppendJSON(v), true
}

// countOutside counts a number that is taken as missing.
func (p *photometry) countOutside(column string, cell []byte) {
	o := p.outside[column]
	if o == nil {
		o = &outside{first: string(cell)}
		p.outside[column] = o
	}
	o.count++
}

// hasZero reports whether a row has a zero point of its own.
func (p *photometry) hasZero(cells [][]byte) bool {
	if p.zero < 0 {
		return false
	}
	d, ok := instant.ParseDecimal(cells[p.zero])
	return ok && p.holds(roleZeroPoint, d)
}

// oddError counts errors of a magnitude that look odd.
func (p *photometry) oddError(d instant.Decimal) {
	if !d.Marker && len(d.Whole) == 1 && d.Whole[0] == '0' {
		return // most errors are below 1
	}
	if v, _ := d.Float(); v > 1 {
		p.large++
	}
}

// key writes the key of a column.
func (p *photometry) key(v []byte, c *column) []byte {
	if len(v) > 1 {
		v = append(v, ',')
	}
	return append(v, c.key...)
}

// source returns a cell as a string, which equal cells share. It remembers only the first thousand
// names and no long ones.
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

var differentialKey = []byte(`"differential_magnitude":`)

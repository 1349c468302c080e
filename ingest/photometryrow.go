package ingest

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"nightjar/ingest/table"
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
	object     int
	kind       int    // column that tells differential magnitudes from standard ones; -1 for none
	addUnit    []byte // `"flux_unit":"uJy"` if only the name of the flux column gives the unit
	flags      []int  // columns that tell whether the magnitude is a limit
	rule       *fluxRule
	constant   []byte // members of every value, each with a comma before it
	objects    int    // number of objects that the rows name, at most 2
	others     int    // rows that Options.Objects left out
	badRows

	value   []byte // reused from row to row
	sources map[string]string

	forms                              [instant.FormCount + 1]bool
	converted, dayOnly, leaps, leapDay int
	early                              int // times before 1886, taken for an MJD though the name does not say so
	signs, flagged, large, negative    int
	shifts                             int
	leastShift, mostShift              int64
	computed, computedLimits           int
	errorLimits                        int    // limits of rows with an error and no flux
	withoutError                       int    // rows of a flux without an error, whose magnitude was left out
	ref                                string // heliocentric or barycentric, if times were
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
	p.nameFilter()
	return p
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
			p.rejectAt(line, "the row is of "+problem.Quoted(point.Object)+", not of the target")
			return point, false
		}
	}
	if missing(cells[p.timeColumn]) && !p.hasMeasurement(cells) {
		p.rejectAt(line, "the row holds neither a time nor a measurement")
		return point, false
	}
	if p.grid.dialect != nil && p.grid.dialect.clean != nil {
		p.grid.dialect.clean(p.columns, cells)
	}
	v := append(p.value[:0], '{')
	measured, limited := false, false
	asLimit := p.isLimit(cells, line)
	found := p.judgeFlux(cells)
	differential := p.kind >= 0 && len(cells[p.kind]) >= 3 && strings.EqualFold(string(cells[p.kind][:3]), "dif")
	if differential && asLimit {
		p.rejectAt(line, "a limit on a differential magnitude is not one on the object")
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
	sign := c.role != roleError && c.role.inMagnitudes() && table.Signed(cell)
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
	case c.role.inMagnitudes() && sentinel(d):
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
		if f *= p.options.FluxScale; f-f != 0 { // only for an infinite number or NaN
			p.problemAt(line, problem.Clip(c.name), problem.Quoted(cell)+" is out of range when multiplied")
			return v, false
		}
		return jsontext.AppendFloat(v, f), true
	}
	return d.AppendJSON(v), true
}

// oddError counts errors of a magnitude that look odd.
func (p *photometry) oddError(d instant.Decimal) {
	if !d.Marker && !d.Neg && len(d.Whole) == 1 && d.Whole[0] == '0' {
		return // most errors are below 1
	}
	switch v, _ := d.Float(); {
	case v < 0:
		p.negative++
	case v > 1:
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

// isLimit reports whether the magnitude of a row is a limit: it is written >19.2 or, in the style
// of AAVSO, <19.2 (both mean fainter than), or a flag says so. A different limit in the limit
// column is a problem, because one of them would be lost.
func (p *photometry) isLimit(cells [][]byte, line int) bool {
	if p.magnitude < 0 || missing(cells[p.magnitude]) {
		return false
	}
	magnitude := cells[p.magnitude]
	if !table.Signed(magnitude) && !p.isFlagged(cells, line) {
		return false
	}
	if d, ok := instant.ParseDecimal(table.WithoutSign(magnitude)); !ok || sentinel(d) {
		return true // no limit is lost; number reports what is wrong
	}
	if p.limit < 0 {
		return true
	}
	other, ok := instant.ParseDecimal(table.WithoutSign(cells[p.limit]))
	if !ok || sentinel(other) {
		return true
	}
	if !bytes.Equal(table.WithoutSign(magnitude), other.Text) {
		p.problemAt(line, problem.Clip(p.columns[p.magnitude].name), problem.Quoted(magnitude)+
			" is a limit, and column "+problem.Clip(p.columns[p.limit].name)+" gives another one")
	}
	cells[p.magnitude] = nil // the limit column already holds it
	return true
}

// isFlagged reports whether a flag says that the magnitude is a limit. Unreadable flags are
// problems.
func (p *photometry) isFlagged(cells [][]byte, line int) bool {
	set := false
	for _, i := range p.flags {
		switch text := string(bytes.ToLower(cells[i])); text {
		case "1", "true", "t", "yes", "y", ">", "<", "1.0", "non-detection", "nondetection",
			"non detection", "upper limit":
			set = true
		// the last ones are Lasair's words
		case "0", "false", "f", "no", "n", "0.0", "detection", "detected", "positive diff", "negative diff":
		default:
			if !missing(cells[i]) {
				p.problemAt(line, problem.Clip(p.columns[i].name), problem.Quoted(text)+" is neither yes nor no")
			}
		}
	}
	return set
}

// verdict is what the rule says about a row.
type verdict struct {
	limit            bool    // not a detection: the magnitude of the row is ignored
	noFlux           bool    // there is only the error of the flux
	noError          bool    // the flux has no error above 0, and so its magnitude is ignored
	mag, err, limMag float64 // NaN for none
	snr              float64
}

// findRule sets the rule: that of the dialect, or three errors for detections and limits if there
// are fluxes and zero points but no magnitudes.
func (p *photometry) findRule() {
	r := fluxRule{detection: 3, sigmas: 3, zeroPoint: math.NaN(), flux: -1, fluxError: -1, zero: -1}
	if d := p.grid.dialect; d != nil && d.rule != nil {
		r = *d.rule
		r.flux, r.fluxError, r.zero = -1, -1, -1
	}
	for i, c := range p.columns {
		switch c.role {
		case roleFlux:
			r.flux = i
		case roleFluxError:
			r.fluxError = i
		case roleZeroPoint:
			r.zero = i
		}
	}
	r.own = p.magnitude >= 0
	ruled := p.grid.dialect != nil && p.grid.dialect.rule != nil
	if r.flux < 0 || !ruled && (r.own || r.zero < 0) || r.zero < 0 && math.IsNaN(r.zeroPoint) {
		return
	}
	p.rule = &r
	for _, c := range p.columns {
		if strings.EqualFold(c.name, "snr") {
			p.rule.snr = false
		}
	}
}

// judgeFlux computes the magnitude of the flux in a row. It ignores Options.FluxScale, because the
// zero point belongs to the fluxes of the file.
func (p *photometry) judgeFlux(cells [][]byte) verdict {
	none := math.NaN()
	v := verdict{mag: none, err: none, limMag: none, snr: none}
	if p.rule == nil {
		return v
	}
	number := func(i int) float64 {
		if i < 0 {
			return none
		}
		d, ok := instant.ParseDecimal(cells[i])
		if !ok || i == p.rule.zero && sentinel(d) {
			return none
		}
		f, ok := d.Float()
		if !ok {
			return none
		}
		return f
	}
	flux, sigma, zero := number(p.rule.flux), number(p.rule.fluxError), p.rule.zeroPoint
	if p.rule.zero >= 0 {
		zero = number(p.rule.zero)
	}
	if math.IsNaN(flux) && !missing(cells[p.rule.flux]) || math.IsNaN(zero) {
		return v
	}
	if math.IsNaN(flux) {
		if sigma > 0 && !p.hasMeasurement(cells) {
			v.limit, v.noFlux, v.limMag = true, true, zero-2.5*math.Log10(p.rule.sigmas*sigma)
		}
		return v
	}
	if !(sigma > 0) && p.rule.own && p.rule.fluxError >= 0 {
		v.limit, v.noError = true, true // the magnitude is that of no measurement
		return v
	}
	if !(sigma > 0) {
		if flux > 0 && !p.rule.own && p.rule.fluxError < 0 {
			v.mag = zero - 2.5*math.Log10(flux)
		}
		return v
	}
	v.snr = flux / sigma
	if v.snr > p.rule.detection {
		v.mag, v.err = zero-2.5*math.Log10(flux), 2.5/math.Ln10*sigma/flux
		return v
	}
	v.limit, v.limMag = true, zero-2.5*math.Log10(p.rule.sigmas*sigma)
	return v
}

// appendComputed writes what the rule computed.
func (p *photometry) appendComputed(out []byte, v verdict, limited bool) []byte {
	if p.rule == nil {
		return out
	}
	put := func(key string, f float64) bool {
		if f-f != 0 { // only for an infinite number or NaN
			return false
		}
		out = jsontext.AppendFloat(jsontext.AppendKey(out, key), math.Round(f*1e6)/1e6)
		return true
	}
	if !p.rule.own && put("magnitude", v.mag) {
		if p.computed++; !slices.ContainsFunc(p.columns, func(c column) bool { return c.role == roleError }) {
			put("error", v.err)
		}
	}
	if v.noError {
		p.withoutError++
	}
	if v.limit && !limited && put("limit", v.limMag) {
		if v.noFlux {
			p.errorLimits++
		} else {
			p.computedLimits++
		}
	}
	if p.rule.snr {
		put("snr", v.snr)
	}
	return out
}

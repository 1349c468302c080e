package ingest

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// verdict is what the rule says about a row.
type verdict struct {
	limit            bool    // not a detection: the magnitude of the row is ignored
	noFlux           bool    // there is only the error of the flux
	noError          bool    // the flux has no error above 0, and so its magnitude is ignored
	mag, err, limMag float64 // NaN for none
	snr              float64
}

// findRule sets the rule: that of the dialect, or three errors for detections and limits if there
// are fluxes and zero points but no magnitudes. The zero point of the upload serves rows that have
// none.
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
	if d, ok := instant.ParseDecimal([]byte(p.options.ZeroPoint)); ok {
		r.zeroPoint, _ = d.Float() // newPhotometry has refused it where the format defines one
	}
	if r.flux < 0 || !ruled && r.own || r.zero < 0 && math.IsNaN(r.zeroPoint) {
		return
	}
	p.rule = &r
	for _, c := range p.columns {
		if strings.EqualFold(c.name, "snr") {
			p.rule.snr = false
		}
	}
}

// fluxColumns checks the units of fluxes against each other and against the options, which it
// applies.
func fluxColumns(g *grid, columns []column, o *Options, n *notes) {
	find := func(r role) *column {
		if i := slices.IndexFunc(columns, func(c column) bool { return c.role == r }); i >= 0 {
			return &columns[i]
		}
		return nil
	}
	flux, sigma, unit := find(roleFlux), find(roleFluxError), find(roleFluxUnit)
	fixed := g.dialect != nil && g.dialect.rule != nil && !math.IsNaN(g.dialect.rule.zeroPoint)
	for _, given := range []struct{ field, value string }{{"flux_unit", o.FluxUnit}, {"zero_point", o.ZeroPoint}} {
		switch {
		case given.value == "":
		case flux == nil:
			n.warn("%s is not used: the file has no fluxes", given.field)
		case g.dialect.relative():
			n.problem(bounded.Problem{Column: given.field,
				Reason: "the fluxes of " + g.dialect.name + " are relative to comparison stars"})
		case fixed:
			n.problem(bounded.Problem{Column: given.field,
				Reason: fmt.Sprintf("the fluxes of %s have the zero point %g", g.dialect.name,
					g.dialect.rule.zeroPoint)})
		case unit != nil && given.field == "flux_unit":
			n.problem(bounded.Problem{Column: given.field,
				Reason: "column " + problem.Clip(unit.name) + " gives the unit of each flux"})
		}
	}
	if d := g.dialect; o.Images == ImagesReduced && d != nil && d.reduced == nil &&
		strings.Contains(d.constant, difference) {
		n.problem(bounded.Problem{Column: "images", Reason: d.name + " is photometry of difference images"})
	}
	if flux == nil {
		return
	}
	if o.FluxUnit != "" && unit == nil {
		spelt, _ := units.Spell(o.FluxUnit)
		for _, c := range []*column{flux, sigma} {
			switch {
			case c == flux && c.unit == "":
				n.warn("column %s: the unit %s is given by the upload", problem.Clip(c.name), spelt)
			case c != nil && c.unit != "" && c.unit != spelt:
				n.warn("column %s: the unit %s of the upload is used; %s in the file is not", problem.Clip(c.name),
					spelt, problem.Clip(c.unit))
			}
			if c != nil {
				c.unit = spelt
			}
		}
	}
	if sigma == nil || sigma.unit == flux.unit || sigma.unit == "" || unit != nil {
		return
	}
	if flux.unit == "" {
		flux.unit = sigma.unit
		n.warn("column %s: the unit %s is that of column %s", problem.Clip(flux.name), problem.Clip(flux.unit),
			problem.Clip(sigma.name))
		return
	}
	n.problem(bounded.Problem{Line: g.Line, Column: problem.Clip(sigma.name), Reason: "the errors are in " +
		problem.Quoted(sigma.unit) + ", and the fluxes in " + problem.Quoted(flux.unit) +
		"; if both are in one unit, say so with flux_unit"})
}

// relative reports whether the fluxes of a dialect are relative to comparison stars.
func (d *dialect) relative() bool { return d != nil && strings.Contains(d.constant, relativeFlux) }

// unitWarning warns about fluxes that have no magnitude, since neither unit nor zero point is
// known.
func (p *photometry) unitWarning() {
	i := slices.IndexFunc(p.columns, func(c column) bool { return c.role == roleFlux })
	if i < 0 || p.rule != nil || p.zero >= 0 || p.options.ZeroPoint != "" || p.grid.dialect.relative() ||
		slices.ContainsFunc(p.columns, func(c column) bool { return c.role == roleFluxUnit }) {
		return
	}
	name, unit := problem.Clip(p.columns[i].name), p.columns[i].unit
	switch u, _ := units.Parse(unit); {
	case u.IsFlux():
	case unit == "":
		p.warn("column %s: the file gives no unit of the fluxes, so they have no magnitudes; the upload can give it "+
			"as flux_unit, or as zero_point the magnitude of a flux of 1", name)
	default:
		p.warn("column %s: fluxes in %s have no magnitudes without a zero point, which the upload can give as "+
			"zero_point", name, problem.Clip(unit))
	}
}

// holds reports whether a number is within the bounds of a role. Zero points near -48.6 belong to
// fluxes in cgs units alone.
func (p *photometry) holds(r role, d instant.Decimal) bool {
	return r.holds(d) && !(r == roleZeroPoint && d.Neg && p.notCGS)
}

// sentinelFlux reports whether a number means "missing" in a column of fluxes, if it also does in
// the column of their errors: -99, -999, -9999, 99, 99.9, 99.99 and so on, 999 and 9999.
func sentinelFlux(cell []byte) bool {
	d, ok := instant.ParseDecimal(cell)
	if !ok || len(d.Whole) == 0 || d.Whole[0] != '9' && !d.Marker {
		return false
	}
	switch v, _ := d.Float(); v {
	case -99, -999, -9999, 99, 999, 9999:
		return true
	}
	nines := bytes.TrimRight(d.Fraction, "0")
	return string(d.Whole) == "99" && !d.Neg && !d.Marker && len(bytes.Trim(nines, "9")) == 0
}

// dropSentinels empties a flux and its error if both mean "missing".
func (p *photometry) dropSentinels(cells [][]byte) {
	if p.flux < 0 || p.fluxError < 0 || !sentinelFlux(cells[p.flux]) || !sentinelFlux(cells[p.fluxError]) {
		return
	}
	if p.noFlux++; p.noFlux == 1 {
		p.firstNoFlux = string(cells[p.flux])
	}
	cells[p.flux], cells[p.fluxError] = nil, nil
}

// floatOf returns a number; NaN for anything else.
func floatOf(cell []byte) float64 {
	d, ok := instant.ParseDecimal(cell)
	if !ok {
		return math.NaN()
	}
	v, ok := d.Float()
	if !ok {
		return math.NaN()
	}
	return v
}

// zeroOf returns the zero point of a row; NaN for none.
func (p *photometry) zeroOf(cells [][]byte) float64 {
	if p.hasZero(cells) {
		return floatOf(cells[p.zero])
	}
	if p.rule == nil {
		return math.NaN()
	}
	return p.rule.zeroPoint
}

// judgeFlux computes the magnitude of the flux in a row. It ignores Options.FluxScale, because the
// zero point belongs to the fluxes of the file.
func (p *photometry) judgeFlux(cells [][]byte) verdict {
	none := math.NaN()
	v := verdict{mag: none, err: none, limMag: none, snr: none}
	if p.rule == nil {
		return v
	}
	flux, sigma, zero := floatOf(cells[p.rule.flux]), none, p.zeroOf(cells)
	if p.rule.fluxError >= 0 {
		sigma = floatOf(cells[p.rule.fluxError])
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

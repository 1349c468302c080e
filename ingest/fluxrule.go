package ingest

import (
	"math"
	"strings"

	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
)

// fluxRule says when a flux is a detection, and makes magnitudes of fluxes that have a zero point.
type fluxRule struct {
	detection float64 // signal to noise above which there is a magnitude
	sigmas    float64 // errors of the flux that make a limit
	zeroPoint float64 // where there is no column for it; NaN for none
	snr       bool    // the signal to noise is stored

	flux, fluxError, zero int  // columns; -1 for none
	own                   bool // the table has magnitudes of its own for detections
}

// verdict is what the rule finds in a row.
type verdict struct {
	limit            bool    // no detection: the row's magnitude is none
	mag, err, limMag float64 // NaN for none
	snr              float64
}

// findRule sets the rule: the dialect's own; else, for fluxes with a column of zero points and no
// magnitudes, three errors for detections and limits.
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

// judge computes what the row's flux is worth as a magnitude. Fluxes are those of the file,
// whatever factor the upload asks for, since the zero point is the file's.
func (p *photometry) judge(cells [][]byte) verdict {
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
	if math.IsNaN(flux) || math.IsNaN(zero) {
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

// conclude writes what the rule computed.
func (p *photometry) conclude(out []byte, v verdict, limited bool) []byte {
	if p.rule == nil {
		return out
	}
	put := func(key string, f float64) bool {
		if f-f != 0 { // only an infinite number's or NaN's difference from itself is not 0
			return false
		}
		out = jsontext.AppendFloat(jsontext.AppendKey(out, key), math.Round(f*1e6)/1e6)
		return true
	}
	if !p.rule.own && put("magnitude", v.mag) {
		p.computed++
		put("error", v.err)
	}
	if v.limit && !limited && put("limit", v.limMag) {
		p.computedLimits++
	}
	if p.rule.snr {
		put("snr", v.snr)
	}
	return out
}

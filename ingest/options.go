package ingest

import (
	"math"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/units"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// Values of Options.Images: the fluxes are differences from a reference image, or those of the
// object on the reduced images themselves.
const (
	ImagesDifference = "difference"
	ImagesReduced    = "reduced"
)

// Problems says which options have an invalid value, whatever the file. Column is the name of the
// upload field.
func (o *Options) Problems() []Problem {
	var out []Problem
	add := func(field, reason string) { out = append(out, Problem{Column: field, Reason: reason}) }
	if given := strings.TrimSpace(o.DateObs); given != "" {
		if _, reason := instant.Parse([]byte(given), instant.KindTime); reason != "" {
			add("date_obs", reason+"; write it as ISO 8601, such as 2026-01-03T06:12:00, or as an MJD")
		}
	}
	if scale := o.FluxScale; math.IsNaN(scale) || math.IsInf(scale, 0) || scale < 0 {
		add("flux_scale", "the factor must be a finite number above 0")
	}
	if o.TimeFormat != "" {
		if _, ok := timeFormatNamed(o.TimeFormat); !ok {
			add("time_format", problem.Quoted(o.TimeFormat)+" is not understood: "+timeFormats)
		}
	}
	if _, known := units.Parse(o.FluxUnit); o.FluxUnit != "" && !known {
		add("flux_unit", problem.Quoted(o.FluxUnit)+" is not a known unit; give one such as uJy, mJy, nJy, Jy, "+
			"erg / (Angstrom s cm2), electron / s, adu or ct")
	}
	if d, ok := instant.ParseDecimal([]byte(o.ZeroPoint)); o.ZeroPoint != "" && (!ok || !roleZeroPoint.holds(d)) {
		add("zero_point", problem.Quoted(o.ZeroPoint)+" is not a zero point: a number from 0 to 60, or near -48.6 "+
			"for fluxes in cgs units")
	}
	switch o.Images {
	case "", ImagesDifference, ImagesReduced:
	default:
		add("images", problem.Quoted(o.Images)+" is neither "+ImagesDifference+" nor "+ImagesReduced)
	}
	return out
}

// check refuses a file because of an invalid option.
func (o *Options) check() error {
	if bad := o.Problems(); len(bad) > 0 {
		return bounded.Refuse(bad[0])
	}
	return nil
}

package ingest

import (
	"math"

	"nightjar/ingest/units"
	"nightjar/internal/problem"
)

// errorFactor is what turns the errors of a spectrum in their own unit, taken as sigmas, into the
// unit of the fluxes. It is 1 if the errors have no unit, or one that cannot be compared, which is
// a warning. kept is false, with a warning, if the unit is not one of errors of these fluxes, as %.
func errorFactor(column, errorUnit, fluxUnit string, spread errorKind, n *notes) (factor float64, kept bool) {
	if errorUnit == "" || errorUnit == fluxUnit {
		return 1, true
	}
	of, known := units.Parse(errorUnit)
	flux, ok := units.Parse(fluxUnit)
	switch {
	case errorUnit == "%":
	case !known || !ok:
		n.warn("the errors in %s are in %s, which is not compared with the unit of the fluxes: they are taken for "+
			"errors in that", problem.Quoted(column), problem.Quoted(errorUnit))
		return 1, true
	}
	ratio, ok := ratioOf(of, flux, spread)
	if errorUnit == "%" || !ok {
		n.warn("the errors in %s are in %s, which cannot be converted to the unit of the fluxes: they are not kept",
			problem.Quoted(column), problem.Quoted(errorUnit))
		return 1, false
	}
	if ratio != 1 {
		n.warn("the errors in %s are in %s and were multiplied by %g to be in the unit of the fluxes",
			problem.Quoted(column), problem.Quoted(errorUnit), ratio)
	}
	return ratio, true
}

// ratioOf is the factor of errors of a kind, taken as sigmas, from their unit to that of the flux.
func ratioOf(of, flux units.Unit, spread errorKind) (ratio float64, ok bool) {
	if same, ok := of.Ratio(flux); ok && same == 1 { // also on variances, by habit
		return 1, true
	}
	switch spread {
	case asVariance:
		ratio, ok = of.Ratio(flux.Power(2))
		ratio = math.Sqrt(ratio)
	case asInverse:
		ratio, ok = of.Ratio(flux.Power(-2))
		ratio = 1 / math.Sqrt(ratio)
	default:
		ratio, ok = of.Ratio(flux)
	}
	// powers of ten are not exact in binary
	if whole := math.Pow10(int(math.Round(math.Log10(ratio)))); math.Abs(ratio/whole-1) < 1e-9 {
		ratio = whole
	}
	return ratio, ok
}

// times multiplies by a factor; by a power of ten the result is the nearest number.
func times(v, factor float64) float64 {
	if factor < 1 && factor > 0 {
		if whole := math.Round(1 / factor); math.Abs(whole*factor-1) < 1e-12 {
			return v / whole
		}
	}
	return v * factor
}

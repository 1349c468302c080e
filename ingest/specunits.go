package ingest

import (
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/problem"
)

// A TOM's units of a spectrum, in its spelling: what is assumed, with a warning, where a file gives none.
const (
	defaultFluxUnit       = "erg / (Angstrom s cm2)"
	defaultWavelengthUnit = "Angstrom"
)

// wavelengthUnit spells a unit of wavelength as astropy does. One that is not of length is refused at place; one that is not
// known is kept, with a warning.
func wavelengthUnit(text string, n *notes, place bounded.Problem) (string, error) {
	u, known := parseUnit(text)
	switch {
	case !known:
		n.warn("the unit of wavelength %s is not known and kept as it is", problem.Quoted(text))
		return strings.TrimSpace(text), nil
	case !u.isLength():
		place.Reason = problem.Quoted(text) + " is not a unit of wavelength"
		return "", bounded.Refuse(place)
	}
	return u.String(), nil
}

// fluxUnit spells a unit of flux as astropy does; one that is not known is kept, and none assumed, with a warning.
func fluxUnit(text string, n *notes) string {
	if strings.TrimSpace(text) == "" {
		n.warn("the file gives no unit of flux: %s is assumed", defaultFluxUnit)
		return defaultFluxUnit
	}
	spelt, known := unitText(text)
	if !known {
		n.warn("the unit of flux %s is not known and kept as it is", problem.Quoted(text))
	}
	return spelt
}

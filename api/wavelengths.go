package api

import (
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/ingest"
	"nightjar/internal/problem"
)

// wavelengthParameter asks for the wavelengths of spectra in a unit.
var wavelengthParameter = wire.Filter{Name: "wavelength_units", Kind: wire.Text, Choices: ingest.WavelengthUnits,
	Help: "The unit in which spectra have their wavelengths, by its name or another spelling of it; as they are stored if not given. Fluxes stay as they are, in flux_units."}

// inUnits changes data as the request asks: the wavelengths of spectra into other units. One whose wavelengths are in a unit that cannot
// be converted is not changed, and refused. The datum's value is valid until the next one.
func (r *request) inUnits() (func(*archive.DatumView) error, error) {
	text := wire.Last(r.query, wavelengthParameter.Name)
	if text == "" {
		return func(*archive.DatumView) error { return nil }, nil
	}
	unit, ok := ingest.WavelengthUnit(text)
	if !ok {
		return nil, problem.Invalid(wavelengthParameter.Name, "%q is no unit of wavelength that can be asked for: %s.", text, strings.Join(ingest.WavelengthUnits, ", "))
	}
	var buf []byte
	return func(v *archive.DatumView) error {
		out, err := archive.AppendInUnits(buf[:0], v.Value, unit)
		if buf = out; err != nil {
			return problem.Invalid(wavelengthParameter.Name, "This datum is served as it is stored only: %v.", err)
		}
		v.Value = out
		return nil
	}, nil
}

// rowsInUnits is inUnits for lists. A spectrum that cannot be converted stays there as it is stored, and its wavelength_units says so: a
// list of many is not refused for one.
func (r *request) rowsInUnits() (func(*archive.DatumView), error) {
	inUnits, err := r.inUnits()
	return func(v *archive.DatumView) { _ = inUnits(v) }, err
}

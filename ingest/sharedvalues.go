package ingest

import "nightjar/ingest/units"

// TOM Toolkit 3 shares datums with other members than those of uploaded files. A point has
// brightness, brightness_error, bandpass, unit, telescope, instrument and perhaps limit; a spectrum
// has flux, wavelength, error and flux_unit. They are stored and returned as they were sent.
// BrightnessUnit and spectrumMember read them.

// BrightnessUnit returns the unit of a brightness as astropy spells it, "" for an unknown one. It
// is "mag" for all kinds of magnitudes, such as "AB mag" and "mag(Vega)", and for "", the default
// of TOM Toolkit 3. In any other unit, a brightness is a flux.
func BrightnessUnit(unit string) string {
	if isMagnitude(unit) {
		return "mag"
	}
	spelt, known := units.Spell(unit)
	if !known {
		return ""
	}
	return spelt
}

// sharedSpectrum has the names that TOM Toolkit 3 gives to members of a spectrum.
var sharedSpectrum = map[string]string{"flux_units": "flux_unit", "wavelength_units": "wavelength_unit",
	"flux_error": "error"}

// spectrumMember returns the value of a member of a spectrum, or that under its name in TOM
// Toolkit 3.
func spectrumMember[T any](members map[string]T, name string) T {
	if v, ok := members[name]; ok {
		return v
	}
	return members[sharedSpectrum[name]]
}

package demo

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// planck is the flux of a black body per wavelength, relative to 5500 angstroms.
func planck(kelvin, wavelength float64) float64 {
	b := func(w float64) float64 { return math.Pow(w, -5) / math.Expm1(1.438777e8/(w*kelvin)) }
	return b(wavelength) / b(5500)
}

// line is a Gaussian at a rest wavelength. velocity and width (FWHM) are in km/s.
func line(wavelength, rest, velocity, width float64) float64 {
	const c = 299_792.458
	centre, sigma := rest*(1+velocity/c), rest*width/c/2.355
	x := (wavelength - centre) / sigma
	return math.Exp(-x * x / 2)
}

// typeIa is a supernova of that type: silicon, sulphur and calcium around the maximum, blends of
// iron some weeks later.
func typeIa(peakDay, z float64) func(day, w float64) float64 {
	return func(day, w float64) float64 {
		w /= 1 + z
		age := day - peakDay
		silicon := 1 / (1 + math.Exp((age-16)/5))
		v := -11_500 + 60*math.Max(0, age)
		f := planck(7000+6000/(1+math.Exp((age-8)/9)), w)
		f *= 1 - 0.5*line(w, 3945, v-2500, 9000) - 0.14*silicon*line(w, 4130, v, 4500) - 0.3*line(w, 4480, v,
			9000) - 0.28*line(w, 5050, v, 8000)
		f *= 1 - silicon*(0.15*line(w, 5454, v+2000, 3400)+0.2*line(w, 5640, v+2000, 3400)+0.1*line(w, 5972, v,
			4500)+0.55*line(w, 6355, v, 6500)) - 0.16*line(w, 7774, v, 8000) - 0.38*line(w, 8579, v, 9500)
		f *= 1 + 0.2*silicon*line(w, 6355, 2500, 8000)
		return f * (1 + (1-silicon)*(0.55*line(w, 4650, 0, 10_000)-0.45*line(w, 5000, 0, 7000)+0.3*line(w, 5400, 0,
			8000)-0.35*line(w, 5750, 0, 9000)+0.2*line(w, 6500, 0, 14_000)+0.3*line(w, 8700, 0, 9000)))
	}
}

// hydrogen is a supernova of type II: at first a hot continuum, then P Cygni lines.
func hydrogen(start, z float64) func(day, w float64) float64 {
	return func(day, w float64) float64 {
		w /= 1 + z
		age := day - start
		strength := math.Min(1, age/40)
		f := planck(12_000*math.Pow(math.Max(age, 3)/3, -0.35), w)
		v := -9000 + 45*age
		for _, l := range []struct{ rest, s float64 }{{6562.8, 1}, {4861.3, 0.5}, {4340.5, 0.3},
			{5169, 0.35 * strength}, {5893, 0.25 * strength}, {8542, 0.4 * strength}} {
			f *= 1 - 0.45*l.s*strength*line(w, l.rest, v, 4500) + 0.9*l.s*strength*line(w, l.rest, 200, 7000)
		}
		return f
	}
}

func tidalSpectrum(_, w float64) float64 {
	const z = 1.061
	return planck(19_000, w) * (1 + 0.5*line(w, 4686*z, 0, 14_000) + 0.35*line(w, 6562.8*z, 0, 13_000) +
		0.15*line(w, 4861*z, 0, 13_000))
}

func novaSpectrum(day, w float64) float64 {
	f := 0.6 * planck(9000, w)
	for _, l := range []struct{ rest, s float64 }{{6562.8, 6}, {4861.3, 2.2}, {4340.5, 1.2}, {4924, 0.6}, {5018, 0.8},
		{5169, 0.9}, {5876, 0.5}, {6300, 0.3}, {7774, 1.5}, {8446, 1.3}} {
		f += l.s*line(w, l.rest, 0, 1500)*(1+day/60) - 0.25*line(w, l.rest, -1600, 500)
	}
	return math.Max(f, 0.02)
}

func quasarSpectrum(_, w float64) float64 {
	const z = 1.158
	f := math.Pow(w/5500, -1.4)
	for _, l := range []struct{ rest, s, v float64 }{{6562.8, 2.2, 4000}, {4861.3, 0.8, 4000}, {4340.5, 0.4, 4000},
		{5006.8, 0.6, 600}, {4958.9, 0.2, 600}, {4101.7, 0.2, 4000}, {3727.4, 0.12, 600}, {4570, 0.2,
			16_000}, {5270, 0.16, 14_000}} {
		f += l.s * math.Pow(l.rest*z/5500, -1.4) * line(w, l.rest*z, 0, l.v)
	}
	return f
}

const (
	firstWavelength = 3600.0 // angstroms
	wavelengthStep  = 3.5
	spectrumPixels  = 1600
)

// sampled returns a spectrum with noise in erg/s/cm2/angstrom, with the telluric oxygen bands A and
// B.
func (t *target) sampled(day float64, r *rand.Rand) []float64 {
	out := make([]float64, spectrumPixels)
	level := 2.8e-15 * math.Pow(10, -0.4*(t.mag("r", day)-15)) // of AB magnitudes at 6200 angstroms
	for i := range out {
		w := firstWavelength + wavelengthStep*float64(i)
		f := t.spectrum(day, w) * (1 - 0.28*line(w, 7605, 0, 1700) - 0.12*line(w, 6872, 0, 1000))
		out[i] = level * (f + 0.02*r.NormFloat64()*(0.5+f)*(1+1.5*math.Exp(-(w-firstWavelength)/250)))
	}
	return out
}

func (t *target) spectrumText(day float64, r *rand.Rand) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# DATE-OBS: %.5f\n# FACILITY: Nightjar demo\n# TELESCOP: Mirador 2.2m\nwavelength,flux\n",
		firstNight+day+timeOfDay)
	for i, f := range t.sampled(day, r) {
		fmt.Fprintf(&b, "%.1f,%.5e\n", firstWavelength+wavelengthStep*float64(i), f)
	}
	return b.Bytes()
}

// spectrumFITS returns a one-dimensional image with a linear wavelength scale (FITS standard 4.0,
// sections 3 and 8).
func (t *target) spectrumFITS(day float64, r *rand.Rand) []byte {
	f := t.fitsFile(day, -64, spectrumPixels)
	f.text("CTYPE1", "WAVE")
	f.text("CUNIT1", "Angstrom")
	f.card("CRPIX1", "1.0")
	f.card("CRVAL1", fmt.Sprintf("%.1f", firstWavelength))
	f.card("CDELT1", fmt.Sprintf("%.1f", wavelengthStep))
	f.text("BUNIT", "erg/cm2/s/Angstrom")
	var data []byte
	for _, v := range t.sampled(day, r) {
		data = binary.BigEndian.AppendUint64(data, math.Float64bits(v))
	}
	return f.with(data)
}

package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
)

// The demo is a small archive that looks like a real one: invented targets, whose light curves and spectra follow simple models of what such
// objects do. It is the same every time.

// demoTarget is one target of the demo.
type demoTarget struct {
	name, kind string
	aliases    []string
	ra, dec    float64
	access     string
	tags       map[string]string
	elements   map[string]any // of a comet
	// mag is the magnitude in a band at a time, in days since the first night.
	mag func(band string, day float64) float64
	// spectra are the days on which one was taken, and what was seen at a wavelength in angstroms.
	spectra  []float64
	spectrum func(day, wavelength float64) float64
	fits     bool // spectra as FITS files
}

const (
	demoStart = 60_310.0 // MJD of the first night, 2024-01-01
	demoDays  = 120
	demoLimit = 20.6 // of a usual night, in g
)

// demoBands are the bands with their effective wavelengths in angstroms and zero points of the limit relative to g.
var demoBands = []struct {
	name  string
	depth float64
}{{"g", 0}, {"r", -0.2}, {"i", -0.7}}

func demoTargets() []demoTarget {
	return []demoTarget{
		{name: "NJ24aab", aliases: []string{"Demo SN 1", "NJDEMO24a"}, ra: 210.9107, dec: 54.3117, access: "OPEN", tags: map[string]string{"classification": "SN Ia", "redshift": "0.0041"},
			mag: supernova(22, 14.2, 15), spectra: []float64{14, 23, 40, 62}, spectrum: typeIa(22)},
		{name: "NJ24acf", aliases: []string{"Demo SN 2"}, ra: 47.0021, dec: -21.7744, access: "OPEN", tags: map[string]string{"classification": "SN IIP", "redshift": "0.0063"},
			mag: plateau(15, 15.6, 95), spectra: []float64{20, 55, 90}, spectrum: hydrogen(15), fits: true},
		{name: "NJ24adk", aliases: []string{"Demo TDE"}, ra: 187.4462, dec: 8.0003, access: "PUBLIC", tags: map[string]string{"classification": "TDE candidate", "redshift": "0.061"},
			mag: tidal(30, 17.1), spectra: []float64{42, 70}, spectrum: tidalSpectrum},
		{name: "NJ24aem", aliases: []string{"Demo afterglow"}, ra: 312.5871, dec: 12.1176, access: "PRIVATE", tags: map[string]string{"classification": "afterglow"},
			mag: afterglow(32.4, 15.8)},
		{name: "NJ24afp", aliases: []string{"Demo nova Cyg"}, ra: 305.8778, dec: 37.6112, access: "OPEN", tags: map[string]string{"classification": "classical nova"},
			mag: nova(18, 8.9), spectra: []float64{21, 33}, spectrum: novaSpectrum, fits: true},
		{name: "NJ-V 18 Gem", aliases: []string{"Demo dwarf nova"}, ra: 101.2871, dec: 22.0811, access: "PUBLIC", tags: map[string]string{"classification": "dwarf nova"},
			mag: dwarfNova(13.2, 17.4)},
		{name: "NJ-V 7 Vir", aliases: []string{"Demo RR Lyrae"}, ra: 218.0431, dec: 2.3051, access: "OPEN", tags: map[string]string{"classification": "RR Lyrae", "period_days": "0.5642"},
			mag: pulsator(0.5642, 15.1, 0.9)},
		{name: "NJ-V 1 Dor", aliases: []string{"Demo Cepheid"}, ra: 82.7716, dec: -69.1083, access: "OPEN", tags: map[string]string{"classification": "classical Cepheid", "period_days": "7.21"},
			mag: pulsator(7.21, 14.3, 0.7)},
		{name: "NJ-V 12 Cyg", aliases: []string{"Demo eclipsing binary"}, ra: 293.5501, dec: 44.0112, access: "PUBLIC", tags: map[string]string{"classification": "eclipsing binary", "period_days": "2.7386"},
			mag: eclipsing(2.7386, 13.4)},
		{name: "NJ24bqz", aliases: []string{"Demo microlens"}, ra: 268.9904, dec: -29.4417, access: "PRIVATE", tags: map[string]string{"classification": "microlensing event"},
			mag: microlens(58, 21, 0.12, 17.9)},
		{name: "NJ J1229+0203", aliases: []string{"Demo quasar"}, ra: 187.2779, dec: 2.0524, access: "OPEN", tags: map[string]string{"classification": "quasar", "redshift": "0.158"},
			mag: quasar(12.9), spectra: []float64{10, 80}, spectrum: quasarSpectrum, fits: true},
		{name: "NJ-C 1", aliases: []string{"Demo comet"}, kind: "NON_SIDEREAL", access: "OPEN", tags: map[string]string{"classification": "long-period comet"},
			elements: map[string]any{"scheme": "MPC_COMET", "epoch_of_elements": 60310.0, "perihdist": 0.871, "eccentricity": 1.0003, "inclination": 103.66, "lng_asc_node": 21.559,
				"arg_of_perihelion": 308.491, "epoch_of_perihelion": 60410.25},
			mag: func(band string, day float64) float64 { return 13.8 - 3.6*day/demoDays + colour(band, 0.5) }},
	}
}

// colour is the magnitude of a band relative to r for a colour g-r.
func colour(band string, gr float64) float64 {
	switch band {
	case "g":
		return gr
	case "i":
		return -0.4 * gr
	}
	return 0
}

const invisible = 99.0

// supernova is of type Ia: day and magnitude of its maximum, days of its rise.
func supernova(peakDay, peak, rise float64) func(string, float64) float64 {
	speed := map[string]float64{"g": 1, "r": 0.62, "i": 0.5}
	return func(band string, day float64) float64 {
		t := day - peakDay + rise
		if t <= 0 {
			return invisible
		}
		// the rise is that of an expanding fireball, the decline is slower the redder the band
		m := peak + colour(band, 0.05)
		if t < rise {
			return m - 5*math.Log10(t/rise)
		}
		d := t - rise
		fall := 0.09 * d * speed[band]
		if d > 30 {
			fall = 0.09*30*speed[band] + 0.022*(d-30)
		}
		if band == "i" { // the second maximum
			fall -= 0.35 * math.Exp(-(d-24)*(d-24)/90)
		}
		return m + fall
	}
}

func plateau(start, peak, length float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		t := day - start
		if t <= 0 {
			return invisible
		}
		m := peak + colour(band, 0.1+0.009*t) + 1.6*math.Exp(-t/1.5)
		if t > length {
			m += 1.8 * (1 - math.Exp(-(t-length)/6))
		}
		return m + 0.003*t
	}
}

func tidal(peakDay, peak float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		t := day - peakDay
		if t < 0 {
			return peak + colour(band, -0.15) + t*t/70
		}
		return peak + colour(band, -0.15) + 2.5*5/3*math.Log10(1+t/28)
	}
}

func afterglow(start, first float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		t := day - start
		if t <= 0 {
			return invisible
		}
		return first + colour(band, 0.35) + 2.5*1.1*math.Log10(1+t/0.1)
	}
}

func nova(start, peak float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		t := day - start
		if t <= -1 {
			return invisible
		}
		return peak + colour(band, 0.7) + 2*math.Max(0, -t) + 2.1*math.Log(1+math.Max(0, t)/4)
	}
}

func dwarfNova(high, low float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		phase := math.Mod(day+9, 37)
		up := 1 / (1 + math.Exp(-(phase-6)*3)) / (1 + math.Exp((phase-13)*1.3))
		return low - (low-high)*up + colour(band, 0.25*(1-up))
	}
}

func pulsator(period, mean, amplitude float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		phase := math.Mod(day/period, 1)
		shape := 0.0
		for k, a := range []float64{1, 0.45, 0.22, 0.1} { // a steep rise and a slow decline
			shape += a * math.Sin(2*math.Pi*float64(k+1)*phase)
		}
		scale := map[string]float64{"g": 1, "r": 0.72, "i": 0.56}[band]
		return mean + colour(band, 0.3) + 0.45*amplitude*scale*shape
	}
}

func eclipsing(period, mag float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		phase := math.Mod(day/period, 1)
		dip := func(at, width, depth float64) float64 {
			d := math.Abs(phase - at)
			d = math.Min(d, 1-d)
			return depth * math.Exp(-d*d/(width*width))
		}
		return mag + colour(band, 0.4) + dip(0, 0.022, 0.85) + dip(0.5, 0.022, 0.33) + 0.02*math.Cos(4*math.Pi*phase)
	}
}

// microlens is Paczynski's light curve: times of maximum and Einstein radius crossing, impact parameter, magnitude at rest.
func microlens(peakDay, einstein, impact, rest float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		u2 := impact*impact + (day-peakDay)*(day-peakDay)/(einstein*einstein)
		return rest + colour(band, 0.9) - 2.5*math.Log10((u2+2)/math.Sqrt(u2*(u2+4)))
	}
}

func quasar(mean float64) func(string, float64) float64 {
	r := rand.New(rand.NewPCG(7, 11))
	walk := make([]float64, demoDays+2)
	for i := 1; i < len(walk); i++ { // a damped random walk
		walk[i] = walk[i-1]*math.Exp(-1.0/80) + 0.028*r.NormFloat64()
	}
	return func(band string, day float64) float64 {
		i := int(max(0, min(day, demoDays)))
		return mean + colour(band, 0.15) + walk[i] + (walk[i+1]-walk[i])*(day-float64(i))
	}
}

// planck is a black body per wavelength, 1 at 5500 angstroms.
func planck(kelvin, wavelength float64) float64 {
	b := func(w float64) float64 { return math.Pow(w, -5) / math.Expm1(1.438777e8/(w*kelvin)) }
	return b(wavelength) / b(5500)
}

// line is a gaussian of a full width in km/s, at a rest wavelength and a velocity in km/s.
func line(wavelength, rest, velocity, width float64) float64 {
	const c = 299_792.458
	centre, sigma := rest*(1+velocity/c), rest*width/c/2.355
	x := (wavelength - centre) / sigma
	return math.Exp(-x * x / 2)
}

func typeIa(peakDay float64) func(day, w float64) float64 {
	return func(day, w float64) float64 {
		age := day - peakDay
		f := planck(12_000-90*math.Max(0, age+10), w)
		v := -11_500 + 25*math.Max(0, age)
		f *= 1 - 0.55*line(w, 6355, v, 7500) - 0.4*line(w, 3945, v-1500, 9000) - 0.25*line(w, 5640, v+1500, 6000) - 0.3*line(w, 8579, v, 9000) - 0.2*line(w, 4300, v, 9000)
		return f * (1 + 0.25*line(w, 6355, 2500, 8000) + 0.12*line(w, 4600, 0, 12_000))
	}
}

func hydrogen(start float64) func(day, w float64) float64 {
	return func(day, w float64) float64 {
		age := day - start
		strength := math.Min(1, age/40)
		f := planck(12_000*math.Pow(math.Max(age, 3)/3, -0.35), w)
		v := -9000 + 45*age
		for _, l := range []struct{ rest, s float64 }{{6562.8, 1}, {4861.3, 0.5}, {4340.5, 0.3}, {5169, 0.35 * strength}, {8542, 0.4 * strength}} {
			f *= 1 - 0.45*l.s*strength*line(w, l.rest, v, 4500) + 0.9*l.s*strength*line(w, l.rest, 200, 7000)
		}
		return f
	}
}

func tidalSpectrum(_, w float64) float64 {
	const z = 1.061
	return planck(19_000, w) * (1 + 0.5*line(w, 4686*z, 0, 14_000) + 0.35*line(w, 6562.8*z, 0, 13_000) + 0.15*line(w, 4861*z, 0, 13_000))
}

func novaSpectrum(day, w float64) float64 {
	f := 0.6 * planck(9000, w)
	for _, l := range []struct{ rest, s float64 }{{6562.8, 6}, {4861.3, 2.2}, {4340.5, 1.2}, {5876, 0.8}, {7774, 1.5}, {5169, 0.7}} {
		f += l.s*line(w, l.rest, 0, 1500)*(1+day/60) - 0.25*line(w, l.rest, -1600, 500)
	}
	return math.Max(f, 0.02)
}

func quasarSpectrum(_, w float64) float64 {
	const z = 1.158
	f := math.Pow(w/5500, -1.4)
	for _, l := range []struct{ rest, s, v float64 }{{6562.8, 2.2, 4000}, {4861.3, 0.8, 4000}, {4340.5, 0.4, 4000}, {5006.8, 0.6, 600}, {4958.9, 0.2, 600}, {2798, 1.1, 4500}} {
		f += l.s * math.Pow(l.rest*z/5500, -1.4) * line(w, l.rest*z, 0, l.v)
	}
	return f
}

// demo fills a new file; one that holds targets is left as it is.
func (p *program) demo(ctx context.Context, n *client) error {
	var page struct{ Count int }
	if err := n.call(ctx, http.MethodGet, "/api/targets/?limit=1", nil, &page); err != nil {
		return err
	}
	if page.Count > 0 {
		p.note("the file holds %d targets: the demo adds nothing to it", page.Count)
		return nil
	}
	r := rand.New(rand.NewPCG(2024, 1))
	for _, t := range demoTargets() {
		if err := t.add(ctx, n, r); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	p.note("the demo: %d invented targets with light curves and spectra", len(demoTargets()))
	return nil
}

func (t *demoTarget) add(ctx context.Context, n *client, r *rand.Rand) error {
	in := map[string]any{"name": t.name, "type": "SIDEREAL", "permissions": t.access}
	if t.kind != "" {
		in["type"] = t.kind
		for k, v := range t.elements {
			in[k] = v
		}
	} else {
		in["ra"], in["dec"], in["epoch"] = t.ra, t.dec, 2000.0
	}
	var aliases, tags []map[string]string
	for _, a := range t.aliases {
		aliases = append(aliases, map[string]string{"name": a})
	}
	for _, k := range slices.Sorted(maps.Keys(t.tags)) {
		tags = append(tags, map[string]string{"key": k, "value": t.tags[k]})
	}
	in["aliases"], in["targetextra_set"], in["target_lists"] = aliases, tags, []map[string]string{{"name": "Demo"}}
	var made target
	if err := n.call(ctx, http.MethodPost, "/api/targets/", in, &made); err != nil {
		return err
	}
	slug := strings.ToLower(strings.NewReplacer(" ", "", "/", "", "+", "p").Replace(t.name))
	upload := func(name, kind string, content []byte) error {
		w, err := sendFile(ctx, n, name, bytes.NewReader(content), map[string]string{"target": fmt.Sprint(made.ID), "data_product_type": kind})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		_, err = io.Copy(io.Discard, w.Body)
		w.Body.Close()
		return err
	}
	if err := upload(slug+"_phot.csv", "photometry", t.lightCurve(r)); err != nil {
		return err
	}
	for _, day := range t.spectra {
		var err error
		if t.fits {
			err = upload(fmt.Sprintf("%s_%03.0f.fits", slug, day), "spectroscopy", t.spectrumFITS(day, r))
		} else {
			err = upload(fmt.Sprintf("%s_%03.0f.csv", slug, day), "spectroscopy", t.spectrumText(day, r))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lightCurve is a table of nights at two telescopes: some were cloudy, and what is too faint has a limit only.
func (t *demoTarget) lightCurve(r *rand.Rand) []byte {
	var b bytes.Buffer
	b.WriteString("time,filter,magnitude,error,limit,telescope,source\n")
	for day := 0; day < demoDays; day++ {
		if r.Float64() < 0.45 {
			continue // clouds, or the moon
		}
		telescope := []string{"Skalnica 1.0m", "Mirador 0.6m"}[r.IntN(2)]
		for i, band := range demoBands {
			if r.Float64() < 0.25 {
				continue
			}
			at := float64(day) + 0.1 + 0.25*r.Float64() + 0.004*float64(i)
			limit := demoLimit + band.depth - 0.8*r.Float64()
			mag, noise := t.mag(band.name, at), r.NormFloat64()
			sigma := math.Hypot(0.012, 0.2*math.Pow(10, 0.4*(mag-limit)))
			fmt.Fprintf(&b, "%.5f,%s,", demoStart+at, band.name)
			if mag > limit {
				fmt.Fprintf(&b, ",,%.2f,", limit)
			} else {
				fmt.Fprintf(&b, "%.3f,%.3f,%.2f,", mag+sigma*noise, sigma, limit)
			}
			fmt.Fprintf(&b, "%s,Nightjar demo\n", telescope)
		}
	}
	return b.Bytes()
}

const (
	demoFirstWave = 3600.0 // angstroms
	demoStep      = 3.5
	demoPixels    = 1600
)

// sampled is a spectrum with noise, in erg/s/cm2/angstrom.
func (t *demoTarget) sampled(day float64, r *rand.Rand) []float64 {
	out := make([]float64, demoPixels)
	level := 1e-15 * math.Pow(10, -0.4*(t.mag("r", day)-15))
	for i := range out {
		w := demoFirstWave + demoStep*float64(i)
		f := t.spectrum(day, w)
		out[i] = level * (f + 0.02*r.NormFloat64()*(0.5+f)*(1+1.5*math.Exp(-(w-demoFirstWave)/250)))
	}
	return out
}

func (t *demoTarget) spectrumText(day float64, r *rand.Rand) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# DATE-OBS: %.5f\n# FACILITY: Nightjar demo\nwavelength,flux\n", demoStart+day+0.3)
	for i, f := range t.sampled(day, r) {
		fmt.Fprintf(&b, "%.1f,%.5e\n", demoFirstWave+demoStep*float64(i), f)
	}
	return b.Bytes()
}

// spectrumFITS is a one-dimensional image with a linear scale of wavelengths (FITS standard 4.0, sections 3 and 8).
func (t *demoTarget) spectrumFITS(day float64, r *rand.Rand) []byte {
	const block = 2880
	var b bytes.Buffer
	card := func(key, value string) { fmt.Fprintf(&b, "%-80s", fmt.Sprintf("%-8s= %20s", key, value)) }
	text := func(key, value string) { fmt.Fprintf(&b, "%-80s", fmt.Sprintf("%-8s= '%-8s'", key, value)) }
	card("SIMPLE", "T")
	card("BITPIX", "-64")
	card("NAXIS", "1")
	card("NAXIS1", fmt.Sprint(demoPixels))
	text("OBJECT", t.name)
	text("TELESCOP", "Nightjar demo")
	card("MJD-OBS", fmt.Sprintf("%.5f", demoStart+day+0.3))
	text("CTYPE1", "WAVE")
	text("CUNIT1", "Angstrom")
	card("CRPIX1", "1.0")
	card("CRVAL1", fmt.Sprintf("%.1f", demoFirstWave))
	card("CDELT1", fmt.Sprintf("%.1f", demoStep))
	text("BUNIT", "erg/cm2/s/Angstrom")
	fmt.Fprintf(&b, "%-80s", "END")
	pad := func(with string) { b.WriteString(strings.Repeat(with, (block-b.Len()%block)%block)) }
	pad(" ")
	for _, f := range t.sampled(day, r) {
		b.Write(binary.BigEndian.AppendUint64(nil, math.Float64bits(f)))
	}
	pad("\x00")
	return b.Bytes()
}

package demo

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
)

// colour returns the magnitude in a band relative to r, for a colour g-r.
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

// decline has the magnitudes by which a supernova of type Ia is fainter some days after its
// maximum, as pairs of days and magnitudes. It resembles the usual templates, with the second
// maximum in i and the shoulder in r.
var decline = map[string][][2]float64{
	"g": {{0, 0}, {5, 0.18}, {10, 0.55}, {15, 1.05}, {20, 1.6}, {25, 2.1}, {30, 2.45}, {40, 2.8},
		{60, 3.2}, {120, 4.2}},
	"r": {{0, 0}, {5, 0.1}, {10, 0.4}, {15, 0.62}, {20, 0.66}, {25, 0.78}, {30, 1.1}, {40, 1.7}, {60, 2.4}, {120, 4.3}},
	"i": {{0, 0}, {5, 0.22}, {10, 0.55}, {15, 0.66}, {20, 0.5}, {25, 0.36}, {30, 0.5}, {40, 1.2},
		{60, 2.1}, {120, 4.2}},
}

// between interpolates linearly in a table. Beyond its end it returns the last value.
func between(table [][2]float64, x float64) float64 {
	for i := 1; i < len(table); i++ {
		if a, b := table[i-1], table[i]; x < b[0] {
			return a[1] + (b[1]-a[1])*(x-a[0])/(b[0]-a[0])
		}
	}
	return table[len(table)-1][1]
}

// supernova is of type Ia. peakDay and peak are day and magnitude of the maximum, rise is in days.
func supernova(peakDay, peak, rise float64) func(string, float64) float64 {
	maximum := map[string]float64{"g": 0, "r": 0.05, "i": 0.55}
	return func(band string, day float64) float64 {
		t := day - peakDay + rise
		if t <= 0 {
			return invisible
		}
		m := peak + maximum[band]
		if t < rise { // an expanding fireball, which slows down before the maximum
			return m - 5*math.Log10(math.Sin(math.Pi/2*t/rise))
		}
		return m + between(decline[band], t-rise)
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

// microlens is Paczynski's light curve. peakDay is the day of the maximum, einstein the Einstein
// time in days, impact the impact parameter, and rest the magnitude without the lens.
func microlens(peakDay, einstein, impact, rest float64) func(string, float64) float64 {
	return func(band string, day float64) float64 {
		u2 := impact*impact + (day-peakDay)*(day-peakDay)/(einstein*einstein)
		return rest + colour(band, 0.9) - 2.5*math.Log10((u2+2)/math.Sqrt(u2*(u2+4)))
	}
}

func quasar(mean float64) func(string, float64) float64 {
	r := rand.New(rand.NewPCG(7, 11))
	walk := make([]float64, nights+2)
	for i := 1; i < len(walk); i++ { // a damped random walk
		walk[i] = walk[i-1]*math.Exp(-1.0/80) + 0.028*r.NormFloat64()
	}
	return func(band string, day float64) float64 {
		i := int(max(0, min(day, nights)))
		return mean + colour(band, 0.15) + walk[i] + (walk[i+1]-walk[i])*(day-float64(i))
	}
}

// lightCurve returns a table with the nights of two telescopes. Some nights were cloudy, and where
// the target is too faint there is only a limit.
func (t *target) lightCurve(r *rand.Rand) []byte {
	var b bytes.Buffer
	b.WriteString("time,filter,magnitude,error,limit,telescope,source\n")
	if t.alert > 0 {
		t.followUp(&b, r)
		return b.Bytes()
	}
	for day := 0; day < nights; day++ {
		if r.Float64() < 0.45 {
			continue // clouds, or the moon
		}
		telescope := []string{"Skalnica 1.0m", "Mirador 0.6m"}[r.IntN(2)]
		for i := range bands {
			if r.Float64() < 0.25 {
				continue
			}
			at := float64(day) + 0.1 + 0.25*r.Float64() + 0.004*float64(i)
			t.exposure(&b, r, at, i, usualLimit-0.8*r.Float64(), telescope)
		}
	}
	return b.Bytes()
}

// followUp writes the observations after an alert: all bands in turn for the rest of the night,
// then night by night with longer exposures. Before the alert there are the limits of a survey.
func (t *target) followUp(b *bytes.Buffer, r *rand.Rand) {
	for day := t.alert - 12.3; day < t.alert; day += 3 {
		t.exposure(b, r, day, 1, usualLimit-0.5*r.Float64(), "Mirador 0.6m")
	}
	const minute = 1.0 / 1440
	for at, i := t.alert+9*minute, 0; at < t.alert+0.24; at, i = at+6*minute, i+1 {
		t.exposure(b, r, at, i%len(bands), usualLimit-0.4*r.Float64(), "Skalnica 1.0m")
	}
	for night := 1.0; night <= 16; night += 1 + math.Floor(night/4) {
		for i := range bands {
			t.exposure(b, r, t.alert+night+0.1*r.Float64()+20*minute*float64(i), i,
				usualLimit+1+0.5*math.Sqrt(night), "Mirador 2.2m")
		}
	}
}

// exposure writes a row: the magnitude of band i at a time, or only the limit. limit is that in g.
func (t *target) exposure(b *bytes.Buffer, r *rand.Rand, at float64, i int, limit float64, telescope string) {
	band := bands[i]
	limit += band.depth
	mag, noise := t.mag(band.name, at), r.NormFloat64()
	sigma := math.Hypot(0.012, 0.2*math.Pow(10, 0.4*(mag-limit)))
	fmt.Fprintf(b, "%.5f,%s,", firstNight+at, band.name)
	if mag > limit {
		fmt.Fprintf(b, ",,%.2f,", limit)
	} else {
		fmt.Fprintf(b, "%.3f,%.3f,%.2f,", mag+sigma*noise, sigma, limit)
	}
	fmt.Fprintf(b, "%s,Nightjar demo\n", telescope)
}

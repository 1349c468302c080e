package units

import (
	"maps"
	"math"
	"strconv"
)

// parts gives names of units that are powers of ten of another one.
var parts = map[string]struct {
	of    string
	power int
}{"Angstrom": {"m", -10}, "pm": {"m", -12}, "nm": {"m", -9}, "um": {"m", -6}, "mm": {"m", -3}, "cm": {"m", -2},
	"km": {"m", 3}, "kHz": {"Hz", 3}, "MHz": {"Hz", 6}, "GHz": {"Hz", 9}, "THz": {"Hz", 12}, "erg": {"J", -7},
	"keV": {"eV", 3}, "mW": {"W", -3}, "kW": {"W", 3}, "MJy": {"Jy", 6}, "mJy": {"Jy", -3}, "uJy": {"Jy", -6},
	"nJy": {"Jy", -9}}

// Ratio returns the factor that converts a number in u into one in v: 0.001 from mJy to Jy. A watt
// is a joule per second. ok is false if the units measure different quantities.
func (u Unit) Ratio(v Unit) (ratio float64, ok bool) {
	a, power := u.reduced()
	b, other := v.reduced()
	ratio = u.factor() / v.factor()
	if power -= other; power < 0 {
		ratio /= math.Pow10(-power)
	} else {
		ratio *= math.Pow10(power)
	}
	return ratio, maps.Equal(a, b) && ratio > 0 && !math.IsInf(ratio, 0)
}

// Power is the unit to a power, such as 2 for that of a variance. The factor is raised, too.
func (u Unit) Power(n int) Unit {
	out := Unit{}
	if f := math.Pow(u.factor(), float64(n)); f != 1 {
		out.scale = strconv.FormatFloat(f, 'g', -1, 64)
	}
	for _, b := range u.bases {
		out.bases = append(out.bases, base{b.name, b.power * n})
	}
	return out
}

// factor is the number in front of the unit.
func (u Unit) factor() float64 {
	f, err := strconv.ParseFloat(u.scale, 64)
	if err != nil {
		return 1
	}
	return f
}

// reduced returns the powers of units that are not parts of others, and the power of ten that is
// left over.
func (u Unit) reduced() (powers map[string]int, ten int) {
	powers = map[string]int{}
	add := func(name string, power int) {
		if powers[name] += power; powers[name] == 0 {
			delete(powers, name)
		}
	}
	for _, b := range u.bases {
		name := b.name
		if p, there := parts[name]; there {
			name = p.of
			ten += p.power * b.power
		}
		if name == "W" {
			add("J", b.power)
			add("s", -b.power)
			continue
		}
		add(name, b.power)
	}
	return powers, ten
}

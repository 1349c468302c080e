// Package units reads units as astronomers write them, and spells them as astropy.units does.
package units

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/jsontext"
)

// Unit is a product of powers of base units with a factor in front. [Parse] makes one.
type Unit struct {
	scale string // "" for 1, otherwise such as 1e-17
	bases []base // without powers of 0 and duplicate names
}

type base struct {
	name  string // as astropy.units spells it
	power int
}

// Parse reads a unit as astronomers write it: names with powers (cm2, cm^2, cm**-2, cm-2); products
// with a blank, a point or *; quotients; brackets; and a factor in front (1e-17, 10^-17,
// 10**(-17)). Both erg/cm2/s/A and erg / cm2 s A divide by all three, as in astropy. A is the
// angstrom, because spectra have no amperes. ok is false for an unknown name or form.
func Parse(text string) (u Unit, ok bool) {
	p := unitParser{rest: strings.TrimSpace(text)}
	if len(p.rest) > 200 || p.rest == "" {
		return u, false
	}
	p.scale()
	ok = p.product(1, 0) && p.rest == ""
	if !ok {
		return Unit{}, false
	}
	u.scale = p.factor
	for _, b := range p.bases {
		if i := slices.IndexFunc(u.bases, func(o base) bool { return o.name == b.name }); i >= 0 {
			u.bases[i].power += b.power
		} else {
			u.bases = append(u.bases, b)
		}
	}
	u.bases = slices.DeleteFunc(u.bases, func(b base) bool { return b.power == 0 })
	return u.named(), true
}

// named replaces a unit of length with a factor by one that has a name: 0.1 nm, which VizieR
// writes, is the angstrom.
func (u Unit) named() Unit {
	if len(u.bases) != 1 || u.bases[0].power != 1 || !slices.Contains(Lengths, u.bases[0].name) {
		return u
	}
	scale, err := strconv.ParseFloat(u.scale, 64)
	if err != nil {
		return u
	}
	for _, name := range Lengths {
		if factor, err := strconv.ParseFloat("1e"+strconv.Itoa(LengthPowers[name]-LengthPowers[u.bases[0].name]),
			64); err == nil && factor == scale {
			return Unit{bases: []base{{name, 1}}}
		}
	}
	return u
}

// String spells the unit as astropy.units does, and astropy's Unit reads it: higher powers first,
// then by name.
func (u Unit) String() string {
	bases := slices.Clone(u.bases)
	slices.SortFunc(bases, func(a, b base) int {
		return cmp.Or(cmp.Compare(b.power, a.power), cmp.Compare(strings.ToLower(a.name), strings.ToLower(b.name)))
	})
	var above, below []string
	for _, b := range bases {
		power, list := b.power, &above
		if power < 0 {
			power, list = -power, &below
		}
		name := b.name
		if power > 1 {
			name += strconv.Itoa(power)
		}
		*list = append(*list, name)
	}
	text := strings.Join(above, " ")
	if u.scale != "" {
		text = strings.TrimSpace(u.scale + " " + text)
	}
	if text == "" && len(below) > 0 {
		text = "1"
	}
	switch {
	case len(below) == 1:
		text += " / " + below[0]
	case len(below) > 1:
		text += " / (" + strings.Join(below, " ") + ")"
	}
	return text
}

// IsLength reports whether the unit is a length, as that of a wavelength must be.
func (u Unit) IsLength() bool {
	return u.scale == "" && len(u.bases) == 1 && u.bases[0].power == 1 && slices.Contains(Lengths, u.bases[0].name)
}

// IsFlux reports whether the unit is a flux density: energy, power or Jy over something.
func (u Unit) IsFlux() bool {
	for _, b := range u.bases {
		if b.power == 1 && slices.Contains([]string{"erg", "J", "W", "mW", "Jy", "mJy", "MJy", "uJy", "nJy"}, b.name) {
			return true
		}
	}
	return false
}

// Lengths are the units of length that a wavelength can have. They are powers of ten of each other.
var Lengths = []string{"Angstrom", "pm", "nm", "um", "mm", "cm", "m"}

// LengthPowers gives each of [Lengths] in metres, as a power of ten.
var LengthPowers = map[string]int{"Angstrom": -10, "pm": -12, "nm": -9, "um": -6, "mm": -3, "cm": -2, "m": 0}

// Spell spells a unit as astropy does. known is false for an unknown unit, which is returned
// unchanged but for surrounding blanks.
func Spell(text string) (spelt string, known bool) {
	if u, ok := Parse(text); ok {
		return u.String(), true
	}
	return strings.TrimSpace(text), false
}

type unitParser struct {
	rest   string
	factor string
	bases  []base
}

// scale reads the factor in front.
func (p *unitParser) scale() {
	text, power := p.rest, false
	n := 0
	for n < len(text) && strings.IndexByte("0123456789.", text[n]) >= 0 {
		n++
	}
	number := text[:n]
	if n == 0 {
		return
	}
	text = text[n:]
	switch {
	case number == "10" && strings.HasPrefix(text, "**"):
		text, power = text[2:], true
	case number == "10" && strings.HasPrefix(text, "^"):
		text, power = text[1:], true
	case number == "10" && len(text) > 1 && (text[0] == '-' || text[0] == '+'):
		power = true
	case len(text) > 1 && text[0]|0x20 == 'e' && strings.IndexByte("+-0123456789", text[1]) >= 0:
		text = text[1:]
	default:
		p.number(number, 0, text)
		return
	}
	exponent, rest, ok := cutPower(text)
	if !ok {
		return
	}
	if power {
		number = "1"
	}
	p.number(number, exponent, rest)
}

// number stores the factor, unless it is 1.
func (p *unitParser) number(digits string, exponent int, rest string) {
	v, err := strconv.ParseFloat(digits+"e"+strconv.Itoa(exponent), 64)
	if err != nil || v == 0 {
		return
	}
	p.rest = strings.TrimLeft(rest, " *")
	if v != 1 {
		p.factor = string(jsontext.AppendFloat(nil, v))
	}
}

// product reads units up to the end or a closing bracket. Their powers get the given sign. A /
// divides by what follows it, up to the next /.
func (p *unitParser) product(sign, depth int) bool {
	current, first, operand := sign, true, false
	for {
		p.rest = strings.TrimLeft(p.rest, " \t")
		if p.rest == "" || p.rest[0] == ')' {
			return operand || first && depth == 0 && p.factor != ""
		}
		switch p.rest[0] {
		case '*', '.':
			if !operand {
				return false
			}
			p.rest, operand = p.rest[1:], false
		case '/':
			if !operand && !first {
				return false
			}
			p.rest, operand, current = p.rest[1:], false, -sign
		case '(':
			p.rest = p.rest[1:]
			if depth == 4 || !p.product(current, depth+1) || p.rest == "" {
				return false
			}
			p.rest, operand = p.rest[1:], true
		default:
			if !p.name(current) {
				return false
			}
			operand = true
		}
		first = false
	}
}

// name reads one unit with its power.
func (p *unitParser) name(sign int) bool {
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return strings.ContainsRune(" \t*./()^+-0123456789", r)
	})
	if n < 0 {
		n = len(p.rest)
	}
	name, ok := unitName(p.rest[:n])
	if !ok {
		return false
	}
	p.rest = p.rest[n:]
	text := strings.TrimPrefix(strings.TrimPrefix(p.rest, "**"), "^")
	power := 1
	if text != p.rest || text != "" && strings.IndexByte("+-0123456789", text[0]) >= 0 {
		if power, text, ok = cutPower(text); !ok || power == 0 || power < -9 || power > 9 {
			return false
		}
		p.rest = text
	}
	p.bases = append(p.bases, base{name, sign * power})
	return true
}

// cutPower reads a whole number, with or without brackets, at the head of text.
func cutPower(text string) (power int, rest string, ok bool) {
	bracket := strings.HasPrefix(text, "(")
	if bracket {
		text = text[1:]
	}
	n := 0
	for n < len(text) && (text[n] >= '0' && text[n] <= '9' || n == 0 && (text[n] == '-' || text[n] == '+')) {
		n++
	}
	power, err := strconv.Atoi(text[:n])
	if err != nil || power < -400 || power > 400 {
		return 0, "", false
	}
	text = text[n:]
	if bracket {
		if !strings.HasPrefix(text, ")") {
			return 0, "", false
		}
		text = text[1:]
	}
	return power, text, true
}

// unitName returns astropy's name of a unit. Case matters only for a leading m.
func unitName(name string) (string, bool) {
	if name == "" {
		return "", false
	}
	if slices.Contains(unitNames, name) {
		return name, true
	}
	folded := strings.ToLower(name)
	for _, known := range unitNames {
		m := known[0]|0x20 == 'm' && known[0] != name[0] // milli is not mega, and M is not the metre
		if strings.ToLower(known) == folded && !m {
			return known, true
		}
	}
	switch folded {
	case "a", "aa", "ang", "angs", "angstroms", "å":
		return "Angstrom", true
	case "nanometer", "nanometers", "nanometre", "nanometres":
		return "nm", true
	case "micron", "microns", "micrometer", "micrometers", "micrometre", "µm", "μm":
		return "um", true
	case "meter", "meters", "metre", "metres":
		return "m", true
	case "sec", "secs", "second", "seconds":
		return "s", true
	case "ergs":
		return "erg", true
	case "microjy", "microjansky", "µjy", "μjy":
		return "uJy", true
	case "jansky":
		return "Jy", true
	case "count", "counts", "cts":
		return "ct", true
	case "electrons", "e":
		return "electron", true
	case "photons", "ph":
		return "photon", true
	case "pixel", "pixels":
		return "pix", true
	case "degree", "degrees":
		return "deg", true
	case "watt", "watts":
		return "W", true
	}
	return "", false
}

// unitNames are the names that astropy uses.
var unitNames = []string{"Angstrom", "pm", "nm", "um", "mm", "cm", "m", "km", "s", "min", "h", "Hz",
	"kHz", "MHz", "GHz",
	"THz", "erg", "J", "eV", "keV", "W", "mW", "kW", "Jy", "mJy", "MJy", "uJy", "nJy", "mag", "ct", "adu", "DN",
	"electron", "photon", "pix", "sr", "deg", "arcsec", "arcmin", "rad", "K"}

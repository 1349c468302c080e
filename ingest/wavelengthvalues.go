package ingest

import (
	"bytes"
	"fmt"

	"nightjar/internal/jsontext"
)

// UnitError says that the wavelengths of a spectrum cannot be converted.
type UnitError struct{ Units string }

func (e *UnitError) Error() string {
	return fmt.Sprintf("the wavelengths are in %q, which cannot be converted", e.Units)
}

// AppendInUnits appends the value of a datum with its wavelengths in a unit, one of
// WavelengthUnits: it moves the decimal points in wavelength, and sets wavelength_units (or
// wavelength_unit, where the value has that). Flux, flux_units and the medium stay as they are. A
// value without a list wavelength and a text wavelength_units is appended unchanged. Error:
// *UnitError, with nothing appended, when the unit is not a length, or the list holds anything but
// numbers and null.
func AppendInUnits(dst, value []byte, to string) ([]byte, error) {
	list, units := place{}, place{}
	if len(value) > 0 && value[0] == '{' {
		for at := 1; value[at] != '}'; {
			if value[at] == ',' {
				at++
			}
			key := jsontext.Value(value[at : at+jsontext.StringLen(value[at:])])
			at += len(key) + 1
			member := place{at, at + jsontext.ValueLen(value[at:])}
			switch kind := value[at]; {
			case kind == '[' && key.Text() == "wavelength":
				list = member
			case kind == '"' && (key.Text() == "wavelength_units" ||
				key.Text() == sharedSpectrum["wavelength_units"] && units.end == 0):
				units = member
			}
			at = member.end
		}
	}
	if list.end == 0 || units.end == 0 {
		return append(dst, value...), nil
	}
	unit := jsontext.Value(value[units.start:units.end]).Text()
	from, ok := WavelengthUnit(unit)
	if !ok {
		return dst, &UnitError{unit}
	}
	start := len(dst)
	first, second := list, units
	if units.start < list.start {
		first, second = units, list
	}
	done := 0
	for _, part := range []place{first, second} {
		dst = append(dst, value[done:part.start]...)
		if done = part.end; part == units {
			dst = append(append(append(dst, '"'), to...), '"')
		} else if dst, ok = appendWavelengths(dst, value[list.start:list.end], from, to); !ok {
			return dst[:start], &UnitError{unit}
		}
	}
	return append(dst, value[done:]...), nil
}

// place is the position of a member's value in an object.
type place struct{ start, end int }

// appendWavelengths converts a list of numbers, with null for missing ones.
func appendWavelengths(dst []byte, list jsontext.Value, from, to string) (out []byte, ok bool) {
	dst = append(dst, '[')
	for rest := list[1 : len(list)-1]; len(rest) > 0; {
		item := rest
		if n := bytes.IndexByte(rest, ','); n >= 0 {
			item = rest[:n]
		}
		if item.Kind() == 'n' {
			dst = append(dst, item...)
		} else if dst, ok = AppendWavelength(dst, item, from, to); !ok {
			return dst, false
		}
		if rest = rest[len(item):]; len(rest) > 0 {
			dst, rest = append(dst, ','), rest[1:]
		}
	}
	return append(dst, ']'), true
}

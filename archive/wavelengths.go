package archive

import (
	"bytes"
	"fmt"

	"nightjar/ingest"
	"nightjar/internal/jsontext"
)

// WavelengthUnits are the units in which wavelengths can be asked for.
var WavelengthUnits = ingest.WavelengthUnits

// WavelengthUnit gives the name, one of WavelengthUnits, of a unit as people write it; ok is false when it is none of them.
func WavelengthUnit(text string) (name string, ok bool) { return ingest.WavelengthUnit(text) }

// UnitError says that a spectrum's wavelengths cannot be converted.
type UnitError struct{ Units string }

func (e *UnitError) Error() string {
	return fmt.Sprintf("the wavelengths are in %q, which cannot be converted", e.Units)
}

// AppendInUnits writes the value of a datum with its wavelengths in a unit, one of WavelengthUnits: in wavelength, the decimal point is
// moved, and wavelength_units names the unit. Nothing else is touched: flux, flux_units and the medium stay as they are. A value that
// has no list wavelength and text wavelength_units is written as it is. *UnitError is returned, and nothing written, when its unit is no
// length, or its list holds something else than numbers and null.
func AppendInUnits(dst, value []byte, to string) ([]byte, error) {
	members, _ := ValueMembers(value)
	var list, units jsontext.Value
	for _, m := range members {
		switch {
		case m.Key == "wavelength" && m.Value.Kind() == '[':
			list = m.Value
		case m.Key == "wavelength_units" && m.Value.Kind() == '"':
			units = m.Value
		}
	}
	if list == nil || units == nil {
		return append(dst, value...), nil
	}
	from, ok := ingest.WavelengthUnit(units.Text())
	if !ok {
		return dst, &UnitError{units.Text()}
	}
	start, done := len(dst), 0
	replace := func(old jsontext.Value, write func() bool) bool {
		at := cap(value) - cap(old) // both end where the memory ends
		dst = append(dst, value[done:at]...)
		done = at + len(old)
		return write()
	}
	writeUnits := func() bool { dst = append(append(append(dst, '"'), to...), '"'); return true }
	writeList := func() (ok bool) { dst, ok = appendWavelengths(dst, list, from, to); return ok }
	if cap(units) > cap(list) { // the units stand first
		ok = replace(units, writeUnits) && replace(list, writeList)
	} else {
		ok = replace(list, writeList) && replace(units, writeUnits)
	}
	if !ok {
		return dst[:start], &UnitError{units.Text()}
	}
	return append(dst, value[done:]...), nil
}

// appendWavelengths converts a list of numbers, with null for those that are missing.
func appendWavelengths(dst []byte, list jsontext.Value, from, to string) (out []byte, ok bool) {
	dst = append(dst, '[')
	for rest := list[1 : len(list)-1]; len(rest) > 0; {
		item := rest
		if n := bytes.IndexByte(rest, ','); n >= 0 {
			item = rest[:n]
		}
		if item.Kind() == 'n' {
			dst = append(dst, item...)
		} else if dst, ok = ingest.AppendWavelength(dst, item, from, to); !ok {
			return dst, false
		}
		if rest = rest[len(item):]; len(rest) > 0 {
			dst, rest = append(dst, ','), rest[1:]
		}
	}
	return append(dst, ']'), true
}

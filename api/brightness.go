package api

import (
	"strings"

	"nightjar/ingest"
	"nightjar/internal/jsontext"
)

// brightnessUnits are the units of brightness and limit in the values of an export: "mag" for all
// kinds of magnitudes, "" for unknown units. TOM Toolkit 3 gives the unit beside the brightness.
type brightnessUnits map[string]bool

// add notes the unit of a value's brightness or limit.
func (u brightnessUnits) add(members []jsontext.Member) {
	unit, has, limited := "", false, false
	for _, m := range members {
		switch m.Key {
		case "brightness":
			has = true
		case "limit":
			limited = true
		case "unit", "brightness_unit":
			if m.Value.Kind() == '"' && unit == "" {
				unit = m.Value.Text()
			}
		}
	}
	switch {
	case has:
		u[ingest.BrightnessUnit(unit)] = true
	case limited:
		u["mag"] = true
	}
}

// help returns the valueHelp of a member. A brightness, and a limit beside one, has a unit only if
// it is the same in all values.
func (u brightnessUnits) help(key string) [3]string {
	help := valueHelp[key]
	if key != "brightness" && key != "brightness_error" && key != "limit" || len(u) == 1 && u["mag"] {
		return help
	}
	help[0] = ""
	if u["mag"] {
		help[2] = ""
		return help
	}
	help[2] = strings.ReplaceAll(help[2], "phot.mag", "phot.flux")
	for unit := range u {
		if len(u) == 1 {
			help[0] = unit
		}
	}
	return help
}

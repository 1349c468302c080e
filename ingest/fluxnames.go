package ingest

import "strings"

// fluxNamed finds a column of fluxes, or of their errors, whose name contains a unit: flux_uJy,
// flux_uJy_err, psfFluxErr_nJy, f_nu_Jy, mJy, flux_adu. It returns roleOther for any other.
func fluxNamed(name string) role {
	base, _, found := cutUnitInName(name)
	if !found {
		return roleOther
	}
	switch r, _ := roleOf(base); {
	case r == roleFlux, r == roleFluxError:
		return r
	case r == roleError:
		return roleFluxError
	}
	sigma := false
	for _, part := range []string{"_err", "_error", "_unc", "_uncertainty", "_sigma", "_rms"} {
		if short, ok := strings.CutSuffix(base, part); ok {
			base, sigma = short, true
		}
	}
	switch base {
	case "d", "sigma", "unc", "rms":
		return roleFluxError
	case "", "f", "fnu", "f_nu", "psf_flux", "ap_flux", "apflux", "forced_flux", "forcedflux", "diff_flux", "diffflux",
		"flux_density", "total_flux", "flux_total":
		if sigma {
			return roleFluxError
		}
		return roleFlux
	}
	return roleOther
}

// cutUnitInName takes the unit of a flux out of the name of a column. unit is spelt as astropy
// does, "" if the name does not tell MJy from mJy. found is false if there is no unit, or more than
// one.
func cutUnitInName(name string) (base, unit string, found bool) {
	var rest []string
	parts := strings.FieldsFunc(name, func(c rune) bool { return c == '_' || c == '-' || c == ' ' })
	for _, part := range parts {
		before, u, ok := cutSuffixUnit(part, len(parts) > 1)
		if ok && found {
			return name, "", false
		}
		if ok {
			unit, found = u, true
		}
		if before != "" {
			rest = append(rest, strings.ToLower(before))
		}
	}
	return strings.Join(rest, "_"), unit, found
}

// cutSuffixUnit splits off the unit at the end of a part of a name. several is false if the part is
// the whole name.
func cutSuffixUnit(part string, several bool) (before, unit string, ok bool) {
	low := strings.ToLower(part)
	for _, u := range []struct{ suffix, unit string }{{"microjansky", "uJy"}, {"microjy", "uJy"}, {"ujy", "uJy"},
		{"µjy", "uJy"}, {"μjy", "uJy"}, {"njy", "nJy"}, {"mjy", "mJy"}, {"jy", "Jy"}} {
		short, found := strings.CutSuffix(low, u.suffix)
		if !found {
			continue
		}
		if before = part[:len(short)]; u.unit == "mJy" {
			switch part[len(short):] {
			case "MJy":
				return before, "MJy", true
			case "MJY", "Mjy":
				return before, "", true
			}
		}
		return before, u.unit, true
	}
	switch {
	case !several:
	case low == "adu":
		return "", "adu", true
	case low == "dn":
		return "", "DN", true
	case low == "counts" || low == "cts":
		return "", "ct", true
	case low == "electrons":
		return "", "electron", true
	}
	return part, "", false
}

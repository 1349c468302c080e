package ingest

import (
	"strings"
	"testing"

	"nightjar/ingest/bounded"
)

// TestHeaderlessSpectra: by its content a table without a header is a spectrum only if its first
// column can be wavelengths, and the name of its file or a comment says that it is one. If the user
// says so, it is read in any case.
func TestHeaderlessSpectra(t *testing.T) {
	const rows = "4000.0 1.5\n4002.0 1.6\n4004.0 1.4\n"
	for _, c := range []struct{ name, file, text, want string }{ // want: what decided, or ! and why not
		{"the name says spec", "sn2026abc_spec.txt", rows, "the file's name says 'spec'"},
		{"the name says spectrum", "Spectrum1.dat", rows, "the file's name says 'spec'"},
		{"the name says flux", "a_flux.dat", rows, "the file's name says 'flux'"},
		{"the name ends with flm", "sn2026abc-20260102-ui.flm", rows, "the file's name ends with .flm"},
		{"a name of WISeREP", "2026abc_2026-01-02_03-04-05_NTT_EFOSC2.txt", rows, "has a date as WISeREP and TNS " +
			"write it"},
		{"a name of TNS", "tns_2026abc_1.txt", rows, "the file's name says 'TNS'"},
		{"a comment", "a.txt", "# wavelength calibrated by hand\n" + rows, "a comment says 'wave'"},
		{"an earlier comment", "a.txt", "# downloaded from WISeREP\n# by me\n" + rows, "a comment says 'wiserep'"},
		{"a header of FITS in comments", "a.txt", "# GRATING = '300/4   ' / x\n" + rows, "a comment has the keyword " +
			"GRATING"},
		{"micrometres", "a_spec.txt", "# WAVELENGTH_UNITS: um\n5.2 1\n5.3 2\n", "from 5.2 to 5.3 um"},
		{"comments that are not about a light curve", "a_spec.txt",
			"# MJD 59000.5\n# MJD-OBS: 59000.5\n# spectrophotometric, photons\n" + rows, "the file's name says 'spec'"},
		{"falling", "a_spec.txt", "4004 1\n4002 2\n", "goes from 4004 to 4002 Angstrom in one direction"},
		{"a gap in a spectrum", "a_spec.txt", rows + "9000 1\n9002 2\n", "the file's name says 'spec'"},

		{"spec at the end of a word", "2026abcfespec20d.txt", rows, "the file's name says 'spec'"},
		{"wave beside flux", "a_flux.dat", "# time of the wave, flux\n" + rows, "a comment says 'wave'"},
		{"the date of a spectrum", "a_flux.dat", "# Date: 2026-01-02\n# JD 2459000.5\n" + rows,
			"the file's name says 'flux'"},

		{"special", "special_star.dat", rows, "!neither a comment nor the file's name says that it is a spectrum"},
		{"inspect", "inspect.dat", rows, "!neither a comment nor the file's name says that it is a spectrum"},
		{"microwave", "microwave.dat", rows, "!neither a comment nor the file's name says that it is a spectrum"},
		{"wavelet", "wavelet.dat", rows, "!neither a comment nor the file's name says that it is a spectrum"},
		{"times and fluxes", "a.dat", "# flux in uJy, time since explosion\n" + rows,
			"!besides 'flux' a comment or the file's name speaks of times"},
		{"Julian dates in a comment", "rv_spec.txt", "# BJD-2450000, velocity\n" + rows, "!names Julian dates"},
		{"velocities in a comment", "a_spec.txt", "# RVs from spectra\n" + rows, "!a comment says 'rvs'"},
		{"nights in no order of steps", "a_flux.dat", "4000 1\n4001 1\n4005 1\n4006 1\n4011 1\n4012 1\n4019 1\n" +
			"4020 1\n4024 1\n4025 1\n4031 1\n4032 1\n", "!as uneven as those of times"},
		{"a filter", "a_spec.dat", "# wavelength throughput\n" + rows, "!calls the second column 'throughput', " +
			"which is not a flux"},
		{"nothing says so", "a.dat", rows, "!neither a comment nor the file's name says that it is a spectrum"},
		{"a comment that says something else", "a.dat", "# AT 2026abc\n" + rows, "!neither a comment nor"},
		{"HJD-2450000", "star_flux.dat", "9812.55123 17.210\n9812.59342 17.223\n9813.56001 17.198\n9815.50110 17.2\n" +
			"9815.5030 17.2\n9815.5090 17.2\n9815.5130 17.2\n9815.5230 17.2\n9815.5330 17.2\n9815.5430 17.2\n" +
			"9815.551 17.2\n9815.552 17.2\n9815.553 17.2\n9815.554 17.2\n9815.555 17.2\n9815.556 17.2\n" +
			"9815.561 17.2\n9815.562 17.2\n9815.563 17.2\n9815.564 17.2\n9815.565 17.2\n9815.566 17.2\n" +
			"9817.561 17.2\n9837.562 17.2\n9837.563 17.2\n9837.564 17.2\n9837.565 17.2\n9837.566 17.2\n",
			"!steps of the first column are as uneven as those of times"},
		{"days of a satellite", "tess_flux.dat", "1850.1 1\n1850.2 1\n1850.3 1\n1850.4 1\n1850.5 1\n1850.6 1\n1850.7 " +
			"1\n" +
			"1850.8 1\n1850.9 1\n1851.0 1\n1851.1 1\n", "!1850.1 to 1851.1 in the first column may be days as well"},
		{"a name of a light curve", "spec_phot.dat", rows, "!the file's name says 'phot', so that it may be a light " +
			"curve"},
		{"a comment about magnitudes", "spec.dat", "# mag of the star\n" + rows, "!a comment says 'mag'"},
		{"Julian dates", "a_spec.dat", "2459000.5 15\n2459001.5 15\n", "!the first column may hold dates"},
		{"modified Julian dates", "a_spec.dat", "59000.5 15\n59001.5 15\n", "!the first column may hold dates"},
		{"days since something", "a_spec.dat", "1.5 15\n2.5 15\n", "!1.5 to 2.5 in the first column are no plausible"},
		{"nanometres without their unit", "a_spec.dat", "400 1\n401 1\n", "!no plausible wavelengths in Angstrom"},
		{"up and down", "a_spec.dat", "4000 1\n3999 2\n4005 3\n", "!neither rises nor falls throughout"},
		{"a wavelength twice", "a_spec.dat", "4000 1\n4000 2\n4005 3\n", "!neither rises nor falls throughout"},
		{"dates and filters", "a_spec.dat", "2026-05-27T10:44:38.999 ztfg 19.66 inf\n2026-05-28T05:23:39.998 ztfg " +
			"18.53 0.05\n",
			"!the file seems to have no header line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := bounded.File{Name: c.file, Size: int64(len(c.text)), Content: strings.NewReader(c.text)}
			kind, why, err := NewProcessors().Recognise(t.Context(), f, Options{})
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				if err == nil {
					t.Fatalf("read as %s, %s", kind, why)
				}
				said := strings.Join(problemTexts(err.(*bounded.Error).Problems), "\n")
				for _, part := range []string{want, "no header line", "as col1, col2 and so on"} {
					if !strings.Contains(said, part) {
						t.Errorf("%s\nlacks %q", said, part)
					}
				}
			} else if err != nil || kind != "spectroscopy" || !strings.Contains(why, want) {
				t.Errorf("%s, %s, %v; want %s", kind, why, err, want)
			}
			if !strings.Contains(c.name, "filters") {
				if points, _, err := process("spectroscopy", c.file, []byte(c.text), Options{}); err != nil ||
					len(points) != 1 {
					t.Errorf("as the user says: %v", err)
				}
			}
		})
	}
	// a comment that names a time and a measurement is no prose
	for _, text := range []string{"# HJD mag err\n4000 1 2\n4001 1 2\n", "# JD flux\n4000 1\n4001 1\n"} {
		if _, _, err := process("spectroscopy", "a", []byte(text), Options{}); err == nil ||
			!strings.Contains(err.Error(), "which is not a wavelength") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

package ingest

import (
	"errors"
	"io"
	"time"

	"nightjar/ingest/table"
	"nightjar/internal/jsontext"
)

// TimeOrigin is the key of a value whose time is only that of the upload.
const TimeOrigin = "time_origin"

// Spectrum is a spectrum for WriteSpectrum.
type Spectrum struct {
	Target, Source string
	Time           time.Time
	Value          []byte // a datum's value, compact
	// WavelengthUnits is the unit of the wavelengths in the file, one of [WavelengthUnits], or ""
	// for that of the value.
	WavelengthUnits string
}

// errNoSpectrum is the error of WriteSpectrum for a value that is not a spectrum.
var errNoSpectrum = errors.New("the value is not a spectrum, which needs lists wavelength and flux of equal length")

// WriteSpectrum writes a spectrum as a table, in one of [table.Formats]. The columns are
// wavelength, flux and, if present, flux_error, with their units; target, date and source are the
// keywords OBJECT, DATE-OBS and FACILITY, so that an upload of the file gives the same datum,
// unless the value has the names of TOM Toolkit 3, flux_unit and error. Numbers keep their digits.
// Errors: the writer's; a value that is not a spectrum; *UnitError.
func WriteSpectrum(format string, out io.Writer, s Spectrum) error {
	if s.WavelengthUnits != "" {
		value, err := AppendInUnits(nil, s.Value, s.WavelengthUnits)
		if err != nil {
			return err
		}
		s.Value = value
	}
	members, _ := ValueMembers(s.Value)
	lists := map[string][]string{}
	texts := map[string]string{}
	for _, m := range members {
		switch m.Value.Kind() {
		case '"':
			texts[m.Key] = m.Value.Text()
		case '[':
			for _, x := range m.Value.Items() {
				lists[m.Key] = append(lists[m.Key], scalarText(x))
			}
		}
	}
	wavelength, flux := lists["wavelength"], lists["flux"]
	fluxUnits, wavelengthUnits := spectrumMember(texts, "flux_units"), spectrumMember(texts, "wavelength_units")
	if len(wavelength) == 0 || len(wavelength) != len(flux) {
		return errNoSpectrum
	}
	h := table.Head{Rows: int64(len(flux)),
		Keywords: []table.Keyword{{Name: "OBJECT", Value: s.Target},
			{Name: "DATE-OBS", Value: s.Time.UTC().Format("2006-01-02T15:04:05.999999")}}}
	if texts[TimeOrigin] != "" { // the date is unknown
		h.Keywords = h.Keywords[:1]
	}
	if s.Source != "" {
		h.Keywords = append(h.Keywords, table.Keyword{Name: "FACILITY", Value: s.Source})
	}
	if medium := texts["wavelength_medium"]; medium != "" {
		h.Keywords = append(h.Keywords, table.Keyword{Name: "AIRORVAC", Value: medium})
	}
	if format == "csv" {
		h.Keywords = append(h.Keywords, table.Keyword{Name: "WAVELENGTH_UNITS", Value: wavelengthUnits},
			table.Keyword{Name: "FLUX_UNITS", Value: fluxUnits})
	}
	h.Columns = []table.Column{{Name: "wavelength", Unit: wavelengthUnits, Description: "Wavelength",
		UCD: "em.wl", Kind: table.Number},
		{Name: "flux", Unit: fluxUnits, Description: "Flux", UCD: "phot.flux.density;em.wl",
			Kind: table.Number}}
	columns := [][]string{wavelength, flux}
	if errors := spectrumMember(lists, "flux_error"); len(errors) == len(flux) {
		h.Columns = append(h.Columns,
			table.Column{Name: "flux_error", Unit: fluxUnits, Description: "Error of the flux",
				UCD: "stat.error;phot.flux.density;em.wl", Kind: table.Number})
		columns = append(columns, errors)
	}
	w, err := table.NewWriter(format, out, h)
	if err != nil {
		return err
	}
	row := make([]string, len(columns))
	for i := range flux {
		for c := range columns {
			row[c] = columns[c][i]
		}
		if err := w.Row(row); err != nil {
			return err
		}
	}
	return w.Close()
}

// scalarText returns the digits of a number, "" for anything else.
func scalarText(x jsontext.Value) string {
	if x.Kind() != '0' {
		return ""
	}
	return string(x)
}

// ValueMembers lists the members of a datum's value; ok is false when it is not an object.
func ValueMembers(value []byte) (members []jsontext.Member, ok bool) {
	if len(value) == 0 || value[0] != '{' {
		return nil, false
	}
	return jsontext.Value(value).Members(), true
}

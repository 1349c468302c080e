package ingest

import (
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// fitsGrid makes a grid of the scalar columns of a table. get looks up keywords of the file.
func fitsGrid(t *fits.Table, f bounded.File, get func(string) (string, bool)) *grid {
	g := &grid{format: "FITS binary table", hdu: t.Number, numbered: true}
	if t.ASCII {
		g.format = "FITS ASCII table"
	}
	var use []int
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Width == 0 || !c.Scalar() || c.Form == 'C' || c.Form == 'M' || c.Form == 'A' &&
			c.Repeat > bounded.MaxCellText {
			g.notes = append(g.notes, "column "+problem.Clip(c.Name)+" holds arrays or bits and is left out")
			g.dropped = append(g.dropped, c.Name)
			continue
		}
		use = append(use, i)
		info := field{unit: c.Unit, ucd: c.UCD, time: fitsTime(c, get), text: c.Form == 'A'}
		if c.Form == 'E' && info.time != nil || c.Form == 'E' && isTimeName(c.Name) {
			info.note = "times in single precision are exact only to some minutes"
		}
		g.First = append(g.First, c.Name)
		g.fields = append(g.fields, info)
	}
	g.open = func(func([]byte)) (rows, error) { return plainRows{fits.NewRows(t, f, use)}, nil }
	return g
}

// fitsTime returns how a column counts time, after chapter 9 of the FITS standard: TIMESYS gives
// the scale. For a column named TIME, as space telescopes write it, MJDREF or JDREF gives the zero
// point and TUNIT or TIMEUNIT the unit.
func fitsTime(c *fits.Column, get func(string) (string, bool)) *instant.Clock {
	base, unit := cutUnit(c.Name)
	base = fold(base)
	if unit == "" {
		unit = c.Unit
	}
	t, ok := timeOf(base, unit)
	if !ok && !c.Days {
		return nil
	}
	system := c.TimeScale
	if system == "" {
		system, _ = get("TIMESYS")
	}
	scale, known := instant.ScaleOf(system)
	ref, _ := get("TIMEREF")
	if ref == "" {
		ref, _ = get("TREFPOS")
	}
	if c.TimeRef != "" {
		ref = c.TimeRef
	}
	switch ref = strings.ToUpper(ref); {
	case strings.HasPrefix(ref, "SOLARSYS"), strings.HasPrefix(ref, "BARYC"):
		ref = "barycentric"
	case strings.HasPrefix(ref, "HELIOC"):
		ref = "heliocentric"
	default:
		ref = ""
	}
	if c.Days {
		return &instant.Clock{Kind: instant.KindJD, Scale: scale, ScaleKnown: true, Ref: ref}
	}
	if zero, there := fitsZero(get); there && base == "time" && t.Kind == instant.KindTime {
		if unit == "" {
			unit, _ = get("TIMEUNIT")
		}
		t = instant.Clock{Kind: instant.KindCount, Zero: zero, Unit: instant.DayMicros}
		switch fold(unit) {
		case "s", "sec", "seconds", "":
			t.Unit = instant.SecondMicros
		case "d", "day", "days":
		default:
			t.Refused = "the unit " + problem.Quoted(unit) + " is not understood"
		}
		for _, key := range []string{"TIMEZERO", "TIMEOFFS"} { // added to all times (OGIP/93-003, FITS standard 4.0)
			text, _ := get(key)
			d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(text)))
			if offset, fits := d.Micros(t.Unit); ok && fits {
				t.Zero += offset
			}
		}
		t.Scale, t.Ref = scale, ref
		if !known {
			t.Refused = "times of the scale TIMESYS = " + problem.Clip(system) + " are not read"
		}
		return &t
	}
	if t.Refused != "" {
		return &t
	}
	if t.Ref == "" {
		t.Ref = ref
	}
	if t.Scale == instant.ScaleUTC || t.Assumed != "" && system != "" {
		if !known {
			t.Refused = "times of the scale TIMESYS = " + problem.Clip(system) + " are not read"
		}
		t.Scale, t.Assumed = scale, ""
	}
	return &t
}

// fitsZero returns the instant from which the TIME of a file counts.
func fitsZero(get func(string) (string, bool)) (micros int64, there bool) {
	add := func(key string, julian bool) {
		text, ok := get(key)
		if !ok {
			return
		}
		d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(text)))
		n, fits := d.Micros(instant.DayMicros)
		if !ok || !fits {
			return
		}
		if !there && julian {
			micros -= instant.JDOfUnixHalves * (instant.DayMicros / 2)
		} else if !there {
			micros -= instant.MJDOfUnix * instant.DayMicros
		}
		micros, there = micros+n, true
	}
	for _, key := range []string{"MJDREF", "JDREF"} {
		add(key, key == "JDREF")
		if !there {
			add(key+"I", key == "JDREF")
			if there {
				add(key+"F", key == "JDREF")
			}
		}
		if there {
			return micros, true
		}
	}
	if text, ok := get("BJDREFI"); ok { // Kepler and TESS
		if d, ok := instant.ParseDecimal([]byte(text)); ok {
			if n, fits := d.Micros(instant.DayMicros); fits {
				micros = n - instant.JDOfUnixHalves*(instant.DayMicros/2)
				if text, ok := get("BJDREFF"); ok {
					d, _ := instant.ParseDecimal([]byte(text))
					n, _ := d.Micros(instant.DayMicros)
					micros += n
				}
				return micros, true
			}
		}
	}
	return 0, false
}

// fitsSpectra lists the spectra of a table: one for each row if its columns hold arrays, otherwise
// one of all rows. The list is empty if the table cannot be a spectrum. grid makes the grid of one
// spectrum; all of them together might not fit in memory.
func fitsSpectra(t *fits.Table, f bounded.File,
	get func(string) (string, bool)) (list []int64, grid func(row int64) (*grid, error), err error) {
	arrays := 0
	for i := range t.Columns {
		if c := &t.Columns[i]; !t.ASCII && c.Number() && (c.Repeat > 1 || c.Form == 'P' || c.Form == 'Q') {
			arrays++
		}
	}
	if arrays < 2 {
		g := fitsGrid(t, f, get)
		g.addKeys(get)
		g.notes = nil
		if err := g.readSample(); err != nil {
			return nil, nil, err
		}
		return []int64{0}, oneGrid(g), nil
	}
	for row := int64(0); row < t.Rows; row++ {
		if row == bounded.MaxSpectra {
			return nil, nil, t.Refuse("NAXIS2", "more than a thousand rows of arrays")
		}
		g, err := arrayGrid(t, f, row)
		if err != nil {
			return nil, nil, err
		}
		if g != nil {
			list = append(list, row)
		}
	}
	return list, rowGrid(t, f, get), nil
}

// oneGrid returns a function that returns g.
func oneGrid(g *grid) func(int64) (*grid, error) {
	return func(int64) (*grid, error) { return g, nil }
}

// rowGrid returns a function that makes the grid of a row of arrays.
func rowGrid(t *fits.Table, f bounded.File, get func(string) (string, bool)) func(int64) (*grid, error) {
	return func(row int64) (*grid, error) {
		g, err := arrayGrid(t, f, row)
		if err == nil && g == nil {
			err = t.Refuse("", "the file has changed while it was read")
		}
		if err == nil {
			g.addKeys(get)
		}
		return g, err
	}
}

// addKeys looks up the keywords that a spectrum needs.
func (g *grid) addKeys(get func(string) (string, bool)) {
	g.keys = table.Keywords{}
	keys := append([]string{"TIMESYS", "FACILITY", "ORIGIN", "BUNIT", "WUNIT", "FUNIT", "AIRORVAC",
		"VACUUM"}, clockKeys...)
	for _, k := range dateKeys {
		keys = append(keys, k.key)
	}
	for _, key := range keys {
		if text, ok := get(key); ok {
			g.keys[key] = text
		}
	}
}

// arrayGrid makes a grid of the longest arrays of a row; nil if the row has no arrays.
func arrayGrid(t *fits.Table, f bounded.File, row int64) (*grid, error) {
	arrays, pixels, shorter, err := t.Arrays(f, row)
	if err != nil || len(arrays) == 0 {
		return nil, err
	}
	g := &grid{format: "FITS table of arrays", hdu: t.Number, numbered: true}
	for _, c := range shorter {
		g.notes = append(g.notes, "column "+problem.Clip(c.Name)+" is shorter than others and left out")
	}
	for _, a := range arrays {
		g.First = append(g.First, a.Column.Name)
		g.fields = append(g.fields, field{unit: a.Column.Unit, ucd: a.Column.UCD})
	}
	g.open = func(func([]byte)) (rows, error) { return plainRows{fits.NewArrayRows(f, arrays, pixels)}, nil }
	return g, nil
}

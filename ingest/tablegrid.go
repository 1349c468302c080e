package ingest

import (
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// gridOf makes a grid of a table whose format describes its columns. clock returns how a column
// counts time.
func gridOf(t *table.Table, clock func(c *table.Field) *instant.Clock) *grid {
	g := &grid{Layout: t.Layout, keys: t.Keys, format: t.Format, numbered: t.Numbered, notes: t.Notes,
		dropped: t.Dropped}
	for i := range t.Fields {
		c := &t.Fields[i]
		info := field{unit: c.Unit, ucd: c.UCD, text: c.Text, leftOut: c.LeftOut}
		if c.Time != nil {
			info.time = clock(c)
		}
		if c.Single && (info.time != nil || isTimeName(c.Name)) {
			info.note = "times in single precision are exact only to some minutes"
		}
		g.fields = append(g.fields, info)
	}
	g.open = func(comment func([]byte)) (rows, error) {
		in, err := t.Open(comment)
		return plainRows{in}, err
	}
	return g
}

// ecsvGrid makes a grid of an ECSV file.
func ecsvGrid(f bounded.File) (*grid, error) {
	t, err := table.ReadECSV(f)
	if err != nil {
		return nil, err
	}
	g := gridOf(t, func(c *table.Field) *instant.Clock { return ecsvClock(c.Time) })
	return g, g.readSample()
}

// ecsvClock returns how a Time column of astropy counts.
func ecsvClock(t *table.TimeSystem) *instant.Clock {
	n := instant.Clock{Kind: instant.KindUnknown}
	if named, ok := timeFormatNamed(t.Form); ok {
		n = named
	} else if t.Form != "" && t.Form != "datetime" && t.Form != "datetime64" && t.Form != "ymdhms" {
		n.Refused = "times in astropy's format " + problem.Quoted(t.Form) + " are not read"
	}
	scale, ok := instant.ScaleOf(t.Scale)
	if !ok {
		n.Refused = "times of the scale " + problem.Quoted(t.Scale) + " are not read"
	}
	n.Scale = scale
	return &n
}

// voGrids makes a grid of each table of a VOTable that has rows.
func voGrids(f bounded.File) ([]*grid, error) {
	tables, err := table.VOTables(f)
	if err != nil {
		return nil, err
	}
	var grids []*grid
	for _, vo := range tables {
		t, err := vo.Table(f)
		if err != nil {
			return nil, err
		}
		g := gridOf(t, voClock)
		if err := g.readSample(); err != nil {
			return nil, err
		}
		grids = append(grids, g)
	}
	if len(grids) == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "a VOTable without a table of rows"})
	}
	return grids, nil
}

// voClock returns how a column of a VOTable counts, by its TIMESYS, its unit and its name.
func voClock(c *table.Field) *instant.Clock {
	clock := voTime(c.Time)
	switch {
	case clock.Kind == instant.KindCount && (c.Unit == "s" || c.Unit == "sec"):
		clock.Unit = instant.SecondMicros
	case clock.Kind == instant.KindUnknown:
		base, unit := cutUnit(c.Name)
		if named, ok := timeOf(fold(base), unit); ok && named.Refused == "" {
			clock.Kind, clock.Zero, clock.Unit = named.Kind, named.Zero, named.Unit
		}
	}
	return clock
}

// voTime returns how a TIMESYS counts (VOTable 1.4, section 3.4).
func voTime(system *table.TimeSystem) *instant.Clock {
	origin, scale, position := system.Origin, system.Scale, system.Position
	t := instant.Clock{Kind: instant.KindUnknown, Unit: instant.DayMicros}
	s, ok := instant.ScaleOf(scale)
	if !ok && !strings.EqualFold(scale, "UNKNOWN") {
		t.Refused = "times of the scale " + problem.Quoted(scale) + " are not read"
	}
	t.Scale = s
	switch strings.ToUpper(position) {
	case "BARYCENTER":
		t.Ref = "barycentric"
	case "HELIOCENTER":
		t.Ref = "heliocentric"
	}
	switch strings.ToUpper(origin) {
	case "":
	case "MJD-ORIGIN":
		t.Kind = instant.KindMJD
	case "JD-ORIGIN":
		t.Kind = instant.KindJD
	default:
		d, ok := instant.ParseDecimal([]byte(origin))
		n, fits := d.Micros(instant.DayMicros)
		if !ok || !fits {
			t.Refused = "the timeorigin " + problem.Quoted(origin) + " is not understood"
			break
		}
		t.Kind, t.Zero = instant.KindCount, n-instant.JDOfUnixHalves*(instant.DayMicros/2)
	}
	return &t
}

// fixedGrid returns a reader of a format whose columns have fixed places.
func fixedGrid(read func(bounded.File) (*table.Table, error)) func(bounded.File) (*grid, error) {
	return func(f bounded.File) (*grid, error) {
		t, err := read(f)
		if err != nil {
			return nil, err
		}
		g := gridOf(t, nil)
		return g, g.readSample()
	}
}

package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// photometryOf returns the reader of a format that has one table.
func photometryOf(grid func(bounded.File) (*grid, error)) func(context.Context, *job) error {
	return func(ctx context.Context, j *job) error {
		g, err := grid(j.file)
		if err != nil {
			return err
		}
		return j.readPhotometry(ctx, g)
	}
}

// readFirst reads the first of several tables that has all that photometry needs. If none has, it
// reports the problems of the first one.
func (j *job) readFirst(ctx context.Context, tables []*grid) error {
	chosen := tables[0]
	for _, g := range tables {
		scratch := newNotes("", 1)
		d := *g
		d.resolve(&j.options)
		if photometryColumns(&d, &j.options, scratch); !scratch.refused() {
			chosen = g
			break
		}
	}
	if len(tables) > 1 {
		j.warn("the file has %d tables: %s is read, others are not", len(tables), chosen.describe())
	}
	return j.readPhotometry(ctx, chosen)
}

// readPhotometry reads a table that has one point in each row.
func (j *job) readPhotometry(ctx context.Context, g *grid) error {
	g.resolve(&j.options)
	j.report.Format = g.format
	for _, note := range g.notes {
		j.warn("%s", note)
	}
	columns, timeColumn := photometryColumns(g, &j.options, j.notes)
	j.report.Columns = reportColumns(columns, timeColumn, "")
	if j.refused() {
		return nil // the rows make no sense without the columns
	}
	p := newPhotometry(j, g, columns, timeColumn)
	if err := p.findObjects(ctx); err != nil {
		return err
	}
	in, err := g.open(nil)
	if err != nil {
		return err
	}
	created := 0
	var r row
	for {
		err := in.next(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		j.report.Rows++
		if j.report.Rows%ctxRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if r.Fit(len(columns)); r.Reason == "" && len(r.Cells) != len(columns) {
			r.Reason = problem.Plural(len(r.Cells), "field") + " where the header has " +
				problem.Plural(len(columns), "column")
			if len(r.Cells) > len(columns) {
				r.Whole = len(r.Cells)
			}
		}
		if r.Reason != "" {
			p.badRow(&r)
			continue
		}
		point, ok := p.row(&r)
		if !ok || j.refused() {
			continue
		}
		created++
		if err := j.emit(point); err != nil {
			return err
		}
	}
	p.finish()
	switch {
	case p.fatal > 0 && created > 0:
		j.warn("a row that cannot be read refuses the file; with bad_rows skip the upload leaves it out")
	case p.bad > 0 && j.options.SkipBadRows:
		j.warn("%s left out, as the upload asked with bad_rows skip", problem.Plural(p.bad, "bad row"))
	}
	j.report.Columns = reportColumns(columns, timeColumn, timeUnitText(columns[timeColumn].time, p.timeForms()))
	switch {
	case j.report.Rows == 0 && g.numbered:
		j.problem(bounded.Problem{HDU: g.hdu, Reason: "the table has no rows"})
	case j.report.Rows == 0:
		j.problem(bounded.Problem{Reason: "no rows below the header"})
	case created == 0 && !j.refused() && p.bad > 0:
		j.problem(bounded.Problem{Reason: "no rows are left: " + problem.Plural(p.bad, "row") + " could not be read, " +
			"the first in " + j.report.Rejected[p.firstBad].String()})
	case created == 0 && !j.refused() && p.others > 0:
		j.problem(bounded.Problem{Reason: "no rows are left: every object was left out, the first in " +
			j.report.Rejected[p.firstOther].String()})
	case created == 0 && !j.refused():
		j.problem(bounded.Problem{Reason: "no rows are left: none has a magnitude, a limit or a flux"})
	}
	return nil
}

// readFITSPhotometry reads the first table of a FITS file that has a time and a measurement.
func readFITSPhotometry(ctx context.Context, j *job) error {
	tables, primary, bad, err := fits.Tables(j.file, bounded.MaxFITSTables)
	if err != nil {
		return err
	}
	if len(tables) == 0 && bad != nil {
		return bad
	}
	if len(tables) == 0 {
		return bounded.Refuse(bounded.Problem{Reason: "no photometry: a FITS file without tables"})
	}
	if g, err := snanaFITSGrid(tables, primary, j.file); g != nil || err != nil {
		if err != nil {
			return err
		}
		return j.readPhotometry(ctx, g)
	}
	var grids []*grid
	for _, t := range tables {
		g := fitsGrid(t, j.file, t.Getter(primary))
		g.keys = filterKeys(t.Getter(primary))
		if err := g.readSample(); err != nil {
			return err
		}
		grids = append(grids, g)
	}
	return j.readFirst(ctx, grids)
}

// readVOPhotometry reads the first table of a VOTable that has a time and a measurement.
func readVOPhotometry(ctx context.Context, j *job) error {
	grids, err := voGrids(j.file)
	if err != nil {
		return err
	}
	return j.readFirst(ctx, grids)
}

// findObjects counts the objects that the rows name, up to two. A table of one object is taken for
// the target's, even if the name differs.
func (p *photometry) findObjects(ctx context.Context) error {
	if p.object < 0 {
		if name := p.grid.object; name != "" && p.options.Names != nil && !named(p.options.Names, name) {
			p.warn("the file is of %s, which is not a name of the target", problem.Quoted(name))
		}
		return nil
	}
	in, err := p.grid.open(nil)
	if err != nil {
		return err
	}
	first := ""
	var r row
	for n := 0; p.objects < 2; n++ {
		if n%ctxRows == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := in.next(&r)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if r.Reason != "" || p.object >= len(r.Cells) || missing(r.Cells[p.object]) {
			continue
		}
		if name := r.Cells[p.object]; p.objects == 0 {
			first, p.objects = string(name), 1
		} else if !bytes.Equal(name, []byte(first)) && foldObject(string(name)) != foldObject(first) {
			p.objects = 2
		}
	}
	if p.objects == 1 && p.options.Names != nil && !named(p.options.Names, first) {
		p.warn("column %s: the rows are of %s, which is not a name of the target",
			problem.Clip(p.columns[p.object].name), problem.Quoted(first))
	}
	return nil
}

// finish turns the counters into warnings.
func (p *photometry) finish() {
	name := problem.Clip(p.columns[p.timeColumn].name)
	if p.converted > 0 {
		p.warn("column %s: %s between 2,400,000 and 2,500,000 taken for a Julian date and converted", name,
			problem.Plural(p.converted, "value"))
	}
	if p.early > 0 {
		p.warn("column %s: %s below 10,000 taken for a modified Julian date; if they count from another day, "+
			"say so with time_format", name, problem.Plural(p.early, "value"))
	}
	p.warnTimes()
	p.warnKinds()
	p.warnNames()
	if p.dayOnly > 0 {
		p.warn("column %s: %s without a time of day, 00:00 UTC is assumed", name, problem.Plural(p.dayOnly, "date"))
	}
	if p.leaps > 0 {
		p.warn("column %s: %s of 23:59:60 became 00:00:00 of the next day", name, problem.Plural(p.leaps, "time"))
	}
	if p.leapDay > 0 {
		p.warn("column %s: %s on a day that ended with a leap second, which had 86,401 seconds; times are kept in "+
			"days of 86,400", name, problem.Plural(p.leapDay, "time"))
	}
	if clock := p.columns[p.timeColumn].time; p.shifts > 0 {
		scale := clock.Scale.String()
		if clock.Scale == instant.ScaleUTC {
			scale = "another scale"
		}
		text := secondsText(p.leastShift)
		if p.mostShift != p.leastShift {
			text += " to " + secondsText(p.mostShift)
		}
		p.warn("column %s: %s of %s converted to UTC, %s were subtracted", name,
			problem.Plural(p.shifts, "time"), scale, text)
	}
	if p.ref != "" {
		p.warn("column %s: the times are %s, up to 8.3 minutes from those at the Earth; they are not corrected, "+
			"and time_ref says so", name, p.ref)
	}
	if p.computed > 0 {
		p.warn("%s computed from flux and zero point", problem.Plural(p.computed, "magnitude"))
	}
	if n := p.computedLimits - p.fluxLimits; n > 0 {
		p.warn("%s with a flux of at most %g times its error: the limit is that of %g errors",
			problem.Plural(n, "row"), p.rule.detection, p.rule.sigmas)
	}
	if p.fluxLimits > 0 {
		p.warn("column %s: %s flagged as not detected stored as limit", problem.Clip(p.columns[p.flux].name),
			problem.Plural(p.fluxLimits, "value"))
	}
	if p.withoutError > 0 {
		p.warn("%s without an error of the flux above 0: the magnitude is left out",
			problem.Plural(p.withoutError, "row"))
	}
	if p.errorLimits > 0 {
		p.warn("%s with an error and without a flux: the limit is that of %g errors",
			problem.Plural(p.errorLimits, "row"), p.rule.sigmas)
	}
	if p.signs > 0 {
		p.warn("column %s: %s with < or > in front stored as limit (fainter than)",
			problem.Clip(p.columns[p.magnitude].name), problem.Plural(p.signs, "magnitude"))
	}
	if p.flagged > 0 {
		p.warn("column %s: %s flagged as not detected stored as limit", problem.Clip(p.columns[p.magnitude].name),
			problem.Plural(p.flagged, "magnitude"))
	}
	if p.large > 0 {
		p.warn("%s above 1 mag", problem.Plural(p.large, "error"))
	}
	if p.limitErrors > 0 {
		p.warn("%s of limits left out", problem.Plural(p.limitErrors, "error"))
	}
	if p.noFlux > 0 {
		p.warn("column %s: %s taken as missing, as the errors beside them are such numbers, too (first: %s)",
			problem.Clip(p.columns[p.flux].name), problem.Plural(p.noFlux, "value"), problem.Clip(p.firstNoFlux))
	}
	for _, c := range p.columns {
		o := p.outside[c.name]
		if o == nil {
			continue
		}
		bounds := "below 0"
		if least, most, ok := c.role.bounds(); ok {
			bounds = fmt.Sprintf("outside %g to %g", least, most)
		}
		p.warn("column %s: %s %s taken as missing (first: %s)", problem.Clip(c.name), problem.Plural(o.count, "value"),
			bounds, problem.Clip(o.first))
	}
}

// timeForms lists how the times were written.
func (p *photometry) timeForms() string {
	text := ""
	for f, seen := range p.forms {
		if !seen {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += instant.Form(f).String()
	}
	return text
}

// timeUnitText is how a report names the way of counting time, such as "BJD, TDB".
func timeUnitText(n instant.Clock, form string) string {
	if n.Ref != "" {
		form = n.Ref + " " + form
	}
	if n.Scale != instant.ScaleUTC {
		form += ", " + n.Scale.String()
	}
	return form
}

package ingest

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
)

// endOfObject is the MJD of the rows that end each light curve in a table PHOT of SNANA.
const endOfObject = "-777"

// snanaObject is a row of a table HEAD: an object, and its rows in PHOT, from 1.
type snanaObject struct {
	name        string
	first, last int
}

// snanaFITSGrid makes a grid of light curves in SNANA's FITS format (SNANA manual, "FITS format"):
// a table PHOT has the light curves one after the other, and a table HEAD their objects, with
// PTROBS_MIN and PTROBS_MAX. They are usually in two files, which cat joins into one. The grid is
// nil if the file has neither.
func snanaFITSGrid(tables []*fits.Table, primary *fits.HDU, f bounded.File) (*grid, error) {
	var phot, head *fits.Table
	for _, t := range tables {
		switch {
		case phot == nil && hasColumns(t, "mjd", "fluxcal", "fluxcalerr"):
			phot = t
		case head == nil && hasColumns(t, "snid", "ptrobs_min", "ptrobs_max"):
			head = t
		}
	}
	switch {
	case phot == nil && head == nil:
		return nil, nil
	case phot == nil:
		return nil, head.Refuse("", "SNANA's table HEAD lists objects; their light curves are in the file PHOT: join "+
			"both into one file, as with cat HEAD.FITS PHOT.FITS > BOTH.FITS")
	}
	get := phot.Getter(primary)
	g := fitsGrid(phot, f, get)
	g.format, g.dialect = "SNANA, FITS", &snana
	g.source, _ = get("SURVEY")
	open := g.open
	in := snanaFITSRows{hdu: phot.HDU, headless: head == nil,
		mjd: slices.IndexFunc(g.First, func(name string) bool { return fold(name) == "mjd" })}
	if head != nil {
		var err error
		if in.objects, err = snanaObjects(head, f); err != nil {
			return nil, err
		}
		g.First, g.fields = append(g.First, "SNID"), append(g.fields, field{text: true})
	}
	g.open = func(comment func([]byte)) (rows, error) {
		from, err := open(comment)
		out := in
		out.rows = from
		return &out, err
	}
	return g, g.readSample()
}

// hasColumns reports whether a table has columns with all these folded names.
func hasColumns(t *fits.Table, names ...string) bool {
	for _, name := range names {
		if !slices.ContainsFunc(t.Columns, func(c fits.Column) bool { return fold(c.Name) == name }) {
			return false
		}
	}
	return true
}

// snanaObjects reads a table HEAD. The rows of its objects must follow each other in PHOT.
func snanaObjects(head *fits.Table, f bounded.File) (list []snanaObject, err error) {
	var use []int
	for _, name := range []string{"snid", "ptrobs_min", "ptrobs_max"} {
		use = append(use, slices.IndexFunc(head.Columns, func(c fits.Column) bool { return fold(c.Name) == name }))
	}
	if head.Rows > bounded.MaxObjects {
		return nil, head.Refuse("NAXIS2", fmt.Sprintf("more than %d objects", bounded.MaxObjects))
	}
	in := fits.NewRows(head, f, use)
	var r bounded.Row
	last := 0
	for {
		err := in.Next(&r)
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		o := snanaObject{name: string(r.Cells[0])}
		o.first, err = strconv.Atoi(string(r.Cells[1]))
		if err == nil {
			o.last, err = strconv.Atoi(string(r.Cells[2]))
		}
		if err == nil && o.last < o.first {
			continue // an object without observations
		}
		if err != nil || o.first <= last || o.name == "" {
			return nil, bounded.Refuse(bounded.Problem{HDU: head.Number, Row: r.Line,
				Reason: fmt.Sprintf("the object %q has the rows %s to %s of PHOT, which must be numbers and follow "+
					"those of the object before", clipBytes(o.name), r.Cells[1], r.Cells[2])})
		}
		last = o.last
		list = append(list, o)
	}
}

// snanaFITSRows reads the rows of a table PHOT, with the name of the object of each in a last cell,
// and leaves out those that end a light curve.
type snanaFITSRows struct {
	rows
	hdu      *fits.HDU
	mjd      int // index of the column
	objects  []snanaObject
	headless bool // there is no table HEAD
	number   int
	cells    [][]byte
}

func (in *snanaFITSRows) next(r *row) error {
	for {
		err := in.rows.next(r)
		if err == io.EOF && len(in.objects) > 0 {
			return in.hdu.Refuse("", fmt.Sprintf("PHOT has %d rows, but an object in HEAD has rows up to %d", in.number,
				in.objects[len(in.objects)-1].last))
		}
		if err != nil {
			return err
		}
		in.number++
		end := string(r.Cells[in.mjd]) == endOfObject
		refuse := func(reason string) error {
			return bounded.Refuse(bounded.Problem{HDU: in.hdu.Number, Row: in.number, Reason: reason})
		}
		if in.headless {
			if end {
				return refuse("MJD = -777 ends the light curve of an object: SNANA's table PHOT may have several, " +
					"and their names are in the file HEAD; join both into one file, as with cat HEAD.FITS PHOT.FITS " +
					"> BOTH.FITS")
			}
			return nil
		}
		for len(in.objects) > 0 && in.number > in.objects[0].last {
			in.objects = in.objects[1:]
		}
		ours := len(in.objects) > 0 && in.number >= in.objects[0].first
		switch {
		case !ours && end:
			continue
		case ours && end:
			return refuse("MJD = -777 ends a light curve, but HEAD says that the row is of the object " +
				in.objects[0].name)
		case !ours:
			return refuse("HEAD has no object to which the row belongs")
		}
		in.cells = append(append(in.cells[:0], r.Cells...), []byte(in.objects[0].name))
		r.Cells = in.cells
		return nil
	}
}

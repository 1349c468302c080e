package ingest

import (
	"context"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
)

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
	var grids []*grid
	for _, t := range tables {
		g := fitsGrid(t, j.file, t.Getter(primary))
		if err := g.look(); err != nil {
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

// readVOSpectrum reads the first table of a VOTable that has wavelengths and fluxes.
func readVOSpectrum(ctx context.Context, j *job) error {
	grids, err := voGrids(j.file)
	if err != nil {
		return err
	}
	for _, g := range grids {
		if _, err := spectrumColumns(g, &j.options, newNotes("", 1)); err == nil {
			return j.readSpectrum(ctx, g)
		}
	}
	return j.readSpectrum(ctx, grids[0])
}

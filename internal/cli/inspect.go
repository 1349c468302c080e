package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/ingest"
	"nightjar/internal/problem"
)

// fileHints are the flags that say what a file does not say itself.
type fileHints struct {
	kind, dateObs, timeColumn, timeFormat, fluxUnit, zeroPoint, images, badRows string

	columns []string // ROLE=COLUMN
}

func (a *fileHints) flags() []cli.Flag {
	a.kind = ingest.AutoType
	return []cli.Flag{
		textFlag(&a.kind, "type",
			"data product `TYPE`, such as photometry, spectroscopy or fits_file; auto recognises it"),
		textFlag(&a.dateObs, "date-obs", "`DATE` of spectra without one, MJD or ISO 8601, UTC"),
		textFlag(&a.timeColumn, "time-column", "`COLUMN` that has the time of photometry"),
		textFlag(&a.timeFormat, "time-format",
			"`FORMAT` of that column: mjd, jd, hjd, bjd, btjd, bkjd, rjd, gaia, unix or iso; also mjd_tt, "+
				"jd-2450000, days:2020-01-01 ..."),
		textFlag(&a.fluxUnit, "flux-unit", "`UNIT` of fluxes of photometry that have none, such as uJy"),
		textFlag(&a.zeroPoint, "zero-point", "`MAGNITUDE` of a flux of 1, for rows of photometry without a zero point"),
		textFlag(&a.images, "images", "`KIND` of images that photometry was made of, difference or reduced, if they "+
			"differ from what the format implies"),
		textFlag(&a.badRows, "bad-rows", "`ACTION` for rows that cannot be read: refuse (the file) or skip; "+
			"default: refuse"),
		listFlag(&a.columns, "column", "column of a role, such as magnitude=m_corr, as `ROLE=COLUMN`; may be repeated"),
	}
}

// skipsBadRows reads the flag --bad-rows.
func (a *fileHints) skipsBadRows(c *cli.Context) (bool, error) {
	switch a.badRows {
	case "", "refuse":
		return false, nil
	case "skip":
		return true, nil
	}
	return false, usageError(c, "--bad-rows %q is neither refuse nor skip", a.badRows)
}

// roles returns the columns by role.
func (a *fileHints) roles(c *cli.Context) (map[string]string, error) {
	columns := map[string]string{}
	for _, text := range a.columns {
		role, column, ok := strings.Cut(text, "=")
		if !ok || role == "" || column == "" {
			return nil, usageError(c, "%q is not of the form ROLE=COLUMN", text)
		}
		columns[role] = column
	}
	return columns, nil
}

func (p *program) inspectCommand() *cli.Command {
	var in fileHints
	var asJSON bool
	return &cli.Command{
		Name: "inspect", Usage: "show what an upload would read from files; needs no archive", ArgsUsage: "FILE...",
		Description: "nightjar inspect lightcurve.csv spectrum.fits\n" +
			"nightjar inspect --column magnitude=m_corr --time-format jd table.csv",
		Flags: append(in.flags(), boolFlag(&asJSON, "json", "print the report of each file as a line of JSON")),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "FILE...")
			if err != nil {
				return err
			}
			columns, err := in.roles(c)
			if err != nil {
				return err
			}
			skip, err := in.skipsBadRows(c)
			if err != nil {
				return err
			}
			o := ingest.Options{DateObs: in.dateObs, TimeColumn: in.timeColumn, TimeFormat: in.timeFormat,
				FluxUnit: in.fluxUnit, ZeroPoint: in.zeroPoint, Images: in.images, SkipBadRows: skip, Columns: columns}
			if bad := o.Problems(); len(bad) > 0 {
				return usageError(c, "--%s: %s", strings.ReplaceAll(bad[0].Column, "_", "-"), bad[0].Reason)
			}
			files := expandPatterns(args)
			var failed []string
			for _, file := range files {
				if err := p.inspect(c.Context, file, in.kind, o, asJSON); err != nil {
					err = fmt.Errorf("%s: %w", printable(file), err)
					if c.Context.Err() != nil || len(files) == 1 {
						return err
					}
					p.note("%v", err)
					failed = append(failed, file)
				}
			}
			return refusedFiles(failed, len(files))
		},
	}
}

// inspect prints the report on one file.
func (p *program) inspect(ctx context.Context, file, kind string, o ingest.Options, asJSON bool) error {
	f, info, err := openFile(file)
	if err != nil {
		return err
	}
	defer f.Close()
	as, r, err := ingest.NewProcessors().Inspect(ctx, kind,
		ingest.File{Name: filepath.Base(file), Size: info.Size(), Content: f}, o)
	if err != nil {
		return err
	}
	if asJSON {
		line, err := json.Marshal(struct {
			File   string        `json:"file"`
			Type   string        `json:"data_product_type"`
			Report ingest.Report `json:"report"`
		}{file, as, r})
		if err != nil {
			return err
		}
		p.say("%s", line)
	} else if err := p.printReport(file, as, r); err != nil {
		return err
	}
	if len(r.Errors) > 0 {
		return errors.New(printable(r.Errors[0].String()))
	}
	return nil
}

// printReport prints a report as text.
func (p *program) printReport(file, as string, r ingest.Report) error {
	form := r.Format
	if form == "" {
		form = "kept as it is"
	}
	if as == "" {
		as, form = "refused", "no data product type fits"
	}
	if _, why, ok := strings.Cut(r.Recognised, ", because "); ok {
		form += ", because " + why
	}
	p.say("%s: %s, %s", printable(file), as, printable(form))
	var rows [][]string
	for _, c := range r.Columns {
		role := c.Role
		if role == "" {
			role = "-"
		}
		rows = append(rows, []string{"  " + c.Name, role, c.Unit})
	}
	if err := p.table(rows); err != nil {
		return err
	}
	if r.Rows > 0 {
		p.say("  %s, %s, %s skipped", problem.Plural(r.Rows, "row"), problem.Plural(r.Created, "datum"),
			strconv.Itoa(r.RejectedCount))
	}
	for _, list := range []struct {
		what  string
		lines []string
	}{{"warning", r.Warnings}, {"skipped", problemLines(r.Rejected)}, {"error", problemLines(r.Errors)}} {
		for _, line := range list.lines {
			p.say("  %s: %s", list.what, printable(line))
		}
	}
	return nil
}

func problemLines[T fmt.Stringer](list []T) (lines []string) {
	for _, v := range list {
		lines = append(lines, v.String())
	}
	return lines
}

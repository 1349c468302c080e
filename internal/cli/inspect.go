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

// answers are those to questions that a file does not answer by itself.
type answers struct {
	kind, dateObs, timeColumn, timeFormat string
	columns                               []string // ROLE=COLUMN
}

func (a *answers) flags() []cli.Flag {
	a.kind = ingest.AutoType
	return []cli.Flag{
		textFlag(&a.kind, "type",
			"`TYPE` of the files, such as photometry, spectroscopy or fits_file; auto lets the content decide"),
		textFlag(&a.dateObs, "date-obs", "`DATE` of a spectrum whose file says none: MJD or ISO 8601, UTC"),
		textFlag(&a.timeColumn, "time-column", "the `COLUMN` of photometry that holds the time"),
		textFlag(&a.timeFormat, "time-format",
			"what it counts, `FORMAT`: mjd, jd, hjd, bjd, btjd, unix or iso, as mjd_tt or jd-2450000 too"),
		listFlag(&a.columns, "column", "the column of a role, as `ROLE=COLUMN`, such as magnitude=m_corr"),
	}
}

// roles are the columns by role.
func (a *answers) roles(c *cli.Context) (map[string]string, error) {
	columns := map[string]string{}
	for _, text := range a.columns {
		role, column, ok := strings.Cut(text, "=")
		if !ok || role == "" || column == "" {
			return nil, usageError(c, "%q is no ROLE=COLUMN", text)
		}
		columns[role] = column
	}
	return columns, nil
}

func (p *program) inspectCommand() *cli.Command {
	var in answers
	var asJSON bool
	return &cli.Command{
		Name: "inspect", Usage: "say what files hold and how an upload would read them; no archive is needed", ArgsUsage: "FILE...",
		Description: "nightjar inspect lightcurve.csv spectrum.fits\n" +
			"nightjar inspect --column magnitude=m_corr --time-format jd table.csv",
		Flags: append(in.flags(), boolFlag(&asJSON, "json", "print the report of each as a line of JSON")),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "FILE...")
			if err != nil {
				return err
			}
			columns, err := in.roles(c)
			if err != nil {
				return err
			}
			o := ingest.Options{DateObs: in.dateObs, TimeColumn: in.timeColumn,
				TimeFormat: in.timeFormat, Columns: columns}
			files := matching(args)
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

// inspect prints the report of one file.
func (p *program) inspect(ctx context.Context, file, kind string, o ingest.Options, asJSON bool) error {
	f, info, err := openFile(file)
	if err != nil {
		return err
	}
	defer f.Close()
	as, note, r, err := ingest.NewProcessors().Inspect(ctx, kind,
		ingest.File{Name: filepath.Base(file), Size: info.Size(), Content: f}, o)
	if err != nil {
		return err
	}
	if asJSON {
		line, err := json.Marshal(struct {
			File   string        `json:"file"`
			Type   string        `json:"data_product_type"`
			Note   string        `json:"note,omitempty"`
			Report ingest.Report `json:"report"`
		}{file, as, note, r})
		if err != nil {
			return err
		}
		p.say("%s", line)
	} else if err := p.reported(file, as, note, r); err != nil {
		return err
	}
	if len(r.Errors) > 0 {
		return errors.New(printable(r.Errors[0].String()))
	}
	return nil
}

// reported prints a report for people.
func (p *program) reported(file, as, note string, r ingest.Report) error {
	form := r.Format
	if form == "" {
		form = "kept as it is"
	}
	if as == "" {
		as, form = "refused", "no type of data fits it"
	}
	p.say("%s: %s, %s", printable(file), as, printable(form))
	if note != "" {
		p.say("  kept as it is, since it could not be read: %s", printable(note))
	}
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
		p.say("  %s, %s, %s left out", problem.Plural(r.Rows, "row"), problem.Plural(r.Created, "datum"),
			strconv.Itoa(r.RejectedCount))
	}
	for _, list := range []struct {
		what  string
		lines []string
	}{{"warning", r.Warnings}, {"left out", problemLines(r.Rejected)}, {"error", problemLines(r.Errors)}} {
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

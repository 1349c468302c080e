package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"nightjar/ingest"

	"github.com/urfave/cli/v2"
)

// answerFlags answer what a file does not tell by itself.
func answerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "type", Usage: "`TYPE` of the files, such as photometry, spectroscopy or fits_file; auto lets the content decide", Value: ingest.AutoType},
		&cli.StringFlag{Name: "date-obs", Usage: "`DATE` of a spectrum whose file says none: MJD or ISO 8601, UTC"},
		&cli.StringFlag{Name: "time-column", Usage: "the `COLUMN` of photometry that holds the time"},
		&cli.StringFlag{Name: "time-format", Usage: "what it counts, `FORMAT`: mjd, jd, hjd, bjd, btjd, unix or iso, as mjd_tt or jd-2450000 too"},
		&cli.StringSliceFlag{Name: "column", Usage: "the column of a role, as `ROLE=COLUMN`, such as magnitude=m_corr"},
	}
}

// roleColumns reads the flags column.
func roleColumns(c *cli.Context) (map[string]string, error) {
	columns := map[string]string{}
	for _, text := range c.StringSlice("column") {
		role, column, ok := strings.Cut(text, "=")
		if !ok || role == "" || column == "" {
			return nil, usageError(c, "%q is no ROLE=COLUMN", text)
		}
		columns[role] = column
	}
	return columns, nil
}

// matching replaces patterns among the names of files by the files that they match; a pattern without a file stays, so that it is
// told.
func matching(names []string) []string {
	var files []string
	for _, name := range names {
		if _, err := os.Lstat(name); err != nil && strings.ContainsAny(name, "*?[") {
			if found, err := filepath.Glob(name); err == nil && len(found) > 0 {
				files = append(files, found...)
				continue
			}
		}
		files = append(files, name)
	}
	return files
}

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "say what files hold and how an upload would read them; no archive is needed", ArgsUsage: "FILE...",
		Description: "nightjar inspect lightcurve.csv spectrum.fits\n" +
			"nightjar inspect --column magnitude=m_corr --time-format jd table.csv",
		Flags: append(answerFlags(), &cli.BoolFlag{Name: "json", Usage: "print the report of each as a line of JSON"}),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, "FILE...")
			if err != nil {
				return err
			}
			columns, err := roleColumns(c)
			if err != nil {
				return err
			}
			o := ingest.Options{DateObs: c.String("date-obs"), TimeColumn: c.String("time-column"), TimeFormat: c.String("time-format"), Columns: columns}
			files := matching(args)
			var failed []string
			for _, file := range files {
				if err := p.inspect(c.Context, c, file, o); err != nil {
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

// refusedFiles is the error that names the files that were refused; nil for none.
func refusedFiles(failed []string, of int) error {
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d files refused: %s", len(failed), of, firstOf(failed))
}

// openFile opens a file, with errors that do not repeat its name.
func openFile(file string) (*os.File, os.FileInfo, error) {
	f, err := os.Open(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("is a directory")
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// inspect prints the report of one file.
func (p *program) inspect(ctx context.Context, c *cli.Context, file string, o ingest.Options) error {
	f, info, err := openFile(file)
	if err != nil {
		return err
	}
	defer f.Close()
	as, note, r, err := ingest.NewProcessors().Inspect(ctx, c.String("type"), ingest.File{Name: filepath.Base(file), Size: info.Size(), Content: f}, o)
	if err != nil {
		return err
	}
	if c.Bool("json") {
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
		p.say("  %s, %s, %s left out", rowsText(r.Rows, "row"), rowsText(r.Created, "datum"), strconv.Itoa(r.RejectedCount))
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
	for _, problem := range list {
		lines = append(lines, problem.String())
	}
	return lines
}

func rowsText(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "datum":
		return strconv.Itoa(n) + " data"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

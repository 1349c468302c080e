package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
)

func (p *program) exportCommand() *cli.Command {
	var salvaged string
	return &cli.Command{
		Name: "export", Usage: "print what the archive holds",
		Description: "nightjar export --db damaged.db --salvage saved.db",
		Flags: []cli.Flag{textFlag(&salvaged, "salvage",
			"make a new archive `FILE` of all that is whole in a damaged one, which no server may "+
				"have open")},
		Action:      func(c *cli.Context) error { return p.salvage(c, salvaged) },
		Subcommands: []*cli.Command{p.exportTargets(), p.exportDatums(), p.exportSpectra()},
	}
}

func (p *program) exportTargets() *cli.Command {
	q, format := newQuery(), "csv"
	return &cli.Command{
		Name: "targets", Usage: "print targets as a table, to be read by import targets",
		Description: "nightjar export targets > targets.csv\n" +
			"nightjar export targets --cone 206.7,-12.5,0.5 --format votable > near.xml",
		Flags: []cli.Flag{
			formatFlag(&format), p.asFlag(),
			q.flag("name", "name", "only those with `PART` in their name or an alias"),
			q.flag("type", "type", "only those of this `TYPE`: SIDEREAL or NON_SIDEREAL"),
			q.flag("list", "targetlist__name", "only those of a target list, by `NAME` or id"),
			q.flag("cone", "cone_search", "only those within `RA,DEC,RADIUS`, degrees"),
		},
		Action: p.exporting("/api/targets/", &format, q),
	}
}

func (p *program) exportDatums() *cli.Command {
	q, format := newQuery(), "ndjson"
	return &cli.Command{
		Name: "datums", Usage: "print reduced data, by target and time, to be read by import datums; ndjson keeps every digit and type",
		Description: "nightjar export datums > all.ndjson\n" +
			"nightjar export datums --target 'SN 2026abc' --type photometry --format ecsv > lightcurve.ecsv",
		Flags: []cli.Flag{
			formatFlag(&format), p.asFlag(),
			q.flag("target", "target_name", "only of targets with `PART` in their name or an alias"),
			q.flag("target-id", "target__id", "only of the target with `ID`"),
			q.flag("type", "data_type", "only data of a `TYPE`, such as photometry"),
			q.flag("source", "source_name", "only data from the `SOURCE`"),
			q.flag("product", "data_product__id", "only data of the data product with `ID`"),
			q.flag("wavelength-units", "wavelength_units", wavelengthUsage()),
		},
		Action: p.exporting("/api/reduceddatums/", &format, q),
	}
}

func formatFlag(p *string) cli.Flag {
	return textFlag(p, "format", "`FORM` of what is printed: csv, ecsv, votable, fits or ndjson")
}

// salvage makes a new file of a damaged one, and says what was lost.
func (p *program) salvage(c *cli.Context, to string) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	if to == "" {
		return usageError(c, "say what: targets, datums, or --salvage FILE")
	}
	if err := present(p.file); err != nil {
		return err
	}
	r, err := archive.Salvage(c.Context, p.file, to)
	switch {
	case errors.Is(err, archive.ErrLocked):
		return fmt.Errorf("another program has %s open: stop the server first", p.file)
	case errors.Is(err, os.ErrExist):
		return fmt.Errorf("%s is there: nothing is overwritten", to)
	case err != nil:
		return err
	}
	for _, text := range r.Problems {
		p.note("damaged: %s", printable(text))
	}
	if r.More > 0 {
		p.note("and %d more", r.More)
	}
	p.say("%d records and %d files saved to %s, as a node of its own; %d things were damaged", r.Records, r.Blobs, to,
		len(r.Problems)+r.More)
	return p.checkCopy(c.Context)(to)
}

// exporting is the action that prints a whole list.
func (p *program) exporting(path string, form *string, q *query) cli.ActionFunc {
	return p.asking(false, nil, func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
		format := strings.ToLower(*form)
		switch format {
		case "csv", "ecsv", "votable", "fits", "ndjson":
		default:
			return usageError(c, "%q is no format: csv, ecsv, votable, fits or ndjson", format)
		}
		q.Set("format", format)
		q.Set("strict", "true")
		w, err := n.Send(ctx, http.MethodGet, path+"?"+q.Encode(), "", nil)
		if err != nil {
			return q.explained(c, err)
		}
		defer w.Body.Close()
		_, err = io.Copy(p.out, w.Body)
		return err
	})
}

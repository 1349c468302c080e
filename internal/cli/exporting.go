package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
)

func (p *program) exportCommand() *cli.Command {
	formats := func(standard string) cli.Flag {
		return &cli.StringFlag{Name: "format", Usage: "`FORM` of what is printed: csv, ecsv, votable, fits or ndjson", Value: standard}
	}
	return &cli.Command{
		Name: "export", Usage: "print what the archive holds",
		Description: "nightjar export --db damaged.db --salvage saved.db",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "salvage", Usage: "make a new archive `FILE` of all that is whole in a damaged one, which no server may have open"}},
		Action:      p.salvage,
		Subcommands: []*cli.Command{
			{
				Name: "targets", Usage: "print targets as a table, to be read by import targets",
				Description: "nightjar export targets > targets.csv\n" +
					"nightjar export targets --cone 206.7,-12.5,0.5 --format votable > near.xml",
				Flags: []cli.Flag{
					formats("csv"), asFlag(),
					&cli.StringFlag{Name: "name", Usage: "only those with `PART` in their name or an alias"},
					&cli.StringFlag{Name: "type", Usage: "only those of this `TYPE`: SIDEREAL or NON_SIDEREAL"},
					&cli.StringFlag{Name: "list", Usage: "only those of a target list, by `NAME` or id"},
					&cli.StringFlag{Name: "cone", Usage: "only those within `RA,DEC,RADIUS`, degrees"},
				},
				Action: p.exporting("/api/targets/", map[string]string{"name": "name", "type": "type", "list": "targetlist__name", "cone": "cone_search"}),
			},
			{
				Name: "datums", Usage: "print reduced data, by target and time, to be read by import datums; ndjson keeps every digit and type",
				Description: "nightjar export datums > all.ndjson\n" +
					"nightjar export datums --target 'SN 2026abc' --type photometry --format ecsv > lightcurve.ecsv",
				Flags: []cli.Flag{
					formats("ndjson"), asFlag(),
					&cli.StringFlag{Name: "target", Usage: "only of targets with `PART` in their name or an alias"},
					&cli.StringFlag{Name: "target-id", Usage: "only of the target with `ID`"},
					&cli.StringFlag{Name: "type", Usage: "only data of a `TYPE`, such as photometry"},
					&cli.StringFlag{Name: "source", Usage: "only data from the `SOURCE`"},
					&cli.StringFlag{Name: "product", Usage: "only data of the data product with `ID`"},
					wavelengthFlag(),
				},
				Action: p.exporting("/api/reduceddatums/", map[string]string{"target": "target_name", "target-id": "target__id", "type": "data_type",
					"source": "source_name", "product": "data_product__id", "wavelength-units": "wavelength_units"}),
			},
			p.exportSpectra(),
		},
	}
}

// salvage makes a new file of a damaged one, and says what was lost.
func (p *program) salvage(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	to := c.String("salvage")
	if to == "" {
		return usageError(c, "say what: targets, datums, or --salvage FILE")
	}
	if err := present(c.String("db")); err != nil {
		return err
	}
	r, err := archive.Salvage(c.Context, c.String("db"), to)
	switch {
	case errors.Is(err, archive.ErrLocked):
		return fmt.Errorf("another program has %s open: stop the server first", c.String("db"))
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
	p.say("%d records and %d files saved to %s, as a node of its own; %d things were damaged", r.Records, r.Blobs, to, len(r.Problems)+r.More)
	return p.checkCopy(c.Context)(to)
}

// exporting is the action that prints a whole list. filters are the query parameters of flags.
func (p *program) exporting(path string, filters map[string]string) cli.ActionFunc {
	return p.asking(false, nil, func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
		n.As = c.String("as")
		format := strings.ToLower(c.String("format"))
		switch format {
		case "csv", "ecsv", "votable", "fits", "ndjson":
		default:
			return usageError(c, "%q is no format: csv, ecsv, votable, fits or ndjson", format)
		}
		query := url.Values{"format": {format}, "strict": {"true"}}
		for flag, parameter := range filters {
			if s := c.String(flag); s != "" {
				query.Set(parameter, s)
			}
		}
		w, err := n.Send(ctx, http.MethodGet, path+"?"+query.Encode(), "", nil)
		if err != nil {
			return ofFlag(c, err, filters)
		}
		defer w.Body.Close()
		_, err = io.Copy(p.out, w.Body)
		return err
	})
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/ingest"
	"nightjar/internal/client"
	"nightjar/internal/problem"
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
			formatFlag(&format, listFormats), p.asFlag(),
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
			formatFlag(&format, listFormats), p.asFlag(), q.targetFlag(), q.sourceFlag(),
			q.flag("target-id", "target__id", "only of the target with `ID`"),
			q.flag("type", "data_type", "only data of a `TYPE`, such as photometry"),
			q.flag("product", "data_product__id", "only data of the data product with `ID`"),
			q.flag("wavelength-units", "wavelength_units", wavelengthUsage()),
		},
		Action: p.exporting("/api/reduceddatums/", &format, q),
	}
}

// exporting is the action that prints a whole list.
func (p *program) exporting(path string, format *string, q *query) cli.ActionFunc {
	return p.asking(false, nil, func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
		body, err := q.export(ctx, c, n, path, *format)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(p.out, body)
		return err
	})
}

// exportSpectra writes each spectrum into a file of its own.
func (p *program) exportSpectra() *cli.Command {
	q, format, units := newQuery(), "ecsv", ""
	q.Set("data_type", "spectroscopy")
	return &cli.Command{
		Name: "spectra", Usage: "write each spectrum into a file of its own, in a folder, to be read by import product", ArgsUsage: "FOLDER",
		Description: "nightjar export spectra spectra --target 'SN 2026abc'",
		Flags: []cli.Flag{formatFlag(&format, fileFormats), p.asFlag(), q.targetFlag(), q.sourceFlag(),
			parsedFlag(&units, "wavelength-units", wavelengthUsage(), func(s string) (ok bool, err error) {
				if units, ok = ingest.WavelengthUnit(s); !ok && s != "" {
					err = fmt.Errorf("%q is none of %s", s, strings.Join(ingest.WavelengthUnits, ", "))
				}
				return ok, err
			})},
		Action: p.asking(false, []string{"FOLDER"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				if err := os.MkdirAll(args[0], 0o777); err != nil {
					return err
				}
				body, err := q.export(ctx, c, n, "/api/reduceddatums/", "ndjson")
				if err != nil {
					return err
				}
				defer body.Close()
				made, left, err := p.writeSpectra(body, args[0], format, units)
				if err != nil {
					return err
				}
				p.say("%s written", problem.Plural(made, "spectrum file"))
				if left > 0 {
					return fmt.Errorf("%s left out", problem.Plural(left, "datum"))
				}
				return nil
			}),
	}
}

// The formats of a list, and of a file with one spectrum.
var (
	listFormats = []string{"csv", "ecsv", "votable", "fits", "ndjson"}
	fileFormats = listFormats[:4]
)

func formatFlag(p *string, formats []string) cli.Flag {
	last := len(formats) - 1
	all := strings.Join(formats[:last], ", ") + " or " + formats[last]
	return parsedFlag(p, "format", "output `FORMAT`: "+all, func(s string) (format string, err error) {
		if *p = strings.ToLower(s); !slices.Contains(formats, *p) {
			err = fmt.Errorf("%q is no format: %s", s, all)
		}
		return *p, err
	})
}

func (q *query) targetFlag() cli.Flag {
	return q.flag("target", "target_name", "only of targets with `PART` in their name or an alias")
}

func (q *query) sourceFlag() cli.Flag {
	return q.flag("source", "source_name", "only data from the `SOURCE`")
}

// export requests the whole list. The caller closes the body.
func (q *query) export(ctx context.Context, c *cli.Context, n *client.Client, path, format string) (io.ReadCloser, error) {
	q.Set("format", format)
	q.Set("strict", "true")
	w, err := n.Send(ctx, http.MethodGet, path+"?"+q.Encode(), "", nil)
	if err != nil {
		return nil, q.explained(c, err)
	}
	return w.Body, nil
}

func wavelengthUsage() string {
	return "wavelengths of spectra in `UNIT`: " + strings.Join(ingest.WavelengthUnits, ", ") +
		"; as they are stored if not given"
}

// endings are those of files with a table.
var endings = map[string]string{"csv": ".csv", "ecsv": ".ecsv", "votable": ".xml", "fits": ".fits"}

// writeSpectra writes the spectra that stand in lines of JSON, with wavelengths in units unless
// these are ""; what is no spectrum, or cannot be had in the units, is told and left out.
func (p *program) writeSpectra(in io.Reader, folder, format, units string) (made, left int, err error) {
	names := map[string]int{}
	for d := json.NewDecoder(in); ; {
		var line struct {
			Target string          `json:"target_name"`
			Source string          `json:"source_name"`
			Time   time.Time       `json:"timestamp"`
			Value  json.RawMessage `json:"value"`
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return made, left, nil
		} else if err != nil {
			return made, left, err
		}
		name := fileWord(line.Target) + "_" + line.Time.UTC().Format("2006-01-02_15-04-05")
		if names[name]++; names[name] > 1 {
			name += fmt.Sprintf("_%d", names[name])
		}
		path := filepath.Join(folder, name+endings[format])
		if err := writeNew(path, func(w io.Writer) error {
			return archive.WriteSpectrum(format, w,
				archive.Spectrum{Target: line.Target, Source: line.Source, Time: line.Time, Value: line.Value,
					WavelengthUnits: units})
		}); err != nil {
			var there *os.PathError
			if errors.As(err, &there) {
				return made, left, err
			}
			p.note("%s: %v", printable(path), err)
			left++
			continue
		}
		made++
	}
}

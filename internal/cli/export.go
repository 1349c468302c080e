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

	"nightjar/ingest"
	"nightjar/internal/client"
	"nightjar/internal/problem"
)

func (p *program) exportCommand() *cli.Command {
	var salvaged string
	return &cli.Command{
		Name: "export", Usage: "export targets, datums or spectra, or salvage a damaged file",
		Description: "nightjar export --db damaged.db --salvage saved.db",
		Flags: []cli.Flag{textFlag(&salvaged, "salvage",
			"copy everything readable of a damaged archive to a new `FILE`; no server may have "+
				"the damaged one open")},
		Action:      func(c *cli.Context) error { return p.salvage(c, salvaged) },
		Subcommands: []*cli.Command{p.exportTargets(), p.exportDatums(), p.exportSpectra()},
	}
}

func (p *program) exportTargets() *cli.Command {
	q, format := newQuery(), "csv"
	return &cli.Command{
		Name: "targets", Usage: "print targets as a table; import targets reads the csv",
		Description: "nightjar export targets > targets.csv\n" +
			"nightjar export targets --cone 206.7,-12.5,0.5 --format votable > near.xml",
		Flags: []cli.Flag{
			formatFlag(&format, listFormats), p.asFlag(),
			q.flag("name", "name", "only targets with `PART` in their name or an alias"),
			q.flag("type", "type", "only targets of this `TYPE`: SIDEREAL or NON_SIDEREAL"),
			q.flag("list", "targetlist__name", "only targets of a target list, given by `NAME` or id"),
			q.flag("cone", "cone_search", "only targets within a cone, `RA,DEC,RADIUS` in degrees"),
		},
		Action: p.exporting("/api/targets/", &format, q),
	}
}

func (p *program) exportDatums() *cli.Command {
	q, format := newQuery(), "ndjson"
	return &cli.Command{
		Name: "datums", Usage: "print reduced datums by target and time; import datums reads csv and ndjson, " +
			"and ndjson keeps every digit and type",
		Description: "nightjar export datums > all.ndjson\n" +
			"nightjar export datums --target 'SN 2026abc' --type photometry --format ecsv > lightcurve.ecsv",
		Flags: []cli.Flag{
			formatFlag(&format, listFormats), p.asFlag(), q.targetFlag(), q.sourceFlag(),
			q.flag("target-id", "target__id", "only datums of the target with `ID`"),
			q.flag("type", "data_type", "only datums of this `TYPE`, such as photometry"),
			q.flag("product", "data_product__id", "only datums of the data product with `ID`"),
			q.flag("wavelength-units", "wavelength_units", wavelengthUsage()),
		},
		Action: p.exporting("/api/reduceddatums/", &format, q),
	}
}

// exporting returns the action that prints a whole list.
func (p *program) exporting(path string, format *string, q *query) cli.ActionFunc {
	return p.asClient(nil, func(ctx context.Context, c *cli.Context, n *client.Client, _ []string) error {
		body, err := q.export(ctx, c, n, path, *format)
		if err != nil {
			return err
		}
		defer body.Close()
		_, err = io.Copy(p.out, body)
		return err
	})
}

func (p *program) exportSpectra() *cli.Command {
	q, format, units := newQuery(), "ecsv", ""
	q.Set("data_type", "spectroscopy")
	return &cli.Command{
		Name: "spectra", Usage: "write each spectrum to a file in FOLDER, which import product reads",
		ArgsUsage:   "FOLDER",
		Description: "nightjar export spectra spectra --target 'SN 2026abc'",
		Flags: []cli.Flag{formatFlag(&format, fileFormats), p.asFlag(), q.targetFlag(), q.sourceFlag(),
			parsedFlag(&units, "wavelength-units", wavelengthUsage(), func(s string) (ok bool, err error) {
				if units, ok = ingest.WavelengthUnit(s); !ok && s != "" {
					err = fmt.Errorf("%q is not one of %s", s, strings.Join(ingest.WavelengthUnits, ", "))
				}
				return ok, err
			})},
		Action: p.asClient([]string{"FOLDER"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				if err := os.MkdirAll(args[0], 0o777); err != nil {
					return err
				}
				body, err := q.export(ctx, c, n, "/api/reduceddatums/", "ndjson")
				if err != nil {
					return err
				}
				defer body.Close()
				made, skipped, err := p.writeSpectra(body, args[0], format, units)
				if err != nil {
					return err
				}
				p.say("%s written", problem.Plural(made, "spectrum file"))
				if skipped > 0 {
					return fmt.Errorf("%s left out", problem.Plural(skipped, "datum"))
				}
				return nil
			}),
	}
}

// The formats of a list, and of a file that has one spectrum.
var (
	listFormats = []string{"csv", "ecsv", "votable", "fits", "ndjson"}
	fileFormats = listFormats[:4]
)

func formatFlag(p *string, formats []string) cli.Flag {
	last := len(formats) - 1
	all := strings.Join(formats[:last], ", ") + " or " + formats[last]
	return parsedFlag(p, "format", "output `FORMAT`: "+all, func(s string) (format string, err error) {
		if *p = strings.ToLower(s); !slices.Contains(formats, *p) {
			err = fmt.Errorf("unknown format %q: it must be %s", s, all)
		}
		return *p, err
	})
}

func (q *query) targetFlag() cli.Flag {
	return q.flag("target", "target_name", "only datums of targets with `PART` in their name or an alias")
}

func (q *query) sourceFlag() cli.Flag {
	return q.flag("source", "source_name", "only datums from this `SOURCE`")
}

// export requests the whole list. The caller closes the body.
func (q *query) export(ctx context.Context, c *cli.Context, n *client.Client,
	path, format string) (io.ReadCloser, error) {
	q.Set("format", format)
	q.Set("strict", "true")
	w, err := n.Send(ctx, http.MethodGet, path+"?"+q.Encode(), "", nil)
	if err != nil {
		return nil, q.nameFlag(c, err)
	}
	return w.Body, nil
}

func wavelengthUsage() string {
	return "convert the wavelengths of spectra to `UNIT`: " + strings.Join(ingest.WavelengthUnits, ", ") +
		"; default: as stored"
}

// endings are the file name endings, by format.
var endings = map[string]string{"csv": ".csv", "ecsv": ".ecsv", "votable": ".xml", "fits": ".fits"}

// writeSpectra writes each spectrum of in, which has one datum a line as JSON, to a file. It
// converts wavelengths to units unless that is "". It notes and skips datums that are no spectra,
// or that it cannot convert; skipped counts them.
func (p *program) writeSpectra(in io.Reader, folder, format, units string) (made, skipped int, err error) {
	names := map[string]int{}
	for d := json.NewDecoder(in); ; {
		var line struct {
			Target string          `json:"target_name"`
			ID     uint64          `json:"target"` // of a hidden target, instead of its name
			Source string          `json:"source_name"`
			Time   time.Time       `json:"timestamp"`
			Value  json.RawMessage `json:"value"`
		}
		if err := d.Decode(&line); errors.Is(err, io.EOF) {
			return made, skipped, nil
		} else if err != nil {
			return made, skipped, err
		}
		if line.Target == "" {
			line.Target = fmt.Sprintf("target %d", line.ID)
		}
		name := safeFileName(line.Target) + "_" + line.Time.UTC().Format("2006-01-02_15-04-05")
		if names[name]++; names[name] > 1 {
			name += fmt.Sprintf("_%d", names[name])
		}
		path := filepath.Join(folder, name+endings[format])
		if err := writeNew(path, func(w io.Writer) error {
			return ingest.WriteSpectrum(format, w,
				ingest.Spectrum{Target: line.Target, Source: line.Source, Time: line.Time, Value: line.Value,
					WavelengthUnits: units})
		}); err != nil {
			var pathErr *os.PathError
			if errors.As(err, &pathErr) {
				return made, skipped, err
			}
			p.note("%s: %v", printable(path), err)
			skipped++
			continue
		}
		made++
	}
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"nightjar/ingest"
	"nightjar/internal/client"
)

// endings are those of files with a table.
var endings = map[string]string{"csv": ".csv", "ecsv": ".ecsv", "votable": ".xml", "fits": ".fits"}

// exportSpectra writes each spectrum into a file of its own.
func (p *program) exportSpectra() *cli.Command {
	format, units := "ecsv", ""
	q := &query{url.Values{"format": {"ndjson"}, "strict": {"true"}, "data_type": {"spectroscopy"}},
		map[string]string{}}
	return &cli.Command{
		Name: "spectra", Usage: "write each spectrum into a file of its own, in a folder, to be read by import product", ArgsUsage: "FOLDER",
		Description: "nightjar export spectra spectra --target 'SN 2026abc'",
		Flags: []cli.Flag{
			textFlag(&format, "format", "`FORM` of the files: csv, ecsv, votable or fits"), p.asFlag(),
			q.flag("target", "target_name", "only of targets with `PART` in their name or an alias"),
			q.flag("source", "source_name", "only data from the `SOURCE`"),
			textFlag(&units, "wavelength-units", wavelengthUsage()),
		},
		Action: p.asking(false, []string{"FOLDER"},
			func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
				format = strings.ToLower(format)
				if endings[format] == "" {
					return usageError(c, "%q is no format: csv, ecsv, votable or fits", format)
				}
				if units != "" {
					name, ok := ingest.WavelengthUnit(units)
					if !ok {
						return usageError(c, "--wavelength-units: %q is none of %s", units,
							strings.Join(ingest.WavelengthUnits, ", "))
					}
					units = name
				}
				if err := os.MkdirAll(args[0], 0o777); err != nil {
					return err
				}
				w, err := n.Send(ctx, http.MethodGet, "/api/reduceddatums/?"+q.Encode(), "", nil)
				if err != nil {
					return err
				}
				defer w.Body.Close()
				made, left, err := p.writeSpectra(w.Body, args[0], format, units)
				if err != nil {
					return err
				}
				p.say("%s written", rowsText(made, "spectrum file"))
				if left > 0 {
					return fmt.Errorf("%s left out", rowsText(left, "datum"))
				}
				return nil
			}),
	}
}

func wavelengthUsage() string {
	return "wavelengths of spectra in `UNIT`: " + strings.Join(ingest.WavelengthUnits, ", ") +
		"; as they are stored if not given"
}

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
			return ingest.WriteSpectrum(format, w,
				ingest.Spectrum{Target: line.Target, Source: line.Source, Time: line.Time, Value: line.Value,
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

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
	"nightjar/internal/problem"
)

// productOptions are the flags of import product.
type productOptions struct {
	fileHints
	target, fluxScale string
	groups            []string
}

func (p *program) importCommand() *cli.Command {
	var o productOptions
	return &cli.Command{
		Name: "import", Usage: "import targets, datums or files",
		Subcommands: []*cli.Command{
			{
				Name: "targets", Usage: "add targets from a CSV file like those that a TOM exports: columns name, " +
					"type, ra, dec, groups; name2, name3 ... for aliases; other columns become tags",
				Description: "nightjar import targets targets.csv --as astro",
				ArgsUsage:   "FILE", Flags: []cli.Flag{p.asFlag()},
				Action: p.importTargets,
			},
			{
				Name: "datums", Usage: "add reduced datums from a file with a JSON object in each line, or from a " +
					"CSV file: columns target, data_type, timestamp or mjd, source_name, source_location, " +
					"and value.KEY for each key of the values",
				Description: "nightjar import datums photometry.ndjson\n" +
					"nightjar import datums photometry.csv --as astro",
				ArgsUsage: "FILE", Flags: []cli.Flag{p.asFlag()},
				Action: p.asClient(false, []string{"FILE"}, p.importDatums),
			},
			{
				Name: "product", Usage: "upload files as data products of one target, or of the targets that are " +
					"named in rows of photometry",
				ArgsUsage: "FILE...",
				Description: "nightjar import product --target 'SN 2026abc' lightcurve.csv spectrum.fits\n" +
					"nightjar import product --target M31 --column magnitude=m_corr --time-format jd table.csv\n" +
					"nightjar import product aavso.txt   each row names its target",
				Flags: append(o.flags(),
					textFlag(&o.target, "target",
						"`NAME`, alias or id of the target; default: each row names its target"),
					textFlag(&o.fluxScale, "flux-scale", "multiply fluxes by `FACTOR`"),
					groupFlag(&o.groups, "let `GROUP` see the data products, where permissions are on objects; may be "+
						"repeated"),
					p.asFlag(),
				),
				Action: p.asClient(false, []string{"FILE..."},
					func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
						return p.importProducts(ctx, c, n, &o, args)
					}),
			},
		},
	}
}

// imported is the answer to a stream of rows.
type imported struct {
	Created   int `json:"created"`
	Duplicate int `json:"duplicate"`
	Rejected  int `json:"rejected"`
	Problems  []struct {
		Line   int `json:"line"`
		Errors any `json:"errors"`
	} `json:"problems"`
	// Notes say what the import changed: in one line, or in all lines if Line is 0.
	Notes []struct {
		Line int    `json:"line"`
		Text string `json:"text"`
	} `json:"notes"`
	More int `json:"more_notes"`
}

// importTargets sends the targets of a CSV file. It creates no archive if it cannot read the file.
func (p *program) importTargets(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	f, _, err := openFile(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return p.withClient(c, openMode{fresh: true}, func(ctx context.Context, n *client.Client) error {
		return p.importRows(ctx, n, args[0], "/api/targets/",
			func(*bufio.Reader) (string, error) { return "text/csv", nil })
	})
}

// importDatums sends the datums of a file: lines of JSON, or CSV.
func (p *program) importDatums(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
	return p.importRows(ctx, n, args[0], "/api/reduceddatums/", rowType)
}

// rowType returns the media type of a file: lines of JSON, without a byte order mark, or CSV.
func rowType(b *bufio.Reader) (string, error) {
	const mark = "\xef\xbb\xbf"
	start, err := b.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte(mark)), " \t\r\n")
	if len(text) == 0 || text[0] != '{' {
		return "text/csv", nil
	}
	if bytes.HasPrefix(start, []byte(mark)) {
		b.Discard(len(mark))
	}
	return "application/x-ndjson", nil
}

// importRows sends a file to a resource as a stream of rows. kind finds the media type.
func (p *program) importRows(ctx context.Context, n *client.Client, file, path string,
	kind func(*bufio.Reader) (string, error)) error {
	f, info, err := openFile(file)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	defer f.Close()
	bar := p.progress(filepath.Base(file))
	defer bar.end()
	in := bufio.NewReader(bar.reader(f, info.Size()))
	media, err := kind(in)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	pr, pw := io.Pipe()
	var bad error
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, bad = io.Copy(pw, in)
		pw.CloseWithError(bad)
	}()
	w, err := n.Send(ctx, http.MethodPost, path, media, pr)
	pr.CloseWithError(client.ErrUnread)
	<-done
	var got imported
	if err == nil {
		err = json.NewDecoder(w.Body).Decode(&got)
		w.Body.Close()
	}
	// The request failed because the file could not be read.
	if bad != nil && !errors.Is(bad, client.ErrUnread) {
		err = bad
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	bar.end()
	for _, note := range got.Notes {
		if note.Line > 0 {
			p.note("%s, line %d: %s", file, note.Line, printable(note.Text))
		} else {
			p.note("%s: %s", file, printable(note.Text))
		}
	}
	if got.More > 0 {
		p.note("%s: and %s", file, problem.Plural(got.More, "more note"))
	}
	for _, bad := range got.Problems {
		for _, reason := range client.Problems(bad.Errors) {
			p.note("%s, line %d: %s", file, bad.Line, printable(reason.String()))
		}
	}
	duplicate := ""
	if got.Duplicate > 0 {
		duplicate = fmt.Sprintf(", %d already existed", got.Duplicate)
	}
	p.say("%d added%s, %d refused", got.Created, duplicate, got.Rejected)
	if got.Rejected > 0 {
		return fmt.Errorf("%s: %s of %d refused", file, problem.Plural(got.Rejected, "row"),
			got.Created+got.Duplicate+got.Rejected)
	}
	return nil
}

// importProducts uploads files one by one, and continues after a refused one.
func (p *program) importProducts(ctx context.Context, c *cli.Context, n *client.Client, o *productOptions,
	args []string) error {
	fields := map[string]string{"data_product_type": o.kind, "date_obs": o.dateObs, "flux_scale": o.fluxScale,
		"time_column": o.timeColumn, "time_format": o.timeFormat, "flux_unit": o.fluxUnit, "zero_point": o.zeroPoint,
		"images": o.images, "bad_rows": o.badRows}
	if _, err := o.skipsBadRows(c); err != nil {
		return err
	}
	maps.DeleteFunc(fields, func(key, value string) bool { return value == "" && key != "data_product_type" })
	if o.target != "" {
		t, err := findTarget(ctx, n, o.target)
		if err != nil {
			return err
		}
		fields["target"] = strconv.FormatUint(t.ID, 10)
	}
	if len(o.groups) > 0 {
		groups, err := findGroups(ctx, n, o.groups)
		if err != nil {
			return err
		}
		text, err := json.Marshal(groups)
		if err != nil {
			return err
		}
		fields["groups"] = string(text)
	}
	columns, err := o.roles(c)
	if err != nil {
		return err
	}
	if len(columns) > 0 {
		text, err := json.Marshal(columns)
		if err != nil {
			return err
		}
		fields["columns"] = string(text)
	}
	files := expandPatterns(args)
	var failed []string
	var all uploadCounts
	for _, file := range files {
		counts, err := p.upload(ctx, n, file, fields)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			if o.target == "" && onlyAbout(err, "target") {
				err = fmt.Errorf("without --target each row must name its target: %w", withoutField(err, "target"))
			}
			err = fmt.Errorf("%s: %w", printable(file), err)
			if len(files) == 1 {
				return err
			}
			p.note("%v", err)
			failed = append(failed, file)
		}
		all.Created, all.Duplicate, all.Rejected = all.Created+counts.Created, all.Duplicate+counts.Duplicate,
			all.Rejected+counts.Rejected
	}
	if len(files) > 1 {
		p.say("%d of %d files; datums: %d added, %d already existed, %d skipped", len(files)-len(failed), len(files),
			all.Created, all.Duplicate, all.Rejected)
	}
	return refusedFiles(failed, len(files))
}

// uploadCounts counts the rows of an upload by result.
type uploadCounts struct {
	Created   int `json:"created"`
	Duplicate int `json:"duplicate"`
	Rejected  int `json:"rejected_count"`
}

// upload sends one file as a data product.
func (p *program) upload(ctx context.Context, n *client.Client, file string,
	fields map[string]string) (counts uploadCounts, err error) {
	f, info, err := openFile(file)
	if err != nil {
		return counts, err
	}
	defer f.Close()
	bar := p.progress(filepath.Base(file))
	defer bar.end()
	w, err := n.Upload(ctx, filepath.Base(file), bar.reader(f, info.Size()), fields)
	if err != nil {
		return counts, err
	}
	defer w.Body.Close()
	type product struct {
		ID   uint64 `json:"id"`
		Type string `json:"data_product_type"`
	}
	var made struct {
		product
		Products []product `json:"products"` // if the rows name their targets
		Report   struct {
			uploadCounts
			Recognised string   `json:"recognised"`
			Warnings   []string `json:"warnings"`
			Rows     []struct {
				Line   int    `json:"line"`
				Row    int    `json:"row"`
				Reason string `json:"reason"`
			} `json:"rejected"`
		} `json:"report"`
	}
	if err := json.NewDecoder(w.Body).Decode(&made); err != nil {
		return counts, err
	}
	bar.end()
	r := made.Report
	if r.Recognised != "" {
		p.note("%s: recognised as %s", file, printable(r.Recognised))
	}
	for _, row := range r.Rows {
		unit, number := "line", row.Line
		if row.Row > 0 {
			unit, number = "row", row.Row
		}
		p.note("%s, %s %d: skipped: %s", file, unit, number, printable(row.Reason))
	}
	for _, text := range r.Warnings {
		p.note("%s: %s", file, printable(text))
	}
	what := fmt.Sprintf("data product %d, %s", made.ID, made.Type)
	if n := len(made.Products); n > 0 {
		what = fmt.Sprintf("%s, %s", problem.Plural(n, "data product"), made.Products[0].Type)
	}
	p.say("%s: %s: %d added, %d already existed, %d skipped", file, what, r.Created, r.Duplicate, r.Rejected)
	return r.uploadCounts, nil
}

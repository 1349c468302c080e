package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"

	"nightjar/internal/client"

	"github.com/urfave/cli/v2"
)

// with runs fn with a client of the file's archive.
func (p *program) with(c *cli.Context, o opening, fn func(ctx context.Context, n *client.Client) error) error {
	n, err := p.connect(c.Context, o)
	if err != nil {
		return err
	}
	return errors.Join(fn(c.Context, n), n.Close())
}

// asking is the action of a command that asks the archive and prints. fresh allows to make the file.
func (p *program) asking(fresh bool, names []string, fn func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := arguments(c, names...)
		if err != nil {
			return err
		}
		return p.with(c, opening{fresh: fresh}, func(ctx context.Context, n *client.Client) error { return fn(ctx, c, n, args) })
	}
}

// table prints rows of equally many cells in columns.
func (p *program) table(rows [][]string) error {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		p.say("%s", strings.TrimRight(line, " \n"))
	}
	return nil
}

// progressed reads an answer of lines of JSON: how far the work is, and last what came out, which is read into out.
func progressed(w *http.Response, bar *progress, out any) error {
	defer w.Body.Close()
	d := json.NewDecoder(w.Body)
	for {
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF
		} else if err != nil {
			return err
		}
		var at struct{ Done, Total *int64 }
		if json.Unmarshal(raw, &at) != nil || at.Done == nil || at.Total == nil {
			return json.Unmarshal(raw, out)
		}
		bar.at(*at.Done, *at.Total)
	}
}

// bare takes the name of the only field that was sent off an error about it.
func bare(err error, field string) error {
	if refused := new(client.Refusal); errors.As(err, &refused) && refused.Problems[0].Field == field {
		refused.Problems[0].Field = ""
	}
	return err
}

// onlyAbout says whether an error is a refusal because of one field alone.
func onlyAbout(err error, field string) bool {
	refused := new(client.Refusal)
	return errors.As(err, &refused) && len(refused.Problems) == 1 && refused.Problems[0].Field == field
}

// orNone puts what a user of the command line says for "not found" in place of such an answer.
func orNone(err error, format string, args ...any) error {
	if refused := new(client.Refusal); errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return fmt.Errorf(format, args...)
	}
	return err
}

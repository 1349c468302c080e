package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/urfave/cli/v2"

	"nightjar/internal/client"
)

// with runs fn with a client of the file's archive.
func (p *program) with(c *cli.Context, o opening, fn func(ctx context.Context, n *client.Client) error) error {
	n, err := p.connect(c.Context, o)
	if err != nil {
		return err
	}
	return errors.Join(fn(c.Context, n), n.Close())
}

// asking is the action of a command that asks the archive and prints. fresh allows to make the
// file.
func (p *program) asking(fresh bool, names []string,
	fn func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := arguments(c, names...)
		if err != nil {
			return err
		}
		return p.with(c, opening{fresh: fresh},
			func(ctx context.Context, n *client.Client) error { return fn(ctx, c, n, args) })
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

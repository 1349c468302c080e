package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"

	"github.com/urfave/cli/v2"

	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/internal/node"
)

// withClient runs fn with a client of the archive.
func (p *program) withClient(c *cli.Context, o openMode, fn func(ctx context.Context, n *client.Client) error) error {
	n, err := p.connect(c.Context, o)
	if err != nil {
		return err
	}
	return errors.Join(fn(c.Context, n), n.Close())
}

// asClient returns the action of a command that is a client of the archive. names are those of
// its arguments, see [arguments].
func (p *program) asClient(names []string,
	fn func(ctx context.Context, c *cli.Context, n *client.Client, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		args, err := arguments(c, names...)
		if err != nil {
			return err
		}
		return p.withClient(c, openMode{},
			func(ctx context.Context, n *client.Client) error { return fn(ctx, c, n, args) })
	}
}

// printList prints a list of the API as a table.
func printList[T any](ctx context.Context, p *program, n *client.Client, path string, q url.Values, header []string,
	row func(*T) ([]string, error)) error {
	rows := [][]string{header}
	err := client.Each(ctx, n, path, q, func(v *T) error {
		cells, err := row(v)
		rows = append(rows, cells)
		return err
	})
	if err != nil {
		return err
	}
	return p.table(rows)
}

// withoutField removes the name of the only field that was sent from an error about it.
func withoutField(err error, field string) error {
	if refused := new(client.Refusal); errors.As(err, &refused) && refused.Problems[0].Field == field {
		refused.Problems[0].Field = ""
	}
	return err
}

// onlyAbout reports whether an error is a refusal because of that field alone.
func onlyAbout(err error, field string) bool {
	refused := new(client.Refusal)
	return errors.As(err, &refused) && len(refused.Problems) == 1 && refused.Problems[0].Field == field
}

// orNotFound replaces the error for "not found" by one in the words of the command line.
func orNotFound(err error, format string, args ...any) error {
	if refused := new(client.Refusal); errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return fmt.Errorf(format, args...)
	}
	return err
}

// openMode says how to open a file that no server has open. The file must exist: only serve makes
// one, with an administrator and a group Public. A mistyped --db makes none.
type openMode struct {
	index bool // open the index of names, too
}

// connect returns a client of the server that runs on the file, or else of a node in this process.
// The client acts for the user of --as.
func (p *program) connect(ctx context.Context, how openMode) (*client.Client, error) {
	c, err := client.Dial(p.file)
	if c == nil && err == nil {
		c, err = p.openHere(ctx, how)
	}
	if err == nil {
		c.As = p.as
	}
	return c, err
}

// openHere opens the file in this process.
func (p *program) openHere(ctx context.Context, how openMode) (*client.Client, error) {
	o := node.Options{File: p.file, MustExist: true, NoIndex: !how.index, Version: version,
		CheckCopy: p.checkCopy(ctx), Note: p.note}
	n, err := node.Open(ctx, o)
	if node.CannotWrite(err) { // such as a backup on a read-only disk
		o.ReadOnly = true
		if readable, failed := node.Open(ctx, o); failed == nil {
			p.note("%s is opened for reading only: it cannot be written here", p.file)
			n, err = readable, nil
		}
	}
	switch {
	case errors.Is(err, archive.ErrLocked):
		if c, err := client.Dial(p.file); c != nil || err != nil { // a server has started meanwhile
			return c, err
		}
		return nil, fmt.Errorf("another program has %s open, and is not a server that answers", p.file)
	case errors.Is(err, fs.ErrNotExist):
		if gone := checkPresent(p.file); gone != nil {
			err = gone
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	return client.New(n.API.Owner(), n.Close), nil
}

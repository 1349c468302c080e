package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/client"
)

// opening says how a file is opened that nobody serves.
type opening struct {
	fresh bool // it may be made
	index bool // the index of names is opened, too; a short command is better off without
}

// connect finds who answers for the file: the server that runs on it, or the API in this process.
func (p *program) connect(ctx context.Context, file string, o opening) (*client.Client, error) {
	c, err := client.Dial(file)
	if c != nil || err != nil {
		return c, err
	}
	_, missing := os.Stat(file)
	how := archive.Options{MustExist: !o.fresh, NoIndex: !o.index, CheckCopy: p.checkCopy(ctx), Logf: p.note}
	a, err := archive.Open(file, how)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnlyDisk) { // a backup put away where nothing is written can be looked into all the same
		how.ReadOnly = true
		if readable, failed := archive.Open(file, how); failed == nil {
			p.note("%s can only be read here", file)
			a, err = readable, nil
		}
	}
	switch {
	case errors.Is(err, archive.ErrLocked):
		if c, err := client.Dial(file); c != nil || err != nil { // the server came meanwhile
			return c, err
		}
		return nil, fmt.Errorf("another program has %s open, and does not answer", file)
	case errors.Is(err, fs.ErrNotExist) && !o.fresh:
		if gone := present(file); gone != nil {
			err = gone
		}
		return nil, err
	case err != nil:
		return nil, err
	case missing != nil:
		p.note("%s is a new file", file)
	}
	here := api.New(a, api.Options{Version: version})
	return client.New(here.Owner(), a.Close), nil
}

// present says why an archive's file cannot be read, if it cannot.
func present(file string) error {
	f, info, err := openFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s: nightjar serve makes it, --db or NIGHTJAR_DB names another", file)
	case err != nil:
		return fmt.Errorf("%s: %w", file, err)
	case info.Size() == 0:
		err = fmt.Errorf("%s is an empty file: nightjar serve makes an archive of it", file)
	}
	return errors.Join(err, f.Close())
}

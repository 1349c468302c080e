package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/internal/node"
)

// opening says how a file is opened that nobody serves.
type opening struct {
	fresh bool // it may be made
	index bool // the index of names is opened, too
}

// connect finds what answers for the file: the server that runs on it, or a node in this process.
// The client asks on behalf of the user of --as.
func (p *program) connect(ctx context.Context, how opening) (*client.Client, error) {
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
func (p *program) openHere(ctx context.Context, how opening) (*client.Client, error) {
	_, missing := os.Stat(p.file)
	o := node.Options{File: p.file, MustExist: !how.fresh, NoIndex: !how.index, Version: version,
		CheckCopy: p.checkCopy(ctx), Note: p.note}
	n, err := node.Open(ctx, o)
	if node.CannotWrite(err) { // a backup put away where nothing is written can be looked into all the same
		o.ReadOnly = true
		if readable, failed := node.Open(ctx, o); failed == nil {
			p.note("%s can only be read here", p.file)
			n, err = readable, nil
		}
	}
	switch {
	case errors.Is(err, archive.ErrLocked):
		if c, err := client.Dial(p.file); c != nil || err != nil { // the server came meanwhile
			return c, err
		}
		return nil, fmt.Errorf("another program has %s open, and does not answer", p.file)
	case errors.Is(err, fs.ErrNotExist) && !how.fresh:
		if gone := present(p.file); gone != nil {
			err = gone
		}
		return nil, err
	case err != nil:
		return nil, err
	case missing != nil:
		p.note("%s is a new file", p.file)
	}
	return client.New(n.API.Owner(), n.Close), nil
}

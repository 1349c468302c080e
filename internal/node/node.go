// Package node assembles a node: a file, its API, the sockets on which it listens, and its
// automatic backups. The command serve uses it, as do the other commands if no server runs, and
// tests:
//
//	n, err := node.Open(ctx, node.Options{File: "nightjar.db"})
//	...
//	err = n.Client().Call(ctx, "GET", "/api/targets/", nil, &page) // as the owner of the file
//	err = n.Serve(ctx, nil)                                        // needs Options.Listen.Address
//	err = n.Close()
package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"time"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/client"
	"nightjar/ui"
)

// Options are the options of a node. With the zero value the node does not listen; [Defaults] are
// those of a server.
type Options struct {
	File      string
	ReadOnly  bool // do not change the file
	MustExist bool // do not create the file
	NoIndex   bool // do not open the index of names, which takes longer than a short command
	Version   string
	// Log gets the failures of requests, and Note messages for the operator. Both may be nil.
	Log  *slog.Logger
	Note func(format string, args ...any)
	// CheckCopy verifies a copy of the file. If it is nil, copies are not verified.
	CheckCopy func(path string) error

	Listen  Listen
	Network Network
	Limits  Limits
	Backups Backups
}

// Network says which requests a node answers, and which headers it trusts; see [api.Options].
type Network struct {
	BaseURL string
	Hosts   []string
	Proxies []netip.Prefix
	Origins []string
}

// Limits bound what clients can take from a node.
type Limits struct {
	api.Limits
	Header        int64         // bytes of a request's header
	HeaderTimeout time.Duration // for receiving a header
	IdleTimeout   time.Duration // of a connection between requests
	FailedLogins  int           // see [archive.Options]
}

// Defaults returns the default options of a server.
func Defaults() Options {
	return Options{
		Listen: Listen{Address: "127.0.0.1:8000"},
		Limits: Limits{
			Limits: api.Limits{MaxBody: 8 << 20, MaxLine: 16 << 20, BodyMemory: 64 << 20,
				MaxUpload: 8 << 30, Uploads: 16,
				BodyStall: 30 * time.Second, BodyRate: 1 << 10, SendStall: 5 * time.Minute},
			Header: 64 << 10, HeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
			FailedLogins: auth.FailedLogins,
		},
		Backups: Backups{Every: time.Hour, Keep: 24},
	}
}

// Misuse is the error for options that contradict each other or do not suit this machine.
type Misuse struct{ text string }

func (e *Misuse) Error() string { return e.text }

func misuse(format string, args ...any) error { return &Misuse{fmt.Sprintf(format, args...)} }

// Node is an open node.
type Node struct {
	Archive *archive.Archive
	API     *api.API

	o        Options
	listener *listener // nil if the node does not listen
	backups  *backups  // nil if the node takes none
}

// Open opens a node. If it cannot listen on the given address, it creates no file. The node accepts
// connections only in [Node.Serve]. Errors are a [*Misuse] or those of [archive.Open].
func Open(ctx context.Context, o Options) (n *Node, err error) {
	if o.Note == nil {
		o.Note = func(string, ...any) {}
	}
	n = &Node{o: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
			n = nil
		}
	}()
	how := api.Options{Log: o.Log, Version: o.Version, BaseURL: o.Network.BaseURL, Hosts: o.Network.Hosts,
		Proxies: o.Network.Proxies,
		Origins: o.Network.Origins, Limits: o.Limits.Limits}
	if o.Listen.Address != "" {
		if n.listener, err = listen(ctx, o); err != nil {
			return n, err
		}
		how.Pages = ui.Handler()
		how.Hosts = hosts(n.listener.Addr(), o.Network)
		how.UserUploads = (how.Uploads + 1) / 2
	}
	n.Archive, err = archive.Open(o.File,
		archive.Options{ReadOnly: o.ReadOnly, MustExist: o.MustExist, NoIndex: o.NoIndex,
			FailedLogins: o.Limits.FailedLogins, CheckCopy: o.CheckCopy, Logf: o.Note})
	if errors.Is(err, archive.ErrLocked) && n.listener != nil {
		err = servedAlready(ctx, o.File)
	}
	if err != nil {
		return n, err
	}
	if n.listener != nil {
		if err := n.listener.secure(ctx, n.Archive, o); err != nil {
			return n, err
		}
		how.URL, how.Fingerprint = n.listener.url, n.listener.fingerprint
	}
	if o.Backups.Dir != "" {
		if n.backups, err = newBackups(n.Archive, o); err != nil {
			return n, err
		}
		how.Backups = n.backups.current
	}
	n.API = api.New(n.Archive, how)
	return n, nil
}

// Close closes the node. Call it after Serve has returned.
func (n *Node) Close() error {
	var all error
	if n.listener != nil {
		n.listener.Close() // unless Serve has closed it
	}
	if n.Archive != nil {
		all = n.Archive.Close()
	}
	return all
}

// Client returns a client of the node as the owner of the file. Closing it does not close the node.
func (n *Node) Client() *client.Client { return client.New(n.API.Owner(), nil) }

// Path returns the absolute path of the file.
func (n *Node) Path() string {
	if full, err := filepath.Abs(n.o.File); err == nil {
		return full
	}
	return n.o.File
}

// servedAlready returns the error for a file that another program has open.
func servedAlready(ctx context.Context, file string) error {
	n, err := client.Dial(file)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("another program has %s open", file)
	}
	var node struct{ URL string }
	err = n.Call(ctx, http.MethodGet, "/api/node/", nil, &node)
	if err = errors.Join(err, n.Close()); err != nil {
		return fmt.Errorf("a server already runs on %s, and does not answer: %w", file, err)
	}
	return fmt.Errorf("a server already runs on %s, at %s/", file, node.URL)
}

// CannotWrite reports whether Open failed because the file cannot be written, for example on a
// read-only disk. With Options.ReadOnly it may succeed.
func CannotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnlyDisk)
}

// Package node puts a node together: a file, the API on it, the sockets on which it is asked, and
// the copies that it takes of itself. The command serve, the other commands where no server runs,
// and tests use the same one:
//
//	n, err := node.Open(ctx, node.Options{File: "nightjar.db"})
//	...
//	err = n.Client().Call(ctx, "GET", "/api/targets/", nil, &page) // as the owner of the file
//	err = n.Serve(ctx, nil)                                        // if Options.Listen.Address was given
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

// Options say how a node is opened and served. The zero value is a file that is asked in this
// process alone; [Defaults] are those of a server.
type Options struct {
	File      string
	ReadOnly  bool // every byte of the file stays as it is
	MustExist bool
	NoIndex   bool // the index of names is left alone; a short command is better off without it
	Version   string
	// Log is told of failures of requests, and Note of what the operator should know; nil for
	// nobody.
	Log  *slog.Logger
	Note func(format string, args ...any)
	// CheckCopy verifies a copy of the file; nil for no check.
	CheckCopy func(path string) error

	Listen  Listen
	Network Network
	Limits  Limits
	Backups Backups
}

// Network says what the node believes of its clients, and which it answers; see [api.Options].
type Network struct {
	BaseURL string
	Hosts   []string
	Proxies []netip.Prefix
	Origins []string
}

// Limits bound what clients can take of the node.
type Limits struct {
	api.Limits
	Header        int64         // bytes of a request's header
	HeaderTimeout time.Duration // in which a header must come
	IdleTimeout   time.Duration // for which a connection may be without a request
	FailedLogins  int           // see [archive.Options]
}

// Defaults are the options of a server that is given none.
func Defaults() Options {
	return Options{
		Listen: Listen{Address: "127.0.0.1:8000"},
		Limits: Limits{
			Limits: api.Limits{MaxBody: 8 << 20, MaxLine: 16 << 20, BodyMemory: 64 << 20,
				MaxUpload: 8 << 30, Uploads: 16,
				BodyStall: 30 * time.Second, BodyRate: 1 << 10, SendStall: 5 * time.Minute},
			Header: 64 << 10, HeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, FailedLogins: auth.FailedLogins,
		},
		Backups: Backups{Every: time.Hour, Keep: 24},
	}
}

// Misuse is the error for options that do not fit each other, or this machine.
type Misuse struct{ text string }

func (e *Misuse) Error() string { return e.text }

func misuse(format string, args ...any) error { return &Misuse{fmt.Sprintf(format, args...)} }

// Node is an open node.
type Node struct {
	Archive *archive.Archive
	API     *api.API

	o        Options
	listener *listener // nil if nothing is listened to
	backups  *backups  // nil if none are taken
}

// Open opens a node. It listens first, if an address is given, so that a node that cannot listen
// makes no file; nothing is answered before Serve. Errors: *Misuse, and those of [archive.Open].
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

// Close ends the node. A node that is served is closed after Serve has returned.
func (n *Node) Close() error {
	var all error
	if n.listener != nil {
		n.listener.Close() // which Serve may have closed
	}
	if n.Archive != nil {
		all = n.Archive.Close()
	}
	return all
}

// Client asks the node in this process, as the owner of the file. Closing it leaves the node open.
func (n *Node) Client() *client.Client { return client.New(n.API.Owner(), nil) }

// Path is the full path of the file.
func (n *Node) Path() string {
	if full, err := filepath.Abs(n.o.File); err == nil {
		return full
	}
	return n.o.File
}

// servedAlready says who has the file of a second server.
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
		return fmt.Errorf("a server runs on %s already, and does not answer: %w", file, err)
	}
	return fmt.Errorf("a server runs on %s already, at %s/", file, node.URL)
}

// CannotWrite says whether an error of Open is that the file cannot be written here, as on a disk
// that is there for reading only; Options.ReadOnly may help.
func CannotWrite(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, errReadOnlyDisk)
}

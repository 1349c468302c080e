package node

import (
	"context"
	"errors"
	"log"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"nightjar/internal/control"
)

// stopWithin is the time that open requests have to finish when a server stops.
const stopWithin = 8 * time.Second

// Serve answers requests on the listener and the control socket, and takes backups, until ctx ends.
// Then it gives open requests a few seconds to finish. It calls ready, unless that is nil, as soon
// as it answers requests.
func (n *Node) Serve(ctx context.Context, ready func()) error {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := n.newServer(requests, n.API)
	server.ReadHeaderTimeout, server.IdleTimeout = n.o.Limits.HeaderTimeout, n.o.Limits.IdleTimeout
	server.MaxHeaderBytes = int(min(n.o.Limits.Header, math.MaxInt32))
	server.RegisterOnShutdown(n.API.Stop)
	listener := boundConnections(n.listener, server, connectionsAtOnce())
	owner := n.newServer(requests, n.API.Owner())
	ended := make(chan error, 2)
	serving := 1
	socket, err := control.Listen(n.o.File, !n.o.ReadOnly)
	if err != nil {
		n.o.Note("other nightjar commands cannot reach this server: %v", err)
	} else {
		serving++
		go func() { ended <- owner.Serve(socket) }()
	}
	go func() { ended <- server.Serve(listener) }()
	if n.backups != nil {
		done := make(chan struct{})
		copying, stop := context.WithCancel(requests)
		go func() {
			defer close(done)
			n.backups.run(copying)
		}()
		defer func() { stop(); <-done }()
	}
	if ready != nil {
		ready()
	}
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
		serving--
	}
	err = errors.Join(err, n.shutDown(cancel, server, owner))
	for range serving { // so that no request arrives after the file is closed
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// newServer returns a server with the default limits, which also hold for the control socket.
func (n *Node) newServer(ctx context.Context, h http.Handler) *http.Server {
	std := Defaults().Limits
	return &http.Server{Handler: h, ReadHeaderTimeout: std.HeaderTimeout, IdleTimeout: std.IdleTimeout,
		MaxHeaderBytes: int(std.Header),
		BaseContext:    func(net.Listener) context.Context { return ctx }, ErrorLog: log.New(quiet(n.o.Note), "", 0)}
}

// quiet drops the messages of an http.Server that any client can cause: those about clients that do
// not trust the certificate or do not use TLS.
type quiet func(format string, args ...any)

func (note quiet) Write(b []byte) (int, error) {
	if !strings.Contains(string(b), "TLS handshake error") {
		note("%s", strings.TrimSuffix(string(b), "\n"))
	}
	return len(b), nil
}

// shutDown waits for open requests, at most stopWithin, and then cancels them.
func (n *Node) shutDown(cancel func(), servers ...*http.Server) error {
	ctx, stop := context.WithTimeout(context.Background(), stopWithin)
	defer stop()
	slow := time.AfterFunc(time.Second, func() {
		n.o.Note("shutting down: open requests have %v to finish; press Ctrl-C again to stop now", stopWithin)
	})
	defer slow.Stop()
	var all error
	for _, s := range servers {
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			cancel()
			err = s.Close()
		}
		all = errors.Join(all, err)
	}
	return all
}

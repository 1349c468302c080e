package node

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// reservedFiles is the number of file descriptors that connections leave to the node itself: for
// the file, the index, copies, compacting and the control socket.
const reservedFiles = 128

// connectionsAtOnce returns how many connections a server may have at once, 0 for no limit. It
// leaves reservedFiles of the files that the process may open, or half of them if these are few.
func connectionsAtOnce() int {
	limit := openFiles() // Go has raised it to the hard limit
	if limit <= 0 {
		return 0
	}
	return max(limit-reservedFiles, limit/2)
}

// boundListener bounds the number of connections. If there are too many, it closes an idle one
// before it accepts another, so that idle clients keep nobody out.
type boundListener struct {
	net.Listener
	slots chan struct{}
	ended chan struct{}
	once  sync.Once

	mu      sync.Mutex
	idle    *list.List // of net.Conn, longest idle first
	at      map[net.Conn]*list.Element
	waiting bool // Accept waits until a connection ends
}

// boundConnections bounds the connections of a server, and returns the listener for it.
func boundConnections(l net.Listener, s *http.Server, limit int) net.Listener {
	if limit <= 0 {
		return l
	}
	b := &boundListener{Listener: l, slots: make(chan struct{}, limit), ended: make(chan struct{}), idle: list.New(),
		at: map[net.Conn]*list.Element{}}
	s.ConnState = b.note
	return b
}

// note follows the states of the connections.
func (b *boundListener) note(c net.Conn, state http.ConnState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.at[c]; e != nil {
		b.idle.Remove(e)
		delete(b.at, c)
	}
	switch state {
	case http.StateIdle:
		b.at[c] = b.idle.PushBack(c)
		if b.waiting {
			b.closeIdle()
		}
	case http.StateClosed, http.StateHijacked:
		<-b.slots
	}
}

// closeIdle closes the connection that has been idle longest, if any. The caller holds the lock.
func (b *boundListener) closeIdle() {
	if e := b.idle.Front(); e != nil {
		c := b.idle.Remove(e).(net.Conn)
		delete(b.at, c)
		b.waiting = false
		go c.Close() // in the background: TLS sends a last message, for which the client may not be ready
	}
}

func (b *boundListener) Accept() (net.Conn, error) {
	select {
	case b.slots <- struct{}{}:
	default:
		b.mu.Lock()
		b.waiting = true
		b.closeIdle()
		b.mu.Unlock()
		select {
		case b.slots <- struct{}{}:
		case <-b.ended:
			return nil, net.ErrClosed
		}
	}
	c, err := b.Listener.Accept()
	if err != nil {
		<-b.slots
	}
	return c, err
}

func (b *boundListener) Close() error {
	b.once.Do(func() { close(b.ended) })
	return b.Listener.Close()
}

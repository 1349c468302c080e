package node

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// reservedFiles is how many file descriptors connections leave to what the node does itself: its
// file, the index, copies and compacting, the control socket.
const reservedFiles = 128

// connectionsAtOnce is how many connections a server has at once, 0 for as many as come: where the
// process may have few files open, half of them.
func connectionsAtOnce() int {
	limit := openFiles() // which Go has raised as far as it may
	if limit <= 0 {
		return 0
	}
	return max(limit-reservedFiles, limit/2)
}

// boundListener accepts a connection only when there are fewer than a number of others, and has an
// idle one closed when there are not: those that ask nothing keep nobody out.
type boundListener struct {
	net.Listener
	slots chan struct{}
	ended chan struct{}
	once  sync.Once

	mu      sync.Mutex
	idle    *list.List // of net.Conn, the one that has been idle longest first
	at      map[net.Conn]*list.Element
	waiting bool // for a connection to end
}

// boundConnections bounds the connections of a server, and returns the listener that it is to
// serve.
func boundConnections(l net.Listener, s *http.Server, limit int) net.Listener {
	if limit <= 0 {
		return l
	}
	b := &boundListener{Listener: l, slots: make(chan struct{}, limit), ended: make(chan struct{}), idle: list.New(),
		at: map[net.Conn]*list.Element{}}
	s.ConnState = b.note
	return b
}

// note is told what becomes of a connection.
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

// closeIdle closes the connection that has been idle longest, if there is one. The caller has the
// lock.
func (b *boundListener) closeIdle() {
	if e := b.idle.Front(); e != nil {
		c := b.idle.Remove(e).(net.Conn)
		delete(b.at, c)
		b.waiting = false
		go c.Close() // with TLS it says goodbye, to somebody who may not be listening
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

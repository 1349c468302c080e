// Package cache keeps what was made last, up to a bound: the entries that were used longest ago go
// first. It knows nothing of when an entry becomes wrong; whoever puts one in compares a stamp, or
// deletes it.
package cache

import "sync"

// An LRU keeps values by key, up to a total cost. The zero value keeps nothing; New makes one.
// It may be used from several goroutines.
type LRU[K comparable, V any] struct {
	mu    sync.Mutex
	most  int64
	cost  int64
	byKey map[K]*entry[K, V]
	// ring is a list that begins and ends here: next was used last, prev longest ago.
	ring entry[K, V]
}

type entry[K comparable, V any] struct {
	next, prev *entry[K, V]
	key        K
	value      V
	cost       int64
}

// New makes an empty cache for values that cost most in all, in whatever unit the caller of Put
// counts: 1 for each of them, or bytes.
func New[K comparable, V any](most int64) *LRU[K, V] {
	c := &LRU[K, V]{most: most, byKey: map[K]*entry[K, V]{}}
	c.ring.next, c.ring.prev = &c.ring, &c.ring
	return c
}

// Get gives the value of a key, which counts as used now.
func (c *LRU[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return value, false
	}
	if c.ring.next != e {
		e.unlink()
		c.front(e)
	}
	return e.value, true
}

// Put keeps a value in place of that which the key had. What was used longest ago makes room for
// it; a value that costs more than all that may be kept is not kept, and the old one is gone, too.
func (c *LRU[K, V]) Put(key K, value V, cost int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.byKey[key]; old != nil {
		c.remove(old)
	}
	if cost > c.most || c.byKey == nil {
		return
	}
	for c.cost+cost > c.most {
		c.remove(c.ring.prev)
	}
	e := &entry[K, V]{key: key, value: value, cost: cost}
	c.byKey[key] = e
	c.cost += cost
	c.front(e)
}

// Delete drops the value of a key, if there is one.
func (c *LRU[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.remove(e)
	}
}

// Clear drops everything.
func (c *LRU[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byKey)
	c.cost = 0
	c.ring.next, c.ring.prev = &c.ring, &c.ring
}

// Len counts the entries.
func (c *LRU[K, V]) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byKey)
}

func (c *LRU[K, V]) front(e *entry[K, V]) {
	e.prev, e.next = &c.ring, c.ring.next
	e.prev.next, e.next.prev = e, e
}

func (e *entry[K, V]) unlink() { e.prev.next, e.next.prev = e.next, e.prev }

func (c *LRU[K, V]) remove(e *entry[K, V]) {
	e.unlink()
	delete(c.byKey, e.key)
	c.cost -= e.cost
}

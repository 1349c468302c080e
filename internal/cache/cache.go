// Package cache is an in-memory cache of bounded cost that evicts the least recently used entries.
// Entries do not expire: callers compare a stamp in the value, or delete it.
package cache

import "sync"

// An LRU maps keys to values up to a total cost. The zero value stores nothing; use [New]. It is
// safe for concurrent use.
type LRU[K comparable, V any] struct {
	mu    sync.Mutex
	most  int64
	cost  int64
	byKey map[K]*entry[K, V]
	// ring is the head of a circular list: next is the most recently used entry, prev the least.
	ring entry[K, V]
}

type entry[K comparable, V any] struct {
	next, prev *entry[K, V]
	key        K
	value      V
	cost       int64
}

// New returns an empty cache for values of a total cost of most, in the unit of [LRU.Put]: entries
// or bytes, for example.
func New[K comparable, V any](most int64) *LRU[K, V] {
	c := &LRU[K, V]{most: most, byKey: map[K]*entry[K, V]{}}
	c.ring.next, c.ring.prev = &c.ring, &c.ring
	return c
}

// Get returns the value of a key, and marks it as used.
func (c *LRU[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.get(key)
}

func (c *LRU[K, V]) get(key K) (value V, ok bool) {
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

// Put sets the value of a key, and evicts the least recently used entries until the total cost
// fits. A value that alone costs too much is not stored, but the old value of the key is deleted.
func (c *LRU[K, V]) Put(key K, value V, cost int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(key, value, cost)
}

// GetOrPut returns the value of a key, and marks it as used. If there is none, it sets the value
// and returns it: of several callers, all get the value of the first.
func (c *LRU[K, V]) GetOrPut(key K, value V, cost int64) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.get(key); ok {
		return old
	}
	c.put(key, value, cost)
	return value
}

func (c *LRU[K, V]) put(key K, value V, cost int64) {
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

// Delete deletes the value of a key, if any.
func (c *LRU[K, V]) Delete(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.remove(e)
	}
}

// Clear deletes all entries.
func (c *LRU[K, V]) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byKey)
	c.cost = 0
	c.ring.next, c.ring.prev = &c.ring, &c.ring
}

// Len returns the number of entries.
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

package kv

import (
	"encoding/binary"
	"sync"
)

// chunkCount is how many ids of a set a chunk has.
type chunkCount struct {
	chunk uint64
	n     int
}

// counts is how many ids each chunk of the set has, in two parts. The stored sets of a bulk table
// do not change as long as its tail has the same epoch, and the tail adds nothing before its fold
// mark: what the chunks before the mark's count is remembered by the epoch and the set's name, so
// that a list over millions of rows looks at a chunk or two.
func (s Set) counts() [2][]chunkCount {
	if s.of == nil {
		return [2][]chunkCount{count(s.node, s.node.chunks(nil, 0))}
	}
	live := s.of.tail.from >> chunkBits
	var buf [256]byte
	name, ok := s.node.name(binary.BigEndian.AppendUint64(buf[:0], s.of.tail.epoch))
	if !ok {
		return [2][]chunkCount{count(s.node, s.node.chunks(nil, 0))}
	}
	cache := &s.of.tx.db.counts
	old, ok := cache.get(name)
	if !ok {
		all := s.node.chunks(nil, 0)
		n := below(all, live)
		old = count(s.node, all[:n])
		if s.of.tx.err == nil {
			cache.put(name, old)
		}
		return [2][]chunkCount{old, count(s.node, all[n:])}
	}
	return [2][]chunkCount{old, count(s.node, s.node.chunks(nil, live))}
}

// count counts the ids of chunks, and leaves out those that have none.
func count(s setNode, chunks []uint64) []chunkCount {
	out := make([]chunkCount, 0, len(chunks))
	scr := newScratch()
	defer scratches.Put(scr)
	for _, c := range chunks {
		scr.used = 0
		if n := s.count(c, scr); n > 0 {
			out = append(out, chunkCount{c, n})
		}
	}
	return out
}

// countCache remembers counts by epoch and name.
type countCache struct {
	mu   sync.RWMutex
	of   map[string][]chunkCount
	size int
}

// maxCounts is how many bytes of counts are remembered.
const maxCounts = 8 << 20

func (c *countCache) get(name []byte) ([]chunkCount, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	counts, ok := c.of[string(name)]
	return counts, ok
}

func (c *countCache) put(name []byte, counts []chunkCount) {
	size := 100 + len(name) + 16*len(counts)
	if size > maxCounts/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size += size; c.of == nil || c.size > maxCounts {
		c.of, c.size = map[string][]chunkCount{}, size // most of them are of states that have passed
	}
	c.of[string(name)] = counts
}

package kv

import "encoding/binary"

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
	cache := s.of.tx.db.counts
	old, ok := cache.Get(string(name))
	if !ok {
		all := s.node.chunks(nil, 0)
		n := below(all, live)
		old = count(s.node, all[:n])
		if s.of.tx.err == nil {
			cache.Put(string(name), old, int64(100+len(name)+16*len(old)))
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

// maxCounts is how many bytes of counts are remembered.
const maxCounts = 8 << 20

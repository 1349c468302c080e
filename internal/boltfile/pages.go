// Package boltfile reads the pages of a bbolt file that nothing writes, without bbolt and without a
// memory map: it finds out whether bbolt can be trusted with them, and what whole pages hold that
// nothing leads to. The pages are as bbolt's internal/common describes them. What keys and values
// mean is for the caller to know.
package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
)

// A walk looks at the pages of a file: whether each is what it should be and lies where it may,
// whether its keys and values are within it, and whether keys ascend. bbolt itself trusts all that,
// so that a damaged page may end the process.
type walk struct {
	file     *os.File
	pageSize int64
	end      uint64   // the first page that was never used
	freeList uint64   // the page with the list of free pages
	seen     []uint64 // a bit for each page
	buffers  [][]byte // for a page at each depth, see branches
	found    func(format string, args ...any)
}

// ErrNoHead says that neither of the two pages with which a file begins is whole.
var ErrNoHead = errors.New("neither of the two heads is whole")

const (
	pageHead     = 16 // id 8, flags 2, count 2, overflow 4
	pageElement  = 16 // branch: pos 4, key's size 4, page 8; leaf: flags 4, pos 4, key's size 4, value's size 4
	pageBranch   = 1
	pageLeaf     = 2
	pageFreeList = 16
	leafBucket   = 1  // flag of an element that is a bucket
	bucketHead   = 16 // root page 8, sequence 8; root 0: the page follows
	metaSize     = 64
	minPage      = 1024 // bytes; no system has smaller pages
)

// Check walks all pages of a file, and says what is wrong with them. An error is one of the file
// system, or ErrNoHead.
func Check(path string, found func(format string, args ...any)) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := &walk{file: f, found: found}
	root, err := w.heads()
	if err != nil {
		return err
	}
	w.seen = make([]uint64, w.end/64+1)
	w.page(root, nil, nil, 0)
	return nil
}

// CheckTree looks at the branches of a file alone, which are one page in a hundred: whether some
// page is referred to twice. bbolt would follow a branch that leads back to itself until the
// process ends. What else may be wrong is found when it is read. An error that is not of the file
// system is a [Problem]; a file whose heads are damaged is left to bbolt, which says so.
func CheckTree(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var first error
	w := &walk{file: f, found: func(format string, args ...any) {
		if first == nil {
			first = Problem(fmt.Sprintf(format, args...))
		}
	}}
	root, err := w.heads()
	if errors.Is(err, ErrNoHead) {
		return nil // bbolt says what is wrong with the heads
	}
	if err != nil {
		return err
	}
	first = nil // one of the two may be damaged
	w.seen = make([]uint64, w.end/64+1)
	w.branches(root, true, 0)
	return first
}

// Problem is what is wrong with a page.
type Problem string

func (p Problem) Error() string { return string(p) }

// branches looks at a page and at what it refers to, and says whether it is a branch. Of the leaves
// below a branch only the first is read, but of those of the root, which are the buckets, each.
func (w *walk) branches(id uint64, root bool, depth int) bool {
	if id < 2 || id >= w.end || !w.refer(id, depth) {
		return false
	}
	if depth == len(w.buffers) {
		w.buffers = append(w.buffers, make([]byte, w.pageSize))
	}
	b := w.buffers[depth]
	if _, err := w.file.ReadAt(b, int64(id)*w.pageSize); err != nil {
		return false
	}
	flags, overflow := binary.NativeEndian.Uint16(b[8:]), uint64(binary.NativeEndian.Uint32(b[12:]))
	if binary.NativeEndian.Uint64(b) != id || overflow >= w.end-id || flags != pageBranch &&
		!(root && flags == pageLeaf) {
		return false
	}
	if overflow > 0 {
		b = make([]byte, int64(1+overflow)*w.pageSize)
		if _, err := w.file.ReadAt(b, int64(id)*w.pageSize); err != nil {
			return false
		}
	}
	above := true // the pages below are branches
	for i := range min(int(binary.NativeEndian.Uint16(b[10:])), (len(b)-pageHead)/pageElement) {
		e := b[pageHead+i*pageElement:]
		switch {
		case flags == pageLeaf:
			w.bucketRoot(e, depth+1)
		case above || root:
			above = w.branches(binary.NativeEndian.Uint64(e[8:]), root, depth+1)
		default:
			if leaf := binary.NativeEndian.Uint64(e[8:]); leaf >= 2 && leaf < w.end {
				w.refer(leaf, depth+1)
			}
		}
	}
	return flags == pageBranch
}

// bucketRoot looks at the bucket of an element of the root.
func (w *walk) bucketRoot(e []byte, depth int) {
	word := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(e[at:])) }
	at, size := word(4)+word(8), word(12)
	if word(0)&leafBucket == 0 || size < bucketHead || at+size > uint64(len(e)) {
		return
	}
	value := e[at : at+size]
	if id := binary.NativeEndian.Uint64(value); id != 0 {
		w.branches(id, false, depth)
	} else if size >= bucketHead+pageHead {
		if flags := binary.NativeEndian.Uint16(value[bucketHead+8:]); flags != pageLeaf {
			w.found("pages: a small bucket has the flags %d", flags)
		}
	}
}

// refer notes that something refers to a page of the file, and says whether to go on there.
func (w *walk) refer(id uint64, depth int) bool {
	switch {
	case w.seen[id/64]>>(id%64)&1 != 0:
		w.found("pages: page %d is referred to twice", id)
		return false
	case depth > maxDepth:
		w.found("pages: page %d lies too deep", id)
		return false
	}
	w.seen[id/64] |= 1 << (id % 64)
	return true
}

// heads reads both heads of the file, which are written in turn. When the newer one is damaged,
// bbolt takes the older one and with it the state before the last transaction. It does so in
// silence, since a write of the head in which the power was cut looks the same.
func (w *walk) heads() (root uint64, err error) {
	newest, sizes := uint64(0), []int64{int64(os.Getpagesize())}
	var bad []int
	b := make([]byte, pageHead+metaSize)
	good := func(at int64) bool {
		if _, err := w.file.ReadAt(b, at); err != nil {
			return false
		}
		sum := fnv.New64a()
		sum.Write(b[pageHead : pageHead+metaSize-8])
		return sum.Sum64() == binary.NativeEndian.Uint64(b[pageHead+metaSize-8:])
	}
	take := func() {
		m := b[pageHead:]
		if tx := binary.NativeEndian.Uint64(m[48:]); w.pageSize == 0 || tx >= newest {
			newest, root, w.end = tx, binary.NativeEndian.Uint64(m[16:]), binary.NativeEndian.Uint64(m[40:])
			w.freeList = binary.NativeEndian.Uint64(m[32:])
			w.pageSize = int64(binary.NativeEndian.Uint32(m[8:]))
		}
	}
	if good(0) {
		take()
		sizes = []int64{w.pageSize}
	} else {
		bad = append(bad, 0)
		for size := int64(1024); size <= 64<<10; size *= 2 {
			sizes = append(sizes, size)
		}
	}
	second := false
	for _, size := range sizes {
		if good(size) {
			take()
			second = true
			break
		}
	}
	if !second {
		bad = append(bad, 1)
	}
	if len(bad) == 2 || w.pageSize < minPage {
		return 0, ErrNoHead
	}
	// A head is not believed that there are more pages than the file has bytes for: memory is taken
	// by it.
	info, err := w.file.Stat()
	if err != nil {
		return 0, err
	}
	w.end = min(w.end, uint64(info.Size()/w.pageSize))
	for _, n := range bad {
		w.found("pages: head %d is damaged: if it was the newer one, what the last transaction wrote is missing", n)
	}
	return root, nil
}

// maxDepth is more branches above a leaf than any file has.
const maxDepth = 64

// page looks at a page and all below it, whose keys must be from low on and below high; nil is no
// bound.
func (w *walk) page(id uint64, low, high []byte, depth int) {
	if id < 2 || id >= w.end {
		w.found("pages: page %d is referred to, and is none", id)
		return
	}
	if !w.refer(id, depth) {
		return
	}
	head := make([]byte, pageHead)
	if _, err := w.file.ReadAt(head, int64(id)*w.pageSize); err != nil {
		w.found("pages: page %d: %v", id, err)
		return
	}
	overflow := uint64(binary.NativeEndian.Uint32(head[12:]))
	if own := binary.NativeEndian.Uint64(head); own != id || overflow >= w.end-id {
		w.found("pages: page %d says that it is page %d with %d more", id, own, overflow)
		return
	}
	for more := range overflow {
		w.seen[(id+1+more)/64] |= 1 << ((id + 1 + more) % 64)
	}
	b := make([]byte, int64(1+overflow)*w.pageSize)
	if _, err := w.file.ReadAt(b, int64(id)*w.pageSize); err != nil {
		w.found("pages: page %d: %v", id, err)
		return
	}
	w.content(fmt.Sprintf("page %d", id), b, low, high, depth)
}

// content looks at the elements of a page.
func (w *walk) content(what string, b, low, high []byte, depth int) {
	flags, count := binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:]))
	// A leaf below a branch is never empty.
	if flags != pageBranch && flags != pageLeaf || pageHead+count*pageElement > len(b) ||
		count == 0 && (flags == pageBranch || low != nil) {
		w.found("pages: %s has the flags %d and %d elements", what, flags, count)
		return
	}
	if count > 0 { // the keys begin behind the last element
		first := binary.NativeEndian.Uint32(b[pageHead:])
		if flags == pageLeaf {
			first = binary.NativeEndian.Uint32(b[pageHead+4:])
		}
		if int(first) != count*pageElement {
			w.found("pages: %s has %d elements, and room for %d", what, count, first/pageElement)
			return
		}
	}
	keys, children := make([][]byte, count), make([]uint64, count)
	for i := range count {
		e := b[pageHead+i*pageElement:]
		word := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(e[at:])) }
		pos, key, value := word(0), word(4), uint64(0)
		if flags == pageLeaf {
			pos, key, value = word(4), word(8), word(12)
		}
		if pos+key+value > uint64(len(e)) {
			w.found("pages: element %d of %s lies outside of it", i, what)
			return
		}
		keys[i] = e[pos : pos+key]
		if i > 0 && bytes.Compare(keys[i-1], keys[i]) >= 0 ||
			low != nil && i == 0 && bytes.Compare(keys[0], low) < 0 ||
			high != nil && bytes.Compare(keys[i], high) >= 0 {
			w.found("pages: key %d of %s is out of order", i, what)
			return
		}
		if flags == pageBranch {
			children[i] = binary.NativeEndian.Uint64(e[8:])
			continue
		}
		if word(0)&leafBucket != 0 {
			w.bucket(fmt.Sprintf("bucket %q", keys[i]), e[pos+key:pos+key+value], depth)
		}
	}
	if flags == pageLeaf {
		return
	}
	for i, child := range children {
		next := high
		if i+1 < count {
			next = keys[i+1]
		}
		w.page(child, keys[i], next, depth+1)
	}
}

// bucket looks at the pages of a bucket, of which a small one has its only page in its value.
func (w *walk) bucket(what string, value []byte, depth int) {
	if len(value) < bucketHead {
		w.found("pages: %s is cut off", what)
		return
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		w.page(root, nil, nil, depth+1)
	} else if b := value[bucketHead:]; len(b) < pageHead {
		w.found("pages: %s is cut off", what)
	} else {
		w.content(what, bytes.Clone(b), nil, nil, depth+1)
	}
}

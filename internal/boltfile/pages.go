// Package boltfile reads the pages of a bbolt file that nobody writes, without bbolt and without a
// memory map. It checks whether bbolt can open them safely, and finds values in good pages to which
// no page refers. bbolt's internal/common defines the layout of pages.
package boltfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
)

// A walk checks the pages of a file: their kinds and places, that keys and values are inside their
// page, and that keys ascend. bbolt trusts all this, so a damaged page may crash the process.
type walk struct {
	file     *os.File
	pageSize int64
	end      uint64   // the first page that was never used
	freeList uint64   // the page with the list of free pages
	seen     []uint64 // bitmap of the pages that were referred to
	buffers  [][]byte // one page for each depth, for branches
	found    func(format string, args ...any)
}

// ErrNoHead means that both heads of a file, its first two pages, are damaged.
var ErrNoHead = errors.New("both heads of the file are damaged")

const (
	pageHead     = 16 // id 8, flags 2, count 2, overflow 4
	pageElement  = 16 // branch: pos 4, key size 4, page 8; leaf: flags 4, pos 4, key size 4, value size 4
	pageBranch   = 1
	pageLeaf     = 2
	pageFreeList = 16
	leafBucket   = 1  // flag of an element: it is a bucket
	bucketHead   = 16 // root page 8, sequence 8; if the root is 0, the page follows
	metaSize     = 64
	minPage      = 1024 // bytes; no system has smaller pages
)

// Check checks all pages of a file, and calls found for each problem. It returns an error of the
// file system, or [ErrNoHead].
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

// CheckTree checks only that no page of a file is referred to twice, because bbolt would follow a
// loop until the process crashes. It reads the branch pages, about 1% of the file; other damage is
// found when it is read. It returns an error of the file system or a [Problem]. It returns nil if
// both heads are damaged, which bbolt reports.
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
		return nil // bbolt reports it
	}
	if err != nil {
		return err
	}
	first = nil // a file with one damaged head is usable
	w.seen = make([]uint64, w.end/64+1)
	w.branches(root, true, 0)
	return first
}

// Problem is the error for a damaged page.
type Problem string

func (p Problem) Error() string { return string(p) }

// branches checks a page and the pages to which it refers, and reports whether it is a branch. It
// reads only the first leaf below a branch, but all leaves below the root, which have the buckets.
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

// bucketRoot checks the bucket of an element of the root.
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

// refer records a reference to a page, and reports whether to check the page.
func (w *walk) refer(id uint64, depth int) bool {
	switch {
	case w.seen[id/64]>>(id%64)&1 != 0:
		w.found("pages: page %d is referred to twice", id)
		return false
	case depth > maxDepth:
		w.found("pages: page %d is too deep in the tree", id)
		return false
	}
	w.seen[id/64] |= 1 << (id % 64)
	return true
}

// heads reads both heads of the file, which bbolt writes in turn, and returns the root of the newer
// good one. If the newest head is damaged, bbolt silently uses the older one, and with it the state
// before the last transaction, because that is what a power cut leaves.
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
	// Do not trust a number of pages that exceeds the file, because memory is allocated for it.
	info, err := w.file.Stat()
	if err != nil {
		return 0, err
	}
	w.end = min(w.end, uint64(info.Size()/w.pageSize))
	for _, n := range bad {
		w.found("pages: head %d is damaged: if it was the newer one, the last transaction is lost", n)
	}
	return root, nil
}

// maxDepth exceeds the number of branches above a leaf in any file.
const maxDepth = 64

// page checks a page and all pages below it. Their keys must be low or greater, and less than high;
// nil is no bound.
func (w *walk) page(id uint64, low, high []byte, depth int) {
	if id < 2 || id >= w.end {
		w.found("pages: there is no page %d, but another page refers to it", id)
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
		w.found("pages: page %d has the number %d and %d overflow pages", id, own, overflow)
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

// content checks the elements of a page.
func (w *walk) content(what string, b, low, high []byte, depth int) {
	flags, count := binary.NativeEndian.Uint16(b[8:]), int(binary.NativeEndian.Uint16(b[10:]))
	// A leaf below a branch is never empty.
	if flags != pageBranch && flags != pageLeaf || pageHead+count*pageElement > len(b) ||
		count == 0 && (flags == pageBranch || low != nil) {
		w.found("pages: %s has the flags %d and %d elements", what, flags, count)
		return
	}
	if count > 0 { // the keys begin after the element headers
		first := binary.NativeEndian.Uint32(b[pageHead:])
		if flags == pageLeaf {
			first = binary.NativeEndian.Uint32(b[pageHead+4:])
		}
		if int(first) != count*pageElement {
			w.found("pages: %s has %d elements, and space for %d", what, count, first/pageElement)
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
			w.found("pages: element %d of %s is outside of it", i, what)
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

// bucket checks the pages of a bucket. A small bucket has its only page in value.
func (w *walk) bucket(what string, value []byte, depth int) {
	if len(value) < bucketHead {
		w.found("pages: %s is truncated", what)
		return
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		w.page(root, nil, nil, depth+1)
	} else if b := value[bucketHead:]; len(b) < pageHead {
		w.found("pages: %s is truncated", what)
	} else {
		w.content(what, bytes.Clone(b), nil, nil, depth+1)
	}
}

package boltfile

import (
	"encoding/binary"
	"errors"
	"os"
)

// errNoFreeList means that it is unknown which pages of a file are in use.
var errNoFreeList = errors.New("the file has no credible list of free pages")

// Leaves calls yield for each key and value in the leaf pages of a file that are in use, whether or
// not another page refers to them, in the order of the pages; at is the offset of the value in the
// file. It skips elements that do not fit into their page. The caller owns the slices, and must
// check them, for example by a CRC.
//
// Leaves fails if the file has no list of free pages or a damaged one, because it then cannot tell
// pages in use from those with older states.
func Leaves(f *os.File, yield func(k, v []byte, at int64)) error {
	w := &walk{file: f, found: func(string, ...any) {}}
	root, err := w.heads()
	if err != nil {
		return err
	}
	free, err := w.freePages()
	if err != nil {
		return err
	}
	w.seen = make([]uint64, w.end/64+1)
	w.page(root, nil, nil, 0)
	for id := range free {
		if w.seen[id/64]>>(id%64)&1 != 0 {
			return errNoFreeList // another page refers to a free page
		}
	}
	for id := uint64(2); id < w.end; {
		if free[id] {
			id++
			continue
		}
		head := make([]byte, pageHead)
		if _, err := f.ReadAt(head, int64(id)*w.pageSize); err != nil {
			return err
		}
		own, flags := binary.NativeEndian.Uint64(head), binary.NativeEndian.Uint16(head[8:])
		overflow := uint64(binary.NativeEndian.Uint32(head[12:]))
		switch { // either field may be damaged
		case own == id && (flags == pageBranch || flags == pageFreeList), own != id && flags != pageLeaf:
			// a page of another kind, or part of a damaged page
			id++
			continue
		case overflow >= w.end-id:
			overflow = 0
		}
		b := make([]byte, int64(1+overflow)*w.pageSize)
		if _, err := f.ReadAt(b, int64(id)*w.pageSize); err != nil {
			return err
		}
		used := elements(b, int64(id)*w.pageSize, yield)
		// Continue after the last element: the number of overflow pages may be damaged.
		id += max(1, min(1+overflow, uint64((int64(used)+w.pageSize-1)/w.pageSize)))
	}
	return nil
}

// elements yields the elements of a leaf page, also those of its small buckets. The page begins at
// the offset at of the file. It returns the end of the last element in the page.
func elements(b []byte, at int64, yield func(k, v []byte, at int64)) (used int) {
	if len(b) < pageHead+pageElement {
		return 0
	}
	// The keys begin after the element headers, so the position of the first key also gives the
	// number of elements.
	count := max(int(binary.NativeEndian.Uint16(b[10:])), int(binary.NativeEndian.Uint32(b[pageHead+4:]))/pageElement)
	for i := range min(count, (len(b)-pageHead)/pageElement) {
		e := b[pageHead+i*pageElement:]
		word := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(e[at:])) }
		pos, key, value := word(4), word(8), word(12)
		if pos+key+value > uint64(len(e)) {
			continue
		}
		used = max(used, len(b)-len(e)+int(pos+key+value))
		where := at + int64(pageHead+i*pageElement) + int64(pos+key)
		k, v := e[pos:pos+key:pos+key], e[pos+key:pos+key+value:pos+key+value]
		switch {
		case e[0]&leafBucket == 0:
			yield(k, v, where)
		case len(v) >= bucketHead && binary.NativeEndian.Uint64(v) == 0:
			elements(v[bucketHead:], where+bucketHead, yield)
		}
	}
	return used
}

// freePages reads the list of free pages of the newest head.
func (w *walk) freePages() (map[uint64]bool, error) {
	if w.freeList < 2 || w.freeList >= w.end {
		return nil, errNoFreeList
	}
	head := make([]byte, pageHead)
	if _, err := w.file.ReadAt(head, int64(w.freeList)*w.pageSize); err != nil {
		return nil, err
	}
	count := uint64(binary.NativeEndian.Uint16(head[10:]))
	overflow := uint64(binary.NativeEndian.Uint32(head[12:]))
	if binary.NativeEndian.Uint64(head) != w.freeList || binary.NativeEndian.Uint16(head[8:]) != pageFreeList ||
		overflow >= w.end-w.freeList {
		return nil, errNoFreeList
	}
	b := make([]byte, int64(1+overflow)*w.pageSize)
	if _, err := w.file.ReadAt(b, int64(w.freeList)*w.pageSize); err != nil {
		return nil, err
	}
	b = b[pageHead:]
	if count == 0xffff { // a longer list: its first number is the count
		count, b = binary.NativeEndian.Uint64(b), b[8:]
	}
	if count > uint64(len(b)/8) {
		return nil, errNoFreeList
	}
	free, last := map[uint64]bool{}, uint64(1)
	for i := range count {
		id := binary.NativeEndian.Uint64(b[8*i:])
		if id <= last || id >= w.end {
			return nil, errNoFreeList
		}
		free[id], last = true, id
	}
	return free, nil
}

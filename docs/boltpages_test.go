package docs

import (
	"encoding/binary"
	"hash/fnv"
	"os"
	"testing"
)

// boltFile is a bbolt file, read as docs/build/storage.md describes its pages, without bbolt.
type boltFile struct {
	t        *testing.T
	data     []byte
	pageSize int
	buckets  map[string]boltBucket
}

type boltBucket struct {
	sequence uint64
	pairs    []boltPair // by key
}

type boltPair struct{ key, value []byte }

func (b boltBucket) get(key string) []byte {
	for _, p := range b.pairs {
		if string(p.key) == key {
			return p.value
		}
	}
	return nil
}

func readBolt(t *testing.T, path string) *boltFile {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &boltFile{t: t, data: data, pageSize: int(u32(data, 16+8)), buckets: map[string]boltBucket{}}
	var root, newest uint64
	for n := range 2 {
		meta := f.page(uint64(n))[16:]
		sum := fnv.New64a()
		sum.Write(meta[:56])
		if u32(meta, 0) == 0xED0CDAED && u32(meta, 4) == 2 && sum.Sum64() == u64(meta, 56) &&
			(root == 0 || u64(meta, 48) > newest) {
			root, newest = u64(meta, 16), u64(meta, 48)
		}
	}
	if root == 0 {
		t.Fatal("no meta page is valid")
	}
	f.walk(f.page(root), func(flags uint32, key, value []byte) {
		if flags != 1 {
			t.Errorf("%q is in the root bucket", key)
			return
		}
		b := boltBucket{sequence: u64(value, 8)}
		page := value[16:]
		if at := u64(value, 0); at != 0 {
			page = f.page(at)
		}
		f.walk(page, func(flags uint32, key, value []byte) {
			if flags != 0 {
				t.Errorf("%q is a bucket in a bucket", key)
			}
			b.pairs = append(b.pairs, boltPair{key, value})
		})
		f.buckets[string(key)] = b
	})
	return f
}

func (f *boltFile) page(n uint64) []byte { return f.data[int(n)*f.pageSize:] }

// walk goes through the leaves below a page, in order.
func (f *boltFile) walk(page []byte, leaf func(flags uint32, key, value []byte)) {
	kind, count := binary.LittleEndian.Uint16(page[8:]), int(binary.LittleEndian.Uint16(page[10:]))
	for i := range count {
		e := page[16+16*i:]
		switch kind {
		case 1:
			f.walk(f.page(u64(e, 8)), leaf)
		case 2:
			at, keyLen, valueLen := u32(e, 4), u32(e, 8), u32(e, 12)
			leaf(u32(e, 0), e[at:at+keyLen], e[at+keyLen:at+keyLen+valueLen])
		default:
			f.t.Fatalf("a page of kind %d in a tree", kind)
		}
	}
}

func u32(b []byte, at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
func u64(b []byte, at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }

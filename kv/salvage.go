package kv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"nightjar/internal/boltfile"
)

// Salvage makes a new file at path, where no file may be, from all that is whole in a damaged one:
// every record with a right CRC that its table can decode, and every blob whose content is what was
// uploaded, even when the pages that lead there are damaged. A record whose blob is lost is left
// out. For a lost record from which others inherit (see Parents) Salvage puts a placeholder, if the
// table has one, or else leaves the others out, too. What is derived is rebuilt. The new file
// belongs to a new node; its log continues after the last entry of the old one that can be read.
//
// The report counts what was saved; its problems name what was lost, as far as that can be known.
// An error means that nothing could be saved.
func Salvage(ctx context.Context, from, path string, tables []AnyTable) (*Report, error) {
	return salvage(ctx, from, path, tables, Options{})
}

// salvage is Salvage with options, for tests of a disk that fails.
func salvage(ctx context.Context, from, path string, tables []AnyTable, o Options) (r *Report, err error) {
	if _, err := os.Lstat(path); err == nil {
		return nil, fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	s, err := newSchema(tables)
	if err != nil {
		return nil, err
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	o.ReadOnly = true
	src := newDB(from, s, o)
	if src.bolt, err = src.openBolt(true, from); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	defer src.bolt.Close()
	err = src.View(func(tx *Tx) error { return checkFormat(tx.bolt) })
	if errors.Is(err, ErrNewer) || errors.Is(err, ErrOlder) { // a damaged format is no obstacle: the rest may be whole
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	o.ReadOnly = false
	dst := newDB(path, s, o)
	if err := dst.createAt(path); err != nil {
		return nil, err
	}
	if dst.bolt, err = dst.openBolt(false, path); err != nil {
		return nil, err
	}
	defer func() {
		if dst.bolt != nil {
			err = errors.Join(err, dst.bolt.Close())
		}
	}()
	dst.bolt.NoSync = true
	file, err := os.Open(from)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	v := &salvager{ctx: ctx, Report: new(Report), file: file, dst: dst, blobs: map[uint64]uint64{},
		strayValues: map[string]location{}}
	err = src.View(func(tx *Tx) error {
		v.src = tx
		return v.run()
	})
	if err == nil {
		err = dst.derive(ctx, nil)
	}
	if err == nil {
		err = dst.commitFreeList(nil)
	}
	if err == nil {
		err = dst.bolt.Sync()
	}
	return v.Report, err
}

// salvager copies what is whole.
type salvager struct {
	*Report
	ctx   context.Context
	src   *Tx
	dst   *DB
	file  *os.File          // src
	blobs map[uint64]uint64 // whole ones, with the number of records that use them
	seen  [256]bitmaps      // rows that were found, by table
	// where in the file values other than rows are, by key, when not every page can be reached
	strayValues map[string]location
	strays      bool         // not every page can be reached, and it is known which are in use
	stages      []*stageInfo // those that can be read
	// lost records from which others inherit that are kept
	lacking map[rowKey]*tableDef
}

// location says where a value is in the file.
type location struct {
	at   int64
	size int
}

func (v *salvager) run() (err error) {
	v.noteStrays()
	if err := v.meta(); err != nil {
		return err
	}
	for _, d := range v.src.db.schema.tables {
		if err := v.records(d); err != nil {
			return err
		}
	}
	if err := v.strayRecords(); err != nil {
		return err
	}
	if err := v.wholeBlobs(); err != nil {
		return err
	}
	for some := true; some; { // each omission may orphan other records
		if some, err = v.prune(); err != nil {
			return err
		}
	}
	if err := v.copyBlobs(); err != nil {
		return err
	}
	return v.finish()
}

// try runs fn and reports its error or panic as a problem; ok is false when there was one.
func (v *salvager) try(what string, fn func() error) (ok bool) {
	if err := guarded(fn); err != nil {
		v.problem("%s: %v", what, err)
		return false
	}
	return true
}

// lost returns a function that reports, for walk, a range of numbers as lost.
func (v *salvager) lost(what string) func(from, to uint64, err error) {
	return func(from, to uint64, err error) {
		v.problem("any %s from %d to %d cannot be reached: %v", what, from, to, err)
	}
}

// update writes to the new file. Salvage cannot continue when that fails.
func (v *salvager) update(fn func(tx *bbolt.Tx) error) error {
	if v.ctx.Err() != nil {
		return context.Cause(v.ctx)
	}
	return v.dst.commitAlone(false, fn)
}

// writeTx returns a transaction that writes records and blobs to the new file, without derived keys
// or a log entry.
func (v *salvager) writeTx(bt *bbolt.Tx) *WriteTx {
	return &WriteTx{Tx: &Tx{db: v.dst, bolt: bt, batch: new(batch)}, entry: new(entryBuilder)}
}

// noteStrays checks whether every page can be reached. If not, it notes the values in the pages in
// use.
func (v *salvager) noteStrays() {
	whole := true
	err := boltfile.Check(v.src.db.path, func(format string, args ...any) {
		whole = false
		v.problem(format, args...)
	})
	if err == nil && whole {
		return
	}
	if err == nil {
		err = boltfile.Leaves(v.file, func(k, b []byte, at int64) {
			if !v.isStrayKey(k) {
				return
			}
			if _, err := checkCRC(k, b); err == nil {
				v.strayValues[string(k)] = location{at, len(b)}
			}
		})
	}
	if err != nil {
		v.problem("pages that cannot be reached are left out: %v", err)
		clear(v.strayValues)
		return
	}
	v.strays = true
}

func metaKey(k string) bool {
	return slices.ContainsFunc(metaKeys, func(own string) bool { return strings.HasPrefix(k, own) })
}

// isStrayKey says whether noteStrays notes the value of a key: one of meta, a large record or a
// blob.
func (v *salvager) isStrayKey(k []byte) bool {
	return len(k) == 9 && (k[0] == 'i' || v.src.db.schema.byNo(k[0]) != nil) || len(k) == 13 && k[0] == 'c' ||
		metaKey(string(k))
}

// get reads a value of a bucket, also from a page that cannot be reached.
func (v *salvager) get(bucket int, key []byte) (b []byte, err error) {
	err = guarded(func() (err error) {
		stored := v.src.bucket(bucket).Get(key)
		if stored == nil {
			return ErrNotFound
		}
		b, err = checkCRC(key, stored)
		return err
	})
	if p, ok := v.strayValues[string(key)]; err != nil && ok {
		stored := make([]byte, p.size)
		if _, err := v.file.ReadAt(stored, p.at); err != nil {
			return nil, err
		}
		return checkCRC(key, stored)
	}
	return b, err
}

// metaKeys are the prefixes of the keys of meta that concern not only the old file.
var metaKeys = []string{metaCreated, metaNode, "setting/", "code/", "count/", string(stagePrefix)}

// meta copies settings and the like.
func (v *salvager) meta() error {
	stored := map[string][]byte{}
	v.try("meta", func() error {
		c := v.src.bucket(bucketMeta).Cursor()
		for k, b := c.First(); k != nil; k, b = c.Next() {
			stored[string(k)] = b
		}
		return nil
	})
	for k := range v.strayValues {
		if stored[k] == nil && metaKey(k) {
			stored[k] = nil
		}
	}
	copied := map[string][]byte{}
	no, codes := uint64(1), map[byte]int{}
	for k, b := range stored {
		if kind, ok := strings.CutPrefix(k, "code/"); ok && kind != "" {
			codes[kind[0]]++
		}
		v.try(fmt.Sprintf("meta %q", k), func() error {
			value, err := checkCRC([]byte(k), b)
			if err != nil && b == nil {
				value, err = v.get(bucketMeta, []byte(k))
			} else if err != nil {
				if k, value, err = mendBit(k, b); err != nil {
					return err
				}
				v.problem("meta %q: it had one wrong bit", k)
			}
			switch {
			case err != nil || !metaKey(k):
				return err
			case strings.HasPrefix(k, string(stagePrefix)):
				s, err := v.src.db.readStage([]byte(k), withCRC([]byte(k), bytes.Clone(value)))
				if err == nil {
					v.stages = append(v.stages, s)
				}
				return err
			}
			copied[k] = bytes.Clone(value)
			if n, ok := strings.CutPrefix(k, "node/"); ok && len(n) == 8 {
				no = max(no, binary.BigEndian.Uint64([]byte(n))+1)
			}
			return nil
		})
	}
	v.lostCodes(codes, copied)
	v.try("meta", func() error {
		n, err := v.src.known()
		if err != nil {
			return err
		}
		for f := range n.listed {
			if f.class == familySet && f.no == dimAll && n.isForeign(f.table) {
				v.problem("table %d is of a later program, and left out: salvage the file with that one", f.table)
			}
		}
		return nil
	})
	id, err := v.dst.newIdentity()
	if err != nil {
		return err
	}
	sequence := uint64(0)
	v.try("meta", func() error { sequence = v.src.bucket(bucketMeta).Sequence(); return nil })
	return v.update(func(bt *bbolt.Tx) error {
		to := metaOf(bt)
		for k, b := range copied {
			if err := to.put([]byte(k), b); err != nil {
				return err
			}
		}
		if err := to.b.SetSequence(sequence); err != nil {
			return err
		}
		return putIdentity(to, no, id)
	})
}

// mendBit looks for the one bit of a key and value of meta that makes the CRC right: such a value
// exists only once, and much may depend on it.
func mendBit(key string, stored []byte) (k string, value []byte, err error) {
	const most = 2048 // bytes; each bit costs a CRC
	b := append([]byte(key), stored...)
	for i := range 8 * len(b) {
		if len(b) > most {
			break
		}
		b[i/8] ^= 1 << (i % 8)
		if value, err := checkCRC(b[:len(key)], b[len(key):]); err == nil {
			return string(b[:len(key)]), value, nil
		}
		b[i/8] ^= 1 << (i % 8)
	}
	return key, nil, errSum
}

// lostCodes gives new texts to the numbers whose texts are lost, so that they are not taken for
// something else. seen is a lower bound of how many numbers each kind has.
func (v *salvager) lostCodes(seen map[byte]int, copied map[string][]byte) {
	there := map[byte][]byte{}
	for k, b := range copied {
		if kind, ok := strings.CutPrefix(k, "code/"); ok && kind != "" && len(b) == 1 {
			there[kind[0]] = append(there[kind[0]], b[0])
		}
	}
	for kind, n := range seen {
		for _, b := range there[kind] {
			n = max(n, int(b))
		}
		for b := 1; b <= n && b <= 255; b++ {
			if !slices.Contains(there[kind], byte(b)) {
				text := fmt.Sprint("lost ", b)
				v.problem("the text of number %d of kind %d is lost; it is now %q", b, kind, text)
				copied["code/"+string([]byte{kind})+text] = []byte{byte(b)}
			}
		}
	}
}

// walk yields the values of a bucket whose keys are a prefix and a number, in ascending order, and
// skips what cannot be read. It calls lost with each range that it skips.
func walk(b *bbolt.Bucket, prefix []byte, lost func(from, to uint64, err error)) iter.Seq2[uint64, []byte] {
	// seek finds the first key from a number on; ok is false at the end.
	seek := func(from uint64) (id uint64, value []byte, ok bool, err error) {
		err = guarded(func() error {
			k, val := b.Cursor().Seek(append(prefix[:len(prefix):len(prefix)], key8(from)...))
			rest, is := bytes.CutPrefix(k, prefix)
			if k == nil || !is {
				return nil
			}
			if len(rest) != 8 || binary.BigEndian.Uint64(rest) < from {
				return damaged("page", fmt.Sprintf("the key %x is out of order", k))
			}
			id, value, ok = binary.BigEndian.Uint64(rest), val, true
			return nil
		})
		return id, value, ok, err
	}
	return func(yield func(uint64, []byte) bool) {
		next := uint64(0)
		for {
			id, value, ok, err := seek(next)
			if err != nil {
				// Doubling steps find a readable key, and bisection the first one.
				bad, good := next, uint64(0)
				for step := uint64(1); step < 1<<42 && good == 0; step *= 2 {
					if _, _, _, err := seek(next + step); err == nil {
						good = next + step
					} else {
						bad = next + step
					}
				}
				if good == 0 {
					lost(next, MaxID, err)
					return
				}
				for good-bad > 1 {
					middle := bad + (good-bad)/2
					if _, _, _, err := seek(middle); err == nil {
						good = middle
					} else {
						bad = middle
					}
				}
				lost(next, good-1, err)
				next = good
				continue
			}
			if !ok || !yield(id, value) {
				return
			}
			next = id + 1
		}
	}
}

// rows gathers records of a table for the new file.
type rows struct {
	v    *salvager
	def  *tableDef
	list []row
	size int
	last uint64 // the largest id
}

type row struct {
	id  uint64
	rec []byte
}

func (r *rows) add(id uint64, stored []byte) error {
	v := r.v
	if slices.ContainsFunc(v.stages, func(s *stageInfo) bool { return s.has(r.def, id) }) {
		return nil // it is in no set
	}
	var rec []byte
	err := guarded(func() (err error) { rec, err = v.src.openRecord(r.def, id, stored); return err })
	key := recordKey(r.def, id)
	if b, bad := checkCRC(key[:], stored); err != nil && bad == nil && len(b) > 0 && b[0] == recLarge {
		if rec, err = v.get(bucketLarge, key[:]); err == nil {
			err = belongs(b, binary.LittleEndian.AppendUint32(nil, sum(key[:], rec)))
		}
		if err != nil {
			err = damaged("large value of "+where(r.def, id), err)
		}
	}
	if err != nil {
		return err
	}
	if err := r.def.derive(&Keys{Tx: v.src, def: r.def}, id, rec); err != nil {
		return err
	}
	v.seen[r.def.no].add(id)
	r.list, r.size, r.last = append(r.list, row{id, bytes.Clone(rec)}), r.size+len(rec), max(r.last, id)
	v.Records++
	return nil
}

// full says whether a transaction should write the rows now.
func (r *rows) full() bool { return r.size > 16<<20 || len(r.list) >= rebuildRows }

// write writes the gathered rows.
func (r *rows) write() error {
	err := r.v.update(func(bt *bbolt.Tx) error {
		b, err := bt.CreateBucketIfNotExists([]byte(r.def.name))
		if err != nil {
			return err
		}
		tx := r.v.writeTx(bt)
		b.FillPercent = fillAppend
		for _, x := range r.list {
			if err := tx.writeRecord(r.def, x.id, x.rec, false); err != nil {
				return err
			}
		}
		return b.SetSequence(max(r.last, b.Sequence()))
	})
	r.list, r.size = r.list[:0], 0
	return err
}

// records copies the whole records of a table that can be reached.
func (v *salvager) records(d *tableDef) error {
	rows := &rows{v: v, def: d}
	var table *bbolt.Bucket
	if !v.try(d.name, func() error {
		if table = v.src.table(d); table == nil {
			return errors.New("the table is missing")
		}
		return nil
	}) {
		return rows.write()
	}
	for id, stored := range walk(table, nil, v.lost(d.name)) {
		v.try(where(d, id), func() error { return rows.add(id, stored) })
		if rows.full() {
			if err := rows.write(); err != nil {
				return err
			}
		}
	}
	// The next id must not have been given out before. A number that is far too large is damage
	// itself.
	if n := table.Sequence(); n < rows.last+1<<24 {
		rows.last = max(rows.last, n)
	} else {
		v.problem("%s: the next id is lost; it is taken to be %d", d.name, rows.last+1)
	}
	return rows.write()
}

// strayRecords copies the whole records that cannot be reached.
func (v *salvager) strayRecords() error {
	if !v.strays {
		return nil
	}
	var all []*rows
	for _, d := range v.src.db.schema.tables {
		all = append(all, &rows{v: v, def: d})
	}
	var failed error
	err := boltfile.Leaves(v.file, func(k, stored []byte, _ int64) {
		if len(k) != 8 || failed != nil {
			return
		}
		id := binary.BigEndian.Uint64(k)
		for _, r := range all {
			if v.seen[r.def.no].has(id) {
				continue
			}
			key := recordKey(r.def, id)
			if _, err := checkCRC(key[:], stored); err != nil {
				continue // it belongs to another table
			}
			v.try(where(r.def, id), func() error { return r.add(id, stored) })
			if r.full() {
				failed = r.write()
			}
			return
		}
	})
	for _, r := range all {
		err = errors.Join(err, r.write())
	}
	return errors.Join(failed, err)
}

// blobInfo is Tx.blobInfo, also from a page that cannot be reached.
func (v *salvager) blobInfo(id uint64) (*BlobInfo, error) {
	info := new(BlobInfo)
	b, err := v.get(bucketBlob, blobInfoKey(id))
	if err == nil {
		err = blobCodec.Decode(b, info)
	}
	return info, err
}

// wholeBlobs finds the blobs whose content is what was uploaded.
func (v *salvager) wholeBlobs() error {
	ids := map[uint64]bool{}
	for k := range v.strayValues {
		if n, ok := strings.CutPrefix(k, "i"); ok && len(n) == 8 {
			ids[binary.BigEndian.Uint64([]byte(n))] = true
		}
	}
	v.try("blobs", func() error {
		for id := range walk(v.src.bucket(bucketBlob), []byte{'i'}, v.lost("blob")) {
			ids[id] = true
		}
		return nil
	})
	for id := range ids {
		if v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		v.try(fmt.Sprintf("blob %d", id), func() error {
			info, err := v.blobInfo(id)
			if err != nil {
				return err
			}
			h, size := sha256.New(), uint64(0)
			for chunk := uint32(0); size < info.Size; chunk++ {
				b, err := v.get(bucketBlob, blobChunkKey(id, chunk))
				if err != nil {
					return err
				}
				if len(b) == 0 {
					return errShort
				}
				h.Write(b)
				size += uint64(len(b))
			}
			if size != info.Size || !bytes.Equal(h.Sum(nil), info.SHA[:]) {
				return errors.New("its content has changed since it was uploaded")
			}
			v.blobs[id] = 0
			return nil
		})
	}
	return nil
}

// prune leaves out the records that lack a parent or a blob, and says whether there were any.
func (v *salvager) prune() (some bool, err error) {
	for id := range v.blobs {
		v.blobs[id] = 0
	}
	for _, d := range v.src.db.schema.tables {
		var gone []uint64
		v.lacking = map[rowKey]*tableDef{}
		err := v.dst.bolt.View(func(bt *bbolt.Tx) error {
			tx := &Tx{db: v.dst, bolt: bt}
			c := tx.table(d).Cursor()
			for k, stored := c.First(); k != nil; k, stored = c.Next() {
				id := binary.BigEndian.Uint64(k)
				if !v.try(where(d, id), func() error { return v.complete(tx, d, id, stored) }) {
					gone = append(gone, id)
				}
			}
			return nil
		})
		if err != nil {
			return false, err
		}
		for row, parent := range v.lacking {
			if err := v.putPlaceholder(parent, row.id); err != nil {
				return false, err
			}
			some = true
		}
		if len(gone) == 0 {
			continue
		}
		some = true
		v.Records -= len(gone)
		err = v.update(func(bt *bbolt.Tx) error {
			tx := v.writeTx(bt)
			for _, id := range gone {
				if err := tx.eraseRecord(d, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return some, nil
}

// putPlaceholder puts a placeholder for a lost record.
func (v *salvager) putPlaceholder(d *tableDef, id uint64) error {
	uid, err := v.dst.newIdentity()
	if err != nil {
		return err
	}
	v.problem("%s is lost: a placeholder keeps what belongs to it", where(d, id))
	v.Records++
	return v.update(func(bt *bbolt.Tx) error {
		tx := v.writeTx(bt)
		b := tx.table(d)
		if err := b.SetSequence(max(b.Sequence(), id)); err != nil {
			return err
		}
		return tx.writeRecord(d, id, d.placeholder(id, uid), false)
	})
}

// complete returns an error when the parents or blobs of a record were not saved.
func (v *salvager) complete(tx *Tx, d *tableDef, id uint64, stored []byte) error {
	rec, err := tx.openRecord(d, id, stored)
	if err != nil {
		return err
	}
	k := &Keys{Tx: tx, def: d}
	if err := d.derive(k, id, rec); err != nil {
		return err
	}
	for _, h := range d.parents {
		parent := h.Table.tableDef()
		for _, m := range k.members {
			if h.Many || m.Dim != h.Dim || m.Value.Int() == 0 {
				continue
			}
			if _, err := tx.record(parent, m.Value.Int()); err != nil {
				if parent.placeholder != nil && m.Value.Int() <= MaxID {
					v.lacking[rowKey{parent.no, m.Value.Int()}] = parent
					continue
				}
				return fmt.Errorf("left out with %s", where(parent, m.Value.Int()))
			}
		}
	}
	if d.blobs == nil {
		return nil
	}
	used, err := d.blobs(rec)
	if err != nil {
		return err
	}
	for _, b := range used {
		if _, ok := v.blobs[b]; !ok {
			return fmt.Errorf("left out with its file, blob %d", b)
		}
	}
	for _, b := range used {
		v.blobs[b]++
	}
	return nil
}

// copyBlobs copies the whole blobs that records use.
func (v *salvager) copyBlobs() error {
	for id, uses := range v.blobs {
		if uses == 0 {
			continue
		}
		info, err := v.blobInfo(id)
		if err != nil {
			return err
		}
		info.Uses = uses
		for chunk, size := uint32(0), uint64(0); size < info.Size; {
			err := v.update(func(bt *bbolt.Tx) error {
				tx := v.writeTx(bt)
				for n := 0; n < spillSize && size < info.Size; chunk++ {
					b, err := v.get(bucketBlob, blobChunkKey(id, chunk))
					if err == nil {
						err = tx.putChunks(id, chunk, b)
					}
					if err != nil {
						return err
					}
					n, size = n+len(b), size+uint64(len(b))
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		err = v.update(func(bt *bbolt.Tx) error {
			tx := v.writeTx(bt)
			b := tx.bucket(bucketBlob)
			key := blobHashKey(info.SHA[:])
			if err := b.Put(key, withCRC(key, key8(id))); err != nil {
				return err
			}
			if err := b.SetSequence(max(b.Sequence(), id)); err != nil {
				return err
			}
			return tx.putBlobInfo(id, info)
		})
		if err != nil {
			return err
		}
		v.Blobs++
		v.BlobBytes += info.Size
	}
	return nil
}

// finish stores where the log continues, and that no table has a tail.
func (v *salvager) finish() error {
	var head Mark
	v.try("log", func() (err error) { head, err = v.src.Anchor(); return err })
	v.try("log", func() error {
		for seq, stored := range walk(v.src.bucket(bucketLog), nil, v.lost("log entry")) {
			if e, err := readEntry(key8(seq), stored); err == nil {
				head = Mark{e.Seq, e.Hash}
				v.Entries++
			} else {
				v.problem("%v", err)
			}
		}
		return nil
	})
	v.Head = head
	return v.update(func(bt *bbolt.Tx) error {
		m := metaOf(bt)
		for _, d := range v.dst.schema.tables {
			if d.bulk {
				last := bt.Bucket([]byte(d.name)).Sequence()
				if err := m.putTailMark(d, last); err != nil {
					return err
				}
			}
		}
		if head.Seq == 0 {
			return nil
		}
		return m.putAnchor(head)
	})
}

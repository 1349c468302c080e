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

	"go.etcd.io/bbolt"
)

// Salvage makes a new file at path, where nothing must be, of all that is whole in a damaged one: every record whose CRC is right and which its
// table can read, and every blob whose content is what was uploaded. A record is left out when its blob is lost; for a lost record that it belongs to (see
// Heirs) another stands in, if the table has a StandIn, or it is left out with it. What is derived is made again. The new file is a node of its own; its log begins anew behind the last entry of the old one that can be read.
//
// The report counts what was saved; its problems name what was lost, as far as that can be known. An error says that
// nothing could be done.
func Salvage(ctx context.Context, from, path string, tables []AnyTable) (r *Report, err error) {
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
	src := &DB{path: from, schema: s, opts: Options{ReadOnly: true}}
	src.opts.setDefaults()
	if src.bolt, err = src.openBolt(true, from); err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	defer src.bolt.Close()
	if err := src.View(func(tx *Tx) error { return checkFormat(tx.bolt) }); errors.Is(err, ErrNewer) { // where the format itself is damaged, the rest may be whole
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	dst := &DB{path: path, schema: s, opts: src.opts}
	dst.opts.ReadOnly = false
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
	v := &salvager{ctx: ctx, Report: new(Report), dst: dst, blobs: map[uint64]uint64{}}
	err = src.View(func(tx *Tx) error {
		v.src = tx
		return v.run()
	})
	if err == nil {
		err = dst.derive(ctx)
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
	blobs map[uint64]uint64 // whole ones, and how many records use them
	// lacking are the lost records to which others belong that are kept
	lacking map[rowKey]*tableDef
}

func (v *salvager) run() error {
	v.meta()
	for _, d := range v.src.db.schema.tables {
		if err := v.records(d); err != nil {
			return err
		}
	}
	if err := v.wholeBlobs(); err != nil {
		return err
	}
	for v.prune() { // what is left out may leave others alone
	}
	if err := v.copyBlobs(); err != nil {
		return err
	}
	return v.finish()
}

// try runs fn and notes what it says or panics with; ok is false when it did either.
func (v *salvager) try(what string, fn func() error) (ok bool) {
	err := guarded(fn)
	if err != nil {
		v.problem("%s: %v", what, err)
	}
	return err == nil
}

// guarded runs fn, and makes an error of its panic.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	return fn()
}

// update writes to the new file.
func (v *salvager) update(fn func(tx *bbolt.Tx) error) error {
	if v.ctx.Err() != nil {
		return context.Cause(v.ctx)
	}
	return v.dst.bolt.Update(fn)
}

// meta copies settings and the like, but not what concerns the old file alone.
func (v *salvager) meta() {
	m := v.src.meta()
	copied := map[string][]byte{}
	v.try("meta", func() error {
		c := m.b.Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			v.try(fmt.Sprintf("meta %q", k), func() error {
				for _, own := range []string{metaFormat, metaSession, "tail/", "stage/", "log/anchor"} {
					if bytes.HasPrefix(k, []byte(own)) {
						return nil
					}
				}
				b, err := m.get(k)
				if err == nil {
					copied[string(k)] = bytes.Clone(b)
				}
				return err
			})
		}
		return nil
	})
	v.try("meta", func() error {
		id, err := v.dst.newIdentity()
		if err != nil {
			return err
		}
		no := uint64(1)
		for k := range copied {
			if n, ok := bytes.CutPrefix([]byte(k), []byte("node/")); ok && len(n) == 8 {
				no = max(no, binary.BigEndian.Uint64(n)+1)
			}
		}
		return v.update(func(bt *bbolt.Tx) error {
			to := &metaBucket{bt.Bucket(bucketNames[bucketMeta])}
			for k, b := range copied {
				if err := to.put([]byte(k), b); err != nil {
					return err
				}
			}
			if err := to.b.SetSequence(m.b.Sequence()); err != nil {
				return err
			}
			return putIdentity(to, no, id)
		})
	})
}

// walk yields the values of a bucket whose keys are a prefix and a number, the numbers ascending, past all that cannot be read. lost is told what is between.
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
				// Wider and wider steps find something beyond, and halving them the first of it.
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

// staged says whether a row is in no set, as far as that can be read.
func (v *salvager) staged(d *tableDef, id uint64) (yes bool) {
	guarded(func() error { yes = v.src.staged(d, id); return nil })
	return yes
}

// records copies the whole records of a table.
func (v *salvager) records(d *tableDef) error {
	var table *bbolt.Bucket
	if !v.try(d.name, func() error {
		if table = v.src.table(d); table == nil {
			return errors.New("the table is missing")
		}
		return nil
	}) {
		return v.update(func(bt *bbolt.Tx) error { _, err := bt.CreateBucketIfNotExists([]byte(d.name)); return err })
	}
	type row struct {
		id  uint64
		rec []byte
	}
	var rows []row
	size, last := 0, uint64(0)
	write := func() error {
		err := v.update(func(bt *bbolt.Tx) error {
			b, err := bt.CreateBucketIfNotExists([]byte(d.name))
			if err != nil {
				return err
			}
			tx := &Tx{db: v.dst, bolt: bt, batch: new(batch), entry: new(entryBuilder)}
			b.FillPercent = fillAppend
			for _, r := range rows {
				if err := tx.writeRecord(d, r.id, r.rec, false); err != nil {
					return err
				}
			}
			return b.SetSequence(max(last, b.Sequence()))
		})
		rows, size = rows[:0], 0
		return err
	}
	lost := func(from, to uint64, err error) {
		v.problem("%s %d to %d, as many as there are: %v", d.name, from, to, err)
	}
	for id, stored := range walk(table, nil, lost) {
		if v.staged(d, id) {
			continue
		}
		v.try(where(d, id), func() error {
			rec, err := v.src.openRecord(d, id, stored)
			if err != nil {
				return err
			}
			if err := d.derive(&Keys{Tx: v.src, def: d}, id, rec); err != nil {
				return err
			}
			rows, last = append(rows, row{id, bytes.Clone(rec)}), id
			size += len(rec)
			v.Records++
			return nil
		})
		if size > 16<<20 || len(rows) >= rebuildRows {
			if err := write(); err != nil {
				return err
			}
		}
	}
	// The next id must be none that was given out; a number that is far beyond is damage itself.
	if n := table.Sequence(); n < last+1<<24 {
		last = max(last, n)
	} else {
		v.problem("%s: the next id is lost; it is taken to be %d", d.name, last+1)
	}
	return write()
}

// wholeBlobs finds the blobs whose content is what was uploaded.
func (v *salvager) wholeBlobs() error {
	lost := func(from, to uint64, err error) { v.problem("blob %d to %d, as many as there are: %v", from, to, err) }
	for id := range walk(v.src.bucket(bucketBlob), []byte{'i'}, lost) {
		if v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		v.try(fmt.Sprintf("blob %d", id), func() error {
			info, err := v.src.blobInfo(id)
			if err != nil {
				return err
			}
			h, size := sha256.New(), uint64(0)
			for chunk := uint32(0); size < info.Size; chunk++ {
				b, err := v.src.readChunk(id, chunk)
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
				return errors.New("the content is not what was uploaded")
			}
			v.blobs[id] = 0
			return nil
		})
	}
	return nil
}

// prune leaves out the records that lack what they belong to, and says whether there were any.
func (v *salvager) prune() (some bool) {
	for id := range v.blobs {
		v.blobs[id] = 0
	}
	for _, d := range v.src.db.schema.tables {
		var gone []uint64
		v.lacking = map[rowKey]*tableDef{}
		v.dst.bolt.View(func(bt *bbolt.Tx) error {
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
		for row, parent := range v.lacking {
			some = v.try(where(parent, row.id), func() error { return v.standIn(parent, row.id) }) || some
		}
		if len(gone) == 0 {
			continue
		}
		some = true
		v.Records -= len(gone)
		v.update(func(bt *bbolt.Tx) error {
			tx := &Tx{db: v.dst, bolt: bt}
			for _, id := range gone {
				if err := tx.eraseRecord(d, id); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return some
}

// standIn writes a record in the place of a lost one.
func (v *salvager) standIn(d *tableDef, id uint64) error {
	uid, err := v.dst.newIdentity()
	if err != nil {
		return err
	}
	v.problem("%s is lost: another stands in its place for what belongs to it", where(d, id))
	v.Records++
	return v.update(func(bt *bbolt.Tx) error {
		tx := &Tx{db: v.dst, bolt: bt, batch: new(batch), entry: new(entryBuilder)}
		b := tx.table(d)
		if err := b.SetSequence(max(b.Sequence(), id)); err != nil {
			return err
		}
		return tx.writeRecord(d, id, d.standIn(id, uid), false)
	})
}

// complete says whether what a record belongs to was saved.
func (v *salvager) complete(tx *Tx, d *tableDef, id uint64, stored []byte) error {
	rec, err := tx.openRecord(d, id, stored)
	if err != nil {
		return err
	}
	k := &Keys{Tx: tx, def: d}
	if err := d.derive(k, id, rec); err != nil {
		return err
	}
	for _, h := range d.heirs {
		parent := h.Parent.tableDef()
		for _, m := range k.members {
			if h.Many || m.Dim != h.Dim || m.Value.Int() == 0 {
				continue
			}
			if _, err := tx.record(parent, m.Value.Int()); err != nil {
				if parent.standIn != nil && m.Value.Int() <= MaxID {
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

// copyBlobs copies the whole blobs that are used.
func (v *salvager) copyBlobs() error {
	for id, uses := range v.blobs {
		if uses == 0 {
			continue
		}
		info, err := v.src.blobInfo(id)
		if err != nil {
			return err
		}
		info.Uses = uses
		for chunk, size := uint32(0), uint64(0); size < info.Size; {
			err := v.update(func(bt *bbolt.Tx) error {
				tx := &Tx{db: v.dst, bolt: bt}
				for n := 0; n < spillSize && size < info.Size; chunk++ {
					b, err := v.src.readChunk(id, chunk)
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
			tx := &Tx{db: v.dst, bolt: bt}
			b := tx.bucket(bucketBlob)
			key := blobHashKey(info.SHA[:])
			if err := b.Put(key, seal(key, key8(id))); err != nil {
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

// finish writes where the log goes on, and that no table has a tail.
func (v *salvager) finish() error {
	var head Mark
	lost := func(from, to uint64, err error) {
		v.problem("log entries %d to %d, as many as there are: %v", from, to, err)
	}
	for seq, stored := range walk(v.src.bucket(bucketLog), nil, lost) {
		if e, err := readEntry(key8(seq), stored); err == nil {
			head = Mark{e.Seq, e.Hash}
			v.Entries++
		} else {
			v.problem("%v", err)
		}
	}
	v.Head = head
	return v.update(func(bt *bbolt.Tx) error {
		m := &metaBucket{bt.Bucket(bucketNames[bucketMeta])}
		for _, d := range v.dst.schema.tables {
			if d.bulk {
				mark := binary.BigEndian.AppendUint64(key8(bt.Bucket([]byte(d.name)).Sequence()), v.dst.random64())
				if err := m.put(tailKey(d), mark); err != nil {
					return err
				}
			}
		}
		if head.Seq == 0 {
			return nil
		}
		return m.put([]byte("log/anchor"), append(key8(head.Seq), head.Hash[:]...))
	})
}

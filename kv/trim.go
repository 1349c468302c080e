package kv

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"
)

// trimEntries and trimBytes are how much of the log one transaction drops.
const (
	trimEntries = 2000
	trimBytes   = 8 << 20
)

// TrimLog drops the log entries that are older than before, and returns the sequence of the last of
// them, 0 for none. If the clock was set back, times do not ascend: TrimLog stops at the first
// entry that is not older. The anchor, the hash of the last dropped entry, stays. TrimLog works in
// pieces, also on a full disk. The first piece leaves an entry in the name of a that says which
// entries are dropped.
func (db *DB) TrimLog(ctx context.Context, a Author, before time.Time) (last uint64, err error) {
	limit := micros(before)
	err = db.View(func(tx *Tx) error {
		for e := range tx.Log(0) {
			if e.Time >= limit {
				break
			}
			if last = e.Seq; last%4096 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
		return nil
	})
	if err != nil || last == 0 {
		return 0, err
	}
	a.Action = fmt.Sprintf("%s: log entries up to %d dropped", a.Action, last)
	for first, more := true, true; more; first = false {
		began := time.Now()
		err := db.run(&job{ctx: ctx, author: a, frees: true, quiet: !first, fn: func(tx *WriteTx) (err error) {
			more, err = tx.trimPiece(last, limit)
			return err
		}})
		if err != nil {
			return last, err
		}
		if !more {
			break
		}
		select {
		case <-time.After(time.Since(began)): // so that others can write
		case <-ctx.Done():
			return last, context.Cause(ctx)
		}
	}
	return last, nil
}

// trimPiece drops some entries, up to last, and says whether there are more.
func (tx *WriteTx) trimPiece(last uint64, limit int64) (more bool, err error) {
	mark, err := tx.Anchor()
	if err != nil {
		return false, err
	}
	bucket := tx.bucket(bucketLog)
	var keys [][]byte
	size := 0
	c := bucket.Cursor()
	for k, v := c.First(); len(k) == 8 && binary.BigEndian.Uint64(k) <= last; k, v = c.Next() {
		if len(keys) == trimEntries || size > trimBytes {
			more = true
			break
		}
		e, err := readEntry(k, v)
		if err != nil {
			return false, err
		}
		if e.Seq != mark.Seq+1 || !bytes.Equal(e.Prev, mark.Hash[:]) {
			return false, damaged(fmt.Sprintf("log entry %d", e.Seq),
				fmt.Sprintf("it does not follow from entry %d", mark.Seq))
		}
		if e.Time >= limit {
			break
		}
		mark = Mark{e.Seq, e.Hash}
		keys = append(keys, bytes.Clone(k))
		size += len(v)
	}
	if len(keys) == 0 {
		return false, nil // another call has dropped them
	}
	tx.touch()
	for _, k := range keys {
		if err := bucket.Delete(k); err != nil {
			return false, err
		}
	}
	return more, tx.meta().putAnchor(mark)
}

func (m *metaBucket) putAnchor(mark Mark) error {
	return m.put([]byte("log/anchor"), append(key8(mark.Seq), mark.Hash[:]...))
}

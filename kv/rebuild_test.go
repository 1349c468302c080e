package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
)

// Rebuild writes a new file to path, which must not exist: it copies the records, large values,
// blobs and log, and derives everything else from the records. It sees the state at its start.
func (db *DB) Rebuild(ctx context.Context, path string) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	dst, err := bbolt.Open(path, 0o600,
		&bbolt.Options{Timeout: db.opts.Timeout, FreelistType: bbolt.FreelistMapType, NoSync: true,
			NoFreelistSync: true})
	if err != nil {
		return err
	}
	dst.AllocSize = allocSize
	r := newDB(path, db.schema, db.opts)
	r.bolt = dst
	err = db.viewWhole(func(tx *Tx) error { return copyRecords(ctx, tx, dst) })
	if err == nil {
		err = r.derive(ctx, nil)
	}
	if err == nil {
		err = r.commitFreeList(removeMark)
	}
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// copyRecords copies everything that is not derived.
func copyRecords(ctx context.Context, tx *Tx, dst *bbolt.DB) error {
	names := [][]byte{bucketNames[bucketMeta], bucketNames[bucketLarge], bucketNames[bucketBlob],
		bucketNames[bucketLog]}
	for _, d := range tx.db.schema.tables {
		names = append(names, []byte(d.name))
	}
	for _, name := range names {
		if err := copyBucket(ctx, tx.bolt.Bucket(name), dst, name); err != nil {
			return err
		}
	}
	return dst.Update(func(bt *bbolt.Tx) error {
		for _, name := range bucketNames {
			if _, err := bt.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		// All rows will be in the stored sets: the tails are empty.
		m := &metaBucket{bt.Bucket(bucketNames[bucketMeta])}
		for _, d := range tx.db.schema.tables {
			if d.bulk {
				last := bt.Bucket([]byte(d.name)).Sequence()
				if err := m.putTailMark(d, last); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func copyBucket(ctx context.Context, src *bbolt.Bucket, dst *bbolt.DB, name []byte) error {
	c := src.Cursor()
	k, v := c.First()
	for first := true; first || k != nil; first = false {
		err := dst.Update(func(bt *bbolt.Tx) error {
			b, err := bt.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			b.FillPercent = fillAppend
			for size := 0; k != nil && size < 32<<20; k, v = c.Next() {
				if err := b.Put(bytes.Clone(k), bytes.Clone(v)); err != nil {
					return err
				}
				size += len(k) + len(v)
			}
			return b.SetSequence(src.Sequence())
		})
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

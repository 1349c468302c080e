package kv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// log walks the chain forward, and then back again to compare what each entry says it wrote with
// what is there. What was written over since is known from the old records that later entries keep;
// of bulk tables, which keep none, an entry is compared only if none of its rows was touched since.
func (v *verifier) log() error {
	head, err := v.tx.Anchor()
	if err != nil {
		return err
	}
	first := head.Seq + 1
	c := v.tx.bucket(bucketLog).Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		e, err := readEntry(k, val)
		if err != nil {
			v.problem("%v", err)
			return nil
		}
		if e.Seq != head.Seq+1 || !bytes.Equal(e.Prev, head.Hash[:]) {
			v.problem("log entry %d does not follow from entry %d", e.Seq, head.Seq)
			return nil
		}
		head = Mark{e.Seq, e.Hash}
		v.Entries++
	}
	v.Head = head
	h := history{v: v, now: map[rowKey][]byte{}, unknown: map[rowKey]bool{}}
	for k, val := c.Last(); k != nil && binary.BigEndian.Uint64(k) >= first; k, val = c.Prev() {
		if v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		e, err := readEntry(k, val)
		if err != nil {
			return err
		}
		if err := h.back(e); err != nil {
			return err
		}
	}
	return nil
}

// history is the state of the records before the entries that were walked back.
type history struct {
	v       *verifier
	now     map[rowKey][]byte // records that were different from what is in the file; nil: not there
	unknown map[rowKey]bool   // of them, those that nobody can tell, since what the log keeps of them is damaged
	touched [256]bitmaps      // rows of bulk tables that were changed or deleted since, by table
}

// record is what a row held after the entry that is being looked at; known is false when nobody can
// tell.
func (h *history) record(d *tableDef, id uint64) (rec []byte, known bool) {
	if d.bulk {
		if h.touched[d.no].has(id) {
			return nil, false
		}
	} else if rec, ok := h.now[rowKey{d.no, id}]; ok {
		return rec, !h.unknown[rowKey{d.no, id}]
	}
	rec, err := h.v.tx.record(d, id)
	if err != nil {
		return nil, err == ErrNotFound && !d.bulk
	}
	return rec, true
}

// before is an old record of the entry that is being looked at; nobody can tell it, and nil is
// given, where what it differs from is not known.
func (h *history) before(o *OldRecord) ([]byte, error) {
	k := rowKey{byte(o.Table), o.ID}
	if len(o.Delta) == 0 {
		return o.before(nil)
	}
	d := h.v.tx.db.schema.byNo(k.table)
	if d == nil || uint64(k.table) != o.Table {
		return nil, fmt.Errorf("there is no table %d", o.Table)
	}
	after, known := h.record(d, o.ID)
	if !known || after == nil {
		return nil, errors.New("there is no record that it could differ from")
	}
	return o.before(after)
}

func (h *history) where(k rowKey) string {
	if d := h.v.tx.db.schema.byNo(k.table); d != nil {
		return where(d, k.id)
	}
	return fmt.Sprintf("table %d, %d", k.table, k.id)
}

func (h *history) back(e *Entry) error {
	schema := h.v.tx.db.schema
	hashes := map[byte]*tableHash{}
	complete := !slices.ContainsFunc(e.Changes, func(c Change) bool { return h.v.known.others(byte(c.Table)) })
	for _, d := range schema.tables {
		var rows idRuns
		for _, c := range e.Changes {
			if byte(c.Table) == d.no && c.Op != Deleted {
				runs, err := readRuns(c.Runs)
				if err != nil {
					return damaged("log", err)
				}
				rows = append(rows, runs...)
			}
		}
		for id := range rows.sorted().from(0) {
			rec, known := h.record(d, id)
			if !known {
				complete = false
				break
			}
			if rec == nil {
				continue
			}
			if hashes[d.no] == nil {
				hashes[d.no] = &tableHash{Hash: sha256.New()}
			}
			hashes[d.no].row(id, rec)
		}
	}
	if complete && !bytes.Equal(written(hashes, schema.tables), e.Written) {
		h.v.problem("log entry %d: what it wrote is not what is there", e.Seq)
	}
	// the first old record of a row is the one from before the entry
	for _, o := range slices.Backward(e.Old) {
		k := rowKey{byte(o.Table), o.ID}
		if h.v.known.others(k.table) {
			continue
		}
		rec, err := h.before(&o)
		if err != nil {
			h.v.problem("log entry %d: the old record of %s: %v", e.Seq, h.where(k), err)
		}
		if h.now[k] = rec; err != nil {
			h.unknown[k] = true
		} else {
			delete(h.unknown, k)
		}
	}
	for _, c := range e.Changes {
		d := schema.byNo(byte(c.Table))
		if h.v.known.others(byte(c.Table)) {
			continue
		}
		if d == nil {
			h.v.problem("log entry %d: unknown table %d", e.Seq, c.Table)
			continue
		}
		for id := range c.IDs() {
			switch {
			case !d.bulk && c.Op == Created:
				h.now[rowKey{d.no, id}] = nil
				delete(h.unknown, rowKey{d.no, id})
			case d.bulk && c.Op != Created:
				h.touched[d.no].add(id)
			}
		}
	}
	return nil
}

package kv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// log walks the chain forward, and then back again to compare what each entry says it wrote with what is there. What was
// written over since is known from the old records that later entries keep; of bulk tables, which keep none, an entry is compared only
// if none of its rows was touched since.
func (v *verifier) log() error {
	head, err := v.tx.anchor()
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
	h := history{v: v, now: map[rowKey][]byte{}, touched: map[rowKey]*words{}}
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
	touched map[rowKey]*words // rows of bulk tables that were changed or deleted since, by table and chunk
}

// record is what a row held after the entry that is being looked at; known is false when nobody can tell.
func (h *history) record(d *tableDef, id uint64) (rec []byte, known bool) {
	if d.bulk {
		if w := h.touched[rowKey{d.no, id >> chunkBits}]; w != nil && w.has(uint16(id)) {
			return nil, false
		}
	} else if rec, ok := h.now[rowKey{d.no, id}]; ok {
		return rec, true
	}
	rec, err := h.v.tx.record(d, id)
	if err != nil {
		return nil, err == ErrNotFound && !d.bulk
	}
	return rec, true
}

func (h *history) back(e *Entry) error {
	schema := h.v.tx.db.schema
	hashes := map[byte]*tableHash{}
	complete := true
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
		h.now[rowKey{byte(o.Table), o.ID}] = o.Record
	}
	for _, c := range e.Changes {
		d := schema.byNo(byte(c.Table))
		if d == nil {
			h.v.problem("log entry %d: unknown table %d", e.Seq, c.Table)
			continue
		}
		for id := range c.IDs() {
			switch {
			case !d.bulk && c.Op == Created:
				h.now[rowKey{d.no, id}] = nil
			case d.bulk && c.Op != Created:
				k := rowKey{d.no, id >> chunkBits}
				if h.touched[k] == nil {
					h.touched[k] = new(words)
				}
				h.touched[k].set(uint16(id))
			}
		}
	}
	return nil
}

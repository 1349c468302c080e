package kv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
	"go.etcd.io/bbolt"

	"nightjar/internal/boltfile"
)

// A Report is the result of Verify.
type Report struct {
	Records, Large, Blobs, Entries int
	BlobBytes                      uint64
	Dangling                       int // references that lead nowhere; Problems lists them, too
	Head                           Mark
	// Problems describes each problem in a line; empty when the file is whole. Only the first 100
	// are listed; More counts the others.
	Problems []string
	More     int
	// Other says why the log has not grown out of CheckOptions.Since, though the file may be whole;
	// "" when it has.
	Other string
}

// CheckOptions are the options of a verification.
type CheckOptions struct {
	// Progress, unless nil, is called from time to time with the number of records read and of all
	// records.
	Progress func(done, total int)
	// Since is a state out of which the file must have grown; zero for none.
	Since Mark
}

const maxProblems = 100

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	} else {
		r.More++
	}
}

// Err returns nil when nothing was found, or an error with the first problem.
func (r *Report) Err() error {
	switch n := len(r.Problems) + r.More; n {
	case 0:
		if r.Other != "" {
			return errors.New(r.Other)
		}
		return nil
	case 1:
		return errors.New(r.Problems[0])
	default:
		return fmt.Errorf("%s (and %d more)", r.Problems[0], n-1)
	}
}

// Verify reads the whole current file and compares everything that can be compared: all CRCs;
// derived keys and sets with the records; references with the rows to which they lead; blobs with
// their hashes; the log with its chain and with the records that it wrote. Check also checks the
// pages. Damage is in the Report; an error means that the file could not be verified.
func (db *DB) Verify(ctx context.Context, o CheckOptions) (*Report, error) {
	r := new(Report)
	err := db.viewWhole(func(tx *Tx) error {
		v := &verifier{ctx: ctx, tx: tx, Report: r, sets: map[string]setNode{}, blobUses: map[uint64]uint64{},
			check: newRefChecker(tx), progress: o.Progress}
		var err error
		if v.known, err = tx.known(); err != nil {
			return err
		}
		if err := v.run(); err != nil {
			return err
		}
		err = tx.Follows(o.Since)
		if damage := new(DamageError); errors.As(err, &damage) {
			return damage
		}
		if err != nil {
			r.Other = err.Error()
		}
		return nil
	})
	var damage *DamageError
	if errors.As(err, &damage) { // the damage stopped the verification
		r.problem("%v", damage)
		err = nil
	}
	return r, err
}

// Check verifies the pages of a file that no process has open for writing, and then the file as
// [DB.Verify] does. bbolt's own check reads pages in a goroutine of its own, where a damaged file
// may crash the process, so a node runs Check in another process.
func Check(ctx context.Context, path string, tables []AnyTable, o CheckOptions) (*Report, error) {
	s, err := newSchema(tables)
	if err != nil {
		return nil, err
	}
	return check(ctx, path, s, o)
}

func checkFile(path string, s *schema) error {
	r, err := check(context.Background(), path, s, CheckOptions{})
	if err != nil {
		return err
	}
	return r.Err()
}

func check(ctx context.Context, path string, s *schema, o CheckOptions) (r *Report, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = caught(p)
		}
	}()
	db := newDB(path, s, Options{ReadOnly: true})
	if db.bolt, err = db.openBolt(true, db.path); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.bolt.Close()) }()
	r = new(Report)
	if err := boltfile.Check(path, r.problem); err != nil {
		return nil, err
	}
	if len(r.Problems) > 0 { // bbolt would fail on them
		return r, nil
	}
	err = db.bolt.View(func(bt *bbolt.Tx) error {
		for err := range bt.Check() {
			r.problem("pages: %v", err)
		}
		return checkFormat(bt)
	})
	if err != nil {
		return nil, err
	}
	if len(r.Problems) > 0 {
		return r, nil
	}
	if err := db.View(func(tx *Tx) error { db.schema, err = s.present(tx); return err }); err != nil {
		r.problem("%v", err)
		return r, nil
	}
	if err := db.load(); err != nil {
		r.problem("%v", err)
		return r, nil
	}
	return db.Verify(ctx, o)
}

// verifier walks a file. It looks up each derived key, and counts them all to find those that
// should not exist.
type verifier struct {
	*Report
	ctx      context.Context
	tx       *Tx
	known    *known
	sets     map[string]setNode
	blobUses map[uint64]uint64
	check    *refChecker
	progress func(done, total int)

	unique, order, series, members int // as the records say
	large                          int
	total                          int
}

func (v *verifier) run() error {
	v.meta()
	for _, d := range v.tx.db.schema.tables {
		v.total += int(v.tx.table(d).Sequence())
	}
	for _, d := range v.tx.db.schema.tables {
		if err := v.records(d); err != nil {
			return err
		}
	}
	if err := v.derived(); err != nil {
		return err
	}
	if err := v.blobs(); err != nil {
		return err
	}
	return v.log()
}

func (v *verifier) meta() {
	c := v.tx.bucket(bucketMeta).Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		if _, err := checkCRC(k, val); err != nil {
			v.problem("meta %q: %v", k, err)
		}
	}
}

// records reads every record of a table and looks up everything that is derived from it.
func (v *verifier) records(d *tableDef) error {
	last := v.tx.table(d).Sequence()
	if last > MaxID {
		v.problem("%s: the last id is %d, which is too large", d.name, last)
	}
	c := v.tx.table(d).Cursor()
	for k, stored := c.First(); k != nil; k, stored = c.Next() {
		if v.Records++; v.Records%4096 == 0 {
			if v.ctx.Err() != nil {
				return context.Cause(v.ctx)
			}
			if v.progress != nil {
				v.progress(v.Records, v.total)
			}
		}
		if len(k) != 8 {
			v.problem("%s: a key of %d bytes", d.name, len(k))
			continue
		}
		id := binary.BigEndian.Uint64(k)
		if id == 0 || id > last {
			v.problem("%s: id %d was never given out", d.name, id)
		}
		rec, err := v.tx.openRecord(d, id, stored)
		if err != nil {
			v.problem("%v", err)
			continue
		}
		if stored[0] == recLarge {
			v.large++
		}
		keys := v.tx.newKeys(d)
		if err := keys.derive(id, rec); err != nil {
			v.problem("%s: %v", where(d, id), err)
			continue
		}
		v.keys(keys, id)
		v.refs(d, id, rec)
	}
	return nil
}

// refs looks up all references of a record. Those of a pending row may not exist yet.
func (v *verifier) refs(d *tableDef, id uint64, rec []byte) {
	if d.blobs != nil {
		used, err := d.blobs(rec)
		if err != nil {
			v.problem("%s: %v", where(d, id), err)
		}
		for _, b := range used {
			if v.tx.bucket(bucketBlob).Get(blobInfoKey(b)) == nil {
				v.problem("%s: its file, blob %d, is missing", where(d, id), b)
				continue
			}
			v.blobUses[b]++
		}
	}
	if d.refs == nil || v.tx.staged(d, id) {
		return
	}
	err := v.check.record(d, rec, func(to *tableDef, ref uint64) {
		v.Dangling++
		v.problem("%s: refers to %s, which does not exist", where(d, id), where(to, ref))
	})
	if err != nil {
		v.problem("%s: %v", where(d, id), err)
	}
}

func (v *verifier) keys(k *Keys, id uint64) {
	at := where(k.def, id)
	for _, u := range k.unique {
		if !v.known.has(family{familyUnique, 0, u.kind}) {
			continue
		}
		v.unique++
		owner, ok, err := v.tx.Lookup(u.kind, u.text)
		if err != nil || !ok || owner != id {
			v.problem("%s: unique key %d %q leads to %d (%v)", at, u.kind, u.text, owner, err)
		}
	}
	for _, o := range k.order {
		if !v.known.has(family{familyOrder, 0, o[0]}) {
			continue
		}
		v.order++
		key := appendID(slices.Clip(o), id)
		if got, _ := v.tx.bucket(bucketOrder).Cursor().Seek(key); !bytes.Equal(got, key) {
			v.problem("%s: not in order %d", at, o[0])
		}
	}
	staged := v.tx.staged(k.def, id)
	for _, s := range k.series {
		if !v.known.has(family{familySeries, 0, s.series.Kind}) {
			continue
		}
		want := Point{s.time, s.hash, id}
		if k.def.bulk && !staged {
			t, err := v.tx.tail(k.def)
			if err != nil {
				v.problem("%s: %v", at, err)
				continue
			}
			if id > t.from && slices.Contains(t.points(s.series, id), want) {
				continue // it must not be stored as well, which the count shows
			}
		}
		v.series++
		c := v.tx.bucket(bucketSeries).Cursor()
		found := false
		if sk, sv := seekSeries(c, s.series, want); sk != nil {
			points, err := readPoints(nil, sk, sv)
			if err != nil {
				v.problem("%s: %v", at, err)
			}
			_, found = slices.BinarySearchFunc(points, want, comparePoints)
		}
		if !found {
			v.problem("%s: not in its series", at)
		}
	}
	if staged {
		if n, err := v.set(k.def, Member{}); err != nil || n.has(id) {
			v.problem("%s: pending, but in the set of all rows (%v)", at, err)
		}
		return
	}
	for _, m := range k.members {
		if !v.known.has(family{familySet, k.def.no, m.Dim}) {
			continue
		}
		v.members++
		if n, err := v.set(k.def, m); err != nil || !n.has(id) {
			v.problem("%s: not in set %d %q (%v)", at, m.Dim, m.Value, err)
		}
	}
}

// set keeps the sets that were looked up: there are far fewer of them than look-ups.
func (v *verifier) set(d *tableDef, m Member) (setNode, error) {
	key := setKey(d, m.Dim, m.Value)
	if n := v.sets[key]; n != nil {
		return n, nil
	}
	s := v.tx.set(d, m.Dim, m.Value)
	if s.node == nil {
		s.node = idList{}
	}
	v.sets[key] = s.node
	return s.node, s.err
}

// derived counts everything that is derived.
func (v *verifier) derived() error {
	n := 0
	c := v.tx.bucket(bucketUnique).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if !v.known.ignores(family{familyUnique, 0, k[0]}) {
			n++
		}
	}
	v.compareCounts("unique keys", n, v.unique)
	n = 0
	c = v.tx.bucket(bucketOrder).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if !v.known.ignores(family{familyOrder, 0, k[0]}) {
			n++
		}
	}
	v.compareCounts("order keys", n, v.order)
	if err := v.countSeries(); err != nil {
		return err
	}
	if err := v.countSets(); err != nil {
		return err
	}
	c = v.tx.bucket(bucketLarge).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if !v.known.isForeign(k[0]) {
			v.Large++
		}
	}
	v.compareCounts("large values", v.Large, v.large)
	return nil
}

func (v *verifier) compareCounts(what string, there, derived int) {
	if there != derived {
		v.problem("%s: the file has %d, the records need %d", what, there, derived)
	}
}

func (v *verifier) countSeries() error {
	n := 0
	var last Point
	var of Series
	c := v.tx.bucket(bucketSeries).Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		if v.known.ignores(family{familySeries, 0, k[0]}) {
			continue
		}
		points, err := readPoints(nil, k, val)
		if err != nil {
			v.problem("%v", err)
			continue
		}
		s := seriesOfKey(k)
		for i, p := range points {
			if (i > 0 || s == of) && comparePoints(last, p) >= 0 {
				v.problem("series %v is not in order at %v", s, p)
			}
			last, of = p, s
		}
		n += len(points)
	}
	v.compareCounts("places in series", n, v.series)
	return nil
}

func (v *verifier) countSets() error {
	n := 0
	c := v.tx.bucket(bucketSet).Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		table, dim, _, chunk, err := splitSetKey(k)
		if err != nil {
			v.problem("set key %x: %v", k, err)
			continue
		}
		if v.known.ignores(family{familySet, table, dim}) {
			continue
		}
		b, err := checkCRC(k, val)
		if err != nil {
			v.problem("set %x: %v", k, err)
			continue
		}
		if chunk < 0 {
			ids, err := readSmall(nil, b)
			if err != nil {
				v.problem("set %x: %v", k, err)
			}
			n += len(ids)
			continue
		}
		var view roaring.Bitmap
		if err := viewChunk(&view, b); err != nil {
			v.problem("set %x: %v", k, err)
			continue
		}
		var all bitmap
		view.WriteDenseTo(all[:])
		if !bytes.Equal(all.stored(), b) {
			v.problem("set %x: not in its form", k)
		}
		n += int(view.GetCardinality())
	}
	err := v.tx.eachTail(func(t *tail) error {
		last := v.tx.table(t.table).Sequence()
		t.mu.RLock()
		defer t.mu.RUnlock()
		for set, ids := range t.sets {
			if v.known.ignores(family{familySet, set[0], set[1]}) {
				continue
			}
			for _, id := range ids {
				if id <= last {
					n++
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.compareCounts("memberships", n, v.members)
	return nil
}

// blobs reads every chunk, and compares hashes, sizes and uses.
func (v *verifier) blobs() error {
	staged := map[uint64]bool{}
	list, err := v.tx.stageList()
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.isBlob() {
			staged[s.next] = true
		}
	}
	bucket := v.tx.bucket(bucketBlob)
	hashes, infos := 0, 0
	c := bucket.Cursor()
	for k, val := c.First(); k != nil; k, val = c.Next() {
		if v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		switch {
		case k[0] == 'c' && len(k) == 13:
			id := binary.BigEndian.Uint64(k[1:])
			if _, err := checkCRC(k, val); err != nil {
				v.problem("blob %d, chunk %d: %v", id, binary.BigEndian.Uint32(k[9:]), err)
			}
			if bucket.Get(blobInfoKey(id)) == nil && !staged[id] {
				v.problem("blob %d: a chunk without a blob", id)
			}
		case k[0] == 'h' && len(k) == 33:
			hashes++
		case k[0] == 'i' && len(k) == 9:
			infos++
			v.blob(binary.BigEndian.Uint64(k[1:]))
		default:
			v.problem("blob: unknown key %x", k)
		}
	}
	v.compareCounts("hashes of blobs", hashes, infos)
	for id := range v.blobUses {
		v.problem("blob %d is missing", id)
	}
	return nil
}

func (v *verifier) blob(id uint64) {
	v.Blobs++
	info, err := v.tx.blobInfo(id)
	if err != nil {
		v.problem("%v", err)
		return
	}
	if info.Uses != v.blobUses[id] && !v.known.hasForeignTables() {
		v.problem("blob %d: used %d times, counted %d times", id, v.blobUses[id], info.Uses)
	}
	delete(v.blobUses, id)
	key := blobHashKey(info.SHA[:])
	if b, err := checkCRC(key, v.tx.bucket(bucketBlob).Get(key)); err != nil || !bytes.Equal(b, key8(id)) {
		v.problem("blob %d: its hash leads elsewhere (%v)", id, err)
	}
	h := sha256.New()
	size := uint64(0)
	for chunk := uint32(0); size < info.Size; chunk++ {
		b, err := v.tx.readChunk(id, chunk)
		if err != nil || len(b) == 0 || len(b) < chunkSize && size+uint64(len(b)) < info.Size {
			v.problem("blob %d: chunk %d: %v", id, chunk, err)
			return
		}
		h.Write(b)
		size += uint64(len(b))
	}
	v.BlobBytes += size
	if size != info.Size || !bytes.Equal(h.Sum(nil), info.SHA[:]) {
		v.problem("blob %d: its content has changed since it was uploaded", id)
	}
}

// log walks the chain forward, and then back to compare what each entry says it wrote with the
// file. Records that were overwritten since follow from the old records in later entries. Bulk
// tables keep none, so an entry is compared only if none of its rows has changed since.
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
		if err := h.walkBack(e); err != nil {
			return err
		}
	}
	return nil
}

// history is the state of the records before the entries that were walked back.
type history struct {
	v       *verifier
	now     map[rowKey][]byte // records that differ from those in the file; nil: no record
	unknown map[rowKey]bool   // of them, those that the log cannot tell since it is damaged
	touched [256]bitmaps      // rows of bulk tables that were changed or deleted since, by table
}

// record returns what a row held after the current entry; known is false when the log does not
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

// before returns an old record of the current entry, or an error when the record from which it
// differs is unknown.
func (h *history) before(o *OldRecord) ([]byte, error) {
	k := rowKey{byte(o.Table), o.ID}
	if len(o.Delta) == 0 {
		return o.before(nil)
	}
	d := h.v.tx.db.schema.byNo(k.table)
	if d == nil || uint64(k.table) != o.Table {
		return nil, fmt.Errorf("table %d does not exist", o.Table)
	}
	after, known := h.record(d, o.ID)
	if !known || after == nil {
		return nil, errors.New("the record from which it differs is missing")
	}
	return o.before(after)
}

func (h *history) where(k rowKey) string {
	if d := h.v.tx.db.schema.byNo(k.table); d != nil {
		return where(d, k.id)
	}
	return fmt.Sprintf("table %d, %d", k.table, k.id)
}

func (h *history) walkBack(e *Entry) error {
	schema := h.v.tx.db.schema
	hashes := map[byte]*tableHash{}
	complete := !slices.ContainsFunc(e.Changes, func(c Change) bool { return h.v.known.isForeign(byte(c.Table)) })
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
		if h.v.known.isForeign(k.table) {
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
		if h.v.known.isForeign(byte(c.Table)) {
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

package kv

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An Author says on whose behalf a transaction writes.
type Author struct {
	User   uint64 // 0 for the node itself
	Token  uint64 // 0 for none
	Name   string
	Addr   string
	Action string // such as "POST /api/targets/"
}

// A Mark names a state of the file: the sequence number of the last log entry and its hash; zero
// for a new file.
type Mark struct {
	Seq  uint64
	Hash [sha256.Size]byte
}

func (m Mark) String() string { return fmt.Sprintf("%d-%x", m.Seq, m.Hash) }

// ParseMark parses what String returns.
func ParseMark(s string) (m Mark, err error) {
	seq, sum, _ := strings.Cut(s, "-")
	if m.Seq, err = strconv.ParseUint(seq, 10, 64); err == nil && len(sum) == 2*sha256.Size {
		if _, err = hex.Decode(m.Hash[:], []byte(sum)); err == nil {
			return m, nil
		}
	}
	return Mark{}, fmt.Errorf("%q is not the head of a log: a number, a dash and 64 hexadecimal digits", s)
}

// The operations of a Change.
const (
	Created = 1
	Changed = 2
	Deleted = 3
)

// An Entry of the log records what one request changed. Its hash is the SHA-256 of its stored
// bytes, which include the hash of the previous entry.
type Entry struct {
	Unknown
	Seq  uint64            // its key, not stored in the value
	Hash [sha256.Size]byte // not stored

	Time    int64       `kv:"1"` // microseconds since 1970
	Node    uint64      `kv:"2"` // the number of the node that made the change, see Tx.Node
	NodeSeq uint64      `kv:"3"` // its sequence there, unless it is Seq
	User    uint64      `kv:"4"`
	Token   uint64      `kv:"5"`
	Name    string      `kv:"6"`
	Addr    string      `kv:"7"`
	Action  string      `kv:"8"`
	Changes []Change    `kv:"9"`
	Old     []OldRecord `kv:"10"` // of changed and deleted rows, except those of bulk tables
	Gone    []GoneRow   `kv:"11"` // by what deleted rows were known elsewhere
	// the hash of what was written: SHA-256 over, for each table, its number 1 and the SHA-256 over
	// id 8 and record of each row, by id
	Written  []byte    `kv:"12"`
	Prev     []byte    `kv:"13"` // the hash of the previous entry
	Settings []Setting `kv:"14"` // that were changed, with their old values
}

// A Change lists rows of a table on which the same operation was done.
type Change struct {
	Unknown
	Table uint64 `kv:"1"`
	Op    uint64 `kv:"2"` // Created, Changed or Deleted
	Runs  []byte `kv:"3"` // gaps and lengths as uvarints, see idRuns
}

// IDs yields the ids of the rows, ascending.
func (c Change) IDs() iter.Seq[uint64] {
	runs, _ := readRuns(c.Runs)
	return runs.from(0)
}

// Count returns the number of rows.
func (c Change) Count() uint64 {
	runs, _ := readRuns(c.Runs)
	return runs.count()
}

// An OldRecord is a record as it was before the change: whole, or, where that is shorter, as a
// delta from the record that the change put in its place (see delta.go).
type OldRecord struct {
	Unknown
	Table  uint64 `kv:"1"`
	ID     uint64 `kv:"2"`
	Record []byte `kv:"3"`
	Delta  []byte `kv:"4"` // empty when Record is whole
}

// before returns the old record. after is the record that replaced it.
func (o *OldRecord) before(after []byte) ([]byte, error) {
	if len(o.Delta) == 0 {
		return append([]byte{}, o.Record...), nil // never nil, which means no record
	}
	return applyDelta(after, o.Delta)
}

// A GoneRow is the uid or the content hash of a deleted row.
type GoneRow struct {
	Unknown
	Table uint64 `kv:"1"`
	ID    uint64 `kv:"2"`
	Ident []byte `kv:"3"`
}

// A Setting is a changed setting with its old value.
type Setting struct {
	Unknown
	Name string `kv:"1"`
	Old  string `kv:"2"`
}

var entryCodec = Fields[Entry]()

// entryBuilder gathers the log entry of one request.
type entryBuilder struct {
	Entry
	runs   map[[2]byte]*idRuns
	hashes map[byte]*tableHash
}

// tableHash is the hash over the rows of one table that were written. It is updated with each row,
// as long as rows come in order.
type tableHash struct {
	hash.Hash
	last   uint64
	id     [8]byte
	broken bool // a row came out of order or was deleted again: the hash must be computed from the file at the end
}

func (e *entryBuilder) change(d *tableDef, op byte, id uint64) { e.runsOf(d, op).add(id) }

func (e *entryBuilder) runsOf(d *tableDef, op byte) *idRuns {
	if e.runs == nil {
		e.runs = map[[2]byte]*idRuns{}
	}
	k := [2]byte{d.no, op}
	if e.runs[k] == nil {
		e.runs[k] = new(idRuns)
	}
	return e.runs[k]
}

func (e *entryBuilder) wrote(d *tableDef, id uint64, rec []byte) {
	if e.hashes == nil {
		e.hashes = map[byte]*tableHash{}
	}
	h := e.hashes[d.no]
	if h == nil {
		h = &tableHash{Hash: sha256.New()}
		e.hashes[d.no] = h
	}
	h.broken = h.broken || id <= h.last
	h.last = id
	h.row(id, rec)
}

func (e *entryBuilder) erased(d *tableDef, id uint64) {
	if h := e.hashes[d.no]; h != nil {
		h.broken = h.broken || id <= h.last
	}
}

func (h *tableHash) row(id uint64, rec []byte) {
	binary.BigEndian.PutUint64(h.id[:], id)
	h.Write(h.id[:])
	h.Write(rec)
}

// written returns the hash over everything that an entry wrote.
func written(hashes map[byte]*tableHash, tables []*tableDef) []byte {
	total := sha256.New()
	some := false
	for _, d := range tables {
		if h := hashes[d.no]; h != nil {
			total.Write(h.Sum([]byte{d.no}))
			some = true
		}
	}
	if !some {
		return nil
	}
	return total.Sum(nil)
}

// keepOld keeps the record of a deleted row.
func (e *entryBuilder) keepOld(d *tableDef, id uint64, old []byte) {
	e.Old = append(e.Old, OldRecord{Table: uint64(d.no), ID: id, Record: bytes.Clone(old)})
}

// shortRecord is the largest length in bytes of a record that is kept whole: a delta would save too
// little.
const shortRecord = 48

// keepChange keeps the record of a changed row.
func (e *entryBuilder) keepChange(d *tableDef, id uint64, old, rec []byte) {
	if len(old) > shortRecord {
		if delta := appendDelta(nil, rec, old); len(delta) < len(old) {
			e.Old = append(e.Old, OldRecord{Table: uint64(d.no), ID: id, Delta: delta})
			return
		}
	}
	e.keepOld(d, id, old)
}

func (e *entryBuilder) gone(d *tableDef, id uint64, ident []byte) {
	e.Gone = append(e.Gone, GoneRow{Table: uint64(d.no), ID: id, Ident: ident})
}

// clone copies the entry, so that a staged transaction can add to the copy and run again.
func (e *entryBuilder) clone() *entryBuilder {
	c := &entryBuilder{Entry: e.Entry, runs: map[[2]byte]*idRuns{}, hashes: map[byte]*tableHash{}}
	for k, r := range e.runs {
		runs := slices.Clone(*r)
		c.runs[k] = &runs
	}
	for k, h := range e.hashes {
		state, err := h.Hash.(encoding.BinaryMarshaler).MarshalBinary()
		again := sha256.New()
		if err == nil {
			err = again.(encoding.BinaryUnmarshaler).UnmarshalBinary(state)
		}
		if err != nil {
			panic(err) // SHA-256 of the standard library does both since Go 1.10
		}
		c.hashes[k] = &tableHash{Hash: again, last: h.last, broken: h.broken}
	}
	return c
}

// sealEntry completes the entry and appends it to the chain.
func (b *batch) sealEntry(tx *Tx, e *entryBuilder) error {
	for _, d := range b.db.schema.tables {
		for op := byte(Created); op <= Deleted; op++ {
			if r := e.runs[[2]byte{d.no, op}]; r != nil {
				e.Changes = append(e.Changes, Change{Table: uint64(d.no), Op: uint64(op), Runs: r.sorted().append(nil)})
			}
		}
	}
	for _, d := range b.db.schema.tables {
		if h := e.hashes[d.no]; h != nil && h.broken {
			if err := e.rehash(tx, d); err != nil {
				return err
			}
		}
	}
	e.Written = written(e.hashes, b.db.schema.tables)
	e.Prev = b.head.Hash[:]
	e.Node = b.db.nodeNo
	e.Name, e.Addr, e.Action = shortened(e.Name), shortened(e.Addr), shortened(e.Action)
	body := entryCodec.Append(nil, &e.Entry)
	key := key8(b.head.Seq + 1)
	bucket := b.bolt.Bucket(bucketNames[bucketLog])
	bucket.FillPercent = fillAppend
	if err := bucket.Put(key, withCRC(key, bytes.Clone(body))); err != nil {
		return err
	}
	b.head = Mark{b.head.Seq + 1, sha256.Sum256(body)}
	return nil
}

// MaxAuthorText is the largest length in bytes of a name, an address and an action in the log: a
// request's path may be long.
const MaxAuthorText = 1000

// shortened returns a text as the log keeps it: a longer one is cut between two characters and ends
// with an ellipsis.
func shortened(s string) string {
	const end = "…"
	if len(s) <= MaxAuthorText {
		return s
	}
	n := MaxAuthorText - len(end)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + end
}

// rehash computes the hash of a table's rows from the file at the end of the request.
func (e *entryBuilder) rehash(tx *Tx, d *tableDef) error {
	h := &tableHash{Hash: sha256.New()}
	some := false
	for id := range slices.Concat(*e.runsOf(d, Created), *e.runsOf(d, Changed)).sorted().from(0) {
		rec, err := tx.record(d, id)
		if err == ErrNotFound {
			continue
		}
		if err != nil {
			return err
		}
		h.row(id, rec)
		some = true
	}
	delete(e.hashes, d.no)
	if some {
		e.hashes[d.no] = h
	}
	return nil
}

// Head reads the state of the file that this transaction sees from the log.
func (tx *Tx) Head() (Mark, error) {
	k, v := tx.bucket(bucketLog).Cursor().Last()
	if k == nil {
		return tx.Anchor()
	}
	e, err := readEntry(k, v)
	if err != nil {
		return Mark{}, err
	}
	return Mark{e.Seq, e.Hash}, nil
}

// At returns what Head returns. Transactions that see the same state mostly get it from memory, so
// it costs nothing, and says nothing about the log in the file.
func (tx *Tx) At() (m Mark, err error) {
	if tx.batch != nil { // which sees entries that are not committed
		return tx.Head()
	}
	db, no := tx.db, tx.bolt.ID()
	db.headMu.Lock()
	m, known := db.head, db.headTx == no
	db.headMu.Unlock()
	if known {
		return m, nil
	}
	if m, err = tx.Head(); err != nil {
		return m, err
	}
	db.headMu.Lock()
	defer db.headMu.Unlock()
	// A commit without an entry in the log, such as that of the list of free pages, changes only
	// the transaction's number.
	if m == db.head && no > db.headTx {
		db.headTx = no
	}
	return m, nil
}

// Follows returns nil when the file has grown out of the state m, or an error that says why not.
func (tx *Tx) Follows(m Mark) error {
	if m.Seq == 0 && m == (Mark{}) {
		return nil
	}
	head, err := tx.Head()
	if err != nil {
		return err
	}
	old, err := tx.Anchor()
	if err != nil {
		return err
	}
	switch {
	case m.Seq > head.Seq:
		return fmt.Errorf("the log ends at entry %d, before entry %d", head.Seq, m.Seq)
	case m.Seq < old.Seq:
		return fmt.Errorf("the log's entries up to %d were dropped: nothing is known of entry %d", old.Seq, m.Seq)
	case m.Seq > old.Seq:
		e, err := tx.Entry(m.Seq)
		if err != nil {
			return err
		}
		old = Mark{e.Seq, e.Hash}
	}
	if old != m {
		return fmt.Errorf("entry %d of the log is another one than %x", m.Seq, m.Hash)
	}
	return nil
}

// Anchor returns the last entry that was dropped from the log, zero when none was.
func (tx *Tx) Anchor() (Mark, error) {
	b, err := tx.meta().get([]byte("log/anchor"))
	if err != nil || b == nil {
		return Mark{}, err
	}
	if len(b) != 8+sha256.Size {
		return Mark{}, damaged("log anchor", errShort)
	}
	return Mark{binary.BigEndian.Uint64(b), [sha256.Size]byte(b[8:])}, nil
}

func readEntry(k, v []byte) (*Entry, error) {
	if len(k) != 8 {
		return nil, damaged("log", "bad key")
	}
	seq := binary.BigEndian.Uint64(k)
	b, err := checkCRC(k, v)
	e := new(Entry)
	if err == nil {
		err = entryCodec.Decode(b, e)
	}
	if err != nil {
		return nil, damaged(fmt.Sprintf("log entry %d", seq), err)
	}
	e.Seq, e.Hash = seq, sha256.Sum256(b)
	if e.NodeSeq == 0 {
		e.NodeSeq = seq
	}
	return e, nil
}

// Entry reads one log entry. Error: ErrNotFound when it does not exist or was dropped.
func (tx *Tx) Entry(seq uint64) (*Entry, error) {
	k := key8(seq)
	v := tx.bucket(bucketLog).Get(k)
	if v == nil {
		return nil, ErrNotFound
	}
	return readEntry(k, v)
}

// Log yields the log's entries from sequence seq on, oldest first.
func (tx *Tx) Log(seq uint64) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		c := tx.bucket(bucketLog).Cursor()
		for k, v := c.Seek(key8(seq)); k != nil; k, v = c.Next() {
			e, err := readEntry(k, v)
			if err != nil {
				tx.fail(err)
				return
			}
			if !yield(e) {
				return
			}
		}
	}
}

// Before reads a record as it was before log entry seq, from what that entry and later ones keep of
// it. Errors: ErrNotFound when there was no such record, or when the entries that knew it were
// dropped; *DamageError.
func (t *Table[T]) Before(tx *Tx, seq, id uint64) (*T, error) {
	b, err := tx.before(t.def, seq, id)
	if err != nil {
		return nil, err
	}
	rec := new(T)
	if err := t.codec.Decode(b, rec); err != nil {
		return nil, damaged(where(t.def, id), err)
	}
	return rec, nil
}

// before walks forward to the next whole state of a record, in a later entry or in the file, and
// applies the deltas back from there.
func (tx *Tx) before(d *tableDef, seq, id uint64) ([]byte, error) {
	if d.bulk {
		return nil, ErrNotFound // the log keeps none of its old records
	}
	if old, err := tx.Anchor(); err != nil || seq <= old.Seq {
		return nil, cmp.Or(err, ErrNotFound)
	}
	var steps []OldRecord
	var rec []byte
	whole := false
walk:
	for e := range tx.Log(seq) {
		for _, c := range e.Changes {
			if byte(c.Table) == d.no && c.Op == Created && c.has(id) {
				return nil, ErrNotFound // ids are never given out twice
			}
		}
		for _, o := range e.Old {
			if byte(o.Table) != d.no || o.ID != id {
				continue
			}
			if len(o.Delta) == 0 {
				rec, whole = append([]byte{}, o.Record...), true
				break walk
			}
			steps = append(steps, o)
		}
	}
	if tx.err != nil {
		return nil, tx.err
	}
	if !whole {
		b, err := tx.record(d, id)
		if err != nil {
			return nil, err
		}
		rec = b
	}
	for _, o := range slices.Backward(steps) {
		b, err := o.before(rec)
		if err != nil {
			return nil, damaged("old record of "+where(d, id), err)
		}
		rec = b
	}
	return rec, nil
}

// has says whether the change lists a row.
func (c Change) has(id uint64) bool {
	runs, _ := readRuns(c.Runs)
	return runs.has(id)
}

func micros(t time.Time) int64 { return t.UnixMicro() }

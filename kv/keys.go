package kv

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// Keys collects the keys and sets by which a record is found. All of them are derived: they can be
// rebuilt from the records at any time.
type Keys struct {
	Tx *Tx // to read the other records on which the keys depend

	def       *tableDef
	unique    []uniqueKey
	order     [][]byte // without the id
	series    []seriesKey
	members   []Member
	inherited []Member // what rows that refer to the record inherit; only while the record is written
}

// A Member is a set of which the row is a member: the one of (Dim, Value). Dimensions 1 to 127 have
// values made by [Int], 128 to 254 by [Text]; 0 is the set of all rows.
type Member struct {
	Dim   byte
	Value Value
}

const (
	dimAll  = 0
	dimText = 128 // the first dimension with text values
)

type uniqueKey struct {
	kind byte
	text string
}

// Unique adds a text that no other record may have under this kind.
func (k *Keys) Unique(kind byte, text string) { k.unique = append(k.unique, uniqueKey{kind, text}) }

// An order key is kind 1, group 4, sort key, id 5 bytes, with an empty value.

func orderPrefix(dst []byte, kind byte, group uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, kind), group)
}

// Order places the record in an order, by group and then by sort key. Sort keys of a group may
// differ in length, but none may be a prefix of another.
func (k *Keys) Order(kind byte, group uint32, sort []byte) {
	b := make([]byte, 0, 5+len(sort)+idLen)
	k.order = append(k.order, append(orderPrefix(b, kind, group), sort...))
}

// Series places the record in a series, by time in microseconds since 1970 and then by hash.
func (k *Keys) Series(s Series, time int64, hash uint32) {
	k.series = append(k.series, seriesKey{s, time, hash})
}

// Member adds the record to the set of (dim, value).
func (k *Keys) Member(dim byte, value Value) { k.members = append(k.members, Member{dim, value}) }

func (tx *Tx) newKeys(d *tableDef) *Keys { return &Keys{Tx: tx, def: d} }

// keysOf returns the keys of a stored record.
func (tx *Tx) keysOf(d *tableDef, id uint64, rec []byte) (*Keys, error) {
	k := tx.newKeys(d)
	if err := k.derive(id, rec); err != nil {
		return nil, damaged(where(d, id), err)
	}
	return k, nil
}

// insertKeys returns empty keys for a record that is inserted. The next insertion reuses them.
func (tx *Tx) insertKeys(d *tableDef) *Keys {
	t := tx.tools()
	if t.keys == nil {
		t.keys = new(Keys)
	}
	k := t.keys
	*k = Keys{Tx: tx, def: d, unique: k.unique[:0], order: k.order[:0], series: k.series[:0], members: k.members[:0]}
	return k
}

// derive adds the keys of a record, inherited memberships included.
func (k *Keys) derive(id uint64, rec []byte) error {
	if err := k.def.derive(k, id, rec); err != nil {
		return err
	}
	return k.complete()
}

// complete adds the memberships that a record inherits, and the set of all rows.
func (k *Keys) complete() error {
	own := len(k.members)
	for _, h := range k.def.parents {
		if k.Tx.stage != nil && k.def.bulk {
			break // what a pending row inherits is added when its stage finishes
		}
		for i := range own {
			if k.members[i].Dim != h.Dim {
				continue
			}
			passed, err := k.Tx.inherited(h.Table.tableDef(), k.members[i].Value.Int())
			if err != nil {
				return err
			}
			k.members = append(k.members, passed...)
		}
	}
	k.members = append(k.members, Member{Dim: dimAll})
	slices.SortFunc(k.members, compareMembers)
	k.members = slices.Compact(k.members)
	return k.undeclared()
}

func compareMembers(a, b Member) int {
	return cmp.Or(cmp.Compare(a.Dim, b.Dim), strings.Compare(string(a.Value), string(b.Value)))
}

// MaxKey is the largest length of a key in bytes, which bbolt sets; a text in a key must be
// shorter, see [MaxText]. MaxRecord is the largest length of a record in bytes.
const (
	MaxKey    = bbolt.MaxKeySize
	MaxRecord = 64 << 20
)

// MaxText is the largest length in bytes of a unique text, the value of a dimension, or the name of
// a setting, a code or a count. In a value, a zero byte counts twice.
const MaxText = MaxKey - 16

// check refuses keys and records that cannot be stored, and unique texts of other records, before
// anything is written.
func (k *Keys) check(id uint64, rec []byte, before *Keys) error {
	if err := k.fit(rec); err != nil {
		return err
	}
	for _, u := range k.unique {
		if before != nil && slices.Contains(before.unique, u) {
			continue
		}
		owner, ok, err := k.Tx.Lookup(u.kind, u.text)
		if err != nil {
			return err
		}
		if ok && owner != id {
			return &TakenError{Kind: u.kind, Text: u.text}
		}
	}
	return nil
}

// fit refuses a record and keys that are too long, since bbolt's refusal would fail the whole
// shared transaction.
func (k *Keys) fit(rec []byte) error {
	of := func(what string, longest int, got int) error {
		if got <= longest { // mostly
			return nil
		}
		return &TooLargeError{what + " of table " + k.def.name, got, longest}
	}
	if err := of("a record", MaxRecord, len(rec)); err != nil {
		return err
	}
	for _, u := range k.unique {
		if err := of("a unique text", MaxText, len(u.text)); err != nil {
			return err
		}
	}
	for _, o := range k.order {
		if err := of("a place in an order", MaxKey-idLen, len(o)); err != nil {
			return err
		}
	}
	for _, list := range [...][]Member{k.members, k.inherited} {
		for _, m := range list {
			if err := of("the value of a set", MaxText+2, len(m.Value)); err != nil { // 2 bytes end a text
				return err
			}
		}
	}
	return nil
}

// apply writes the difference between before, which may be nil, and k.
func (k *Keys) apply(id uint64, before *Keys) error {
	isNew := before == nil
	if isNew {
		before = &Keys{}
	}
	if err := k.applyTexts(id, before); err != nil {
		return err
	}
	if k.def.bulk && isNew {
		k.Tx.appendTail(k, id)
		return nil
	}
	// A removed entry must be in the stored series and sets, not in the tail.
	if err := k.Tx.foldTail(k.def); err != nil {
		return err
	}
	k.applySeries(id, before)
	k.Tx.changeMembers(k.def, id, before.members, k.members)
	return nil
}

// applyTexts is apply for unique keys and orders.
func (k *Keys) applyTexts(id uint64, before *Keys) error {
	tx := k.Tx
	for _, u := range before.unique {
		if !slices.Contains(k.unique, u) {
			if err := tx.bucket(bucketUnique).Delete(u.key()); err != nil {
				return err
			}
		}
	}
	for _, u := range k.unique {
		if !slices.Contains(before.unique, u) {
			if err := tx.bucket(bucketUnique).Put(u.key(), withCRC(u.key(), appendID(nil, id))); err != nil {
				return err
			}
		}
	}
	for _, o := range before.order {
		if !containsBytes(k.order, o) {
			if err := tx.bucket(bucketOrder).Delete(appendID(slices.Clip(o), id)); err != nil {
				return err
			}
		}
	}
	for _, o := range k.order {
		if !containsBytes(before.order, o) {
			if err := tx.bucket(bucketOrder).Put(appendID(slices.Clip(o), id), nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// applySeries is apply for stored series.
func (k *Keys) applySeries(id uint64, before *Keys) {
	for _, s := range before.series {
		if !slices.Contains(k.series, s) {
			k.Tx.batch.series.remove(s, id)
		}
	}
	for _, s := range k.series {
		if !slices.Contains(before.series, s) {
			k.Tx.batch.series.add(s, id)
		}
	}
}

// changeMembers moves a row between stored sets. Both lists are sorted.
func (tx *Tx) changeMembers(d *tableDef, id uint64, before, after []Member) {
	for len(before) > 0 || len(after) > 0 {
		c := 0
		switch {
		case len(before) == 0:
			c = 1
		case len(after) == 0:
			c = -1
		default:
			c = compareMembers(before[0], after[0])
		}
		if c < 0 {
			tx.batch.sets.remove(d, before[0], id)
		} else if c > 0 {
			tx.batch.sets.add(d, after[0], id)
		}
		if c <= 0 {
			before = before[1:]
		}
		if c >= 0 {
			after = after[1:]
		}
	}
}

// inherited returns the sets that rows inherit from a parent; none when there is no such parent.
func (tx *Tx) inherited(d *tableDef, id uint64) ([]Member, error) {
	key := rowKey{d.no, id}
	if m, ok := tx.inheritedFrom[key]; ok {
		return m, nil
	}
	rec, err := tx.record(d, id)
	if err == ErrNotFound || tx.staged(d, id) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := d.inherits(rec)
	if err != nil {
		return nil, damaged(where(d, id), err)
	}
	if tx.inheritedFrom == nil {
		tx.inheritedFrom = map[rowKey][]Member{}
	}
	tx.inheritedFrom[key] = m
	return m, nil
}

type rowKey struct {
	table byte
	id    uint64
}

func (tx *Tx) forget(d *tableDef, id uint64) {
	if d.inherits != nil {
		delete(tx.inheritedFrom, rowKey{d.no, id})
	}
}

// propagate moves the rows that inherit from a changed record between sets, whole sets at a time.
func (tx *WriteTx) propagate(d *tableDef, id uint64, old, rec []byte) error {
	if d.inherits == nil {
		return nil
	}
	tx.forget(d, id)
	before, err := d.inherits(old)
	if err != nil {
		return damaged(where(d, id), err)
	}
	after, err := d.inherits(rec)
	if err != nil {
		return err
	}
	for _, child := range tx.db.schema.childrenOf(d) {
		rows := child.table
		from := Member{child.dim, Int(id)}
		for _, m := range after {
			if !slices.Contains(before, m) {
				if err := tx.orSets(rows, m, from); err != nil {
					return err
				}
			}
		}
		for _, m := range before {
			if slices.Contains(after, m) {
				continue
			}
			if !child.many {
				err = tx.andNotSets(rows, m, from)
			} else {
				err = tx.reviseSet(rows, m, from)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// reviseSet removes the rows of from from m, except those that are in m for another reason.
func (tx *Tx) reviseSet(d *tableDef, m, from Member) error {
	ids, err := tx.set(d, from.Dim, from.Value).IDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		rec, err := tx.record(d, id)
		if err != nil {
			return err
		}
		k, err := tx.keysOf(d, id, rec)
		if err != nil {
			return err
		}
		if _, still := slices.BinarySearchFunc(k.members, m, compareMembers); !still {
			tx.batch.sets.remove(d, m, id)
		}
	}
	return nil
}

// key is kind and text. Nothing follows the text, so it needs no end.
func (u uniqueKey) key() []byte { return append([]byte{u.kind}, u.text...) }

// Lookup finds the record with a unique text. ok is false when there is none.
func (tx *Tx) Lookup(kind byte, text string) (id uint64, ok bool, err error) {
	key := uniqueKey{kind, text}.key()
	stored := tx.bucket(bucketUnique).Get(key)
	if stored == nil {
		return 0, false, nil
	}
	b, err := checkCRC(key, stored)
	if err != nil || len(b) != idLen {
		return 0, false, damaged("unique key "+text, errSum)
	}
	return readID(b), true, nil
}

func containsBytes(list [][]byte, b []byte) bool {
	return slices.ContainsFunc(list, func(x []byte) bool { return bytes.Equal(x, b) })
}

package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// A family is all that is derived under one number: the unique texts of a kind, the places of an
// order, the series of a kind, or the sets of one dimension of one table. Bucket meta lists each
// with how far it is true, so that later programs can add families to a file of the same format:
//
//   - A program that opens a file for writing builds the families of its own that are not listed, or
//     not true as far as the log goes, and then lists them as kept: each commit keeps them true.
//   - Before it writes, it notes for families of other programs, which it cannot keep, with which log
//     entry they were true last.
//
// A family that is behind is built as a whole: what was deleted in between cannot be told from the
// log for rows of bulk tables. The list is changed when all is built, so that a crash in between
// only means that it is done again.
type family struct {
	class familyClass
	table byte // 0 but for sets: other numbers are those of the whole file
	no    byte
}

type familyClass byte

const (
	familyUnique familyClass = iota + 1
	familyOrder
	familySeries
	familySet
	familyEnd
)

const (
	metaFamily = "family/" // class 1, table 1, number 1
	// kept is the sequence with which a family is listed that each commit keeps true.
	kept = math.MaxUint64
	// behind is that of one that is not true as a whole of any state: rows were pending, or a fold
	// moved the mark, which the log does not know, or it is being built.
	behind = math.MaxUint64 - 1
)

func (f family) key() []byte { return append([]byte(metaFamily), byte(f.class), f.table, f.no) }

// ordinal is where a family lies.
func (f family) bucketPrefix() (bucket int, prefix []byte) {
	switch f.class {
	case familyUnique:
		return bucketUnique, []byte{f.no}
	case familyOrder:
		return bucketOrder, []byte{f.no}
	case familySeries:
		return bucketSeries, []byte{f.no}
	}
	return bucketSet, []byte{f.table, f.no}
}

// declare notes the families of a table, of which dimAll is always one.
func (d *tableDef) declare(class familyClass, numbers ...byte) {
	for _, no := range numbers {
		f := family{class: class, no: no}
		if class == familySet {
			f.table = d.no
		}
		d.families = append(d.families, f)
		d.declared[class][no] = true
	}
}

// undeclared refuses keys of families that the table's Spec does not name: they would not be built.
func (k *Keys) undeclared() error {
	is := &k.def.declared
	for _, u := range k.unique {
		if !is[familyUnique][u.kind] {
			return fmt.Errorf("unique kind %d of table %s is not declared", u.kind, k.def.name)
		}
	}
	for _, o := range k.order {
		if !is[familyOrder][o[0]] {
			return fmt.Errorf("order %d of table %s is not declared", o[0], k.def.name)
		}
	}
	for _, s := range k.series {
		if !is[familySeries][s.series.Kind] {
			return fmt.Errorf("series kind %d of table %s is not declared", s.series.Kind, k.def.name)
		}
	}
	for _, m := range k.members {
		if !is[familySet][m.Dim] {
			return fmt.Errorf("dimension %d of table %s is not declared", m.Dim, k.def.name)
		}
	}
	return nil
}

// keep leaves the keys that are of some families; nil stands for all.
func (k *Keys) keep(only map[family]bool) {
	if only == nil {
		return
	}
	k.unique = slices.DeleteFunc(k.unique, func(u uniqueKey) bool { return !only[family{familyUnique, 0, u.kind}] })
	k.order = slices.DeleteFunc(k.order, func(o []byte) bool { return !only[family{familyOrder, 0, o[0]}] })
	k.series = slices.DeleteFunc(k.series,
		func(s seriesKey) bool { return !only[family{familySeries, 0, s.series.Kind}] })
	k.members = slices.DeleteFunc(k.members, func(m Member) bool { return !only[family{familySet, k.def.no, m.Dim}] })
}

// families lists the families of the file, those of other programs included, with how far they are
// true.
func (tx *Tx) families() (map[family]uint64, error) {
	list := map[family]uint64{}
	m := tx.meta()
	c := m.b.Cursor()
	for k, _ := c.Seek([]byte(metaFamily)); bytes.HasPrefix(k, []byte(metaFamily)); k, _ = c.Next() {
		b, err := m.get(k)
		if err != nil {
			return nil, err
		}
		rest := k[len(metaFamily):]
		if len(rest) != 3 || len(b) != 8 {
			return nil, damaged(fmt.Sprintf("meta %q", k), errShort)
		}
		list[family{familyClass(rest[0]), rest[1], rest[2]}] = binary.BigEndian.Uint64(b)
	}
	return list, nil
}

func (m *metaBucket) putFamilies(list map[family]uint64) error {
	for f, seq := range list {
		if err := m.put(f.key(), key8(seq)); err != nil {
			return err
		}
	}
	return nil
}

// kept lists all families of the schema as kept.
func (s *schema) kept() map[family]uint64 {
	list := map[family]uint64{}
	for f := range s.families {
		list[f] = kept
	}
	return list
}

// known says which part of a file a program knows that may be older or newer than the one that
// wrote it.
type known struct {
	schema *schema
	listed map[family]uint64
	head   uint64
}

func (tx *Tx) known() (*known, error) {
	listed, err := tx.families()
	if err != nil {
		return nil, err
	}
	head, err := tx.Head()
	return &known{tx.db.schema, listed, head.Seq}, err
}

// has says whether a family is this program's and true.
func (n *known) has(f family) bool {
	seq, ok := n.listed[f]
	return n.schema.families[f] != nil && ok && (seq == kept || seq == n.head)
}

// ignores says whether a family may hold anything: it is another program's, or this one's and not
// true. What is in no family that the program knows or the file lists must not be there.
func (n *known) ignores(f family) bool {
	_, ok := n.listed[f]
	return !n.has(f) && (ok || n.schema.families[f] != nil)
}

// isForeign says whether a table is another program's.
func (n *known) isForeign(table byte) bool {
	return n.schema.byNo(table) == nil && n.ignores(family{familySet, table, dimAll})
}

// hasForeignTables says whether there are tables of other programs.
func (n *known) hasForeignTables() bool {
	for f := range n.listed {
		if f.class == familySet && n.isForeign(f.table) {
			return true
		}
	}
	return false
}

// present is the schema of the tables that are in a file: those that the file does not list were
// added after it was written.
func (s *schema) present(tx *Tx) (*schema, error) {
	listed, err := tx.families()
	if err != nil {
		return nil, err
	}
	less := *s
	less.tables = slices.DeleteFunc(slices.Clone(s.tables), func(d *tableDef) bool {
		_, ok := listed[family{familySet, d.no, dimAll}]
		return !ok && tx.bolt.Bucket([]byte(d.name)) == nil
	})
	return &less, nil
}

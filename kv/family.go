package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// A family is everything that is derived under one number: the unique texts of a kind, an order,
// the series of a kind, or the sets of one dimension of one table. Bucket meta lists each family
// with the log sequence up to which it is complete, so that later programs can add families to a
// file of the same format:
//
//   - A program that opens a file for writing builds its own families that are not listed, or not
//     complete up to the head of the log. Then it lists them as kept: each commit keeps them
//     complete.
//   - Before it writes, it notes for families of other programs, which it cannot keep, at which log
//     entry they were last complete.
//
// A family that is behind is rebuilt as a whole, since the log does not tell which rows of bulk
// tables were deleted in between. It is listed as behind until everything is built, so a crash in
// between only means that it is built again.
type family struct {
	class familyClass
	table byte // 0 except for sets: the other numbers are unique in the file
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
	// kept is the sequence of a family that each commit keeps complete.
	kept = math.MaxUint64
	// behind is the sequence of a family that is complete for no state: it is being built, rows
	// were pending, or a fold moved the mark, which the log does not show.
	behind = math.MaxUint64 - 1
)

func (f family) key() []byte { return append([]byte(metaFamily), byte(f.class), f.table, f.no) }

// bucketPrefix returns the bucket of a family and the prefix of its keys.
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

// declare adds families to a table. dimAll is always one of them.
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

// undeclared refuses keys of families that the table's Spec does not name: Open would not build
// them.
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

// keep removes the keys that are not of some families; nil means all families.
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

// families lists the families of the file, those of other programs included, with the sequence up
// to which each is complete.
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

// known says which part of a file this program knows; the file may be of an older or a newer
// program.
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

// has says whether a family is this program's and complete.
func (n *known) has(f family) bool {
	seq, ok := n.listed[f]
	return n.schema.families[f] != nil && ok && (seq == kept || seq == n.head)
}

// ignores says whether a family may hold anything: it is another program's, or this program's and
// not complete. Anything outside the families that the program knows or the file lists is an error.
func (n *known) ignores(f family) bool {
	_, ok := n.listed[f]
	return !n.has(f) && (ok || n.schema.families[f] != nil)
}

// isForeign says whether a table is another program's.
func (n *known) isForeign(table byte) bool {
	return n.schema.byNo(table) == nil && n.ignores(family{familySet, table, dimAll})
}

// hasForeignTables says whether the file has tables of other programs.
func (n *known) hasForeignTables() bool {
	for f := range n.listed {
		if f.class == familySet && n.isForeign(f.table) {
			return true
		}
	}
	return false
}

// present returns the schema without the tables that were added after the file was written.
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

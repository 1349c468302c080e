package kv

import (
	"fmt"
)

// tableDef is a table without its record type.
type tableDef struct {
	name    string
	no      byte
	bulk    bool
	parents []Parent
	// what the table declares: families as a list, declared by class and number
	families []family
	declared [familyEnd][256]bool
	derive   func(k *Keys, id uint64, rec []byte) error
	inherits func(rec []byte) ([]Member, error)
	ident    func(tx *Tx, rec []byte) ([]byte, error)
	blobs    func(rec []byte) ([]uint64, error)
	refs     func(rec []byte, refer Refer) error
	// nil when Salvage can put nothing in the place of a lost record
	placeholder func(id uint64, uid [16]byte) []byte
}

// schema is the tables of a file and their dependencies.
type schema struct {
	tables   []*tableDef
	children map[*tableDef][]childRows
	// all families that the tables declare, with their tables
	families map[family]*tableDef
}

// A Parent names a table from which rows inherit, and the dimension through which they refer to its
// records.
type Parent struct {
	Table AnyTable
	Dim   byte
	// Many says that a row may have several such parents, so that it may keep a set that one of
	// them no longer passes on.
	Many bool
}

// AnyTable is a [Table] of any record type, as [Open] takes them.
type AnyTable interface{ tableDef() *tableDef }

// A Refer is called with each row to which a record refers. Id 0 refers to nothing.
type Refer func(to AnyTable, id uint64)

// childRows are the rows of one table that refer to a parent through one dimension.
type childRows struct {
	table *tableDef
	dim   byte
	many  bool
}

func newSchema(tables []AnyTable) (*schema, error) {
	s := &schema{children: map[*tableDef][]childRows{}, families: map[family]*tableDef{}}
	for _, t := range tables {
		d := t.tableDef()
		for _, other := range s.tables {
			if other.no == d.no || other.name == d.name {
				return nil, fmt.Errorf("tables %s and %s have the same name or number", other.name, d.name)
			}
		}
		for _, name := range bucketNames {
			if d.name == string(name) {
				return nil, fmt.Errorf("a table must not be called %s", d.name)
			}
		}
		s.tables = append(s.tables, d)
		for _, f := range d.families {
			if other := s.families[f]; other != nil {
				return nil, fmt.Errorf(
					"tables %s and %s have the same number %d of a unique kind, an order or a series",
					other.name, d.name, f.no)
			}
			s.families[f] = d
		}
	}
	for _, d := range s.tables {
		for _, h := range d.parents {
			parent := h.Table.tableDef()
			if s.byNo(parent.no) != parent || parent.inherits == nil {
				return nil, fmt.Errorf("table %s inherits from %s, which is missing or passes nothing on",
					d.name, parent.name)
			}
			s.children[parent] = append(s.children[parent], childRows{d, h.Dim, h.Many})
		}
	}
	return s, nil
}

func (s *schema) byNo(no byte) *tableDef {
	for _, d := range s.tables {
		if d.no == no {
			return d
		}
	}
	return nil
}

func (s *schema) childrenOf(d *tableDef) []childRows { return s.children[d] }

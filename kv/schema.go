package kv

import (
	"fmt"
)

// tableDef is a table without its type.
type tableDef struct {
	name    string
	no      byte
	bulk    bool
	parents []Parent
	// families are what the table declares, and declared the same by class and number
	families []family
	declared [familyEnd][256]bool
	derive   func(k *Keys, id uint64, rec []byte) error
	inherits func(rec []byte) ([]Member, error)
	ident    func(tx *Tx, rec []byte) ([]byte, error)
	blobs    func(rec []byte) ([]uint64, error)
	refs     func(rec []byte, refer Refer) error
	// putPlaceholder is nil when there is none
	placeholder func(id uint64, uid [16]byte) []byte
}

// schema is the tables of a file and how they depend on each other.
type schema struct {
	tables   []*tableDef
	children map[*tableDef][]childRows
	// families are all that the tables declare, with their tables
	families map[family]*tableDef
}

// An Heir names a parent table by its definition, and the dimension through which rows refer to it.
type Parent struct {
	Table AnyTable
	Dim   byte
	// Many says that a row may have several such parents, so that what one of them takes back
	// another may still give.
	Many bool
}

// AnyTable is a Table of any record type, as Open takes them.
type AnyTable interface{ tableDef() *tableDef }

// A Refer is told one after the other to which rows a record refers. Id 0 refers to nothing.
type Refer func(to AnyTable, id uint64)

// childrenOf are the rows of one table that refer to a parent through one dimension.
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
				return nil, fmt.Errorf("tables %s and %s have the same number %d of a unique kind, an order or a series",
					other.name, d.name, f.no)
			}
			s.families[f] = d
		}
	}
	for _, d := range s.tables {
		for _, h := range d.parents {
			parent := h.Table.tableDef()
			if s.byNo(parent.no) != parent || parent.inherits == nil {
				return nil, fmt.Errorf("table %s is an heir of %s, which is not there or passes nothing on",
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

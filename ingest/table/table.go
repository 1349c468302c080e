package table

import "nightjar/ingest/bounded"

// Field is what a format says about a column.
type Field struct {
	Name, Unit, UCD string
	Text            bool        // cells are texts, even if they look like numbers
	Single          bool        // numbers have single precision
	LeftOut         string      // why the column is left out; "" if it is kept
	Time            *TimeSystem // how the column counts time; nil if the format does not say
}

// TimeSystem says how a column counts time, in the words of its format.
type TimeSystem struct {
	Form, Origin    string // of ECSV; of VOTable
	Scale, Position string
}

// Table is a table of a format that describes its columns.
type Table struct {
	Layout
	Format   string // for the report
	Fields   []Field
	Keys     Keywords
	Numbered bool // rows have no lines and are counted from 1
	Notes    []string
	Dropped  []string // names of columns of the file that First does not have, as they are not read
	Open     func(comment func([]byte)) (bounded.Rows, error)
}

// NameCost is the memory that a name takes in addition to its bytes.
const NameCost = 32

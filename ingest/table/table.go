package table

import "nightjar/ingest/bounded"

// Field is what a format says of a column.
type Field struct {
	Name, Unit, UCD string
	Text            bool        // cells are texts, whatever they look like
	Single          bool        // numbers of single precision
	LeftOut         string      // why the column is left out; "" when it is not
	Time            *TimeSystem // how the column counts time; nil when the format does not tell
}

// TimeSystem is how a column counts time, in the words of its format.
type TimeSystem struct {
	Form, Origin    string // of ECSV; of VOTable
	Scale, Position string
}

// Table is a table of a format that describes its columns.
type Table struct {
	Layout
	Format   string // for a report
	Fields   []Field
	Keys     Keywords
	Numbered bool // rows have no lines: they are counted from 1
	Notes    []string
	Open     func(comment func([]byte)) (bounded.Rows, error)
}

// NameCost is what it takes to remember a name, beside its bytes.
const NameCost = 32

package archive

import (
	"io"

	"nightjar/ingest"
)

// TableColumn describes a column of a table that is written.
type TableColumn = ingest.TableColumn

// TableHead is what is known of a table before its rows.
type TableHead = ingest.TableHead

// TableWriter writes a table row by row.
type TableWriter = ingest.TableWriter

// What the cells of a column hold.
const (
	TextColumn   = ingest.Text
	NumberColumn = ingest.Number
	WholeColumn  = ingest.Whole
)

// TableFormats are the formats of tables that can be written.
var TableFormats = ingest.TableFormats

// NewTableWriter begins a table in one of TableFormats; see package ingest.
func NewTableWriter(format string, out io.Writer, h TableHead) (*TableWriter, error) {
	return ingest.NewTableWriter(format, out, h)
}

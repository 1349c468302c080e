package bounded

// Row is one row of a table of any format, as texts. The caller may change the cells, which are
// valid until the next call.
type Row struct {
	Cells  [][]byte
	Line   int    // or the number of the row, from 1
	Reason string // why the row cannot be split; Cells are then not valid, except the first Whole
	Whole  int    // with a Reason, the cells before the fault
}

// Rows reads the rows of a table one after the other.
type Rows interface {
	// Next reads the next row; io.EOF comes after the last. Any other error ends the reading.
	Next(r *Row) error
}

// Fit removes empty cells from the end of a row that has more cells than there are columns, as
// spreadsheets write it.
func (r *Row) Fit(width int) {
	n := len(r.Cells)
	for n > width && len(r.Cells[n-1]) == 0 {
		n--
	}
	if n == width {
		r.Cells = r.Cells[:n]
	}
}

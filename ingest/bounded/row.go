package bounded

// Row is one row of a table of any format, as texts. Its cells are the caller's to change, and
// valid until the next call.
type Row struct {
	Cells  [][]byte
	Line   int    // or the row's number, from 1
	Reason string // why the row cannot be taken apart; cells are not valid then
}

// Rows reads the rows of a table one after the other.
type Rows interface {
	// Next reads the next row; io.EOF after the last. A refusal or another error ends the reading.
	Next(r *Row) error
}

// Fit takes empty cells off the end of a row that has more of them than there are columns, as
// spreadsheets leave them.
func (r *Row) Fit(width int) {
	n := len(r.Cells)
	for n > width && len(r.Cells[n-1]) == 0 {
		n--
	}
	if n == width {
		r.Cells = r.Cells[:n]
	}
}

package table

import "bytes"

// IsRDB reports whether a file is an RDB table: a line of names, which tabs separate, and below it
// a line of types (astropy.io.ascii.Rdb).
func IsRDB(head []byte) bool {
	names := 0
	for line := range bytes.Lines(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))) {
		line = bytes.TrimRight(line, "\r\n")
		_, comment := commentText(line)
		switch {
		case comment || len(Trim(line)) == 0:
		case names == 0:
			if names = bytes.Count(line, []byte("\t")) + 1; names < 2 {
				return false
			}
		default:
			cells := bytes.Split(line, []byte("\t"))
			return len(cells) == names && rdbTypes(cells)
		}
	}
	return false
}

// RDBTypes reports whether the first row of a layout is one of types.
func (l Layout) RDBTypes() bool {
	if l.Delimiter != '\t' || len(l.Sample) == 0 || len(l.Sample[0]) != len(l.First) {
		return false
	}
	var cells [][]byte
	for _, cell := range l.Sample[0] {
		cells = append(cells, []byte(cell))
	}
	return rdbTypes(cells)
}

// rdbTypes reports whether each cell is a type: a width, and N for numbers, S for strings or M for
// months. The width may be missing.
func rdbTypes(cells [][]byte) bool {
	for _, cell := range cells {
		cell = Trim(cell)
		if len(cell) == 0 {
			return false
		}
		width, letter := cell[:len(cell)-1], cell[len(cell)-1]|0x20
		if len(width) > 6 || len(bytes.Trim(width, "0123456789")) > 0 || letter != 'n' && letter != 's' &&
			letter != 'm' {
			return false
		}
	}
	return true
}

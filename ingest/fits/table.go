package fits

import (
	"errors"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/problem"
)

// wideRow is the size in bytes of a row of which only the needed columns are read.
const wideRow = 1 << 20

// Column is one column of a FITS table.
type Column struct {
	Name   string
	Form   byte // of TFORM: L X B I J K A E D C M P Q; in ASCII tables A I F E D
	Repeat int64
	start  int64 // first byte in the row
	Width  int64 // bytes in the row
	digits int64 // decimals of an ASCII table's number without a point

	scale, zero float64
	scaled      bool
	offset      uint64 // of unsigned integers, from TZERO; exact
	unsigned    bool
	null        string // TNULL: the stored integer, or the text in an ASCII table, that means no value
	hasNull     bool

	Unit, UCD string
	element   byte // form of the elements of a variable array

	TimeScale, TimeRef string // TCTYP and TRPOS of a column of times, "" for those of the file
	Days               bool   // each cell is two float64 whose sum is a Julian date, as astropy writes times
	texts              bool   // each cell is several texts
}

// Table is a table HDU.
type Table struct {
	*HDU
	ASCII   bool
	Rows    int64
	width   int64
	Columns []Column
	heap    int64 // offset of the heap in the file
	heapLen int64
}

// isTable reports whether an HDU is a table, and not an image that is compressed in one.
func (h *HDU) isTable() bool { return h.Kind == "BINTABLE" || h.Kind == "TABLE" }

// table reads the description of the columns of a table. Everything is checked against NAXIS1,
// which is within the file.
func (h *HDU) table() (*Table, error) {
	t := &Table{HDU: h, ASCII: h.Kind == "TABLE"}
	if len(h.Axes) != 2 || h.Bitpix != 8 {
		return nil, h.Refuse("NAXIS", "a table has two axes of bytes")
	}
	t.width, t.Rows = h.Axes[0], h.Axes[1]
	if t.width > bounded.MaxRowBytes {
		return nil, h.Refuse("NAXIS1", "a row of more than "+strconv.Itoa(bounded.MaxRowBytes)+" bytes")
	}
	fields, there, err := h.integer("TFIELDS")
	if err != nil {
		return nil, err
	}
	if !there || fields < 0 || fields > bounded.MaxColumns {
		return nil, h.Refuse("TFIELDS", "must be from 0 to "+strconv.Itoa(bounded.MaxColumns))
	}
	at := int64(0)
	for i := int64(1); i <= fields; i++ {
		c, err := t.column(strconv.FormatInt(i, 10))
		if err != nil {
			return nil, err
		}
		if !t.ASCII {
			c.start = at
			at += c.Width
		}
		if c.start < 0 || c.Width < 0 || c.start > t.width || c.Width > t.width-c.start {
			return nil, h.Refuse("TFORM"+strconv.FormatInt(i, 10),
				"the column does not fit into NAXIS1 = "+strconv.FormatInt(t.width, 10)+" bytes")
		}
		t.Columns = append(t.Columns, c)
	}
	heap, there, err := h.integer("THEAP")
	if err != nil {
		return nil, err
	}
	if !there {
		heap = t.width * t.Rows
	}
	if heap < t.width*t.Rows || heap > h.Size {
		return nil, h.Refuse("THEAP", "the heap is not within the data")
	}
	t.heap, t.heapLen = h.data+heap, h.Size-heap
	return t, nil
}

// column reads the keywords of column n.
func (t *Table) column(n string) (c Column, err error) {
	c.Name, _ = t.Text("TTYPE" + n)
	if c.Name = strings.TrimSpace(c.Name); c.Name == "" {
		c.Name = "column " + n
	}
	c.Unit, _ = t.Text("TUNIT" + n)
	c.UCD, _ = t.Text("TUCD" + n)
	if scale, _ := t.Text("TCTYP" + n); strings.TrimSpace(scale) != "" {
		if _, known := instant.ScaleOf(scale); known {
			c.TimeScale = scale
		}
	}
	c.TimeRef, _ = t.Text("TRPOS" + n)
	form, _ := t.Text("TFORM" + n)
	form = strings.ToUpper(strings.TrimSpace(form))
	ok := false
	if t.ASCII {
		ok, err = t.asciiForm(&c, n, form)
	} else {
		ok = c.binaryForm(form)
	}
	if err != nil {
		return c, err
	}
	if !ok {
		return c, t.Refuse("TFORM"+n, problem.Quoted(form)+" is not a form of a column")
	}
	if shape, _ := t.Text("TDIM" + n); c.Form == 'A' && strings.Contains(shape, ",") {
		c.texts = true
	}
	if units, _ := t.Text("TCUNI" + n); c.Form == 'D' && c.Repeat == 2 && c.TimeScale != "" &&
		strings.EqualFold(strings.TrimSpace(units), "d") {
		zero, there := t.Text("JDREF")
		d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(zero)))
		c.Days = there && ok && d.Zero()
	}
	c.scale = 1
	scale, hasScale, err := t.number("TSCAL" + n)
	if err != nil {
		return c, err
	}
	if hasScale {
		c.scale = scale
	}
	if c.zero, _, err = t.number("TZERO" + n); err != nil {
		return c, err
	}
	c.scaled = c.scale != 1 || c.zero != 0
	if c.scale == 1 {
		switch form := c.kind(); {
		case form == 'I' && c.zero == 1<<15, form == 'J' && c.zero == 1<<31, form == 'K' && c.zero == 1<<63:
			c.scaled, c.unsigned, c.offset = false, true, uint64(c.zero)
		case form == 'B' && c.zero == -128:
			c.scaled, c.unsigned, c.offset = false, true, ^uint64(127) // wraps around: -128
		}
	}
	if t.ASCII {
		c.null, c.hasNull = t.Text("TNULL" + n)
		c.null = strings.TrimSpace(c.null)
		return c, nil
	}
	null, hasNull, err := t.integer("TNULL" + n)
	if hasNull && strings.IndexByte("BIJKPQ", c.Form) >= 0 {
		if err != nil {
			return c, err
		}
		c.null, c.hasNull = strconv.FormatInt(null, 10), true
	}
	return c, nil
}

// kind is the form of the elements of the column.
func (c *Column) kind() byte {
	if c.Form == 'P' || c.Form == 'Q' {
		return c.element
	}
	return c.Form
}

// asciiForm reads the TFORM and TBCOL of an ASCII table: Aw, Iw, Fw.d, Ew.d, Dw.d.
func (t *Table) asciiForm(c *Column, n, form string) (bool, error) {
	start, there, err := t.integer("TBCOL" + n)
	if err != nil || !there {
		return there, err
	}
	if form == "" || strings.IndexByte("AIFED", form[0]) < 0 {
		return false, nil
	}
	width, digits, point := strings.Cut(form[1:], ".")
	if c.Width, err = strconv.ParseInt(width, 10, 32); err != nil || c.Width < 0 || c.Width > bounded.MaxCellText {
		return false, nil
	}
	if point {
		if c.digits, err = strconv.ParseInt(digits, 10, 8); err != nil || c.digits < 0 {
			return false, nil
		}
	}
	c.Form, c.start, c.Repeat = form[0], start-1, 1
	return true, nil
}

// binaryForm reads the TFORM of a binary table: rT, or 1PT(max) and 1QT(max) for arrays of variable
// length.
func (c *Column) binaryForm(form string) bool {
	n := instant.CountDigits([]byte(form))
	c.Repeat = 1
	if n > 0 {
		r, err := strconv.ParseInt(form[:n], 10, 32)
		if err != nil {
			return false
		}
		c.Repeat = r
	}
	if n == len(form) {
		return false
	}
	c.Form = form[n]
	size := elementSize(c.Form)
	switch c.Form {
	case 'X':
		c.Width = (c.Repeat + 7) / 8
		return true
	case 'P', 'Q':
		if c.Repeat > 1 || n+1 >= len(form) || elementSize(form[n+1]) == 0 {
			return false
		}
		c.element = form[n+1]
	}
	if size == 0 {
		return false
	}
	c.Width = size * c.Repeat
	return true
}

// elementSize returns the size in bytes of an element in a row; 0 for an unknown form.
func elementSize(form byte) int64 {
	switch form {
	case 'L', 'B', 'A':
		return 1
	case 'I':
		return 2
	case 'J', 'E':
		return 4
	case 'K', 'D', 'C', 'P':
		return 8
	case 'M', 'Q':
		return 16
	}
	return 0
}

// Number reports whether the column holds numbers.
func (c *Column) Number() bool {
	return strings.IndexByte("BIJKEDF", c.kind()) >= 0
}

// Scalar reports whether every cell holds a single value.
func (c *Column) Scalar() bool {
	return c.Form == 'A' && !c.texts || c.Days || c.Form != 'A' && c.Form != 'P' && c.Form != 'Q' &&
		c.Form != 'X' && c.Repeat == 1
}

// Tables returns the tables of a file, at most most of them, and the primary HDU. bad says what is
// wrong with the first table that could not be read and was left out.
func Tables(f bounded.File, most int) (tables []*Table, primary *HDU, bad, err error) {
	in := Reader{File: f}
	for len(tables) < most {
		h, err := in.Next()
		if err != nil {
			return nil, nil, nil, err
		}
		if h == nil {
			break
		}
		if primary == nil {
			primary = h
		}
		if !h.isTable() {
			continue
		}
		t, err := h.table()
		var r *bounded.Refusal
		if errors.As(err, &r) {
			if bad == nil {
				bad = err
			}
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		tables = append(tables, t)
	}
	return tables, primary, bad, nil
}

package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// wideRow is how many bytes a row has of which only the columns that are used are read.
const wideRow = 1 << 20

// fitsColumn is one column of a FITS table.
type fitsColumn struct {
	name   string
	form   byte // of TFORM: L X B I J K A E D C M P Q; of ASCII tables A I F E D
	repeat int64
	start  int64 // first byte in the row
	width  int64 // bytes in the row
	digits int64 // of an ASCII table's number without a point: how many are behind it

	scale, zero float64
	scaled      bool
	offset      uint64 // of unsigned integers, as TZERO says them; exact
	unsigned    bool
	null        string // TNULL: the stored integer, or text of an ASCII table, that means nothing
	hasNull     bool

	unit, ucd string
	element   byte // form of a variable array's elements

	timeScale, timeRef string // TCTYP and TRPOS of a column of times, "" for those of the file
	days               bool   // cells are two float64, days, whose sum is a Julian date, as astropy writes its times
	texts              bool   // cells hold several texts
}

// fitsTable is a table HDU.
type fitsTable struct {
	*fitsHDU
	ascii   bool
	rows    int64
	width   int64
	columns []fitsColumn
	heap    int64 // offset of the heap in the file
	heapLen int64
}

// isTable tells whether an HDU is a table; an image that is compressed in one is none.
func (h *fitsHDU) isTable() bool { return h.kind == "BINTABLE" || h.kind == "TABLE" }

// table reads the description of a table HDU's columns. Everything is checked against NAXIS1, which is known to lie within
// the file.
func (h *fitsHDU) table() (*fitsTable, error) {
	t := &fitsTable{fitsHDU: h, ascii: h.kind == "TABLE"}
	if len(h.axes) != 2 || h.bitpix != 8 {
		return nil, h.refuse("NAXIS", "a table has two axes of bytes")
	}
	t.width, t.rows = h.axes[0], h.axes[1]
	if t.width > bounded.MaxRowBytes {
		return nil, h.refuse("NAXIS1", "a row of more than "+strconv.Itoa(bounded.MaxRowBytes)+" bytes")
	}
	fields, there, err := h.integer("TFIELDS")
	if err != nil {
		return nil, err
	}
	if !there || fields < 0 || fields > bounded.MaxColumns {
		return nil, h.refuse("TFIELDS", "must be from 0 to "+strconv.Itoa(bounded.MaxColumns))
	}
	at := int64(0)
	for i := int64(1); i <= fields; i++ {
		c, err := t.column(strconv.FormatInt(i, 10))
		if err != nil {
			return nil, err
		}
		if !t.ascii {
			c.start = at
			at += c.width
		}
		if c.start < 0 || c.width < 0 || c.start > t.width || c.width > t.width-c.start {
			return nil, h.refuse("TFORM"+strconv.FormatInt(i, 10), "the column does not fit into NAXIS1 = "+strconv.FormatInt(t.width, 10)+" bytes")
		}
		t.columns = append(t.columns, c)
	}
	heap, there, err := h.integer("THEAP")
	if err != nil {
		return nil, err
	}
	if !there {
		heap = t.width * t.rows
	}
	if heap < t.width*t.rows || heap > h.size {
		return nil, h.refuse("THEAP", "the heap is not within the data")
	}
	t.heap, t.heapLen = h.data+heap, h.size-heap
	return t, nil
}

// column reads the keywords of column n.
func (t *fitsTable) column(n string) (c fitsColumn, err error) {
	c.name, _ = t.text("TTYPE" + n)
	if c.name = strings.TrimSpace(c.name); c.name == "" {
		c.name = "column " + n
	}
	c.unit, _ = t.text("TUNIT" + n)
	c.ucd, _ = t.text("TUCD" + n)
	if scale, _ := t.text("TCTYP" + n); strings.TrimSpace(scale) != "" {
		if _, known := instant.ScaleOf(scale); known {
			c.timeScale = scale
		}
	}
	c.timeRef, _ = t.text("TRPOS" + n)
	form, _ := t.text("TFORM" + n)
	form = strings.ToUpper(strings.TrimSpace(form))
	ok := false
	if t.ascii {
		ok, err = t.asciiForm(&c, n, form)
	} else {
		ok = c.binaryForm(form)
	}
	if err != nil {
		return c, err
	}
	if !ok {
		return c, t.refuse("TFORM"+n, problem.Quoted(form)+" is no form of a column")
	}
	if shape, _ := t.text("TDIM" + n); c.form == 'A' && strings.Contains(shape, ",") {
		c.texts = true
	}
	if units, _ := t.text("TCUNI" + n); c.form == 'D' && c.repeat == 2 && c.timeScale != "" && fold(units) == "d" {
		zero, there := t.text("JDREF")
		d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(zero)))
		c.days = there && ok && d.Zero()
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
			c.scaled, c.unsigned, c.offset = false, true, ^uint64(127) // added with wrap: -128
		}
	}
	if t.ascii {
		c.null, c.hasNull = t.text("TNULL" + n)
		c.null = strings.TrimSpace(c.null)
		return c, nil
	}
	null, hasNull, err := t.integer("TNULL" + n)
	if hasNull && strings.IndexByte("BIJKPQ", c.form) >= 0 {
		if err != nil {
			return c, err
		}
		c.null, c.hasNull = strconv.FormatInt(null, 10), true
	}
	return c, nil
}

// Kind is the form of the column's elements.
func (c *fitsColumn) kind() byte {
	if c.form == 'P' || c.form == 'Q' {
		return c.element
	}
	return c.form
}

// asciiForm reads the TFORM and TBCOL of an ASCII table: Aw, Iw, Fw.d, Ew.d, Dw.d.
func (t *fitsTable) asciiForm(c *fitsColumn, n, form string) (bool, error) {
	start, there, err := t.integer("TBCOL" + n)
	if err != nil || !there {
		return there, err
	}
	if form == "" || strings.IndexByte("AIFED", form[0]) < 0 {
		return false, nil
	}
	width, digits, point := strings.Cut(form[1:], ".")
	if c.width, err = strconv.ParseInt(width, 10, 32); err != nil || c.width < 0 || c.width > bounded.MaxCellText {
		return false, nil
	}
	if point {
		if c.digits, err = strconv.ParseInt(digits, 10, 8); err != nil || c.digits < 0 {
			return false, nil
		}
	}
	c.form, c.start, c.repeat = form[0], start-1, 1
	return true, nil
}

// binaryForm reads the TFORM of a binary table: rT, or 1PT(max) and 1QT(max) for arrays of variable length.
func (c *fitsColumn) binaryForm(form string) bool {
	n := instant.CountDigits([]byte(form))
	c.repeat = 1
	if n > 0 {
		r, err := strconv.ParseInt(form[:n], 10, 32)
		if err != nil {
			return false
		}
		c.repeat = r
	}
	if n == len(form) {
		return false
	}
	c.form = form[n]
	size := elementSize(c.form)
	switch c.form {
	case 'X':
		c.width = (c.repeat + 7) / 8
		return true
	case 'P', 'Q':
		if c.repeat > 1 || n+1 >= len(form) || elementSize(form[n+1]) == 0 {
			return false
		}
		c.element = form[n+1]
	}
	if size == 0 {
		return false
	}
	c.width = size * c.repeat
	return true
}

// elementSize is how many bytes an element of a form takes in a row; 0 for a form that there is not.
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

// number tells whether the column holds numbers.
func (c *fitsColumn) number() bool {
	return strings.IndexByte("BIJKEDF", c.kind()) >= 0
}

// scalar tells whether every cell is one thing.
func (c *fitsColumn) scalar() bool {
	return c.form == 'A' && !c.texts || c.days || c.form != 'A' && c.form != 'P' && c.form != 'Q' && c.form != 'X' && c.repeat == 1
}

// appendElement writes element b of a column as text; nothing where it has no value. Floats have the digits that give the
// float64 back which the number is exactly.
func (c *fitsColumn) appendElement(dst, b []byte) []byte {
	var v int64
	switch c.kind() {
	case 'A':
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		return append(dst, bounded.Printable(bytes.Trim(b, " "))...)
	case 'L':
		switch b[0] {
		case 'T':
			return append(dst, "true"...)
		case 'F':
			return append(dst, "false"...)
		}
		return dst
	case 'E':
		return c.appendFloat(dst, float64(math.Float32frombits(binary.BigEndian.Uint32(b))))
	case 'D':
		if c.days {
			return appendDays(dst, math.Float64frombits(binary.BigEndian.Uint64(b)), math.Float64frombits(binary.BigEndian.Uint64(b[8:])))
		}
		return c.appendFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(b)))
	case 'B':
		v = int64(b[0])
	case 'I':
		v = int64(int16(binary.BigEndian.Uint16(b)))
	case 'J':
		v = int64(int32(binary.BigEndian.Uint32(b)))
	case 'K':
		v = int64(binary.BigEndian.Uint64(b))
	default:
		return dst
	}
	switch {
	case c.hasNull && strconv.FormatInt(v, 10) == c.null:
		return dst
	case c.unsigned && c.form == 'K':
		return strconv.AppendUint(dst, uint64(v)+c.offset, 10)
	case c.unsigned:
		return strconv.AppendInt(dst, v+int64(c.offset), 10)
	case c.scaled:
		return c.appendFloat(dst, float64(v))
	}
	return strconv.AppendInt(dst, v, 10)
}

// appendDays writes the sum of two numbers of days, with more digits than tell microseconds apart; nothing where one is none.
func appendDays(dst []byte, a, b float64) []byte {
	x, y := new(big.Rat).SetFloat64(a), new(big.Rat).SetFloat64(b)
	if x == nil || y == nil || math.Abs(a) > 1e7 || math.Abs(b) > 1e7 {
		return dst
	}
	return append(dst, x.Add(x, y).FloatString(13)...)
}

// AppendFloat writes a stored number with its scale.
func (c *fitsColumn) appendFloat(dst []byte, v float64) []byte {
	if c.scaled {
		v = c.zero + c.scale*v
	}
	if v-v != 0 { // only an infinite number's or NaN's difference from itself is not 0
		return dst
	}
	return jsontext.AppendFloat(dst, v)
}

// appendASCII writes a cell of an ASCII table.
func (c *fitsColumn) appendASCII(dst, b []byte) []byte {
	text := strings.Trim(bounded.ASCII(string(b)), " ")
	if text == "" || c.hasNull && text == c.null {
		return dst
	}
	if c.form == 'A' {
		return append(dst, text...)
	}
	d, ok := instant.ParseDecimal([]byte(text))
	if !ok {
		return append(dst, text...) // whoever needs a number says so
	}
	implied := c.digits > 0 && !d.Point && !d.Marker && c.form != 'I'
	if !c.scaled && !implied {
		return append(dst, text...)
	}
	v, _ := d.Float()
	if implied {
		v /= math.Pow(10, float64(c.digits))
	}
	return c.appendFloat(dst, v)
}

// fitsRows reads the rows of a table, the scalar columns of each as texts.
type fitsRows struct {
	t     *fitsTable
	file  bounded.File
	use   []int // columns
	row   int64
	chunk []byte // some rows
	left  []byte // of chunk
	text  []byte
	ends  []int
	cells [][]byte
}

func (in *fitsRows) next(r *row) error {
	*r = row{}
	if in.row >= in.t.rows {
		return io.EOF
	}
	if in.t.width == 0 {
		return io.EOF
	}
	wide := in.t.width > wideRow
	if wide {
		if err := in.load(); err != nil {
			return err
		}
	} else if len(in.left) == 0 {
		if in.chunk == nil {
			in.chunk = make([]byte, max(1, (64<<10)/in.t.width)*in.t.width)
		}
		n := min(int64(len(in.chunk)), (in.t.rows-in.row)*in.t.width)
		in.left = in.chunk[:n]
		if err := bounded.ReadFull(in.file, in.left, in.t.data+in.row*in.t.width); err != nil {
			return err
		}
	}
	var raw []byte
	if !wide {
		raw = in.left[:in.t.width]
		in.left = in.left[in.t.width:]
	}
	in.row++
	at := int64(0)
	in.text, in.cells, in.ends = in.text[:0], in.cells[:0], in.ends[:0]
	for _, i := range in.use {
		c := &in.t.columns[i]
		b := in.chunk
		if !wide {
			b = raw[c.start : c.start+c.width]
		} else {
			b, at = b[at:at+c.width], at+c.width
		}
		if in.t.ascii {
			in.text = c.appendASCII(in.text, b)
		} else if len(b) > 0 {
			in.text = c.appendElement(in.text, b)
		}
		in.ends = append(in.ends, len(in.text))
	}
	start := 0
	for _, end := range in.ends {
		in.cells = append(in.cells, in.text[start:end:end])
		start = end
	}
	r.cells, r.line = in.cells, int(in.row)
	return nil
}

// load reads the columns that are used of a wide row, one behind the other, into the chunk.
func (in *fitsRows) load() error {
	in.chunk = in.chunk[:0]
	for _, i := range in.use {
		c := &in.t.columns[i]
		at := len(in.chunk)
		in.chunk = slices.Grow(in.chunk, int(c.width))[:at+int(c.width)]
		if err := bounded.ReadFull(in.file, in.chunk[at:], in.t.data+in.row*in.t.width+c.start); err != nil {
			return err
		}
	}
	return nil
}

// grid is the table of the scalar columns. get looks up keywords of the file.
func (t *fitsTable) grid(f bounded.File, get func(string) (string, bool)) *grid {
	g := &grid{format: "FITS binary table", hdu: t.hdu, numbered: true}
	if t.ascii {
		g.format = "FITS ASCII table"
	}
	var use []int
	for i := range t.columns {
		c := &t.columns[i]
		if c.width == 0 || !c.scalar() || c.form == 'C' || c.form == 'M' || c.form == 'A' && c.repeat > bounded.MaxCellText {
			g.notes = append(g.notes, "column "+problem.Clip(c.name)+" holds arrays or bits and is left out")
			continue
		}
		use = append(use, i)
		info := field{unit: c.unit, ucd: c.ucd, time: fitsTime(c, get), text: c.form == 'A'}
		if c.form == 'E' && info.time != nil || c.form == 'E' && isTimeName(c.name) {
			info.note = "times in single precision are some minutes apart"
		}
		g.first = append(g.first, c.name)
		g.fields = append(g.fields, info)
	}
	g.open = func(func([]byte)) (rows, error) { return &fitsRows{t: t, file: f, use: use}, nil }
	return g
}

func isTimeName(name string) bool {
	base, unit := cutUnit(name)
	_, ok := timeOf(fold(base), unit)
	return ok
}

// fitsTime is how a column counts time by the FITS standard's chapter 9: the scale of TIMESYS, and for a column named TIME,
// as telescopes in space have it, the zero of MJDREF or JDREF and the unit of TUNIT or TIMEUNIT.
func fitsTime(c *fitsColumn, get func(string) (string, bool)) *instant.Clock {
	base, unit := cutUnit(c.name)
	base = fold(base)
	if unit == "" {
		unit = c.unit
	}
	t, ok := timeOf(base, unit)
	if !ok && !c.days {
		return nil
	}
	system := c.timeScale
	if system == "" {
		system, _ = get("TIMESYS")
	}
	scale, known := instant.ScaleOf(system)
	ref, _ := get("TIMEREF")
	if ref == "" {
		ref, _ = get("TREFPOS")
	}
	if c.timeRef != "" {
		ref = c.timeRef
	}
	switch ref = strings.ToUpper(ref); {
	case strings.HasPrefix(ref, "SOLARSYS"), strings.HasPrefix(ref, "BARYC"):
		ref = "barycentric"
	case strings.HasPrefix(ref, "HELIOC"):
		ref = "heliocentric"
	default:
		ref = ""
	}
	if c.days {
		return &instant.Clock{Kind: instant.KindJD, Scale: scale, Told: true, Ref: ref}
	}
	if zero, there := fitsZero(get); there && base == "time" && t.Kind == instant.KindTime {
		if unit == "" {
			unit, _ = get("TIMEUNIT")
		}
		t = instant.Clock{Kind: instant.KindCount, Zero: zero, Unit: instant.DayMicros}
		switch fold(unit) {
		case "s", "sec", "seconds", "":
			t.Unit = instant.SecondMicros
		case "d", "day", "days":
		default:
			t.Refused = "the unit " + problem.Quoted(unit) + " is not understood"
		}
		t.Scale, t.Ref = scale, ref
		if !known {
			t.Refused = "times of the scale TIMESYS = " + problem.Clip(system) + " are not read"
		}
		return &t
	}
	if t.Refused != "" {
		return &t
	}
	if t.Ref == "" {
		t.Ref = ref
	}
	if t.Scale == instant.ScaleUTC || t.Assumed != "" && system != "" {
		if !known {
			t.Refused = "times of the scale TIMESYS = " + problem.Clip(system) + " are not read"
		}
		t.Scale, t.Assumed = scale, ""
	}
	return &t
}

// fitsZero is the instant from which a file's TIME counts.
func fitsZero(get func(string) (string, bool)) (micros int64, there bool) {
	add := func(key string, julian bool) {
		text, ok := get(key)
		if !ok {
			return
		}
		d, ok := instant.ParseDecimal([]byte(strings.TrimSpace(text)))
		n, fits := d.Micros(instant.DayMicros)
		if !ok || !fits {
			return
		}
		if !there && julian {
			micros -= instant.JDOfUnixHalves * (instant.DayMicros / 2)
		} else if !there {
			micros -= instant.MJDOfUnix * instant.DayMicros
		}
		micros, there = micros+n, true
	}
	for _, key := range []string{"MJDREF", "JDREF"} {
		add(key, key == "JDREF")
		if !there {
			add(key+"I", key == "JDREF")
			if there {
				add(key+"F", key == "JDREF")
			}
		}
		if there {
			return micros, true
		}
	}
	if text, ok := get("BJDREFI"); ok { // Kepler and TESS
		if d, ok := instant.ParseDecimal([]byte(text)); ok {
			if n, fits := d.Micros(instant.DayMicros); fits {
				micros = n - instant.JDOfUnixHalves*(instant.DayMicros/2)
				if text, ok := get("BJDREFF"); ok {
					d, _ := instant.ParseDecimal([]byte(text))
					n, _ := d.Micros(instant.DayMicros)
					micros += n
				}
				return micros, true
			}
		}
	}
	return 0, false
}

// getter looks a keyword up in an HDU's header and then in the primary one, with dashes or underscores.
func (h *fitsHDU) getter(primary *fitsHDU) func(string) (string, bool) {
	return func(key string) (string, bool) {
		for _, header := range []*fitsHDU{h, primary} {
			for _, spelling := range []string{key, strings.ReplaceAll(key, "-", "_")} {
				if text, ok := header.text(spelling); ok {
					return text, true
				}
			}
		}
		return "", false
	}
}

// fitsTables lists the tables of a file, at most so many, with the primary HDU. bad says what is wrong with the description of
// the first that could not be read, and was left out.
func fitsTables(f bounded.File, most int) (tables []*fitsTable, primary *fitsHDU, bad, err error) {
	in := fitsFile{file: f}
	for len(tables) < most {
		h, err := in.next()
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

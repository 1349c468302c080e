package ingest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"nightjar/ingest/bounded"
	"nightjar/internal/instant"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// isVOTable tells whether a file is a VOTable (IVOA VOTable 1.4).
func isVOTable(head []byte) bool {
	i := bytes.Index(bytes.ToUpper(head), []byte("<VOTABLE"))
	if i < 0 {
		return false
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(start) > 0 && start[0] == '<'
}

// voField is a column of a VOTable.
type voField struct {
	name, unit, ucd string
	ref, id         string
	datatype        string
	arraysize       string
	null            string
	hasNull         bool
}

// voTable is one TABLE.
type voTable struct {
	fields  []voField
	keys    textKeys
	kind    string // TABLEDATA, BINARY or BINARY2
	offset  int64  // of what follows the TABLEDATA or STREAM tag in the converted file
	line    int    // its line
	systems map[string]*instant.Clock
}

// voReader reads a VOTable's elements with bounds on what one may take. The decoder works on a file in UTF-8: one that says it
// is Latin-1 is converted as it is read.
type voReader struct {
	in   *voInput
	xml  *xml.Decoder
	file bounded.File
}

// voInput counts what is read since the last element.
type voInput struct {
	r      io.Reader
	latin  bool
	since  int64
	tag    int   // bytes of the tag that is being read; 0 outside of one
	quote  byte  // of the attribute's value that is being read; 0 outside of one
	err    error // of reading the file, which is no fault of what it holds
	buf    [4096]byte
	queued []byte
}

var errLongElement = errors.New("an element is too long")

func (in *voInput) Read(p []byte) (int, error) {
	if in.since > bounded.MaxElement {
		return 0, errLongElement
	}
	if !in.latin {
		n, err := in.r.Read(p)
		in.since += int64(n)
		in.note(err)
		if !in.follow(p[:n]) {
			return 0, errLongElement
		}
		return n, err
	}
	if len(in.queued) == 0 {
		n, err := in.r.Read(in.buf[:])
		in.note(err)
		if n == 0 {
			return 0, err
		}
		in.since += int64(n)
		if !in.follow(in.buf[:n]) {
			return 0, errLongElement
		}
		for _, c := range in.buf[:n] {
			in.queued = append(in.queued, string(rune(c))...)
		}
	}
	n := copy(p, in.queued)
	in.queued = in.queued[n:]
	return n, nil
}

// follow tells whether no tag is too long: its attributes take many times as much memory as their
// text.
func (in *voInput) follow(b []byte) bool {
	for _, c := range b {
		if in.tag == 0 {
			if c == '<' {
				in.tag = 1
			}
			continue
		}
		in.tag++
		switch {
		case in.tag == 2 && (c == '!' || c == '?'):
			in.tag = 0 // no attributes
		case in.quote != 0:
			if c == in.quote {
				in.quote = 0
			}
		case c == '"' || c == '\'':
			in.quote = c
		case c == '>':
			in.tag = 0
		}
		if in.tag > bounded.MaxTag {
			return false
		}
	}
	return true
}

func (in *voInput) note(err error) {
	if err != nil && err != io.EOF {
		in.err = err
	}
}

// isLatin tells whether the XML declaration says that a file is in Latin-1.
func isLatin(head []byte) bool {
	line, _, _ := bytes.Cut(head[:min(len(head), 200)], []byte("?>"))
	line = bytes.ToLower(line)
	for _, name := range []string{"iso-8859-1", "iso8859-1", "latin1", "latin-1", "windows-1252"} {
		if bytes.Contains(line, []byte(name)) {
			return true
		}
	}
	return false
}

func newVOReader(f bounded.File, offset int64) (*voReader, error) {
	head, err := bounded.ReadHead(f)
	if err != nil {
		return nil, err
	}
	v := &voReader{file: f, in: &voInput{r: io.NewSectionReader(f.Content, 0, f.Size), latin: isLatin(head)}}
	if offset > 0 && !v.in.latin {
		v.in.r = io.NewSectionReader(f.Content, offset, f.Size-offset)
	} else if offset > 0 {
		if _, err := io.CopyN(io.Discard, discardBounds{v.in}, offset); err != nil {
			return nil, v.failed(err)
		}
		v.in.since = 0
	}
	v.xml = xml.NewDecoder(v.in)
	v.xml.Strict = false // a stray & or an unclosed HTML tag in a description is no reason to refuse a table
	v.xml.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return v, nil
}

// discardBounds reads without counting.
type discardBounds struct{ in *voInput }

func (d discardBounds) Read(p []byte) (int, error) {
	d.in.since = 0
	return d.in.Read(p)
}

// token is the next token; io.EOF after the last.
func (v *voReader) token() (xml.Token, error) {
	v.in.since = 0
	t, err := v.xml.RawToken()
	if err != nil && err != io.EOF {
		err = v.failed(err)
	}
	return t, err
}

// failed tells a bad file from one that could not be read.
func (v *voReader) failed(err error) error {
	var syntax *xml.SyntaxError
	line := 0
	if v.xml != nil {
		line, _ = v.xml.InputPos()
	}
	switch {
	case v.in.err != nil:
		return fmt.Errorf("ingest: reading a VOTable: %w", v.in.err)
	case errors.As(err, &syntax):
		return bounded.Refuse(bounded.Problem{Line: syntax.Line, Reason: "not well-formed XML: " + problem.Clip(syntax.Msg)})
	case errors.Is(err, errLongElement):
		return bounded.Refuse(bounded.Problem{Line: line,
			Reason: fmt.Sprintf("an element of more than %d bytes, or a tag of more than %d", bounded.MaxElement, bounded.MaxTag)})
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bounded.Refuse(bounded.Problem{Line: line, Reason: "the file ends within the table"})
	}
	return bounded.Refuse(bounded.Problem{Line: line, Reason: "not XML that is read: " + problem.Clip(err.Error())})
}

// voTables lists the tables of a file with their columns, and where their data begin.
func voTables(f bounded.File) (tables []*voTable, err error) {
	v, err := newVOReader(f, 0)
	if err != nil {
		return nil, err
	}
	var t *voTable
	systems := map[string]*instant.Clock{}
	keys := textKeys{}
	var field *voField
	inData := false
	size := 0 // bytes of all descriptions
	for {
		token, err := v.token()
		if err == io.EOF {
			break
		}
		if err != nil {
			if len(tables) > 0 && tables[len(tables)-1].kind != "" {
				break // the rows' reader will find it
			}
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			attr := func(name string) string {
				for _, a := range e.Attr {
					if strings.EqualFold(a.Name.Local, name) {
						return strings.TrimSpace(a.Value)
					}
				}
				return ""
			}
			switch strings.ToUpper(e.Name.Local) {
			case "TIMESYS":
				if id := attr("ID"); id != "" && len(id) < bounded.MaxKeyLine && len(systems) < 100 {
					systems[id] = voTime(attr("timeorigin"), attr("timescale"), attr("refposition"))
				}
			case "PARAM", "INFO":
				if name, value := keyword(attr("name")), attr("value"); name != "" && value != "" && len(keys) < bounded.MaxKeys && len(value) < bounded.MaxKeyLine {
					if _, twice := keys[name]; !twice {
						keys[name] = value
					}
				}
			case "TABLE":
				if len(tables) == bounded.MaxVOTables {
					return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("more than %d tables", bounded.MaxVOTables)})
				}
				t = &voTable{keys: keys, systems: systems}
				tables = append(tables, t)
			case "FIELD":
				if t == nil {
					continue
				}
				if len(t.fields) == bounded.MaxColumns {
					return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("more than %d columns", bounded.MaxColumns)})
				}
				name := attr("name")
				if name == "" {
					name = attr("ID")
				}
				t.fields = append(t.fields, voField{name: name, id: attr("ID"), unit: attr("unit"), ucd: attr("ucd"), ref: attr("ref"),
					datatype: attr("datatype"), arraysize: strings.ReplaceAll(attr("arraysize"), " ", "")})
				field = &t.fields[len(t.fields)-1]
				for _, a := range e.Attr {
					size += len(a.Value)
				}
				if size += nameCost; size > bounded.MaxNames {
					return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf(
						"the descriptions of the columns take more than %d bytes", bounded.MaxNames)})
				}
			case "VALUES":
				if field != nil {
					field.null, field.hasNull = attr("null"), attr("null") != ""
					size += len(field.null)
				}
			case "TABLEDATA":
				if t != nil && t.kind == "" {
					t.kind, t.offset = "TABLEDATA", v.xml.InputOffset()
					t.line, _ = v.xml.InputPos()
				}
			case "BINARY", "BINARY2":
				if t != nil && t.kind == "" {
					t.kind = strings.ToUpper(e.Name.Local)
				}
				inData = true
			case "FITS":
				return nil, bounded.Refuse(bounded.Problem{Reason: "a VOTable with a FITS file inside; upload the FITS file itself"})
			case "STREAM":
				if !inData || t == nil {
					continue
				}
				if attr("href") != "" {
					return nil, bounded.Refuse(bounded.Problem{Reason: "the rows of the VOTable stand in another file: " + problem.Quoted(attr("href"))})
				}
				if coding := attr("encoding"); coding != "" && !strings.EqualFold(coding, "base64") {
					return nil, bounded.Refuse(bounded.Problem{Reason: "rows encoded as " + problem.Quoted(coding) + " are not read"})
				}
				t.offset = v.xml.InputOffset()
				t.line, _ = v.xml.InputPos()
				end, err := v.skipStream(t.offset)
				if err != nil {
					return nil, err
				}
				if v, err = newVOReader(f, end); err != nil {
					return nil, err
				}
			}
		case xml.EndElement:
			switch strings.ToUpper(e.Name.Local) {
			case "FIELD":
				field = nil
			case "TABLE":
				t, inData = nil, false
			}
		}
	}
	return tables, nil
}

// skipStream finds the < that ends a stream of base64, without holding it.
func (v *voReader) skipStream(offset int64) (end int64, err error) {
	in, err := newVOReader(v.file, offset)
	if err != nil {
		return 0, err
	}
	b := make([]byte, 64<<10)
	for end = offset; ; {
		n, err := discardBounds{in.in}.Read(b)
		if i := bytes.IndexByte(b[:n], '<'); i >= 0 {
			return end + int64(i), nil
		}
		end += int64(n)
		if err == io.EOF {
			return end, nil
		}
		if err != nil {
			return 0, v.failed(err)
		}
	}
}

// voTime is the meaning of a TIMESYS (VOTable 1.4, section 3.4).
func voTime(origin, scale, position string) *instant.Clock {
	t := instant.Clock{Kind: instant.KindUntold, Unit: instant.DayMicros}
	s, ok := instant.ScaleOf(scale)
	if !ok && !strings.EqualFold(scale, "UNKNOWN") {
		t.Refused = "times of the scale " + problem.Quoted(scale) + " are not read"
	}
	t.Scale = s
	switch strings.ToUpper(position) {
	case "BARYCENTER":
		t.Ref = "barycentric"
	case "HELIOCENTER":
		t.Ref = "heliocentric"
	}
	switch strings.ToUpper(origin) {
	case "":
	case "MJD-ORIGIN":
		t.Kind = instant.KindMJD
	case "JD-ORIGIN":
		t.Kind = instant.KindJD
	default:
		d, ok := instant.ParseDecimal([]byte(origin))
		n, fits := d.Micros(instant.DayMicros)
		if !ok || !fits {
			t.Refused = "the timeorigin " + problem.Quoted(origin) + " is not understood"
			break
		}
		t.Kind, t.Zero = instant.KindCount, n-instant.JDOfUnixHalves*(instant.DayMicros/2)
	}
	return &t
}

// grid is a table as texts.
func (t *voTable) grid(f bounded.File) (*grid, error) {
	g := &grid{format: "VOTable (" + t.kind + ")", numbered: t.kind != "TABLEDATA"}
	g.line, g.keys = t.line, t.keys
	var use []int
	for i, c := range t.fields {
		if !c.scalar() {
			g.notes = append(g.notes, "column "+problem.Clip(c.name)+" holds arrays or complex numbers and is left out")
			if t.kind == "TABLEDATA" {
				continue
			}
			if _, ok := c.binarySize(); !ok {
				return nil, bounded.Refuse(bounded.Problem{Column: problem.Clip(c.name), Reason: "a column of " + problem.Quoted(c.datatype) + " arrays " + problem.Quoted(c.arraysize) + " is not read"})
			}
			continue
		}
		use = append(use, i)
		info := field{unit: c.unit, ucd: c.ucd, text: c.datatype == "char" || c.datatype == "unicodeChar"}
		if system := t.systems[c.ref]; system != nil {
			told := *system
			switch {
			case told.Kind == instant.KindCount && (c.unit == "s" || c.unit == "sec"):
				told.Unit = instant.SecondMicros
			case told.Kind == instant.KindUntold:
				base, unit := cutUnit(c.name)
				if named, ok := timeOf(fold(base), unit); ok && named.Refused == "" {
					told.Kind, told.Zero, told.Unit = named.Kind, named.Zero, named.Unit
				}
			}
			info.time = &told
		}
		if c.datatype == "float" && (info.time != nil || isTimeName(c.name)) {
			info.note = "times in single precision are some minutes apart"
		}
		g.first, g.fields = append(g.first, c.name), append(g.fields, info)
	}
	g.open = func(func([]byte)) (rows, error) {
		v, err := newVOReader(f, t.offset)
		if err != nil {
			return nil, err
		}
		if t.kind == "TABLEDATA" {
			return plainRows{&voTextRows{t: t, v: v, use: use}}, nil
		}
		return plainRows{&voBinaryRows{t: t, in: base64.NewDecoder(base64.StdEncoding, &streamText{in: discardBounds{v.in}}), use: use}}, nil
	}
	return g, nil
}

// Scalar tells whether a cell is one number or one text.
func (c *voField) scalar() bool {
	switch c.datatype {
	case "char", "unicodeChar":
		return !strings.Contains(c.arraysize, "x")
	case "floatComplex", "doubleComplex", "bit":
		return false
	}
	return c.arraysize == "" || c.arraysize == "1"
}

// element is the bytes of one element in a stream; 0 for a bit and what is not known.
func (c *voField) element() int64 {
	switch c.datatype {
	case "boolean", "unsignedByte", "char":
		return 1
	case "short", "unicodeChar":
		return 2
	case "int", "float":
		return 4
	case "long", "double", "floatComplex":
		return 8
	case "doubleComplex":
		return 16
	}
	return 0
}

// binarySize is how many elements a cell has in a stream; -1 when the stream says it before each. ok is false for a size that
// makes no sense.
func (c *voField) binarySize() (n int64, ok bool) {
	if c.element() == 0 && c.datatype != "bit" {
		return 0, false
	}
	if c.arraysize == "" {
		return 1, true
	}
	n = 1
	parts := strings.Split(c.arraysize, "x")
	for i, part := range parts {
		if i == len(parts)-1 && strings.HasSuffix(part, "*") {
			return -1, true
		}
		size, err := strconv.ParseInt(part, 10, 32)
		if n = bounded.Multiply(n, size); err != nil || n < 0 || n > bounded.MaxRowBytes {
			return 0, false
		}
	}
	return n, true
}

// voTextRows reads the rows of TABLEDATA.
type voTextRows struct {
	t     *voTable
	v     *voReader
	use   []int
	all   []string
	cells [][]byte
}

func (in *voTextRows) Next(r *bounded.Row) error {
	*r = bounded.Row{}
	in.all = in.all[:0]
	var text []byte
	inRow, inCell, size := false, false, 0
	for {
		token, err := in.v.token()
		if err == io.EOF {
			return in.v.failed(io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			switch strings.ToUpper(e.Name.Local) {
			case "TR":
				inRow = true
				r.Line, _ = in.v.xml.InputPos()
				r.Line += in.t.line - 1
			case "TD":
				inCell, text = inRow, text[:0]
			}
		case xml.CharData:
			if inCell {
				if text = append(text, e...); len(text) > bounded.MaxElement {
					return in.v.failed(errLongElement)
				}
			}
		case xml.EndElement:
			switch strings.ToUpper(e.Name.Local) {
			case "TD":
				if size += len(text); size > bounded.MaxRowText {
					return bounded.Refuse(bounded.Problem{Line: r.Line, Reason: fmt.Sprintf("a row of more than %d bytes", bounded.MaxRowText)})
				}
				if inCell && len(in.all) <= len(in.t.fields) {
					in.all = append(in.all, strings.TrimSpace(string(text)))
				}
				inCell = false
			case "TR":
				return in.row(r)
			case "TABLEDATA":
				return io.EOF
			}
		}
	}
}

// row takes the cells that are used.
func (in *voTextRows) row(r *bounded.Row) error {
	if len(in.all) != len(in.t.fields) {
		r.Reason = problem.Plural(len(in.all), "cell") + " where the table has " + problem.Plural(len(in.t.fields), "column")
		return nil
	}
	in.cells = in.cells[:0]
	for _, i := range in.use {
		c := &in.t.fields[i]
		cell := []byte(in.all[i])
		if c.hasNull && string(cell) == c.null && c.datatype != "char" && c.datatype != "unicodeChar" {
			cell = nil
		}
		if strings.HasPrefix(string(cell), "0x") && c.element() > 0 && c.datatype != "char" && c.datatype != "unicodeChar" {
			if v, err := strconv.ParseInt(string(cell[2:]), 16, 64); err == nil {
				cell = strconv.AppendInt(nil, v, 10)
			}
		}
		in.cells = append(in.cells, cell)
	}
	r.Cells = in.cells
	return nil
}

// streamText is the base64 of a stream: up to the < that ends it, without white space.
type streamText struct {
	in    io.Reader
	ended bool
}

func (s *streamText) Read(p []byte) (int, error) {
	for !s.ended {
		n, err := s.in.Read(p)
		b := p[:n]
		if i := bytes.IndexByte(b, '<'); i >= 0 {
			b, s.ended = b[:i], true
		}
		out := 0
		for _, c := range b {
			if c > ' ' {
				p[out] = c
				out++
			}
		}
		if out > 0 {
			return out, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.EOF
}

// voBinaryRows reads the rows of BINARY and BINARY2.
type voBinaryRows struct {
	t     *voTable
	in    io.Reader
	use   []int
	count int
	text  []byte
	ends  []int // of every field's text
	buf   []byte
	cells [][]byte
}

func (in *voBinaryRows) Next(r *bounded.Row) error {
	*r = bounded.Row{}
	in.count++
	in.text, in.ends = in.text[:0], in.ends[:0]
	var nulls []byte
	if in.t.kind == "BINARY2" {
		nulls = make([]byte, (len(in.t.fields)+7)/8)
		if _, err := io.ReadFull(in.in, nulls); err != nil {
			return in.failed(err, true)
		}
	}
	if len(in.t.fields) == 0 {
		return io.EOF
	}
	for i := range in.t.fields {
		c := &in.t.fields[i]
		b, err := in.read(c)
		if err != nil {
			return in.failed(err, i == 0 && nulls == nil)
		}
		if nulls == nil || nulls[i/8]&(0x80>>(i%8)) == 0 {
			in.text = c.appendBinary(in.text, b)
		}
		in.ends = append(in.ends, len(in.text))
	}
	in.cells = in.cells[:0]
	for _, i := range in.use {
		start := 0
		if i > 0 {
			start = in.ends[i-1]
		}
		in.cells = append(in.cells, in.text[start:in.ends[i]:in.ends[i]])
	}
	r.Cells, r.Line = in.cells, in.count
	return nil
}

// failed is the end of the rows, when none has begun, or of the file within one.
func (in *voBinaryRows) failed(err error, first bool) error {
	if errors.Is(err, io.EOF) && first {
		return io.EOF
	}
	var r *bounded.Refusal
	var bad base64.CorruptInputError
	switch {
	case errors.As(err, &r):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return bounded.Refuse(bounded.Problem{Row: in.count, Reason: "the rows end within this one"})
	case errors.As(err, &bad):
		return bounded.Refuse(bounded.Problem{Row: in.count, Reason: "the rows are not base64"})
	}
	return fmt.Errorf("ingest: reading a VOTable: %w", err)
}

// Read reads one cell's bytes.
func (in *voBinaryRows) read(c *voField) ([]byte, error) {
	n, ok := c.binarySize()
	if !ok {
		return nil, bounded.Refuse(bounded.Problem{Column: problem.Clip(c.name), Reason: "the type " + problem.Quoted(c.datatype) + " of the column is not read"})
	}
	if n < 0 {
		var b [4]byte
		if _, err := io.ReadFull(in.in, b[:]); err != nil {
			return nil, err
		}
		n = int64(int32(binary.BigEndian.Uint32(b[:])))
	}
	size := n * c.element()
	if c.datatype == "bit" {
		size = (n + 7) / 8
	}
	if !c.scalar() && n >= 0 { // an array, which nobody wants
		_, err := io.CopyN(io.Discard, in.in, size)
		return nil, err
	}
	if n < 0 || size+int64(len(in.text)) > bounded.MaxRowText {
		return nil, bounded.Refuse(bounded.Problem{Row: in.count, Column: problem.Clip(c.name), Reason: "a cell of more bytes than may be"})
	}
	in.buf = in.buf[:0]
	for left := size; left > 0; { // a stream may say more than it has: what is there decides what is allocated
		part := min(left, 64<<10)
		at := len(in.buf)
		in.buf = append(in.buf, make([]byte, part)...)
		if _, err := io.ReadFull(in.in, in.buf[at:]); err != nil {
			return nil, err
		}
		left -= part
	}
	return in.buf, nil
}

// appendBinary writes a cell as text; nothing where it has no value.
func (c *voField) appendBinary(dst, b []byte) []byte {
	if !c.scalar() || len(b) == 0 {
		return dst
	}
	var v int64
	switch c.datatype {
	case "char":
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		return append(dst, bounded.Printable(bytes.TrimSpace(b))...)
	case "unicodeChar":
		var text strings.Builder
		for ; len(b) >= 2 && (b[0] != 0 || b[1] != 0); b = b[2:] {
			text.WriteRune(rune(binary.BigEndian.Uint16(b)))
		}
		return append(dst, bounded.Printable([]byte(strings.TrimSpace(text.String())))...)
	case "boolean":
		switch b[0] {
		case 'T', 't', '1':
			return append(dst, "true"...)
		case 'F', 'f', '0':
			return append(dst, "false"...)
		}
		return dst
	case "float", "double":
		f := 0.0
		if c.datatype == "float" {
			f = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
		} else {
			f = math.Float64frombits(binary.BigEndian.Uint64(b))
		}
		if f-f != 0 { // NaN is how a VOTable says nothing
			return dst
		}
		return jsontext.AppendFloat(dst, f)
	case "unsignedByte":
		v = int64(b[0])
	case "short":
		v = int64(int16(binary.BigEndian.Uint16(b)))
	case "int":
		v = int64(int32(binary.BigEndian.Uint32(b)))
	case "long":
		v = int64(binary.BigEndian.Uint64(b))
	default:
		return dst
	}
	if c.hasNull && strconv.FormatInt(v, 10) == c.null {
		return dst
	}
	return strconv.AppendInt(dst, v, 10)
}

// voGrids are the tables of a VOTable that have rows.
func voGrids(f bounded.File) ([]*grid, error) {
	tables, err := voTables(f)
	if err != nil {
		return nil, err
	}
	var grids []*grid
	for _, t := range tables {
		if t.kind == "" || len(t.fields) == 0 || t.offset == 0 {
			continue
		}
		g, err := t.grid(f)
		if err != nil {
			return nil, err
		}
		if err := g.look(); err != nil {
			return nil, err
		}
		grids = append(grids, g)
	}
	if len(grids) == 0 {
		return nil, bounded.Refuse(bounded.Problem{Reason: "a VOTable without a table of rows"})
	}
	return grids, nil
}

package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"nightjar/api"
	"nightjar/archive"
	"nightjar/internal/client"
	"nightjar/internal/instant"
	"nightjar/sky"
)

// csvRows reads a CSV file with a header and gives each row to fn, with its line. The header may begin with a byte order mark. The apostrophes with which an export keeps
// spreadsheets from running a cell are taken off.
func csvRows(in io.Reader, header func(names []string) error, fn func(line int, cells []string) error) error {
	b := bufio.NewReader(in)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		b.Discard(3)
	}
	r := csv.NewReader(b)
	r.ReuseRecord = true
	names, err := r.Read()
	if errors.Is(err, io.EOF) {
		return &fileError{1, "the file is empty"}
	}
	if err != nil {
		return csvError(err)
	}
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = api.Unguarded(strings.TrimSpace(name))
		if !utf8.ValidString(name) {
			return &fileError{1, "the header is not UTF-8"}
		}
		if names[i] != "" && slices.Contains(names[:i], names[i]) {
			return &fileError{1, fmt.Sprintf("the column %s is there twice", names[i])}
		}
	}
	if err := header(names); err != nil {
		return &fileError{1, err.Error()}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(err)
		}
		line, _ := r.FieldPos(0)
		for i, cell := range cells {
			if !utf8.ValidString(cell) {
				return &fileError{line, fmt.Sprintf("the column %s is not UTF-8", names[i])}
			}
			cells[i] = api.Unguarded(strings.TrimSpace(cell))
		}
		if err := fn(line, cells); err != nil {
			return err
		}
	}
}

func csvError(err error) error {
	var p *csv.ParseError
	if errors.As(err, &p) {
		return &fileError{p.Line, p.Err.Error()}
	}
	return err
}

// object writes an object, member by member.
type object struct {
	bytes.Buffer
}

func (o *object) begin() { o.Reset(); o.WriteByte('{') }
func (o *object) end() []byte {
	o.WriteString("}\n")
	return o.Bytes()
}

// member adds a member whose value is JSON already.
func (o *object) member(key string, value []byte) {
	if b := o.Bytes(); b[len(b)-1] != '{' {
		o.WriteByte(',')
	}
	o.Write(asJSON(key))
	o.WriteByte(':')
	o.Write(value)
}

func asJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts, and what is made of them
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// ownColumns are columns of a TOM's export that the archive fills in by itself.
var ownColumns = []string{"id", "created", "modified"}

// importTargets sends the targets of a CSV file, in its order. A file that cannot be read makes no archive.
func (p *program) importTargets(c *cli.Context) error {
	args, err := arguments(c, "FILE")
	if err != nil {
		return err
	}
	f, _, err := openFile(args[0])
	if err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return p.with(c, opening{fresh: true}, func(ctx context.Context, n *client.Client) error { return p.sendTargets(ctx, c, n, args) })
}

func (p *program) sendTargets(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
	return p.importRows(ctx, n, args[0], "/api/targets/", func(in io.Reader, out io.Writer) (lines lineMap, err error) {
		var columns []string
		var o object
		err = csvRows(in, func(header []string) error {
			columns = header
			if !slices.Contains(columns, "name") {
				return errors.New("there is no column name")
			}
			for _, name := range columns {
				if slices.Contains(ownColumns, name) {
					p.note("%s: the column %s is not taken over: the archive gives its own", args[0], name)
				}
			}
			return nil
		}, func(line int, cells []string) error {
			o.begin()
			p.targetRow(&o, columns, cells, args[0], line)
			lines = append(lines, line)
			_, err := out.Write(o.end())
			return err
		})
		return lines, err
	})
}

// targetRow makes a target of a row. A right ascension outside of the circle is taken around it, which is told.
func (p *program) targetRow(o *object, columns, cells []string, file string, line int) {
	var aliases, extras, groups []map[string]string
	typ, sidereal := "", 0
	for i, column := range columns {
		cell := cells[i]
		if cell == "" || column == "" || slices.Contains(ownColumns, column) {
			continue
		}
		number := slices.ContainsFunc(archive.Numbers, func(n archive.Number) bool { return n.Name == column })
		switch {
		case column == "type":
			typ = cell
		case column == "ra", column == "dec":
			sidereal++
			o.member(column, p.coordinate(column, cell, file, line))
		case column == "name", column == "scheme", column == "permissions":
			o.member(column, asJSON(cell))
		case number:
			o.member(column, asJSON(cell)) // the archive reads numbers from text, and says what is none
		case isAlias(column):
			aliases = append(aliases, map[string]string{"name": cell})
		case column == "groups":
			for _, name := range strings.FieldsFunc(cell, func(r rune) bool { return r == ',' || r == ';' }) {
				if name = strings.TrimSpace(name); name != "" {
					groups = append(groups, map[string]string{"name": name})
				}
			}
		default:
			extras = append(extras, map[string]string{"key": column, "value": cell})
		}
	}
	if typ == "" && sidereal == 2 {
		typ = archive.Sidereal
	}
	if typ != "" {
		o.member("type", asJSON(typ))
	}
	for key, list := range map[string][]map[string]string{"aliases": aliases, "targetextra_set": extras, "groups": groups} {
		if list != nil {
			o.member(key, asJSON(list))
		}
	}
}

// isAlias says whether a column is one of name2, name3 and so on.
func isAlias(column string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(column, "name"))
	return err == nil && n >= 2 && strings.HasPrefix(column, "name")
}

// coordinate reads degrees or sexagesimal; what is neither is left for the archive to refuse.
func (p *program) coordinate(column, cell, file string, line int) []byte {
	if column == "dec" {
		if f, err := sky.ParseDec(cell); err == nil {
			return asJSON(f)
		}
		return asJSON(cell)
	}
	if f, err := sky.ParseRA(cell); err == nil {
		return asJSON(f)
	}
	f, err := strconv.ParseFloat(cell, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return asJSON(cell)
	}
	wrapped := math.Mod(f, 360)
	if wrapped < 0 {
		wrapped += 360
	}
	if wrapped == 360 { // a tiny negative one
		wrapped = 0
	}
	p.note("%s, line %d: ra %s is taken as %s", file, line, cell, strconv.FormatFloat(wrapped, 'f', -1, 64))
	return asJSON(wrapped)
}

// importDatums sends the data of a file: lines of JSON as they are, or the rows of a CSV.
func (p *program) importDatums(ctx context.Context, c *cli.Context, n *client.Client, args []string) error {
	return p.importRows(ctx, n, args[0], "/api/reduceddatums/", func(in io.Reader, out io.Writer) (lineMap, error) {
		b := bufio.NewReader(in)
		start, err := b.Peek(512)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		if text := bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), " \t\r\n"); len(text) > 0 && text[0] == '{' {
			if len(start) > 2 && start[0] == 0xef {
				b.Discard(3)
			}
			_, err := io.Copy(out, b)
			return nil, err
		}
		d := &datumRows{ctx: ctx, n: n, targets: map[string]uint64{}}
		err = csvRows(b, d.header, func(line int, cells []string) error { return d.row(out, line, cells) })
		return d.lines, err
	})
}

// datumRows makes data of the rows of a CSV file.
type datumRows struct {
	ctx     context.Context
	n       *client.Client
	columns []string
	targets map[string]uint64 // ids by what the column target says; 0 for none
	lines   lineMap
	o, v    object
}

var datumColumns = []string{"target", "data_type", "timestamp", "mjd", "source_name", "source_location", "data_product", "value"}

func (d *datumRows) header(names []string) error {
	d.columns = names
	has := func(name string) bool { return slices.Contains(names, name) }
	for _, name := range names {
		if !slices.Contains(datumColumns, name) && !strings.HasPrefix(name, "value.") {
			return fmt.Errorf("the column %q is not known; there may be %s and value.KEY", name, strings.Join(datumColumns, ", "))
		}
	}
	switch {
	case !has("target"):
		return errors.New("there is no column target")
	case !has("data_type"):
		return errors.New("there is no column data_type")
	case !has("timestamp") && !has("mjd"):
		return errors.New("there is no column timestamp or mjd")
	case !slices.ContainsFunc(names, func(s string) bool { return s == "value" || strings.HasPrefix(s, "value.") }):
		return errors.New("there is no column value or value.KEY")
	}
	return nil
}

func (d *datumRows) row(out io.Writer, line int, cells []string) error {
	d.o.begin()
	d.v.begin()
	members := 0
	cell := map[string]string{}
	for i, column := range d.columns {
		if cells[i] == "" {
			continue
		}
		if key, ok := strings.CutPrefix(column, "value."); ok {
			if v := cellValue(cells[i]); v != nil {
				d.v.member(key, v)
				members++
			}
			continue
		}
		cell[column] = cells[i]
	}
	if t := cell["target"]; t != "" {
		id, err := d.target(t)
		if err != nil {
			return err
		}
		if id != 0 {
			d.o.member("target", asJSON(id))
		} else {
			d.o.member("target_name", asJSON(t))
		}
	}
	if _, ok := cell["timestamp"]; !ok {
		cell["timestamp"] = cell["mjd"] // which is no timestamp, if it is no MJD: the row will be refused
		if micros, err := instant.ParseMJD(cell["mjd"]); err == nil {
			cell["timestamp"] = time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		}
	}
	delete(cell, "target")
	delete(cell, "mjd")
	delete(cell, "data_product") // of the archive that the file came from
	switch value := cell["value"]; {
	case members > 0 && value != "":
		return &fileError{line, "there are both a value and a value.KEY"}
	case members > 0:
		d.o.member("value", bytes.TrimSpace(d.v.end()))
	case value != "":
		if !json.Valid([]byte(value)) {
			return &fileError{line, "column value: this is not JSON"}
		}
		d.o.member("value", bytes.ReplaceAll([]byte(value), []byte("\n"), []byte(" "))) // which can only be blank
	}
	delete(cell, "value")
	for _, key := range slices.Sorted(maps.Keys(cell)) {
		d.o.member(key, asJSON(cell[key]))
	}
	d.lines = append(d.lines, line)
	_, err := out.Write(d.o.end())
	return err
}

// target finds the id for what the column target says: a name, an alias or an id; 0 when there is none.
func (d *datumRows) target(text string) (uint64, error) {
	if id, known := d.targets[text]; known {
		return id, nil
	}
	t, err := findTarget(d.ctx, d.n, text)
	var none *noTarget
	switch {
	case errors.As(err, &none):
		d.targets[text] = 0
		return 0, nil
	case err != nil:
		return 0, err
	}
	d.targets[text] = t.ID
	return t.ID, nil
}

// cellValue is a cell as JSON: a number with the digits it has, a list or an object as an export writes them, else a text; nil for one that holds no value.
func cellValue(cell string) []byte {
	switch strings.ToLower(cell) {
	case "nan", "null", "none", "--":
		return nil
	}
	if (cell[0] == '[' || cell[0] == '{') && json.Valid([]byte(cell)) {
		return bytes.ReplaceAll([]byte(cell), []byte("\n"), []byte(" ")) // which can only be blank
	}
	if _, err := strconv.ParseFloat(cell, 64); err != nil {
		return asJSON(cell)
	}
	// what JSON does not know of numbers: a plus, and a point without a digit on one of its sides
	number := strings.TrimPrefix(cell, "+")
	minus := ""
	if rest, ok := strings.CutPrefix(number, "-"); ok {
		minus, number = "-", rest
	}
	if strings.HasPrefix(number, ".") {
		number = "0" + number
	}
	number = strings.TrimSuffix(number, ".")
	if number = minus + number; json.Valid([]byte(number)) {
		return []byte(number)
	}
	return asJSON(cell)
}

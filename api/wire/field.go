package wire

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// Kind is the kind of a field, as OPTIONS names it.
type Kind string

// The kinds of fields. A Ref is the id of another object, AnyJSON is any JSON value, and List is a
// list of objects.
const (
	Text     Kind = "string"
	Integer  Kind = "integer"
	Float    Kind = "float"
	Boolean  Kind = "boolean"
	Selected Kind = "choice"
	DateTime Kind = "datetime"
	Ref      Kind = "ref"
	AnyJSON  Kind = "json"
	List     Kind = "list"
	FileData Kind = "file upload"
)

// A Field describes one field of a resource.
type Field struct {
	Name     string
	Label    string
	Help     string
	Kind     Kind
	Required bool
	ReadOnly bool
	Null     bool   // null is allowed
	Blank    bool   // "" is allowed
	Verbatim bool   // blanks around a text are kept
	Max      int    // largest number of characters of a text, 0 for no limit
	MaxBytes int    // largest number of bytes of a text, 0 for no limit
	Range    *Range // of a number, nil for no bounds
	Choices  []Choice
	Of       []Field // fields of the objects of a List
}

// A Range contains the numbers from Least to Most. Most is excluded if the range is Open.
type Range struct {
	Least, Most float64
	Open        bool
}

// A Choice is a value of a Selected field.
type Choice struct{ Value, Label string }

// Messages of Django REST framework, which clients know.
const (
	MsgRequired  = "This field is required."
	MsgNull      = "This field may not be null."
	msgBlank     = "This field may not be blank."
	msgNotText   = "Not a valid string."
	msgNotNumber = "A valid number is required."
	msgNotWhole  = "A valid integer is required."
	msgNotBool   = "Must be a valid boolean."
	msgTooLarge  = "String value too large."
	msgNUL       = "Null characters are not allowed."
	msgSurrogate = "Surrogate characters are not allowed: U+%X."
	msgMaxLength = "Ensure this field has no more than %d characters."
	msgMaxBytes  = "Ensure this field has no more than %d bytes."
	msgChoice    = `"%s" is not a valid choice.`
	msgRefType   = "Incorrect type. Expected pk value, received %s."
	msgRefNone   = `Invalid pk "%s" - object does not exist.`
	msgJSON      = "Value must be valid JSON."
	msgNotList   = `Expected a list of items but got type "%s".`
	MsgNotObject = "Invalid data. Expected a dictionary, but got %s."
	MsgNoData    = "No data provided"
)

const nonFieldErrors = "non_field_errors" // the last step of a path to a whole object or list

// Given is the value that was sent for one field.
type Given struct {
	Given bool
	Null  bool
	Text  string
	Float float64
	Int   uint64 // of an Integer or a Ref
	Bool  bool
	Time  int64 // microseconds of UTC since 1970
	JSON  jsontext.Value
	Items []Record
}

// A Record has the values that were sent for some fields, in the order of the fields.
type Record struct {
	fields []Field
	given  []Given
}

// Get returns the value of a field. It panics if the record has no such field.
func (r Record) Get(name string) *Given {
	for i := range r.fields {
		if r.fields[i].Name == name {
			return &r.given[i]
		}
	}
	panic("api: no field " + name)
}

// OptTime returns a time, or nil when none was given.
func (g *Given) OptTime() *int64 {
	if !g.Given || g.Null {
		return nil
	}
	t := g.Time
	return &t
}

// Decode reads the fields of an object, and adds its problems to p under path. A partial input
// (PATCH) may lack required fields.
func Decode(fields []Field, in Input, part bool, p *problem.List, path string) Record {
	r := Record{fields, make([]Given, len(fields))}
	for i := range fields {
		f := &fields[i]
		if f.ReadOnly {
			continue
		}
		at := join(path, f.Name)
		v, ok := in.Field(f)
		if !ok {
			if f.Required && !part {
				p.Add(at, MsgRequired)
			}
			continue
		}
		n := len(p.All())
		if f.Decode(v, &r.given[i], p, at); len(p.All()) == n {
			r.given[i].Given = true
		}
	}
	return r
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Decode reads one value.
func (f *Field) Decode(v Value, g *Given, p *problem.List, at string) {
	if v.Null() || v.text == "" && v.isText() && f.Kind == Ref {
		if g.Null = f.Null; !f.Null {
			p.Add(at, MsgNull)
		}
		return
	}
	switch f.Kind {
	case Text:
		f.decodeText(v, g, p, at)
	case Integer:
		g.Int = decodeNumber(v, ParseWhole, msgNotWhole, p, at)
	case Float:
		g.Float = decodeNumber(v, ParseNumber, msgNotNumber, p, at)
	case Boolean:
		f.decodeBool(v, g, p, at)
	case Selected:
		f.decodeChoice(v, g, p, at)
	case DateTime:
		t, problem := ParseTime(v.text)
		if !v.isText() {
			problem = MsgTimeFormat
		}
		if problem != "" {
			p.Add(at, "%s", problem)
		}
		g.Time = t
	case Ref:
		f.decodeRef(v, g, p, at)
	case AnyJSON:
		j, err := v.asJSON()
		if err != nil {
			p.Add(at, msgJSON)
		}
		g.JSON = j
	case List:
		f.decodeList(v, g, p, at)
	default:
		p.Add(at, "The submitted data was not a file. Check the encoding type on the form.")
	}
}

func (f *Field) decodeText(v Value, g *Given, p *problem.List, at string) {
	switch v.Kind() {
	case '"':
		g.Text = v.text
	case '0':
		g.Text = pythonNumber(string(v.json))
	default:
		p.Add(at, msgNotText)
		return
	}
	if !f.Verbatim {
		g.Text = strings.TrimSpace(g.Text)
	}
	if g.Text == "" && !f.Blank {
		p.Add(at, msgBlank)
		return
	}
	if f.Max > 0 && utf8.RuneCountInString(g.Text) > f.Max {
		p.Add(at, msgMaxLength, f.Max)
	}
	if f.MaxBytes > 0 && len(g.Text) > f.MaxBytes {
		p.Add(at, msgMaxBytes, f.MaxBytes)
	}
	if strings.ContainsRune(g.Text, 0) {
		p.Add(at, msgNUL)
	}
	if !utf8.ValidString(g.Text) {
		if r := surrogate(g.Text); r != 0 {
			p.Add(at, msgSurrogate, r)
		} else {
			p.Add(at, msgNotText)
		}
	}
}

// surrogate returns the first surrogate in a text, which only JSON's escapes can write; 0 if there
// is none.
func surrogate(s string) rune {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == 0xed && s[i+1]&0xe0 == 0xa0 {
			return 0xd000 | rune(s[i+1]&0x3f)<<6 | rune(s[i+2]&0x3f)
		}
	}
	return 0
}

// maxNumberText is the longest text of a number in bytes.
const maxNumberText = 1000

// number returns the text of a number that was sent as a number or as a text; ok is false for other
// kinds.
func (v Value) number() (text string, ok bool) {
	switch v.Kind() {
	case '0':
		return string(v.json), true
	case '"':
		return strings.TrimSpace(v.text), true
	}
	return "", false
}

// decodeNumber reads a number with parse. invalid is the message for other values.
func decodeNumber[T any](v Value, parse func(string) (T, bool), invalid string, p *problem.List, at string) (n T) {
	s, ok := v.number()
	if len(s) > maxNumberText {
		p.Add(at, msgTooLarge)
		return n
	}
	n, good := parse(s)
	if !ok || !good {
		p.Add(at, "%s", invalid)
	}
	return n
}

// ParseNumber reads a decimal number in the range of a float64. A number that is too small becomes
// 0.
func ParseNumber(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil && !(n == 0 && errors.Is(err, strconv.ErrRange)) || n-n != 0 || strings.ContainsAny(s, "xXpP_") {
		return 0, false
	}
	return n, true
}

// ParseWhole reads a whole number that is not negative. It may end in a fraction of zeros.
func ParseWhole(s string) (n uint64, ok bool) {
	if head, zeros, found := strings.Cut(s, "."); found && strings.Trim(zeros, "0") == "" {
		s = head
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "+"), 10, 64)
	return n, err == nil
}

func (f *Field) decodeBool(v Value, g *Given, p *problem.List, at string) {
	s := v.text
	switch v.Kind() {
	case 't', 'f', '0':
		s = string(v.json)
	}
	switch strings.ToLower(s) {
	case "true", "t", "1", "yes", "y", "on":
		g.Bool = true
	case "false", "f", "0", "no", "n", "off":
	default:
		p.Add(at, msgNotBool)
	}
}

func (f *Field) decodeChoice(v Value, g *Given, p *problem.List, at string) {
	s := pythonText(v)
	if s == "" && f.Blank || slices.ContainsFunc(f.Choices, func(c Choice) bool { return c.Value == s }) {
		g.Text = s
		return
	}
	p.Add(at, msgChoice, s)
}

func (f *Field) decodeRef(v Value, g *Given, p *problem.List, at string) {
	s, ok := v.number()
	n, good := ParseWhole(s)
	switch {
	case ok && good && n > 0:
		g.Int = n
	case ok && (good || IsDigits(s)):
		p.Add(at, msgRefNone, s) // ids are neither 0, nor negative, nor so large
	default:
		p.Add(at, msgRefType, v.pythonType())
	}
}

// IsDigits reports whether a text is a whole number, which may be negative.
func IsDigits(s string) bool {
	return s != "" && strings.Trim(strings.TrimPrefix(s, "-"), "0123456789") == "" && s != "-"
}

func (f *Field) decodeList(v Value, g *Given, p *problem.List, at string) {
	items, ok := v.Items()
	if !ok {
		p.Add(join(at, nonFieldErrors), "%s", v.whyNotList())
		return
	}
	p.Items(at, len(items))
	for i, item := range items {
		path := join(at, strconv.Itoa(i))
		in, ok := item.Object()
		if !ok {
			p.Add(join(path, nonFieldErrors), "%s", item.WhyNotObject())
			g.Items = append(g.Items, Record{f.Of, make([]Given, len(f.Of))})
			continue
		}
		g.Items = append(g.Items, Decode(f.Of, in, false, p, path))
	}
}

// Describe writes what OPTIONS says of fields.
func Describe(w *Writer, fields []Field) {
	w.Object(func() {
		for i := range fields {
			f := &fields[i]
			w.Key(f.Name)
			w.Object(func() { f.describe(w) })
		}
	})
}

func (f *Field) describe(w *Writer) {
	kind := string(f.Kind)
	switch f.Kind {
	case Ref, AnyJSON, List:
		kind = "field"
	}
	w.TextMember("type", kind)
	w.BoolMember("required", f.Required)
	w.BoolMember("read_only", f.ReadOnly)
	w.TextMember("label", f.Label)
	if f.Help != "" {
		w.TextMember("help_text", f.Help)
	}
	if f.Max > 0 {
		w.IntMember("max_length", int64(f.Max))
	}
	if r := f.Range; r != nil {
		w.Key("min_value")
		w.Float(&r.Least)
		w.Key("max_value")
		w.Float(&r.Most)
	}
	if len(f.Choices) > 0 {
		w.Key("choices")
		w.List(func() {
			for _, c := range f.Choices {
				w.Object(func() {
					w.TextMember("value", c.Value)
					w.TextMember("display_name", c.Label)
				})
			}
		})
	}
	if f.Kind == List {
		w.Key("child")
		w.Object(func() {
			w.TextMember("type", "nested object")
			w.BoolMember("required", false)
			w.BoolMember("read_only", false)
			w.Key("children")
			Describe(w, f.Of)
		})
	}
}

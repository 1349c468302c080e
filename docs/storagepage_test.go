package docs

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
	"nightjar/kv"
)

// storagePage holds the tables of docs/build/storage.md: for each heading the fields by number.
type storagePage struct {
	records map[string]map[uint64]pageField
	kinds   map[string]bool // "set 4 133", "unique 10", "order 1": the kinds of derived keys
}

type pageField struct{ name, form string }

var (
	fieldRow = regexp.MustCompile(`^\| (\d+) \| (\w+) \| ([^|]+) \|`)
	setRow   = regexp.MustCompile(`^\| (all|\d+) \| (\d+) \| [^|]+ \| [^|]+ \|`)
	kindRow  = regexp.MustCompile(`^\| (\d+) \| [^|]+ \|`)
)

func readStoragePage(t *testing.T) storagePage {
	t.Helper()
	text, err := os.ReadFile("build/storage.md")
	if err != nil {
		t.Fatal(err)
	}
	p := storagePage{map[string]map[uint64]pageField{}, map[string]bool{}}
	heading := ""
	for line := range strings.Lines(string(text)) {
		if h, ok := strings.CutPrefix(line, "###"); ok {
			heading = strings.TrimSpace(strings.TrimLeft(h, "#"))
			if _, name, ok := strings.Cut(heading, ": "); ok {
				heading = name
			}
			continue
		}
		switch heading {
		case "Sets":
			if m := setRow.FindStringSubmatch(line); m != nil {
				p.kinds["set "+m[1]+" "+m[2]] = true
			}
		case "Unique", "Order":
			if m := kindRow.FindStringSubmatch(line); m != nil {
				p.kinds[strings.ToLower(heading)+" "+m[1]] = true
			}
		default:
			if m := fieldRow.FindStringSubmatch(line); m != nil {
				n, _ := strconv.ParseUint(m[1], 10, 64)
				if p.records[heading] == nil {
					p.records[heading] = map[uint64]pageField{}
				}
				p.records[heading][n] = pageField{m[2], strings.TrimSpace(m[3])}
			}
		}
	}
	return p
}

// recordTypes are the types in the source of the page's records.
var recordTypes = map[string]reflect.Type{
	"user": reflect.TypeFor[auth.User](), "group": reflect.TypeFor[auth.Group](),
	"token":  reflect.TypeFor[auth.Token](),
	"target": reflect.TypeFor[archive.Target](), "Alias": reflect.TypeFor[archive.Alias](),
	"Extra": reflect.TypeFor[archive.Extra](),
	"Grant": reflect.TypeFor[auth.Grant](), "list": reflect.TypeFor[archive.List](),
	"product":     reflect.TypeFor[archive.Product](),
	"observation": reflect.TypeFor[archive.Observation](), "upload": reflect.TypeFor[archive.Upload](),
	"work": reflect.TypeFor[archive.Work](), "Blob": reflect.TypeFor[kv.BlobInfo](),
	"Entry": reflect.TypeFor[kv.Entry](), "Change": reflect.TypeFor[kv.Change](),
	"Old":  reflect.TypeFor[kv.OldRecord](),
	"Gone": reflect.TypeFor[kv.GoneRow](), "Setting": reflect.TypeFor[kv.Setting](),
}

// TestStorageFields compares the page's tables of fields with the source.
func TestStorageFields(t *testing.T) {
	page := readStoragePage(t)
	for name, typ := range recordTypes {
		there := map[uint64]bool{}
		for i := range typ.NumField() {
			f := typ.Field(i)
			tag, ok := f.Tag.Lookup("kv")
			if !ok {
				continue
			}
			n, _ := strconv.ParseUint(tag, 10, 64)
			there[n] = true
			if got, want := page.records[name][n], (pageField{f.Name, formOf(f.Type)}); got != want {
				t.Errorf("%s, field %d: the page says %v, the source %v", name, n, got, want)
			}
		}
		for n, f := range page.records[name] {
			if !there[n] {
				t.Errorf("%s: the source has no field %d, %s", name, n, f.name)
			}
		}
	}
}

// formOf names the stored form of a type as the page does.
func formOf(t reflect.Type) string {
	switch k := t.Kind(); {
	case k == reflect.Pointer:
		return formOf(t.Elem()) + ", optional"
	case k == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "bytes"
	case k == reflect.Slice:
		return formOf(t.Elem()) + ", repeated"
	case k == reflect.Array:
		return fmt.Sprintf("%d bytes", t.Len())
	case k == reflect.Struct:
		for name, typ := range recordTypes {
			if typ == t {
				return name
			}
		}
	case k == reflect.String:
		return "text"
	case k == reflect.Bool:
		return "bool"
	case k == reflect.Float64:
		return "float"
	case k >= reflect.Int && k <= reflect.Int64:
		return "int"
	case k >= reflect.Uint && k <= reflect.Uint64:
		return "uint"
	}
	return t.String()
}

// A rawRecord is a record decoded as the page says: values by field name, several for a repeated
// field.
type rawRecord map[string][]any

// decode reads a record of a kind.
func (p storagePage) decode(t *testing.T, kind string, b []byte) rawRecord {
	t.Helper()
	r := rawRecord{}
	last := uint64(0)
	for len(b) > 0 {
		head, n := binary.Uvarint(b)
		b = b[n:]
		f, ok := p.records[kind][head>>3]
		if !ok || head>>3 < last {
			t.Fatalf("%s: field %d is not expected", kind, head>>3)
		}
		last = head >> 3
		form, _, _ := strings.Cut(f.form, ",")
		var v any
		switch head & 7 {
		case 0:
			u, n := binary.Uvarint(b)
			s, _ := binary.Varint(b)
			b = b[n:]
			switch form {
			case "uint":
				v = u
			case "int":
				v = s
			case "bool":
				v = u == 1
			}
		case 1:
			if form == "float" {
				v = math.Float64frombits(binary.LittleEndian.Uint64(b))
			}
			b = b[8:]
		case 2:
			l, n := binary.Uvarint(b)
			part := b[n : n+int(l)]
			b = b[n+int(l):]
			switch {
			case form == "text":
				v = string(part)
			case form == "bytes" || form == fmt.Sprintf("%d bytes", l):
				v = part
			case p.records[form] != nil:
				v = p.decode(t, form, part)
			}
		}
		if v == nil {
			t.Fatalf("%s, field %d (%s): wire type %d", kind, head>>3, f.form, head&7)
		}
		r[f.name] = append(r[f.name], v)
	}
	return r
}

// only returns the value of a field that occurs at most once, or the zero value.
func only[T any](r rawRecord, name string) (v T) {
	if len(r[name]) > 0 {
		v = r[name][0].(T)
	}
	return v
}

// every returns the values of a repeated field.
func every[T any](r rawRecord, name string) (list []T) {
	for _, v := range r[name] {
		list = append(list, v.(T))
	}
	return list
}

package kv

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// A Codec encodes the records of one table to bytes and decodes them. Append must give the same
// bytes for equal records. Decode gets exactly what Append made. It may keep references into src,
// which is invalid after its transaction, unless its documentation says that it copies.
type Codec[T any] interface {
	Append(dst []byte, rec *T) []byte
	Decode(src []byte, rec *T) error
}

// Fields returns the codec that stores the exported fields of the struct T in the wire format of
// Protocol Buffers (protobuf.dev/programming-guides/encoding), so that any tool that knows it can
// read a record. The tag of a field holds its number, `kv:"3"`; never reuse a number for something
// else. Fields without a tag are not stored.
//
// It stores bool, integers (signed ones zigzag), float64, string, []byte, [n]byte, structs,
// pointers to these (nil is left out, a pointer to zero is not) and slices of these (one field for
// each element). Zero values are left out. Decode copies. T and each struct in it must embed
// [Unknown]. Fields panics when they do not, or when T has a field that it cannot store.
func Fields[T any]() Codec[T] {
	return fieldsCodec[T]{plan: planOf(reflect.TypeFor[T]())}
}

// Unknown keeps the fields whose numbers this program does not know, since a later program wrote
// them. They are stored again, after the others.
type Unknown struct{ fields string }

var unknownType = reflect.TypeFor[Unknown]()

type fieldsCodec[T any] struct{ plan *structPlan }

func (c fieldsCodec[T]) Append(dst []byte, rec *T) []byte {
	return c.plan.append(dst, reflect.ValueOf(rec).Elem())
}

func (c fieldsCodec[T]) Decode(src []byte, rec *T) error {
	var zero T
	*rec = zero
	return c.plan.decode(src, reflect.ValueOf(rec).Elem())
}

// The wire types of Protocol Buffers that are used.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
)

type structPlan struct {
	typ     reflect.Type
	fields  []fieldPlan // by number
	unknown int         // the index of Unknown
}

type fieldPlan struct {
	number   uint64
	index    int
	elem     *elemPlan
	repeated bool // a slice, one field an element
	optional bool // a pointer, nil when absent
}

type elemPlan struct {
	wire   uint64
	kind   reflect.Kind
	bytes  bool // []byte or [n]byte
	nested *structPlan
}

func planOf(t reflect.Type) *structPlan {
	if t.Kind() != reflect.Struct {
		panic("kv.Fields: " + t.String() + " is not a struct")
	}
	p := &structPlan{typ: t, unknown: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == unknownType {
			p.unknown = i
			continue
		}
		tag, ok := f.Tag.Lookup("kv")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(tag, 10, 29)
		if err != nil || n == 0 || !f.IsExported() {
			panic(fmt.Sprintf("kv.Fields: %s.%s: bad tag %q", t, f.Name, tag))
		}
		fp := fieldPlan{number: n, index: i}
		ft := f.Type
		switch {
		case ft.Kind() == reflect.Pointer:
			fp.optional, ft = true, ft.Elem()
		case ft.Kind() == reflect.Slice && ft.Elem().Kind() != reflect.Uint8:
			fp.repeated, ft = true, ft.Elem()
		}
		fp.elem = planOfElem(ft)
		p.fields = append(p.fields, fp)
	}
	if p.unknown < 0 {
		panic("kv.Fields: " + t.String() + " does not embed Unknown")
	}
	slices.SortFunc(p.fields, func(a, b fieldPlan) int { return int(a.number) - int(b.number) })
	for i := 1; i < len(p.fields); i++ {
		if p.fields[i].number == p.fields[i-1].number {
			panic(fmt.Sprintf("kv.Fields: %s: number %d is used twice", t, p.fields[i].number))
		}
	}
	return p
}

func planOfElem(t reflect.Type) *elemPlan {
	e := &elemPlan{kind: t.Kind()}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.wire = wireVarint
	case reflect.Float64:
		e.wire = wireFixed64
	case reflect.String:
		e.wire = wireBytes
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() != reflect.Uint8 {
			panic("kv.Fields: cannot store " + t.String())
		}
		e.wire, e.bytes = wireBytes, true
	case reflect.Struct:
		e.wire, e.nested = wireBytes, planOf(t)
	default:
		panic("kv.Fields: cannot store " + t.String())
	}
	return e
}

func (p *structPlan) append(dst []byte, v reflect.Value) []byte {
	for i := range p.fields {
		f := &p.fields[i]
		fv := v.Field(f.index)
		switch {
		case f.optional:
			if !fv.IsNil() {
				dst = f.elem.append(dst, f.number, fv.Elem())
			}
		case f.repeated:
			for j := range fv.Len() {
				dst = f.elem.append(dst, f.number, fv.Index(j))
			}
		case !fv.IsZero():
			dst = f.elem.append(dst, f.number, fv)
		}
	}
	return append(dst, v.Field(p.unknown).Field(0).String()...)
}

func (e *elemPlan) append(dst []byte, number uint64, v reflect.Value) []byte {
	dst = binary.AppendUvarint(dst, number<<3|e.wire)
	switch {
	case e.bytes:
		b := v.Bytes()
		return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
	case e.nested != nil:
		body := e.nested.append(nil, v)
		return append(binary.AppendUvarint(dst, uint64(len(body))), body...)
	}
	switch e.kind {
	case reflect.Bool:
		if v.Bool() {
			return append(dst, 1)
		}
		return append(dst, 0)
	case reflect.Float64:
		return binary.LittleEndian.AppendUint64(dst, math.Float64bits(v.Float()))
	case reflect.String:
		s := v.String()
		return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(dst, v.Int())
	default:
		return binary.AppendUvarint(dst, v.Uint())
	}
}

func (p *structPlan) decode(src []byte, v reflect.Value) error {
	next := 0 // fields mostly come in order of their numbers, so the search starts at the last one
	var unknown []byte
	for len(src) > 0 {
		field := src
		key, n := binary.Uvarint(src)
		if n <= 0 {
			return errShort
		}
		src = src[n:]
		var body []byte
		var number uint64
		switch key & 7 {
		case wireVarint:
			u, n := binary.Uvarint(src)
			if n <= 0 {
				return errShort
			}
			number, src = u, src[n:]
		case wireFixed64:
			if len(src) < 8 {
				return errShort
			}
			number, src = binary.LittleEndian.Uint64(src), src[8:]
		case wireBytes:
			l, n := binary.Uvarint(src)
			if n <= 0 || l > uint64(len(src)-n) {
				return errShort
			}
			body, src = src[n:n+int(l)], src[n+int(l):]
		default:
			return fmt.Errorf("field %d has wire type %d", key>>3, key&7)
		}
		if next > 0 && p.fields[next-1].number >= key>>3 {
			next = 0
		}
		for next < len(p.fields) && p.fields[next].number < key>>3 {
			next++
		}
		if next == len(p.fields) || p.fields[next].number != key>>3 {
			unknown = append(unknown, field[:len(field)-len(src)]...)
			continue
		}
		f := &p.fields[next]
		if f.elem.wire != key&7 {
			return fmt.Errorf("field %d of %s has wire type %d", f.number, p.typ, key&7)
		}
		fv := v.Field(f.index)
		switch {
		case f.optional:
			fv.Set(reflect.New(fv.Type().Elem()))
			fv = fv.Elem()
		case f.repeated:
			fv.Grow(1)
			fv.SetLen(fv.Len() + 1)
			fv = fv.Index(fv.Len() - 1)
			fv.SetZero()
		}
		if err := f.elem.set(fv, number, body); err != nil {
			return fmt.Errorf("field %d of %s: %w", f.number, p.typ, err)
		}
	}
	if len(unknown) > 0 {
		*v.Field(p.unknown).Addr().Interface().(*Unknown) = Unknown{string(unknown)}
	}
	return nil
}

func (e *elemPlan) set(v reflect.Value, number uint64, body []byte) error {
	switch {
	case e.bytes && v.Kind() == reflect.Array:
		if v.Len() != len(body) {
			return fmt.Errorf("%d bytes for %d", len(body), v.Len())
		}
		reflect.Copy(v, reflect.ValueOf(body))
		return nil
	case e.bytes:
		v.SetBytes(slices.Clone(body))
		return nil
	case e.nested != nil:
		return e.nested.decode(body, v)
	}
	switch e.kind {
	case reflect.Bool:
		v.SetBool(number != 0)
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(number))
	case reflect.String:
		v.SetString(string(body))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := int64(number>>1) ^ -int64(number&1)
		if v.OverflowInt(n) {
			return fmt.Errorf("%d is out of range", n)
		}
		v.SetInt(n)
	default:
		if v.OverflowUint(number) {
			return fmt.Errorf("%d is out of range", number)
		}
		v.SetUint(number)
	}
	return nil
}

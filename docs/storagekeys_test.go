package docs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strings"

	"nightjar/index"
)

// canonicalForm returns the canonical form of the values that this test uses.
func canonicalForm(value []byte) []byte {
	var out []byte
	text := func(s string) { out = append(binary.AppendUvarint(append(out, '"'), uint64(len(s))), s...) }
	var form func(v any)
	form = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			out = binary.AppendUvarint(append(out, '{'), uint64(len(v)))
			for _, k := range slices.Sorted(maps.Keys(v)) {
				text(k)
				form(v[k])
			}
		case []any:
			out = append(out, '[')
			for _, x := range v {
				form(x)
			}
			out = append(out, ']')
		case string:
			text(v)
		case bool:
			out = append(out, map[bool]byte{true: 't', false: 'F'}[v])
		case nil:
			out = append(out, 'n')
		case jsonNumber:
			whole, ok := new(big.Int).SetString(string(v), 10)
			if ok && whole.CmpAbs(big.NewInt(1<<53)) > 0 {
				out = append(binary.AppendUvarint(append(out, 'i'), uint64(len(v))), v...)
				return
			}
			x, _ := v.Float64()
			out = binary.BigEndian.AppendUint64(append(out, 'f'), math.Float64bits(x+0)) // never minus zero
		}
	}
	v := parseJSON(value)
	if isUndated(v) {
		o := v.(map[string]any)
		out = append(out, 'u')
		for _, key := range []string{"flux", "wavelength"} {
			if x, ok := o[key]; ok {
				out = append(out, key[0])
				form(x)
			}
		}
		return out
	}
	form(v)
	return out
}

func isUndated(value any) bool {
	o, ok := value.(map[string]any)
	return ok && o["time_origin"] == "upload"
}

// contentKey returns the content key of a datum.
func contentKey(dataType string, time int64, value []byte) []byte {
	if isUndated(parseJSON(value)) {
		time = 0
	}
	b := append(binary.AppendUvarint(nil, uint64(len(dataType))), dataType...)
	b = append(binary.BigEndian.AppendUint64(b, uint64(time)), canonicalForm(value)...)
	sum := sha256.Sum256(b)
	return sum[:16]
}

func (r *storageReader) unique() {
	want := map[string]uint64{}
	for table, no := range tableNumbers {
		for id, rec := range r.records[table] {
			want[string([]byte{128 + no})+string(only[[]byte](rec, "UID"))] = id
		}
	}
	for id, u := range r.records["user"] {
		want["\x01"+only[string](u, "Name")] = id
	}
	for id, g := range r.records["group"] {
		want["\x02"+only[string](g, "Name")] = id
	}
	for id, k := range r.records["token"] {
		want["\x03"+string(only[[]byte](k, "Hash"))] = id
	}
	number := func(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
	for id, t := range r.records["target"] {
		want["\x0a"+only[string](t, "Name")] = id
		for _, a := range every[rawRecord](t, "Aliases") {
			want["\x0b"+only[string](a, "Name")] = id
			want["\x0c"+number(only[uint64](a, "ID"))] = id
		}
		for _, e := range every[rawRecord](t, "Extras") {
			want["\x0d"+number(only[uint64](e, "ID"))] = id
		}
	}
	for id, l := range r.records["list"] {
		want["\x0e"+only[string](l, "Name")] = id
	}
	for id, p := range r.records["product"] {
		if text := only[string](p, "ProductID"); text != "" {
			want["\x0f"+text] = id
		}
		want["\x10"+only[string](p, "Path")] = id
	}
	got := map[string]uint64{}
	for _, p := range r.bolt.buckets["unique"].pairs {
		got[string(p.key)] = id5(r.open("unique", p.key, p.value))
		r.seen[fmt.Sprintf("unique %d", p.key[0])] = true
	}
	if !maps.Equal(got, want) {
		r.Errorf("unique: %v, not %v", got, want)
	}
}

func id5(b []byte) uint64 { return binary.BigEndian.Uint64(append([]byte{0, 0, 0}, b...)) }

func (r *storageReader) order() {
	want := map[string]bool{}
	put := func(kind byte, sort []byte, id uint64) {
		r.seen[fmt.Sprintf("order %d", kind)] = true
		key := append([]byte{kind, 0, 0, 0, 0}, sort...)
		want[string(append(key, binary.BigEndian.AppendUint64(nil, id)[3:]...))] = true
	}
	for id, t := range r.records["target"] {
		if len(t["RA"])+len(t["Dec"]) == 2 {
			zone := binary.BigEndian.AppendUint16(nil, uint16(math.Floor((only[float64](t, "Dec")+90)/0.5)))
			put(1, binary.BigEndian.AppendUint64(zone, math.Float64bits(only[float64](t, "RA"))), id)
		}
		put(2, binary.BigEndian.AppendUint64(nil, only[uint64](t, "Named")), id)
		put(5, binary.BigEndian.AppendUint64(nil, uint64(only[int64](t, "Modified"))^1<<63), id)
		put(3, []byte(index.Fold(only[string](t, "Name"))+"\x00"), id)
		for _, a := range every[rawRecord](t, "Aliases") {
			put(3, []byte(index.Fold(only[string](a, "Name"))+"\x00"), id)
		}
	}
	for id, p := range r.records["product"] {
		put(4, []byte(index.Fold(only[string](p, "Path"))+"\x00"), id)
		if text := only[string](p, "ProductID"); text != "" {
			put(4, []byte(index.Fold(text)+"\x00"), id)
		}
	}
	got := map[string]bool{}
	for _, p := range r.bolt.buckets["order"].pairs {
		got[string(p.key)] = true
		if len(p.value) != 0 {
			r.Errorf("order %x has a value", p.key)
		}
	}
	if !maps.Equal(got, want) {
		r.Errorf("order: %x, not %x", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

func (r *storageReader) series() {
	type place struct {
		series string // kind, group, type
		time   int64
		hash   uint32
		id     uint64
	}
	compare := func(a, b place) int {
		return cmp.Or(strings.Compare(a.series, b.series), cmp.Compare(a.time, b.time), cmp.Compare(a.hash, b.hash),
			cmp.Compare(a.id, b.id))
	}
	var want, got []place
	undated := 0
	mark := binary.BigEndian.Uint64(r.open("meta", []byte("tail/\x09"), r.bolt.buckets["meta"].get("tail/\x09")))
	if last := slices.Max(slices.Collect(maps.Keys(r.data))); mark >= last {
		r.Errorf("the fold mark is %d, the last datum %d: nothing is in the tail", mark, last)
	}
	for id, d := range r.data {
		if id > mark {
			continue
		}
		sum := sha256.Sum256(canonicalForm(d.value))
		tail := string(append(binary.BigEndian.AppendUint32(nil, uint32(d.target)), d.code))
		p := place{"\x01" + tail, d.time, binary.BigEndian.Uint32(sum[:]), id}
		want = append(want, p)
		if bytes.Contains(d.value, []byte(`"time_origin":"upload"`)) {
			undated++
			p.series, p.time = "\x02"+tail, 0
			want = append(want, p)
		}
	}
	slices.SortFunc(want, compare)
	for _, pair := range r.bolt.buckets["series"].pairs {
		b := r.open("series", pair.key, pair.value)
		k := pair.key
		p := place{string(k[:6]), int64(binary.BigEndian.Uint64(k[6:]) ^ 1<<63),
			binary.BigEndian.Uint32(k[14:]), id5(k[18:])}
		got = append(got, p)
		n := 1
		for ; len(b) > 0; n++ {
			dt, l := binary.Uvarint(b)
			did, m := binary.Varint(b[l+4:])
			p.time, p.hash, p.id = p.time+int64(dt), u32(b, l), uint64(int64(p.id)+did)
			got = append(got, p)
			b = b[l+4+m:]
		}
		if n > 48 {
			r.Errorf("%d datums in a value of a series", n)
		}
	}
	if undated != 1 || !slices.Equal(got, want) {
		r.Errorf("series: %d places, %d follow from the records", len(got), len(want))
	}
}

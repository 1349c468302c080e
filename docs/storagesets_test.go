package docs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

type jsonNumber = json.Number

// parseJSON parses JSON and keeps the digits of numbers.
func parseJSON(b []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		panic(err)
	}
	return v
}

// memberships are sets by their key in the file, without the chunk.
type memberships map[string][]uint64

func (m memberships) number(table, dimension byte, value, id uint64) {
	b := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, value), "\x00")
	m.put(string([]byte{table, dimension, byte(len(b))})+string(b), id)
}

func (m memberships) text(table, dimension byte, value string, id uint64) {
	m.put(string([]byte{table, dimension})+strings.ReplaceAll(value, "\x00", "\x00\x01")+"\x00\x00", id)
}

func (m memberships) put(key string, id uint64) { m[key] = append(m[key], id) }

// sets compares the stored sets with those that follow from the records.
func (r *storageReader) sets() {
	mark := binary.BigEndian.Uint64(r.open("meta", []byte("tail/\x09"), r.bolt.buckets["meta"].get("tail/\x09")))
	want := r.wantedSets(mark)
	got, forms := memberships{}, map[string]bool{}
	for _, p := range r.bolt.buckets["set"].pairs {
		b := r.open("set", p.key, p.value)
		key := setName(p.key)
		if dimension := p.key[1]; dimension == 0 {
			r.seen["set all 0"] = true
		} else {
			r.seen[fmt.Sprintf("set %d %d", p.key[0], dimension)] = true
		}
		if len(key) == len(p.key) {
			forms["differences"] = true
			got[key] = append(got[key], smallSet(b)...)
			continue
		}
		chunk := binary.BigEndian.Uint32(p.key[len(key):])
		form, ids, err := roaringIDs(b)
		if err != nil {
			r.Errorf("set %x: %v", p.key, err)
		}
		forms[form] = true
		for _, id := range ids {
			got[key] = append(got[key], uint64(chunk)<<16|uint64(id))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		slices.Sort(want[key])
		if w := slices.Compact(want[key]); !slices.Equal(got[key], w) {
			r.Errorf("set %x has %d ids, %d follow from the records", key, len(got[key]), len(w))
		}
	}
	if len(got) != len(want) {
		r.Errorf("%d sets, %d follow from the records", len(got), len(want))
	}
	if want := []string{"array", "bits", "differences", "runs"}; !slices.Equal(slices.Sorted(maps.Keys(forms)), want) {
		r.Errorf("the forms of sets that occur: %q", slices.Collect(maps.Keys(forms)))
	}
	if beyond := int(r.bolt.buckets["datum"].sequence - mark); beyond != 2 {
		r.Errorf("%d datums are beyond the fold mark", beyond)
	}
}

// setName returns the key of a stored set without its chunk.
func setName(k []byte) string {
	at := 2
	switch dimension := k[1]; {
	case dimension == 0:
	case dimension < 128:
		at += 1 + int(k[2])
	default:
		for ; k[at] != 0 || k[at+1] != 0; at++ {
			if k[at] == 0 {
				at++
			}
		}
		at += 2
	}
	return string(k[:at])
}

func smallSet(b []byte) (ids []uint64) {
	last := uint64(0)
	for len(b) > 0 {
		d, l := binary.Uvarint(b)
		last += d
		ids = append(ids, last)
		b = b[l:]
	}
	return ids
}

// roaringIDs reads a Roaring bitmap of one container as the page says, without Roaring's code.
func roaringIDs(b []byte) (form string, ids []uint16, err error) {
	u16 := binary.LittleEndian.Uint16
	var head []byte
	card := 0
	if u16(b) == 12347 {
		form, card, head, b = "runs", int(u16(b[7:]))+1, b[:7], b[9:]
	} else {
		form, card, head, b = "array", int(u16(b[10:]))+1, slices.Concat(b[:10], b[12:16]), b[16:]
	}
	size := 0
	switch {
	case form == "runs":
		if !bytes.Equal(head, []byte{0x3b, 0x30, 0, 0, 1, 0, 0}) {
			return form, nil, fmt.Errorf("the head of a chunk in runs: %x", head)
		}
		n := int(u16(b))
		size = 2 + 4*n
		for i := range n {
			first, more := u16(b[2+4*i:]), int(u16(b[4+4*i:]))
			for j := range more + 1 {
				ids = append(ids, first+uint16(j))
			}
		}
		if n > 16 || size >= min(2*card, 8192) {
			err = fmt.Errorf("%d runs of %d ids", n, card)
		}
	case !bytes.Equal(head, []byte{0x3a, 0x30, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 0, 0}):
		return form, nil, fmt.Errorf("the head of a chunk: %x", head)
	case card <= 4096:
		size = 2 * card
		for i := range card {
			ids = append(ids, u16(b[2*i:]))
		}
	default:
		form, size = "bits", 8192
		for i := range 65536 {
			if b[i/8]>>(i%8)&1 == 1 {
				ids = append(ids, uint16(i))
			}
		}
	}
	if len(ids) != card || len(b) != size || !slices.IsSorted(ids) {
		err = fmt.Errorf("%s: %d ids of %d in %d bytes", form, len(ids), card, len(b))
	}
	return form, ids, err
}

// wantedSets computes the sets from the records, without the datums beyond the fold mark.
func (r *storageReader) wantedSets(mark uint64) memberships {
	m := memberships{}
	for name, no := range tableNumbers {
		for id := range r.raw[name] {
			if name != "datum" || id <= mark {
				m.put(string([]byte{no, 0}), id)
			}
		}
	}
	for id, u := range r.records["user"] {
		for _, g := range every[uint64](u, "Groups") {
			m.number(1, 1, g, id)
		}
	}
	for id, k := range r.records["token"] {
		m.number(3, 1, only[uint64](k, "User"), id)
	}
	seers := map[uint64][]uint64{}
	for id, t := range r.records["target"] {
		if a := only[string](t, "Visibility"); a == "OPEN" {
			seers[id] = append(seers[id], 0)
		} else if a == "PUBLIC" {
			seers[id] = append(seers[id], 1)
		}
		for _, g := range every[rawRecord](t, "Grants") {
			if only[uint64](g, "Right")&1 != 0 {
				seers[id] = append(seers[id], only[uint64](g, "To"))
			}
		}
		m.number(4, 3, map[string]uint64{"SIDEREAL": 1, "NON_SIDEREAL": 2}[only[string](t, "Type")], id)
		for _, l := range every[uint64](t, "Lists") {
			m.number(4, 9, l, id)
		}
		for _, e := range every[rawRecord](t, "Extras") {
			m.text(4, 133, only[string](e, "Key"), id)
			m.text(4, 134, only[string](e, "Value"), id)
		}
	}
	// hang notes the records that belong to a target.
	hang := func(table byte, target, id uint64) {
		if table != 4 {
			m.number(table, 1, target, id)
		}
		for _, g := range seers[target] {
			m.number(table, 5, g, id)
		}
	}
	holders := func(user uint64, groups []uint64) (list []uint64) {
		if user != 0 {
			list = append(list, user<<2|2)
		}
		for _, g := range groups {
			list = append(list, g<<2|3)
		}
		return list
	}
	held := func(table byte, id uint64, list []uint64) {
		for _, g := range list {
			m.number(table, 6, g, id)
		}
	}
	for id := range r.records["target"] {
		hang(4, id, id)
	}
	byProduct := map[uint64][]uint64{}
	for id, p := range r.records["product"] {
		hang(8, only[uint64](p, "Target"), id)
		byProduct[id] = holders(only[uint64](p, "Creator"), every[uint64](p, "Groups"))
		held(8, id, byProduct[id])
		m.text(8, 135, only[string](p, "Type"), id)
		if o := only[uint64](p, "Observation"); o != 0 {
			m.number(8, 8, o, id)
			m.text(8, 131, only[string](p, "Facility"), id)
		}
	}
	for id, o := range r.records["observation"] {
		hang(10, only[uint64](o, "Target"), id)
		held(10, id, holders(only[uint64](o, "Creator"), every[uint64](o, "Groups")))
		m.text(10, 130, only[string](o, "Status"), id)
		m.text(10, 131, only[string](o, "Facility"), id)
	}
	for id, d := range r.data {
		if id > mark {
			continue
		}
		hang(9, d.target, id)
		m.number(9, 3, uint64(d.code), id)
		m.text(9, 132, d.source, id)
		day := uint64(math.Floor(float64(d.time)/86_400e6) + 134_217_728)
		m.number(9, 11, day, id)
		m.number(9, 12, day/64, id)
		for i, p := range d.products {
			m.number(9, 2, p, id)
			held(9, id, byProduct[p])
			if i > 0 {
				m.number(9, 10, p, id)
			}
		}
		if d.upload != 0 {
			m.number(9, 4, d.upload, id)
		}
		for _, o := range d.owners {
			held(9, id, holders(o.User, o.Groups))
		}
		if len(d.products)+len(d.owners) > 1 {
			m.number(9, 7, 1, id)
		}
	}
	return m
}

package docs

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// log walks the chain forward and then back, and compares what each entry wrote with the records.
func (r *storageReader) log(f *storageFile) {
	prev := make([]byte, 32)
	var entries []rawRecord
	for i, p := range r.bolt.buckets["log"].pairs {
		if binary.BigEndian.Uint64(p.key) != uint64(i+1) {
			r.Fatalf("log entry %x follows %d", p.key, i)
		}
		b := r.open("log", p.key, p.value)
		e := r.page.decode(r.T, "Entry", b)
		if !bytes.Equal(only[[]byte](e, "Prev"), prev) {
			r.Errorf("log entry %d does not follow", i+1)
		}
		sum := sha256.Sum256(b)
		prev = sum[:]
		entries = append(entries, e)
	}
	if head := fmt.Sprintf("%d-%s", len(entries), hex.EncodeToString(prev)); head != f.stat.Head {
		r.Errorf("head %s, not %s", head, f.stat.Head)
	}
	last := entries[len(entries)-1]
	if only[string](last, "Name") != "astro" || only[string](last, "Action") != "TEST" ||
		only[string](last, "Addr") != "127.0.0.1" || only[uint64](last, "User") != 1 {
		r.Errorf("the last entry: %v", last)
	}
	now := map[byte]map[uint64][]byte{} // records as they were, nil for none
	for name, no := range tableNumbers {
		now[no] = maps.Clone(r.raw[name])
	}
	lost := map[uint64]bool{} // datums whose old values are unknown
	checked, settings, idents, deltas := 0, 0, 0, 0
	for _, e := range slices.Backward(entries) {
		if r.wrote(e, now, lost) {
			checked++
		}
		for _, s := range every[rawRecord](e, "Settings") {
			settings += len(only[string](s, "Old"))
		}
		for _, c := range every[rawRecord](e, "Changes") {
			table, op := byte(only[uint64](c, "Table")), only[uint64](c, "Op")
			for _, id := range runs(only[[]byte](c, "Runs")) {
				if table == 9 && op != 1 {
					lost[id] = true
				}
				if op == 1 {
					delete(now[table], id)
				}
			}
		}
		for _, o := range slices.Backward(every[rawRecord](e, "Old")) {
			rows, id := now[byte(only[uint64](o, "Table"))], only[uint64](o, "ID")
			if delta := only[[]byte](o, "Delta"); delta != nil {
				deltas++
				rows[id] = r.older(rows[id], delta)
			} else {
				rows[id] = only[[]byte](o, "Record")
			}
		}
		for _, g := range every[rawRecord](e, "Gone") {
			idents++
			if table := only[uint64](g, "Table"); table == 4 {
				uid := r.page.decode(r.T, "target", now[4][only[uint64](g, "ID")])
				if !bytes.Equal(only[[]byte](uid, "UID"), only[[]byte](g, "Ident")) {
					r.Errorf("the ident of a deleted target: %v", g)
				}
			} else if table == 9 { // the only datum that was deleted
				target := only[[]byte](r.records["target"][2], "UID")
				key := contentKey("photometry", 1e6, []byte(`{"magnitude":17.25}`))
				if !bytes.Equal(only[[]byte](g, "Ident"), slices.Concat(target, key)) {
					r.Errorf("the ident of a deleted datum: %v", g)
				}
			}
		}
	}
	if settings != len("Observatory") || idents < 3 || deltas == 0 {
		r.Errorf("old settings of %d bytes, %d idents, %d differences", settings, idents, deltas)
	}
	for name, no := range tableNumbers {
		if len(now[no]) != 0 {
			r.Errorf("before the first entry there were records of %s: %v", name, slices.Collect(maps.Keys(now[no])))
		}
	}
	if checked < len(entries)-5 {
		r.Errorf("only %d of %d entries could be compared with what they wrote", checked, len(entries))
	}
}

// older makes an old record from the one that replaced it.
func (r *storageReader) older(newer, delta []byte) (old []byte) {
	length, n := binary.Uvarint(delta)
	crc, steps := u32(delta, n), delta[n+4:]
	for len(steps) > 0 {
		head, n := binary.Uvarint(steps)
		steps = steps[n:]
		if head%2 == 0 {
			old = append(old, steps[:head/2]...)
			steps = steps[head/2:]
			continue
		}
		place, n := binary.Uvarint(steps)
		steps = steps[n:]
		old = append(old, newer[place:place+head/2]...)
	}
	if uint64(len(old)) != length || crc32.Checksum(old, crc32.MakeTable(crc32.Castagnoli)) != crc {
		r.Errorf("a difference of %d bytes makes a record of %d, not of %d", len(delta), len(old), length)
	}
	return old
}

// wrote compares an entry's hash with the records that it wrote, as they were after it. It returns
// false if they are unknown.
func (r *storageReader) wrote(e rawRecord, now map[byte]map[uint64][]byte, lost map[uint64]bool) bool {
	rows := map[byte][]uint64{}
	for _, c := range every[rawRecord](e, "Changes") {
		if only[uint64](c, "Op") != 3 {
			table := byte(only[uint64](c, "Table"))
			rows[table] = append(rows[table], runs(only[[]byte](c, "Runs"))...)
		}
	}
	all, some := sha256.New(), false
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		slices.Sort(rows[table])
		h, any := sha256.New(), false
		for _, id := range slices.Compact(rows[table]) {
			if table == 9 && lost[id] {
				return false
			}
			if rec, ok := now[table][id]; ok {
				any = true
				h.Write(binary.BigEndian.AppendUint64(nil, id))
				h.Write(rec)
			}
		}
		if any {
			some = true
			all.Write(h.Sum([]byte{table}))
		}
	}
	var want []byte
	if some {
		want = all.Sum(nil)
	}
	if !bytes.Equal(only[[]byte](e, "Written"), want) {
		r.Errorf("entry %q wrote something else", only[string](e, "Action"))
	}
	return true
}

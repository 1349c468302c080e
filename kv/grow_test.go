package kv

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"testing"
)

// laterParent is a parent as a later program may store it.
type laterParent struct {
	Unknown
	Name   string     `kv:"1"`
	Tags   []string   `kv:"2"`
	Seen   []uint64   `kv:"3"`
	Rank   uint64     `kv:"4"`
	Blob   uint64     `kv:"5"`
	Filler []byte     `kv:"6"`
	Notes  []string   `kv:"7"`
	Weight *float64   `kv:"9"`
	Parts  []laterSub `kv:"100"`
}

type laterSub struct {
	Unknown
	A uint64 `kv:"1"`
	B string `kv:"2"`
}

// TestUnknownFields changes a record of a later program with this one: its unknown fields remain.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	weight := 1.5
	later := Fields[laterParent]()
	wrote := laterParent{Name: "a", Rank: 1, Notes: []string{"x", "", "y"}, Weight: &weight,
		Parts: []laterSub{{A: 1, B: "one"}, {}, {A: 3}}}
	d := openTest(t, Options{})
	id := d.addParent(parent{Name: "a"})
	d.update(func(tx *WriteTx) error {
		return tx.put(d.parents.def, id, later.Append(nil, &wrote), func(k *Keys, id uint64) {
			d.parents.keys(k, id, &parent{Name: "a", Rank: 1})
		})
	})
	for rank := uint64(2); rank < 4; rank++ { // twice, since the second change must keep them too
		d.update(func(tx *WriteTx) error {
			p, err := d.parents.Get(tx.Tx, id)
			if err != nil {
				return err
			}
			p.Rank = rank
			return d.parents.Put(tx, id, p)
		})
	}
	d.view(func(tx *Tx) error {
		b, err := tx.record(d.parents.def, id)
		if err != nil {
			return err
		}
		var read laterParent
		wrote.Rank = 3
		if err := later.Decode(b, &read); err != nil || !reflect.DeepEqual(read, wrote) {
			t.Errorf("read %+v, not %+v (%v)", read, wrote, err)
		}
		return nil
	})
}

// TestUnknownNested keeps unknown fields of a nested struct, and of one whose fields are out of
// order.
func TestUnknownNested(t *testing.T) {
	t.Parallel()
	type inner struct {
		Unknown
		A uint64 `kv:"1"`
	}
	type outer struct {
		Unknown
		Weight *float64 `kv:"9"`
		Parts  []inner  `kv:"100"`
	}
	weight := 2.5
	later := Fields[laterParent]()
	wrote := laterParent{Name: "n", Filler: []byte("f"), Weight: &weight,
		Parts: []laterSub{{A: 1, B: "one"}, {B: "two"}}}
	var between outer
	if err := Fields[outer]().Decode(later.Append(nil, &wrote), &between); err != nil {
		t.Fatal(err)
	}
	if len(between.Parts) != 2 || between.Parts[0].A != 1 || *between.Weight != weight {
		t.Errorf("%+v", between)
	}
	var read laterParent
	if err := later.Decode(Fields[outer]().Append(nil, &between), &read); err != nil ||
		!reflect.DeepEqual(read, wrote) {
		t.Errorf("read %+v, not %+v (%v)", read, wrote, err)
	}
}

// TestUnknownBlob counts a use of a blob that a later program stored in an unknown field.
func TestUnknownBlob(t *testing.T) {
	t.Parallel()
	d := openTest(t, Options{})
	further := binary.AppendUvarint(nil, 50<<3|wireVarint)
	further = binary.AppendUvarint(further, 7)
	add := func(name string) {
		w := d.NewBlob(t.Context())
		w.Write([]byte("content"))
		d.update(func(tx *WriteTx) error {
			id, _, err := w.Store(tx)
			if err == nil {
				_, err = d.parents.Insert(tx, &parent{Name: name, Blob: id})
			}
			return err
		})
	}
	add("a")
	d.update(func(tx *WriteTx) error {
		info, err := tx.blobInfo(1)
		if err != nil {
			return err
		}
		tx.touch()
		info.Unknown = Unknown{string(further)}
		return tx.putBlobInfo(1, info)
	})
	add("b")
	d.view(func(tx *Tx) error {
		key := blobInfoKey(1)
		b, err := checkCRC(key, tx.bucket(bucketBlob).Get(key))
		if err != nil || !bytes.HasSuffix(b, further) {
			t.Errorf("it is %x (%v)", b, err)
		}
		return nil
	})
}

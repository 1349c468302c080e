package kv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"nightjar/kv"
)

// star is a record. Each field has a number, which stays when the field is renamed.
type star struct {
	Name       string `kv:"1"`
	Spectral   string `kv:"2"`
	kv.Unknown        // keeps the fields of later programs
}

const (
	kindName    = 1
	dimSpectral = 128 // dimensions of texts begin at 128
)

var stars = kv.NewTable(kv.Spec[star]{
	Name: "star", No: 1, Codec: kv.Fields[star](),
	Unique: []byte{kindName}, Dims: []byte{dimSpectral},
	Keys: func(k *kv.Keys, _ uint64, s *star) {
		k.Unique(kindName, s.Name)
		k.Member(dimSpectral, kv.Text(s.Spectral))
	},
})

// open creates a file with three stars; closed closes and deletes it.
func open() (db *kv.DB, closed func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	db, err = kv.Open(filepath.Join(dir, "stars.db"), []kv.AnyTable{stars}, kv.Options{})
	if err != nil {
		log.Fatal(err)
	}
	err = db.Update(context.Background(), kv.Author{Action: "example"}, func(tx *kv.WriteTx) error {
		for _, s := range []star{{Name: "Vega", Spectral: "A"}, {Name: "Sirius", Spectral: "A"}, {Name: "Deneb",
			Spectral: "A"}, {Name: "Sun", Spectral: "G"}} {
			if _, err := stars.Insert(tx, &s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	return db, func() {
		db.Close()
		os.RemoveAll(dir)
	}
}

// A unique text belongs to one record, and a refused write leaves nothing behind.
func ExampleDB_Update() {
	db, closed := open()
	defer closed()
	err := db.Update(context.Background(), kv.Author{}, func(tx *kv.WriteTx) error {
		if _, err := stars.Insert(tx, &star{Name: "Altair", Spectral: "A"}); err != nil {
			return err
		}
		_, err := stars.Insert(tx, &star{Name: "Vega"})
		return err
	})
	taken := new(kv.TakenError)
	fmt.Println(errors.As(err, &taken))
	db.View(func(tx *kv.Tx) error {
		n, err := stars.All(tx).Count()
		fmt.Println(n, "stars")
		return err
	})
	// Output:
	// true
	// 4 stars
}

// A list query is an expression over sets: its count and a page of its ids cost the same on every
// page.
func ExampleSet_Page() {
	db, closed := open()
	defer closed()
	err := db.View(func(tx *kv.Tx) error {
		white := stars.Set(tx, dimSpectral, kv.Text("A"))
		ids, count, err := kv.AndNot(white, kv.IDs([]uint64{2})).Page(kv.Page{Limit: 1, Offset: 1})
		if err != nil {
			return err
		}
		s, err := stars.Get(tx, ids[0])
		fmt.Println(count, s.Name)
		return err
	})
	fmt.Println(err)
	// Output:
	// 2 Deneb
	// <nil>
}

// A blob is a file. It is stored with the record that refers to it, or not at all.
func ExampleDB_NewBlob() {
	db, closed := open()
	defer closed()
	w := db.NewBlob(context.Background())
	io.WriteString(w, "a spectrum")
	var id uint64
	err := db.Update(context.Background(), kv.Author{}, func(tx *kv.WriteTx) (err error) {
		id, _, err = w.Store(tx)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(io.NewSectionReader(db.OpenBlob(id, w.Size()), 0, w.Size()))
	fmt.Println(string(text), err)
	// Output:
	// a spectrum <nil>
}

// The head of a backup proves later that the log has only grown since.
func ExampleCheck() {
	db, closed := open()
	defer closed()
	ctx := context.Background()
	backup := db.Path() + ".backup"
	head, err := db.Backup(ctx, backup, nil)
	if err != nil {
		log.Fatal(err)
	}
	report, err := kv.Check(ctx, backup, []kv.AnyTable{stars}, kv.CheckOptions{Since: head})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Records, "records,", len(report.Problems), "problems", report.Other)
	// Output:
	// 4 records, 0 problems
}

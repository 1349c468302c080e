package archive_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"nightjar/archive"
	"nightjar/auth"
)

// open creates an archive; closed closes and deletes it.
func open() (a *archive.Archive, closed func()) {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	a, err = archive.Open(filepath.Join(dir, "node.db"), archive.Options{NoIndex: true})
	if err != nil {
		log.Fatal(err)
	}
	return a, func() {
		a.Close()
		os.RemoveAll(dir)
	}
}

// target is the input for an open target.
func target(name string, ra, dec float64) *archive.TargetInput {
	return &archive.TargetInput{Name: archive.Some(name), Type: archive.Some(archive.Sidereal),
		Visibility: archive.Some(string(auth.VisibleToAll)),
		Numbers:    map[string]archive.Opt[float64]{"ra": archive.Some(ra), "dec": archive.Some(dec)}}
}

// A session answers for one viewer. A guest sees what is open, and may not write.
func ExampleArchive_For() {
	a, closed := open()
	defer closed()
	ctx := context.Background()
	owner, guest := a.For(auth.FileOwner()), a.For(auth.Viewer{})
	made, err := owner.CreateTarget(ctx, target("M 31", 10.6847, 41.2687))
	if err != nil {
		log.Fatal(err)
	}
	seen, err := guest.Target(made.ID)
	if err != nil {
		log.Fatal(err)
	}
	_, err = guest.CreateTarget(ctx, target("M 33", 23.4621, 30.6599))
	fmt.Println(seen.Name, err != nil)
	// Output: M 31 true
}

// A list query gives the count of all rows and the rows of one page.
func ExampleSession_Targets() {
	a, closed := open()
	defer closed()
	ctx := context.Background()
	s := a.For(auth.FileOwner())
	for i, name := range []string{"M 31", "M 32", "M 33"} {
		if _, err := s.CreateTarget(ctx, target(name, float64(10+i), 41)); err != nil {
			log.Fatal(err)
		}
	}
	rows, count, err := archive.Collect(func(out archive.Out[archive.TargetView]) error {
		return s.Targets(ctx, archive.TargetFilter{Order: "-name"}, archive.Page{Limit: 2}, out)
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range rows {
		fmt.Println(t.Name)
	}
	fmt.Println(count)
	// Output:
	// M 33
	// M 32
	// 3
}

// The same datum, with its keys in another order, is stored once.
func ExampleSession_AddDatum() {
	a, closed := open()
	defer closed()
	ctx := context.Background()
	s := a.For(auth.FileOwner())
	t, err := s.CreateTarget(ctx, target("M 31", 10.6847, 41.2687))
	if err != nil {
		log.Fatal(err)
	}
	for _, value := range []string{`{"magnitude": 17.20, "filter": "r"}`, `{"filter": "r", "magnitude": 17.2}`} {
		v, added, err := s.AddDatum(ctx, &archive.DatumInput{
			Target: t.ID, Type: "photometry", Time: 1767225600e6, Timed: true, Value: []byte(value)})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(v.ID, added == archive.Created)
	}
	// Output:
	// 1 true
	// 1 false
}

// An upload stores a file with the datums that it contains, and reports how it was read.
func ExampleSession_Upload() {
	a, closed := open()
	defer closed()
	ctx := context.Background()
	s := a.For(auth.FileOwner())
	t, err := s.CreateTarget(ctx, target("M 31", 10.6847, 41.2687))
	if err != nil {
		log.Fatal(err)
	}
	f, err := s.BeginUpload(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Abort()
	io.WriteString(f, "time,filter,magnitude,error\n61043.24,r,18.91,0.05\n61045.22,r,17.92,0.03\n")
	products, report, err := s.Upload(ctx,
		&archive.ProductInput{Target: t.ID, Type: "photometry", FileName: "lc.csv"}, f)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(products), report.Format, report.Created)
	// Output: 1 delimited text (comma) 2
}

package index_test

import (
	"context"
	"fmt"
	"os"

	"nightjar/index"
)

// names are the names in the data file of the examples at log entry 1.
var names = []index.Target{
	{ID: 1, Names: []string{"SN 2011fe", "PTF11kly"}},
	{ID: 2, Names: []string{"SN 2018zd"}},
	{ID: 3, Names: []string{"η CARINÆ"}},
}

// filled returns an index of names in a temporary folder, and a function that removes it.
func filled() (x *index.Index, remove func()) {
	dir, err := os.MkdirTemp("", "names")
	if err != nil {
		panic(err)
	}
	if x, err = index.Open(dir, index.Options{}); err != nil {
		panic(err)
	}
	if err := x.Apply(context.Background(), names, index.Mark{Seq: 1}); err != nil {
		panic(err)
	}
	return x, func() { x.Close(); os.RemoveAll(dir) }
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "names")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	x, err := index.Open(dir, index.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(x.Mark().Seq) // a new index does not answer yet
	if err := x.Apply(context.Background(), names, index.Mark{Seq: 1}); err != nil {
		panic(err)
	}
	x.Close()

	if x, err = index.Open(dir, index.Options{}); err != nil {
		panic(err)
	}
	defer x.Close()
	fmt.Println(x.Mark().Seq)
	// Output:
	// 0
	// 1
}

func ExampleIndex_Apply() {
	x, remove := filled()
	defer remove()
	changed := []index.Target{{ID: 2}, {ID: 4, Names: []string{"SN 2023ixf"}}} // 2 is deleted, 4 is new
	if err := x.Apply(context.Background(), changed, index.Mark{Seq: 2}); err != nil {
		panic(err)
	}
	fmt.Println(x.Contains(context.Background(), "sn 20", 10))
	// Output: [1 4] true
}

// A transaction that begins after the search decides. It checks the candidates, and all targets
// whose names changed after the mark.
func ExampleIndex_Mark() {
	x, remove := filled()
	defer remove()
	mark := x.Mark()
	candidates, ok := x.Contains(context.Background(), "2018", 10)
	fmt.Println("names that changed after log entry", mark.Seq, "and", candidates, ok)
	// Output: names that changed after log entry 1 and [2] true
}

func ExampleIndex_Contains() {
	x, remove := filled()
	defer remove()
	fmt.Println(x.Contains(context.Background(), "f11K", 10))
	fmt.Println(x.Contains(context.Background(), "SN", 10)) // too short: the caller scans
	// Output:
	// [1] true
	// [] false
}

func ExampleIndex_Simplified() {
	x, remove := filled()
	defer remove()
	fmt.Println(x.Simplified(context.Background(), "sn_2018-ZD"))
	// Output: [2] true
}

func ExampleIndex_Similar() {
	x, remove := filled()
	defer remove()
	fmt.Println(x.Similar(context.Background(), "η Carinea", 5)) // one letter more, one replaced
	// Output: [{3 ηcarinæ}]
}

func ExampleIndex_Reset() {
	x, remove := filled()
	defer remove()
	if err := x.Reset(); err != nil {
		panic(err)
	}
	fmt.Println(x.Mark() == index.Mark{}, x.Broken())
	// Output: true <nil>
}

func ExampleIndex_Broken() {
	x, remove := filled()
	defer remove()
	fmt.Println(x.Broken())
	x.Close()
	fmt.Println(x.Broken())
	// Output:
	// <nil>
	// the index is closed
}

func ExampleIndex_Close() {
	x, remove := filled()
	defer remove()
	fmt.Println(x.Close())
	fmt.Println(x.Contains(context.Background(), "2018", 10)) // the caller scans
	// Output:
	// <nil>
	// [] false
}

func ExampleFold() {
	fmt.Println(index.Fold("η CARINÆ"))
	// Output: η carinæ
}

func ExampleSimplify() {
	fmt.Println(index.Simplify("SN_2011-(FE)"))
	// Output: sn2011fe
}

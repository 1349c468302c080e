package jsontext_test

import (
	"errors"
	"fmt"
	"strings"

	"nightjar/internal/jsontext"
)

func ExampleParse() {
	v, err := jsontext.Parse([]byte(`{ "mag": 15.50, "filter": "r" }`))
	for _, m := range v.Members() {
		fmt.Println(m.Key, string(m.Value))
	}
	fmt.Println(err)
	// Output:
	// mag 15.50
	// filter "r"
	// <nil>
}

func ExampleWalk() {
	refuse := func(reason string) error { return errors.New(reason) }
	w := jsontext.NewWalk(strings.NewReader(`{"mags": [15.50, null]} []`),
		jsontext.Limits{Value: 1 << 20, Depth: 32, Refuse: refuse})
	for {
		t, err := w.Step()
		if err != nil {
			fmt.Println(err)
			break
		}
		fmt.Println(t, len(w.Stack))
	}
	// Output:
	// { 1
	// [ 2
	// 15.50 2
	// <nil> 2
	// ] 1
	// } 0
	// more than one JSON value
}

package sky_test

import (
	"fmt"

	"nightjar/sky"
)

// Angles are read as people write them, and are degrees afterwards.
func ExampleParseRA() {
	for _, text := range []string{"13:47:02.1", "206.75875", "25:00:00"} {
		ra, err := sky.ParseRA(text)
		fmt.Printf("%.5f %v\n", ra, err != nil)
	}
	// Output:
	// 206.75875 false
	// 206.75875 false
	// 0.00000 true
}

func ExampleParseDec() {
	dec, err := sky.ParseDec("-12:30:00")
	fmt.Println(dec, err)
	// Output: -12.5 <nil>
}

func ExampleSeparation() {
	fmt.Printf("%.4f degrees\n", sky.Separation(359.5, 0, 0.5, 0))
	// Output: 1.0000 degrees
}

// A cone across 0 hours has both of its sides.
func ExampleCone_Holds() {
	c := sky.Cone{RA: 0.1, Dec: 0, Radius: 0.5}
	fmt.Println(c.Holds(359.8, 0), c.Holds(0.5, 0), c.Holds(1, 0))
	// Output: true true false
}

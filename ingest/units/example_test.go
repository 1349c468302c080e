package units_test

import (
	"fmt"

	"nightjar/ingest/units"
)

func ExampleParse() {
	u, ok := units.Parse("1E-17 erg/cm^2/s/Ang")
	fmt.Println(u, u.IsFlux(), ok)
	// Output: 1e-17 erg / (Angstrom s cm2) true true
}

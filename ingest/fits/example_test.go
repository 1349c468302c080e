package fits_test

import (
	"context"
	"fmt"

	"nightjar/ingest/fits"
	"nightjar/ingest/fits/fitstest"
)

func ExampleReader() {
	in := fits.Reader{File: fitstest.FileOf(fitstest.Spectrum([]int{3}, fitstest.LinearWCS...))}
	for {
		h, err := in.Next()
		if h == nil || err != nil {
			break
		}
		unit, _ := h.Text("CUNIT1")
		fmt.Println(h.Number, h.Kind, h.Axes, unit)
	}
	// Output: 1 IMAGE [3] Angstrom
}

func ExampleReadDispersion() {
	in := fits.Reader{File: fitstest.FileOf(fitstest.Spectrum([]int{3}, fitstest.LinearWCS...))}
	h, _ := in.Next()
	d, err := fits.ReadDispersion(h, func(format string, a ...any) { fmt.Printf(format, a...) })
	fmt.Println(d.Wavelength(0), d.Wavelength(2), err)
	// Output: 4000 4004 <nil>
}

func ExamplePreview() {
	image := append(fitstest.Header(fitstest.Shape(16, 3, 2)...), fitstest.Data(16, 1, 2, 3, 4, 5, 6)...)
	picture, err := fits.Preview(context.Background(), fitstest.FileOf(image))
	fmt.Println(picture.Bounds(), err)
	// Output: (0,0)-(3,2) <nil>
}

func ExampleHeaderJSON() {
	header, err := fits.HeaderJSON(context.Background(), fitstest.FileOf(fitstest.Header(fitstest.Shape(8)...)))
	fmt.Println(string(header[:42]), err)
	// Output: {"hdus":[{"hdu":1,"type":"IMAGE","name":"" <nil>
}

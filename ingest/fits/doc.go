// Package fits reads FITS files (FITS standard 4.0) without trusting their headers. It knows
// nothing about photometry, spectra or points.
//
// A [Reader] returns one HDU after the other; it keeps none and reads no data. The Kind of an HDU
// says what it holds, and its data is within the file: a header that says otherwise is refused,
// with the keyword.
//
// # Files
//
// Cards are in header.go (values with their digits, CONTINUE, HIERARCH) and headerjson.go, HDUs in
// fits.go (shapes, and sizes computed without overflow). Images are in image.go (BSCALE, BZERO and
// BLANK), and those that are compressed tile by tile in tiles.go, tilegzip.go, rice.go and
// dither.go: RICE_1, GZIP_1, GZIP_2 and NOCOMPRESS. Binary and ASCII tables are in table.go,
// rows.go and cells.go, which writes cells as texts, and arrays.go, which reads arrays element by
// element. In wcs.go are the wavelengths of an axis: linear, logarithmic, CD matrix; in iraf.go
// those of the lines of an echelle spectrum, as IRAF's MULTISPEC gives them. In preview.go is a
// small grey picture of an image.
//
// # Rules
//
// Integers and texts are exact, and unsigned integers are recognised by TZERO. A float64 is written
// in the fewest digits that give it back. Errors are faults of the file ([bounded.Refuse]), with
// HDU and keyword, or failures to read it.
//
// Memory grows neither with an image nor with a table, and nothing is allocated because a header
// says so; package bounded has the limits. Not read are PLIO_1 and HCOMPRESS_1, random groups, and
// bits and complex numbers in tables.
package fits

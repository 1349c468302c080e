// Package fits reads FITS files (FITS standard 4.0) and believes none of their headers: it knows
// nothing of photometry, spectra or points.
//
// A [Reader] gives one HDU after the other; it keeps none and reads no data. What an HDU holds is
// known by its Kind, and is within the file: a header that says otherwise is refused with its
// keyword.
//
//	header.go, headerjson.go    cards: values with their digits, CONTINUE, HIERARCH; a header as JSON
//	fits.go                     HDUs: shapes, and sizes computed without overflow
//	image.go                    pixels, with BSCALE, BZERO and BLANK
//	tiles.go, tilegzip.go, rice.go, dither.go
//	                            images compressed tile by tile: RICE_1, GZIP_1, GZIP_2 and NOCOMPRESS
//	table.go, rows.go, cells.go, arrays.go
//	                            binary and ASCII tables: cells as texts, arrays element by element
//	wcs.go                      the wavelengths of an axis: linear, logarithmic, CD matrix, IRAF's MULTISPEC
//	preview.go                  a small grey picture of an image
//
// Integers and texts are exact; unsigned integers are those that TZERO makes. A float64 is written
// in the fewest digits that give it back. Errors are problems of the file ([bounded.Refuse]), with
// HDU and keyword, or those of reading it.
//
// Memory grows neither with an image nor with a table, and nothing is allocated because a header
// says so; package bounded has the limits. Not read: PLIO_1 and HCOMPRESS_1, random groups, bits
// and complex numbers of tables.
package fits

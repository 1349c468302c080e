// Package fitstest makes FITS files for tests: headers of cards, images, tables and compressed
// tiles. Nothing else uses it.
package fitstest

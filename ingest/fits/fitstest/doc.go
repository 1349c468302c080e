// Package fitstest makes FITS files for tests: headers, images, tables and compressed tiles.
package fitstest

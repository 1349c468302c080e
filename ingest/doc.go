// Package ingest turns an uploaded file into points: a file in, points out.
//
// A caller passes random access to the bytes of a file and the data type that the user named.
// [Processors.Process] recognises the format by the content, never by the extension. It reads the
// file as a stream and passes on one [Point] after the other. The [Report] says what was
// understood, left out, assumed and refused. There are two data types: photometry, of which each
// row of a table gives a point, and spectroscopy, of which each file gives a point, or each row of
// a table of arrays.
//
// [Formats] lists the formats, and docs/use/formats.md is made from it. A file of any format may be
// compressed with gzip. Package fits makes previews of images, and package table writes tables.
// [WriteSpectrum] writes the value of a spectrum as a file, and [AppendInUnits] converts its
// wavelengths.
//
// # What it does not do
//
// It knows nothing about storage, targets, users or uploads. It does not look for duplicates. A
// spectrum without a date has Timed false, and the caller decides which time it gets. Files of
// other data types ("fits_file", "image_file") are stored unread: see [Processors.Handles].
//
// # Layers
//
// Package bounded has files and the limits of reading them. Packages fits, table and fixed read
// bytes and know no astronomy: FITS, delimited text, ECSV, VOTables, and columns at fixed places.
// Package units reads units. Every table becomes a grid (grid.go, textgrid.go, tablegrid.go,
// fitsgrid.go, jsongrid.go): names of columns, what the format says about each column, and rows of
// texts. The meaning of a column is decided by its name, UCD and unit (roles.go, timenames.go,
// photometryroles.go, spectrumroles.go), or by a dialect (dialects.go, surveys.go, ownexport.go),
// which describes a table of known origin in any format. A table with columns for each band gets
// rows for each (bands.go, wide.go). Points are made from rows (photometryrow.go, spectrum.go) and
// from images (spectrumfits.go). The formats are entries of two lists (formats.go).
//
// # Rules
//
// A file is read exactly or refused; only a row with a fault in free text, and on request any bad
// row of photometry, is left out alone (badrows.go). Whatever is in it and is not understood is a
// problem, with its line (or HDU) and column. All problems are collected, not only the first. What
// is assumed or changed is a warning. A number keeps the digits of the file. A time is computed
// from its decimal text in integers, to the microsecond, half to even.
//
// # Caveats
//
// Points are passed on while the file is read, so a problem may be found after some of them: when
// Process returns an error, the caller must discard all points of the file.
//
// Times are UTC in days of 86,400 s; package instant converts other scales. A time on a day that
// ended with a leap second gives a warning. Heliocentric and barycentric times are not corrected
// for the light travel time; the time_ref of the point says which they are.
//
// Memory and time are bounded: see package bounded. TestWorstFiles measures both.
package ingest

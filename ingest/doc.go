// Package ingest turns an uploaded file into points: a file in, points out.
//
// A caller hands over random access to a file's bytes and the data type that the uploader named.
// Process finds the file's format by its content (never by its extension), reads it as a stream and
// yields one Point after the other, with a Report that says what was understood, left out, assumed
// and refused.
//
//	photometry     tables and reports of many kinds: one point a row
//	spectroscopy   tables of wavelength and flux and FITS images: one point a file, or a row of arrays
//
// Formats lists them all; docs/use/formats.md is made of it. Any of them may be compressed with
// gzip. Package fits makes previews of images, and package table writes tables that others read.
//
// # What it is not for
//
// It knows nothing of storage, targets, users or uploads. It finds no duplicates and sets no clock:
// a spectrum without a date comes back with Timed false, and what time it gets is the caller's
// decision. Files of other data types ("fits_file", "image_file") are kept as they are; Handles
// says so.
//
// # Layers
//
// Package bounded has files and their limits. Packages fits and table read bytes and know no
// astronomy: FITS, delimited text, ECSV and VOTables. Whatever holds a table becomes a grid
// (grid.go, textgrid.go, tablegrid.go, fitsgrid.go, jsongrid.go): names, what the format says of
// each column, and rows of texts. What columns mean is decided by their names, UCDs and units
// (roles.go, timenames.go, photometryroles.go, spectrumroles.go) or by a dialect (dialects.go,
// surveys.go, ownexport.go), which is a table of known origin, in whatever format it comes. Points
// are made of rows (photometryrow.go, spectrum.go) and of images (spectrumfits.go). A format is one
// entry of the list that photometryFormats or spectroscopyFormats returns (formats.go).
//
// # Rules
//
// A file is read exactly or refused. Everything that stands in it and was not understood is a
// problem with its line (or HDU) and column; problems are collected, never only the first. What is
// assumed or changed is a warning. A number keeps the digits of the file. A time is computed from
// its decimal text in integers, to the microsecond, half to even.
//
// # Caveats
//
// Points are handed out while the file is read, so a file may turn out to be bad after some were
// emitted: when Process returns an error, what was emitted must be thrown away.
//
// Time is UTC in days of 86,400 s; package instant says how other scales are converted. A time on a
// day that ended with a leap second is warned of. The light travel of heliocentric and barycentric
// dates is not taken off: the point's time_ref says which they are.
//
// Memory and time are bounded: see package bounded. TestWorstFiles measures it.
package ingest

// Package ingest turns an uploaded file into points: a file in, points out.
//
// A caller passes random access to the bytes of a file and the data type that the user named.
// [Processors.Process] recognises the format by the content, never by the extension. It reads the
// file as a stream and passes on one [Point] after the other. The [Report] says what was
// understood, left out, assumed and refused. There are two data types: photometry, of which each
// row of a table gives a point, and spectroscopy, of which each file gives a point, or each row of
// a table of arrays, each order of an echelle spectrum, or each group of rows that a column tells
// apart.
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
// Package units reads units. The files of this package:
//
//   - job.go, options.go and unused.go: one reading of a file, what the user says about the file,
//     and warnings about options that the data type has no use for.
//   - grid.go: a table of any format, as names of columns, what the format says about each, and
//     rows of texts. textgrid.go, tablegrid.go, fitsgrid.go and jsongrid.go (with jsonalerts.go and
//     jsonnumbers.go) make one from each kind of file; salt.go, snana.go, snanafits.go, adesxml.go,
//     mpc.go, aavso.go and exoplanet.go from the formats of their names, and surveys.go from the
//     alerts of Gaia. bands.go and wide.go give a table with columns for each band a row for each.
//   - cell.go, roles.go, timenames.go, filternames.go, fluxnames.go, brightness.go,
//     magnitudeunits.go, objectnames.go and limitflags.go: the meaning of cells and of the names
//     and units of columns.
//   - dialects.go, surveydialects.go, tns.go, ownexport.go and tomheader.go: tables of known origin
//     in any format, which decide before names.
//   - photometryroles.go chooses a role for each column of photometry, unnamedmagnitudes.go refuses
//     limits without their magnitudes, photometryrow.go makes points from rows with
//     photometryflux.go (magnitudes and limits of fluxes), and badrows.go leaves rows out.
//     photometry.go reads whole files.
//   - spectrumroles.go chooses the columns of a spectrum, headerless.go says when numbers without a
//     header are one, spectrumgroups.go tells the spectra of a table apart, and spectrumdate.go
//     finds their dates. spectrum.go, spectrumfits.go (images) and jsonspectra.go read whole files;
//     wavelengthorder.go and wavelengthunits.go check wavelengths.
//   - formats.go lists the formats, and ingest.go reads a file by them.
//
// wavelengthvalues.go, spectrumwriter.go and sharedvalues.go read stored values: they convert
// wavelengths, write spectra as files, and know the members that TOM Toolkit 3 shares.
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

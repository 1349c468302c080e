// Package table reads tables as texts, in the formats in which astronomers exchange them, and
// writes such tables. It knows what a format says about a column, and nothing about what a column
// means.
//
// A [Table] has the names of its columns, what the format says about each, and rows of texts, which
// are read one after the other in memory that does not grow with the table. Package fits reads FITS
// tables.
//
// Delimited text is in lines.go, split.go (fields in quotes) and layout.go, which finds the
// delimiter, or columns under a ruler (spans.go); preface.go finds a header below other lines, and
// rdb.go a line of types. Enhanced CSV, with YAML in its comments, is in ecsv.go, yaml.go and
// serialized.go (columns of astropy's own types). VOTable 1.4 is in votable.go, voxml.go, vorows.go
// and vocells.go: TABLEDATA, BINARY and BINARY2. Keywords of a whole table are in keywords.go.
// Package fixed reads tables that describe columns at fixed places. CSV, ECSV, VOTable and FITS are
// written row by row by writer.go, writetext.go and writefits.go.
package table

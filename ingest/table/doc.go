// Package table reads tables as texts, in the formats that astronomers exchange them in, and writes
// such tables. It knows what a format says of a column, and nothing of what a column means.
//
//	lines.go, split.go, layout.go    delimited text: lines, fields in quotes, and a delimiter that nobody told
//	ecsv.go                          Enhanced CSV: the header in its comments, and astropy's times
//	votable.go, voxml.go, vorows.go, vocells.go
//	                                 VOTable 1.4: TABLEDATA, BINARY and BINARY2
//	keywords.go                      what is said of a whole table
//	writer.go, writetext.go, writefits.go
//	                                 CSV, ECSV, VOTable and FITS, row by row
//
// A [Table] has the names of its columns, what the format says of each and rows of texts, one after
// the other, in memory that does not grow with the table. FITS tables are read by package fits.
package table

package bounded

import (
	"fmt"
	"time"
)

// The limits of reading files. They are the same for all users. Whatever exceeds one is refused, or
// cut where [Bounds] says so, before it costs memory or time.
const (
	// Of a preview or a header.
	lookTime  = 10 * time.Second // of one core
	lookWait  = time.Minute      // of elapsed time, on a busy machine
	lookBytes = 1 << 30          // read and unpacked
	// decoded; rows of larger images are left out as far as other rows of the same pixel of the
	// preview are read
	PreviewPixels  = 128 << 20
	TilePixels     = 4096    // that each tile costs in addition
	MaxHeaderCards = 100_000 // given before "truncated"
	MaxHeaderJSON  = 4 << 20 // bytes, likewise

	// Of a compressed file.
	maxUnpacked  = 2 << 30 // bytes
	maxUnpacking = 16      // how often the whole file may be unpacked to reach distant places
	InMemory     = 8 << 20 // bytes from the beginning that are kept unpacked

	// Of FITS.
	MaxFITSHDUs   = 1000
	MaxFITSAxes   = 999
	MaxFITSCards  = 10_000    // of one header
	MaxFileCards  = 250_000   // of all headers of a file, without comments
	MaxString     = 64 << 10  // bytes of a string continued over several cards
	MaxRowBytes   = 64 << 20  // of a row of a binary table
	MaxPacked     = 400 << 20 // pixels of a tile-compressed image
	MaxFITSTables = 100       // tables that are read
	MaxSpectra    = 1000      // of a table or an image: rows of arrays, orders, groups of rows

	// Of tables of all formats.
	MaxColumns  = 1000
	MaxNames    = 1 << 20 // bytes of all names of columns, with their units and descriptions
	MaxCellText = 4096    // bytes of a cell of text of a FITS table
	MaxRowText  = 4 << 20 // bytes of a row of a VOTable, a record of JSON or an observation of ADES
	MaxObjects  = 100_000 // of a table HEAD of SNANA

	// Of text.
	MaxLine     = 1 << 20 // bytes
	MaxComments = 100     // comment lines that are searched for names of columns
	MaxComment  = 1 << 20 // bytes of them together
	MaxKeys     = 10_000  // keywords in comments
	MaxKeyLine  = 1000    // bytes; longer lines are prose
	MaxECSV     = 4 << 20 // bytes of the header of an ECSV file

	// Of YAML in that header.
	MaxYAMLNodes  = 200_000
	MaxYAMLDepth  = 100
	MaxYAMLMerges = 10        // merge keys that lead from one mapping to the next
	MaxYAMLVisits = 2_000_000 // members and items that are visited, those of an alias each time

	// Of XML (VOTables, ADES) and JSON.
	MaxElement     = 2 << 20  // bytes of one text in XML
	MaxTag         = 64 << 10 // bytes of a tag of XML, with its attributes
	MaxVOTables    = 100
	MaxJSONDepth   = 32      // also of the elements of ADES
	MaxJSONValue   = 4 << 20 // bytes of one value
	MaxJSONLists   = 1000    // lists of records
	MaxJSONSpectra = 10_000

	// Of the results.
	MaxPixels   = 2_000_000 // of a spectrum
	MaxSpectrum = 32 << 20  // bytes of its JSON
	MaxWarnings = 1000      // listed; more are only counted
)

// Bound is one limit of reading a file.
type Bound struct {
	What   string
	Most   string
	Beyond string // what happens to a file that exceeds it
}

// Bounds lists the limits of reading files, for docs/use/formats.md.
func Bounds() []Bound {
	const refused = "refused"
	return []Bound{
		{"time of one core for a preview or a header", lookTime.String(), refused},
		{"elapsed time for that", lookWait.String(), refused},
		{"bytes that are read and unpacked for a preview or a header", bytesText(lookBytes), refused},
		{"pixels that are decoded for a preview", Count(PreviewPixels),
			"of larger images some rows are left out; refused if tiles are too high for that"},
		{"pixels that each compressed tile costs in addition", Count(TilePixels), ""},
		{"cards in the answer with a header", Count(MaxHeaderCards), `cut, with "truncated"`},
		{"bytes of that answer", bytesText(MaxHeaderJSON), `cut, with "truncated"`},
		{"bytes that a gzip file unpacks to", bytesText(maxUnpacked), refused},
		{"how often a gzip file is unpacked to reach distant places", Count(maxUnpacking), refused},
		{"bytes at its beginning that are kept unpacked in memory", bytesText(InMemory),
			"unpacked again when needed"},
		{"HDUs of a FITS file", Count(MaxFITSHDUs), "not looked at"},
		{"axes of a FITS array", Count(MaxFITSAxes), refused},
		{"cards of a FITS header", Count(MaxFITSCards), refused},
		{"cards of all headers of a FITS file, without comments", Count(MaxFileCards), refused},
		{"bytes of a string continued over several cards", bytesText(MaxString), refused},
		{"bytes of a row of a binary table", bytesText(MaxRowBytes), refused},
		{"pixels of an image compressed in tiles", Count(MaxPacked), refused},
		{"tables of a FITS file", Count(MaxFITSTables), "not looked at"},
		{"spectra in the rows of a FITS table", Count(MaxSpectra), refused},
		{"objects in a table HEAD of SNANA", Count(MaxObjects), refused},
		{"columns of a table, members of a record of JSON", Count(MaxColumns), refused},
		{"bytes of all names of columns with their units and descriptions", bytesText(MaxNames), refused},
		{"bytes of a cell of text of a FITS table", bytesText(MaxCellText), "column left out"},
		{"bytes of a row of a VOTable, of a record of JSON", bytesText(MaxRowText), refused},
		{"bytes of a line of text", bytesText(MaxLine), refused},
		{"comment lines above a table that are searched for names", Count(MaxComments), "not looked at"},
		{"bytes of these", bytesText(MaxComment), "not looked at"},
		{"keywords in comments", Count(MaxKeys), "not looked at"},
		{"bytes of a comment line with a keyword", bytesText(MaxKeyLine), "not looked at"},
		{"bytes of the header of an ECSV file", bytesText(MaxECSV), refused},
		{"nodes of the YAML in it", Count(MaxYAMLNodes), refused},
		{"depth of that", Count(MaxYAMLDepth), refused},
		{"members and items in it that are visited, those of an alias each time", Count(MaxYAMLVisits), refused},
		{"mappings that merge keys in it lead to, one after the other", Count(MaxYAMLMerges), "not looked at"},
		{"bytes of a text of a VOTable", bytesText(MaxElement), refused},
		{"bytes of a tag of a VOTable", bytesText(MaxTag), refused},
		{"tables of a VOTable", Count(MaxVOTables), refused},
		{"depth of JSON", Count(MaxJSONDepth), refused},
		{"bytes of a value of JSON", bytesText(MaxJSONValue), refused},
		{"lists of records in a JSON document", Count(MaxJSONLists), refused},
		{"spectra in a JSON document", Count(MaxJSONSpectra), refused},
		{"pixels of a spectrum", Count(MaxPixels), refused},
		{"bytes of a spectrum as JSON", bytesText(MaxSpectrum), refused},
		{"warnings in a report", Count(MaxWarnings), "counted"},
	}
}

// Count formats a number with commas.
func Count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// bytesText formats a number of bytes in the largest unit that divides it.
func bytesText(n int64) string {
	for i, unit := range []string{"GiB", "MiB", "KiB"} {
		if size := int64(1) << (30 - 10*i); n >= size && n%size == 0 {
			return fmt.Sprint(n/size, " ", unit)
		}
	}
	return Count(n)
}

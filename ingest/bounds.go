package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"time"
)

// The bounds of reading files. They hold for everybody: what is beyond is refused, or cut where
// [Bounds] says so, before memory or time is spent on it.
const (
	// Of one preview or header.
	lookTime  = 10 * time.Second // of one core
	lookWait  = time.Minute      // on a machine that has other things to do
	lookBytes = 1 << 30          // read and unpacked
	// decoded; rows of larger images are left out as far as others of the same pixel of the preview
	// are read
	previewPixels  = 128 << 20
	tilePixels     = 4096    // that a tile costs beside its own
	maxHeaderCards = 100_000 // given before "truncated"
	maxHeaderJSON  = 4 << 20 // bytes, likewise

	// Of a compressed file.
	maxUnpacked  = 2 << 30 // bytes
	maxUnpacking = 16      // how often the whole file may be unpacked, on the way to places far from each other
	inMemory     = 8 << 20 // bytes from the beginning that are kept unpacked

	// Of FITS.
	maxFITSHDUs   = 1000
	maxFITSAxes   = 999
	maxFITSCards  = 10_000    // of one header
	maxFileCards  = 250_000   // of all headers of a file, without comments
	maxString     = 64 << 10  // bytes of a string continued over several cards
	maxRowBytes   = 64 << 20  // of a row of a binary table
	maxPacked     = 400 << 20 // pixels of a tile-compressed image
	maxFITSTables = 100       // tables that are looked at
	maxSpectra    = 1000      // rows of arrays

	// Of tables of every format.
	maxColumns  = 1000
	maxNames    = 1 << 20 // bytes of all names of columns, with their units and descriptions
	maxCellText = 4096    // bytes of a cell of text of a FITS table
	maxRowText  = 4 << 20 // bytes of a row of a VOTable or a record of JSON

	// Of text.
	maxLine     = 1 << 20 // bytes
	maxComments = 100     // comment lines that are looked at for names of columns
	maxComment  = 1 << 20 // bytes of these together
	maxKeys     = 10_000  // keywords in comments
	maxKeyLine  = 1000    // bytes; longer lines are prose
	maxECSV     = 4 << 20 // bytes of the header of an ECSV file

	// Of VOTables and JSON.
	maxElement     = 2 << 20  // bytes of one text of a VOTable
	maxTag         = 64 << 10 // bytes of a tag, with its attributes
	maxVOTables    = 100
	maxJSONDepth   = 32
	maxJSONValue   = 4 << 20 // bytes of one value
	maxJSONLists   = 1000    // lists of records
	maxJSONSpectra = 10_000

	// Of what comes out.
	maxPixels   = 2_000_000 // of a spectrum
	maxSpectrum = 32 << 20  // bytes of its JSON
	maxWarnings = 1000      // listed; the rest is counted
)

// Bound is one limit of reading a file.
type Bound struct {
	What   string
	Most   string
	Beyond string // what becomes of a file that is larger
}

// Bounds lists the limits of reading files, for docs/use/formats.md.
func Bounds() []Bound {
	const refused = "refused"
	return []Bound{
		{"time of one core for a preview or a header", lookTime.String(), refused},
		{"time that passes meanwhile", lookWait.String(), refused},
		{"bytes that are read and unpacked for a preview or a header", bytesText(lookBytes), refused},
		{"pixels that are decoded for a preview", count(previewPixels),
			"of larger images some rows are left out; refused where tiles are too high for that"},
		{"pixels that each compressed tile counts beside its own", count(tilePixels), ""},
		{"cards in the answer with a header", count(maxHeaderCards), `cut, with "truncated"`},
		{"bytes of that answer", bytesText(maxHeaderJSON), `cut, with "truncated"`},
		{"bytes that a gzip file unpacks to", bytesText(maxUnpacked), refused},
		{"how often a gzip file is unpacked, on the way to places far from each other", count(maxUnpacking), refused},
		{"bytes of it, from its beginning, that are kept unpacked in memory", bytesText(inMemory),
			"unpacked again where they are needed again"},
		{"HDUs of a FITS file", count(maxFITSHDUs), "not looked at"},
		{"axes of a FITS array", count(maxFITSAxes), refused},
		{"cards of a FITS header", count(maxFITSCards), refused},
		{"cards of all headers of a FITS file, without comments", count(maxFileCards), refused},
		{"bytes of a string continued over several cards", bytesText(maxString), refused},
		{"bytes of a row of a binary table", bytesText(maxRowBytes), refused},
		{"pixels of an image compressed in tiles", count(maxPacked), refused},
		{"tables of a FITS file", count(maxFITSTables), "not looked at"},
		{"spectra in the rows of a FITS table", count(maxSpectra), refused},
		{"columns of a table, members of a record of JSON", count(maxColumns), refused},
		{"bytes of all names of columns with their units and descriptions", bytesText(maxNames), refused},
		{"bytes of a cell of text of a FITS table", bytesText(maxCellText), "column left out"},
		{"bytes of a row of a VOTable, of a record of JSON", bytesText(maxRowText), refused},
		{"bytes of a line of text", bytesText(maxLine), refused},
		{"comment lines above a table that are looked at for names", count(maxComments), "not looked at"},
		{"bytes of these", bytesText(maxComment), "not looked at"},
		{"keywords in comments", count(maxKeys), "not looked at"},
		{"bytes of a comment line with a keyword", bytesText(maxKeyLine), "not looked at"},
		{"bytes of the header of an ECSV file", bytesText(maxECSV), refused},
		{"bytes of a text of a VOTable", bytesText(maxElement), refused},
		{"bytes of a tag of a VOTable", bytesText(maxTag), refused},
		{"tables of a VOTable", count(maxVOTables), refused},
		{"depth of JSON", count(maxJSONDepth), refused},
		{"bytes of a value of JSON", bytesText(maxJSONValue), refused},
		{"lists of records in a JSON document", count(maxJSONLists), refused},
		{"spectra in a JSON document", count(maxJSONSpectra), refused},
		{"pixels of a spectrum", count(maxPixels), refused},
		{"bytes of a spectrum as JSON", bytesText(maxSpectrum), refused},
		{"warnings in a report", count(maxWarnings), "counted"},
	}
}

// count spells a number with commas.
func count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// bytesText is a number of bytes in the largest unit that divides it.
func bytesText(n int64) string {
	for i, unit := range []string{"GiB", "MiB", "KiB"} {
		if size := int64(1) << (30 - 10*i); n >= size && n%size == 0 {
			return fmt.Sprint(n/size, " ", unit)
		}
	}
	return count(n)
}

// work is what reading one file may still cost. All readers of the file share it. A nil *work
// bounds nothing.
type work struct {
	ctx    context.Context
	look   string // "a preview" or "a header"; "" for the reading of data, which pays for unpacking alone
	bytes  int64  // left
	pixels int64  // left
	calls  int    // of err
	start  time.Duration
}

var errLookTime = errors.New("ingest: a look into a file took too long")

// metered lets a file be read within bounds. The caller calls the function that is returned in the
// end, from the goroutine that made the call: that of a look has a thread for itself until then,
// whose time is measured.
func (f File) metered(ctx context.Context, look string) (File, context.CancelFunc) {
	f.work = &work{ctx: ctx, look: look, bytes: math.MaxInt64, pixels: math.MaxInt64}
	if look == "" {
		f.Content = meteredContent{f.Content, f.work}
		return f, func() {}
	}
	f.work.bytes, f.work.pixels = lookBytes, previewPixels+previewPixels/2 // the last row of tiles comes on top
	var cancel context.CancelFunc
	f.work.ctx, cancel = context.WithTimeoutCause(ctx, lookWait, errLookTime)
	runtime.LockOSThread()
	f.work.start = threadTime()
	f.Content = meteredContent{f.Content, f.work}
	return f, func() { cancel(); runtime.UnlockOSThread() }
}

// err is not nil when the work is to stop: the caller is gone, or a look takes too long.
func (w *work) err() error {
	switch {
	case w == nil:
		return nil
	case w.ctx.Err() != nil && errors.Is(context.Cause(w.ctx), errLookTime):
		return w.tooMuch(lookWait.String())
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	}
	if w.calls++; w.look != "" && w.calls%8 == 0 && threadTime()-w.start > lookTime {
		return w.tooMuch(lookTime.String() + " of a core")
	}
	return nil
}

// tooMuch refuses a file that costs more than it may.
func (w *work) tooMuch(most string) error {
	if w == nil || w.look == "" {
		return refuse(Problem{Reason: "too much to unpack: the parts of the gzip file that belong together are far " +
			"from each other; upload it unpacked"})
	}
	return refuse(Problem{Reason: "too much to unpack for " + w.look + ": it takes more than " + most +
		", the most that is allowed"})
}

// unpack pays for n unpacked bytes.
func (w *work) unpack(n int) error {
	if w == nil {
		return nil
	}
	if w.bytes -= int64(n); w.bytes < 0 {
		return w.tooMuch(bytesText(lookBytes))
	}
	return w.err()
}

// decode pays for n pixels.
func (w *work) decode(n int64) error {
	if w == nil {
		return nil
	}
	if w.pixels -= n; w.pixels < 0 {
		return w.tooMuch(count(previewPixels) + " pixels")
	}
	return w.err()
}

// meteredContent is the content of a file that is read within bounds.
type meteredContent struct {
	io.ReaderAt
	work *work
}

func (c meteredContent) ReadAt(p []byte, offset int64) (int, error) {
	if c.work.look != "" {
		if err := c.work.unpack(len(p)); err != nil {
			return 0, err
		}
	} else if err := c.work.err(); err != nil {
		return 0, err
	}
	return c.ReaderAt.ReadAt(p, offset)
}

package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits"
	"nightjar/ingest/fits/fitstest"
)

func TestFITSRefusals(t *testing.T) {
	good := fitstest.Spectrum([]int{2}, fitstest.LinearWCS...)
	shape := fitstest.Shape(-32, 2)
	replace := func(key, card string) []byte {
		return append(fitstest.Header(fitstest.With(fitstest.Without(shape, key), card)...),
			make([]byte, fits.BlockSize)...)
	}
	many := make([]string, bounded.MaxFITSCards)
	for i := range many {
		many[i] = "COMMENT"
	}
	long := fitstest.With(shape, "LONG    = '&'")
	for range 1000 {
		long = append(long, "CONTINUE  '"+strings.Repeat("x", 66)+"&'")
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no END": {bytes.ReplaceAll(good[:fits.BlockSize], []byte("END  "), []byte("EMD  ")),
			"the header has no END"},
		"half a header": {good[:1000], "the header has no END"},
		"data cut off":  {good[:fits.BlockSize+7], "the file ends within the data: 7 of 8 bytes"},
		"not SIMPLE":    {bytes.Replace(good, []byte(" T"), []byte(" F"), 1), "column SIMPLE: not standard FITS"},
		"a keyword of zeros": {bytes.Replace(good, []byte("CTYPE1"), []byte("\x00TYPE1"), 1),
			"a keyword that is not text"},
		"an open string": {fitstest.Header(fitstest.With(shape, "OPEN    = 'abc")...),
			"column OPEN: the string is not closed"},
		"BITPIX":            {replace("BITPIX", "BITPIX  = 7"), "column BITPIX"},
		"no NAXIS":          {append(fitstest.Header(shape[:2]...), good[fits.BlockSize:]...), "column NAXIS"},
		"many axes":         {replace("NAXIS ", "NAXIS   = 1000"), "column NAXIS"},
		"a missing axis":    {replace("NAXIS1", "NAXIS2  = 1"), "column NAXIS1"},
		"a negative axis":   {replace("NAXIS1", "NAXIS1  = -2"), "column NAXIS1"},
		"a fractional axis": {replace("NAXIS1", "NAXIS1  = 2.5"), "column NAXIS1: '2.5' is not an integer"},
		"a quoted axis":     {replace("NAXIS1", "NAXIS1  = '2'"), "column NAXIS1: '2' is not an integer"},
		"an axis too long":  {replace("NAXIS1", "NAXIS1  = 9223372036854775808"), "column NAXIS1"},
		"a huge axis":       {replace("NAXIS1", "NAXIS1  = 9223372036854775807"), "the axes multiply to more"},
		"a large axis":      {replace("NAXIS1", "NAXIS1  = 4000001"), "the file ends within the data"},
		"axes that overflow": {fitstest.Header(fitstest.With(fitstest.Shape(-64, 1<<31, 1<<31, 1<<31),
			fitstest.LinearWCS...)...), "the axes multiply to more"},
		"PCOUNT overflows": {fitstest.Header(fitstest.With(shape, "PCOUNT  = 9223372036854775807")...),
			"more than a file can hold"},
		"GCOUNT overflows": {fitstest.Header(fitstest.With(shape, "GCOUNT  = 9223372036854775807")...),
			"the axes multiply to more"},
		"GCOUNT of 0": {fitstest.Header(fitstest.With(shape, "GCOUNT  = 0")...), "column PCOUNT"},
		"random groups": {append(fitstest.Header(fitstest.With(fitstest.Shape(-32, 0, 2), "GROUPS  = T",
			"PCOUNT  = 1", "GCOUNT  = 1")...), make([]byte, fits.BlockSize)...), "column NAXIS1: an image of 0 x 2"},
		"a long string":  {fitstest.Header(long...), "column LONG: the string is longer than 65536 bytes"},
		"too many cards": {fitstest.Header(append(fitstest.Shape(8), many...)...), "more than 10000 cards"},
		"a torn extension": {append(fitstest.Header(fitstest.Shape(8)...), []byte("XTENSION= 'IMAGE   '")...),
			"HDU 2: the header has no END"},
		"too many pixels": {append(fitstest.Header(fitstest.With(fitstest.Shape(8, bounded.MaxPixels+1),
			fitstest.LinearWCS...)...),
			make([]byte, bounded.MaxPixels+1)...), "a spectrum of more than 2000000 pixels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := process("spectroscopy", "s.fits", c.data, Options{})
			if _, ok := err.(*bounded.Error); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// FuzzFITS: no file makes the reader panic or allocate beyond its size, and what it accepts is a
// spectrum.
func FuzzFITS(f *testing.F) {
	f.Add(fitstest.Spectrum([]int{3}, fitstest.LinearWCS...))
	f.Add(fitstest.Spectrum([]int{3, 2},
		fitstest.With(fitstest.LinearWCS, "MJD-OBS = 58000.5D0", "TIMESYS = 'TAI'")...))
	f.Add(fitstest.Spectrum([]int{3, 1, 4},
		fitstest.With(fitstest.LinearWCS, "BANDID4 = 'sigma'", "DC-FLAG = 1", "BSCALE  = 1D300", "BLANK   = 1")...))
	f.Add(append(fitstest.Header(fitstest.Shape(8)...),
		fitstest.Header(fitstest.With(fitstest.Extension(fitstest.Shape(16, 2)), "LONG    = 'a&'", "CONTINUE  'b'",
			"HIERARCH A = 1")...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 100<<10 {
			return
		}
		points, report, err := process("spectroscopy", "f.fits", data, Options{MaxProblems: 5, FluxScale: 2})
		checkOutcome(t, points, report, err)
	})
}

// FuzzFITSCards changes single cards of a good file, which finds more faults than changing bytes.
func FuzzFITSCards(f *testing.F) {
	for _, c := range fitstest.With(fitstest.LinearWCS, "NAXIS1  = 3", "BITPIX  = 64", "BSCALE  = 0", "TIMESYS = 'TT'",
		"DATE-OBS= '31/12/98'", "CD1_1   = 1e308") {
		f.Add(c, c)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if len(one) > fits.CardSize || len(two) > fits.CardSize {
			return
		}
		data := append(fitstest.Header(fitstest.With(append(fitstest.Shape(-32, 3), fitstest.LinearWCS...), one,
			two)...), fitstest.Data(-32, 1, 2, 3)...)
		if fmt.Sprint(len(data)%fits.BlockSize) != "0" {
			return // a character of several bytes made a card too long
		}
		points, report, err := process("spectroscopy", "f.fits", data, Options{MaxProblems: 5})
		checkOutcome(t, points, report, err)
	})
}

package ingest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
)

func fileOf(data []byte) bounded.File {
	return bounded.File{Name: "f.fits", Size: int64(len(data)), Content: bytes.NewReader(data)}
}

func TestFITSHeader(t *testing.T) {
	data := fitsCards("SIMPLE  =                    T / a comment",
		"TEXT    = 'it''s / no comment  ' / a comment", "EMPTY   = ''", "NUMBER  = -1.5D-03 / a comment", "WHOLE   =                  +42",
		"LONG    = 'one &' / first", "CONTINUE  'two&'", "CONTINUE  ' three' / last",
		"HIERARCH ESO Obs  ID = 123 / kept whole", "COMMENT = 'no value'", "HISTORY x", "", "NOVALUE no equals sign",
		"NUMBER  = 2 / the second does not count", "CONTINUE  'belongs to nothing'", "FREE    =abc", "ODD     = caf\xe9 / not ASCII")
	h, end, err := readFITSHeader(fileOf(data), 1, 0, nil)
	if err != nil || end != fitsBlock {
		t.Fatal(err, end)
	}
	for key, want := range map[string]string{"SIMPLE": "T", "TEXT": "it's / no comment", "NUMBER": "-1.5D-03", "WHOLE": "+42",
		"LONG": "one two three", "HIERARCH ESO OBS ID": "123", "ODD": "caf?"} {
		if got, ok := h.text(key); !ok || got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	for _, key := range []string{"EMPTY", "COMMENT", "NOVALUE", "HISTORY", "FREE", ""} {
		if got, ok := h.text(key); ok {
			t.Errorf("%s is %q", key, got)
		}
	}
	if v, there, err := h.number("NUMBER"); v != -1.5e-3 || !there || err != nil {
		t.Error(v, there, err)
	}
	if v, there, err := h.integer("WHOLE"); v != 42 || !there || err != nil {
		t.Error(v, there, err)
	}
	if _, _, err := h.integer("NUMBER"); err == nil {
		t.Error("-1.5D-03 is an integer")
	}
	if _, _, err := h.number("TEXT"); err == nil {
		t.Error("text is a number")
	}
}

func TestFITSRefusals(t *testing.T) {
	good := fitsSpectrum([]int{2}, linearWCS...)
	shape := fitsShape(-32, 2)
	replace := func(key, card string) []byte {
		return append(fitsCards(with(without(shape, key), card)...), make([]byte, fitsBlock)...)
	}
	many := make([]string, bounded.MaxFITSCards)
	for i := range many {
		many[i] = "COMMENT"
	}
	long := with(shape, "LONG    = '&'")
	for range 1000 {
		long = append(long, "CONTINUE  '"+strings.Repeat("x", 66)+"&'")
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no END":             {bytes.ReplaceAll(good[:fitsBlock], []byte("END  "), []byte("EMD  ")), "the header has no END"},
		"half a header":      {good[:1000], "the header has no END"},
		"data cut off":       {good[:fitsBlock+7], "the file ends within the data: 7 of 8 bytes"},
		"not SIMPLE":         {bytes.Replace(good, []byte(" T"), []byte(" F"), 1), "column SIMPLE: not standard FITS"},
		"a keyword of zeros": {bytes.Replace(good, []byte("CTYPE1"), []byte("\x00TYPE1"), 1), "a keyword that is not text"},
		"an open string":     {fitsCards(with(shape, "OPEN    = 'abc")...), "column OPEN: the string is not closed"},
		"BITPIX":             {replace("BITPIX", "BITPIX  = 7"), "column BITPIX"},
		"no NAXIS":           {append(fitsCards(shape[:2]...), good[fitsBlock:]...), "column NAXIS"},
		"many axes":          {replace("NAXIS ", "NAXIS   = 1000"), "column NAXIS"},
		"a missing axis":     {replace("NAXIS1", "NAXIS2  = 1"), "column NAXIS1"},
		"a negative axis":    {replace("NAXIS1", "NAXIS1  = -2"), "column NAXIS1"},
		"a fractional axis":  {replace("NAXIS1", "NAXIS1  = 2.5"), "column NAXIS1: '2.5' is not an integer"},
		"a quoted axis":      {replace("NAXIS1", "NAXIS1  = '2'"), "column NAXIS1: '2' is not an integer"},
		"an axis too long":   {replace("NAXIS1", "NAXIS1  = 9223372036854775808"), "column NAXIS1"},
		"a huge axis":        {replace("NAXIS1", "NAXIS1  = 9223372036854775807"), "the axes multiply to more"},
		"a large axis":       {replace("NAXIS1", "NAXIS1  = 4000001"), "the file ends within the data"},
		"axes that overflow": {fitsCards(with(fitsShape(-64, 1<<31, 1<<31, 1<<31), linearWCS...)...), "the axes multiply to more"},
		"PCOUNT overflows":   {fitsCards(with(shape, "PCOUNT  = 9223372036854775807")...), "more than a file can hold"},
		"GCOUNT overflows":   {fitsCards(with(shape, "GCOUNT  = 9223372036854775807")...), "the axes multiply to more"},
		"GCOUNT of 0":        {fitsCards(with(shape, "GCOUNT  = 0")...), "column PCOUNT"},
		"random groups":      {append(fitsCards(with(fitsShape(-32, 0, 2), "GROUPS  = T", "PCOUNT  = 1", "GCOUNT  = 1")...), make([]byte, fitsBlock)...), "column NAXIS1: an image of 0 x 2"},
		"a long string":      {fitsCards(long...), "column LONG: the string is longer than 65536 bytes"},
		"too many cards":     {fitsCards(append(fitsShape(8), many...)...), "more than 10000 cards"},
		"a torn extension":   {append(fitsCards(fitsShape(8)...), []byte("XTENSION= 'IMAGE   '")...), "HDU 2: the header has no END"},
		"too many pixels": {append(fitsCards(with(fitsShape(8, bounded.MaxPixels+1), linearWCS...)...),
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

// FuzzFITS: no header makes the reader panic or allocate beyond the file, and what it accepts is a spectrum.
func FuzzFITS(f *testing.F) {
	f.Add(fitsSpectrum([]int{3}, linearWCS...))
	f.Add(fitsSpectrum([]int{3, 2}, with(linearWCS, "MJD-OBS = 58000.5D0", "TIMESYS = 'TAI'")...))
	f.Add(fitsSpectrum([]int{3, 1, 4}, with(linearWCS, "BANDID4 = 'sigma'", "DC-FLAG = 1", "BSCALE  = 1D300", "BLANK   = 1")...))
	f.Add(append(fitsCards(fitsShape(8)...), fitsCards(with(fitsExtension(fitsShape(16, 2)), "LONG    = 'a&'", "CONTINUE  'b'", "HIERARCH A = 1")...)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 100<<10 {
			return
		}
		points, report, err := process("spectroscopy", "f.fits", data, Options{MaxProblems: 5, FluxScale: 2})
		checkOutcome(t, points, report, err)
	})
}

// FuzzFITSCards changes single cards of a good file, which finds more than changing bytes.
func FuzzFITSCards(f *testing.F) {
	for _, c := range with(linearWCS, "NAXIS1  = 3", "BITPIX  = 64", "BSCALE  = 0", "TIMESYS = 'TT'", "DATE-OBS= '31/12/98'", "CD1_1   = 1e308") {
		f.Add(c, c)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		if len(one) > fitsCard || len(two) > fitsCard {
			return
		}
		data := append(fitsCards(with(append(fitsShape(-32, 3), linearWCS...), one, two)...), fitsData(-32, 1, 2, 3)...)
		if fmt.Sprint(len(data)%fitsBlock) != "0" {
			return // a rune of several bytes made a card too long
		}
		points, report, err := process("spectroscopy", "f.fits", data, Options{MaxProblems: 5})
		checkOutcome(t, points, report, err)
	})
}

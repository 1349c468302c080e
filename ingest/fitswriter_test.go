package ingest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// fitsCards makes a header of cards given as text, padded to blocks; the END is added.
func fitsCards(cards ...string) []byte {
	var b bytes.Buffer
	for _, c := range with(cards, "END") {
		fmt.Fprintf(&b, "%-80s", c)
	}
	return padBlock(b.Bytes(), ' ')
}

func padBlock(b []byte, with byte) []byte {
	for len(b)%fitsBlock != 0 {
		b = append(b, with)
	}
	return b
}

// fitsShape is the cards that an image must have.
func fitsShape(bitpix int, axes ...int) []string {
	cards := []string{"SIMPLE  =                    T", fmt.Sprintf("BITPIX  = %20d", bitpix), fmt.Sprintf("NAXIS   = %20d", len(axes))}
	for i, n := range axes {
		cards = append(cards, fmt.Sprintf("%-8s= %20d", fmt.Sprintf("NAXIS%d", i+1), n))
	}
	return cards
}

// fitsExtension turns an image's cards into an extension's.
func fitsExtension(cards []string) []string {
	return append([]string{"XTENSION= 'IMAGE   '"}, append(cards[1:], "PCOUNT  =                    0", "GCOUNT  =                    1")...)
}

// fitsData encodes pixels as BITPIX says, padded.
func fitsData(bitpix int, pixels ...float64) []byte {
	var b bytes.Buffer
	for _, v := range pixels {
		var x any
		switch bitpix {
		case 8:
			x = uint8(v)
		case 16:
			x = int16(v)
		case 32:
			x = int32(v)
		case 64:
			x = int64(v)
		case -32:
			x = float32(v)
		default:
			x = v
		}
		if err := binary.Write(&b, binary.BigEndian, x); err != nil {
			panic(err) // a bytes.Buffer takes everything
		}
	}
	return padBlock(b.Bytes(), 0)
}

// linearWCS is 4000, 4002, ... angstroms.
var linearWCS = []string{"CTYPE1  = 'WAVE    '", "CRPIX1  =                  1.0", "CRVAL1  =               4000.0", "CDELT1  =                  2.0", "CUNIT1  = 'Angstrom'"}

// fitsSpectrum is a file of one image of float32 fluxes 1, 2, ... with the given axes and cards behind the shape's.
func fitsSpectrum(axes []int, cards ...string) []byte {
	n := 1
	for _, a := range axes {
		n *= a
	}
	pixels := make([]float64, n)
	for i := range pixels {
		pixels[i] = float64(i + 1)
	}
	return append(fitsCards(append(fitsShape(-32, axes...), cards...)...), fitsData(-32, pixels...)...)
}

// with appends to a copy.
func with(cards []string, more ...string) []string {
	return append(append([]string{}, cards...), more...)
}

// without leaves out the cards of a keyword.
func without(cards []string, key string) []string {
	var out []string
	for _, c := range cards {
		if !strings.HasPrefix(c, key) {
			out = append(out, c)
		}
	}
	return out
}

var nan = math.NaN()

package fitstest

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/internal/testenv"
)

// Header makes a header from cards, with END and padding.
func Header(cards ...string) []byte {
	var b bytes.Buffer
	for _, c := range With(cards, "END") {
		fmt.Fprintf(&b, "%-80s", c)
	}
	return Pad(b.Bytes(), ' ')
}

// Pad fills the last block of b with a byte.
func Pad(b []byte, with byte) []byte {
	for len(b)%2880 != 0 {
		b = append(b, with)
	}
	return b
}

// Shape returns the mandatory cards of an image.
func Shape(bitpix int, axes ...int) []string {
	cards := []string{"SIMPLE  =                    T", fmt.Sprintf("BITPIX  = %20d", bitpix),
		fmt.Sprintf("NAXIS   = %20d", len(axes))}
	for i, n := range axes {
		cards = append(cards, fmt.Sprintf("%-8s= %20d", fmt.Sprintf("NAXIS%d", i+1), n))
	}
	return cards
}

// Extension turns the cards of an image into those of an extension.
func Extension(cards []string) []string {
	return append([]string{"XTENSION= 'IMAGE   '"},
		append(cards[1:], "PCOUNT  =                    0", "GCOUNT  =                    1")...)
}

// Data encodes pixels as BITPIX says, with padding.
func Data(bitpix int, pixels ...float64) []byte {
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
	return Pad(b.Bytes(), 0)
}

// LinearWCS is 4000, 4002, ... angstroms.
var LinearWCS = []string{"CTYPE1  = 'WAVE    '", "CRPIX1  =                  1.0", "CRVAL1  =               4000.0",
	"CDELT1  =                  2.0", "CUNIT1  = 'Angstrom'"}

// Spectrum makes a file with one image of float32 fluxes 1, 2, ..., with these axes and additional
// cards.
func Spectrum(axes []int, cards ...string) []byte {
	n := 1
	for _, a := range axes {
		n *= a
	}
	pixels := make([]float64, n)
	for i := range pixels {
		pixels[i] = float64(i + 1)
	}
	return append(Header(append(Shape(-32, axes...), cards...)...), Data(-32, pixels...)...)
}

// With appends to a copy of cards.
func With(cards []string, more ...string) []string {
	return append(append([]string{}, cards...), more...)
}

// Without removes the cards of a keyword.
func Without(cards []string, key string) []string {
	var out []string
	for _, c := range cards {
		if !strings.HasPrefix(c, key) {
			out = append(out, c)
		}
	}
	return out
}

// Sky returns the side x side pixels of an image of int16: noise about a level, as in most images.
func Sky(side int) []int16 {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, side*side)
	for i := range out {
		out[i] = int16(1000 + 30*random.NormFloat64())
	}
	return out
}

// BitWriter writes bits, the highest first.
type BitWriter struct {
	Out  []byte
	free int // bits of the last byte
}

// Put writes the n lowest bits of v.
func (w *BitWriter) Put(v uint64, n int) {
	for n > 0 {
		if w.free == 0 {
			w.Out, w.free = append(w.Out, 0), 8
		}
		some := min(n, w.free)
		w.Out[len(w.Out)-1] |= byte(v>>(n-some)&(1<<some-1)) << (w.free - some)
		n, w.free = n-some, w.free-some
	}
}

// riceEncode compresses 16-bit pixels as RICE_1 in blocks of 32.
func riceEncode(pixels []int16) []byte {
	var w BitWriter
	last := pixels[0]
	w.Put(uint64(uint16(last)), 16)
	for len(pixels) > 0 {
		n := min(32, len(pixels))
		var mapped [32]uint64
		sum := uint64(0)
		for i, v := range pixels[:n] {
			d := int64(v) - int64(last)
			last = v
			mapped[i] = uint64(d) << 1
			if d < 0 {
				mapped[i] = ^mapped[i] & 0x1ffff
			}
			sum += mapped[i]
		}
		fs := 0
		for mean := sum / uint64(n) / 2; mean > 0; mean >>= 1 {
			fs++
		}
		w.Put(uint64(fs+1), 4)
		for _, m := range mapped[:n] {
			for range m >> fs {
				w.Put(0, 1)
			}
			w.Put(1, 1)
			w.Put(m&(1<<fs-1), fs)
		}
		pixels = pixels[n:]
	}
	return w.Out
}

// TiledFile makes a file with one tile-compressed image of width x height pixels. Each tile has
// tileHeight rows, and tiles has their bytes.
func TiledFile(kind string, bitpix, width, height, tileHeight int, tiles [][]byte, cards ...string) []byte {
	var table, heap bytes.Buffer
	for _, tile := range tiles {
		_ = binary.Write(&table, binary.BigEndian, []int32{int32(len(tile)), int32(heap.Len())})
		heap.Write(tile)
	}
	rows := len(tiles)
	out := append(Header(Shape(8)...),
		Header(With([]string{"XTENSION= 'BINTABLE'", "BITPIX  =                    8",
			"NAXIS   =                    2", "NAXIS1  =                    8",
			fmt.Sprintf("NAXIS2  = %20d", rows), fmt.Sprintf("PCOUNT  = %20d",
				heap.Len()), "GCOUNT  =                    1", "TFIELDS =                    1",
			"TTYPE1  = 'COMPRESSED_DATA'", "TFORM1  = '1PB'", "ZIMAGE  =                    T", "ZCMPTYPE= '" + kind +
				"'", fmt.Sprintf("ZBITPIX = %20d", bitpix), "ZNAXIS  =                    2",
			fmt.Sprintf("ZNAXIS1 = %20d", width), fmt.Sprintf("ZNAXIS2 = %20d", height), fmt.Sprintf("ZTILE1  = %20d",
				width), fmt.Sprintf("ZTILE2  = %20d", tileHeight)}, cards...)...)...)
	return append(out, Pad(append(table.Bytes(), heap.Bytes()...), 0)...)
}

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	return w
}}

// Gzip compresses with gzip.
func Gzip(data []byte) []byte {
	var b bytes.Buffer
	w := gzipWriters.Get().(*gzip.Writer)
	defer gzipWriters.Put(w)
	w.Reset(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// Shuffled puts all first bytes of numbers before all second bytes, and so on, as GZIP_2 does.
func Shuffled(data []byte, width int) []byte {
	out := make([]byte, 0, len(data))
	for b := range width {
		for i := b; i < len(data); i += width {
			out = append(out, data[i])
		}
	}
	return out
}

// Int16s encodes pixels in big-endian order.
func Int16s(pixels []int16) []byte {
	out := make([]byte, 0, 2*len(pixels))
	for _, v := range pixels {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	return out
}

// OrdinaryImages returns images of side x side int16 as observatories write them, by the way in
// which they are compressed.
func OrdinaryImages(side int) map[string][]byte {
	pixels := Sky(side)
	rice := [][]byte{}
	gzip1, gzip2 := [][]byte{}, [][]byte{}
	for y := range side {
		row := pixels[y*side : (y+1)*side]
		rice = append(rice, riceEncode(row))
		gzip1 = append(gzip1, Gzip(Int16s(row)))
		gzip2 = append(gzip2, Gzip(Shuffled(Int16s(row), 2)))
	}
	plain := append(Header(Shape(16, side, side)...), Pad(Int16s(pixels), 0)...)
	parameters := []string{"ZNAME1  = 'BLOCKSIZE'", "ZVAL1   = 32", "ZNAME2  = 'BYTEPIX'", "ZVAL2   = 2"}
	return map[string][]byte{
		"plain":  plain,
		"gz":     Gzip(plain),
		"rice":   TiledFile("RICE_1", 16, side, side, 1, rice, parameters...),
		"gzip1":  TiledFile("GZIP_1", 16, side, side, 1, gzip1),
		"gzip2":  TiledFile("GZIP_2", 16, side, side, 1, gzip2),
		"whole1": TiledFile("GZIP_1", 16, side, side, side, [][]byte{Gzip(Int16s(pixels))}),
		"whole2": TiledFile("GZIP_2", 16, side, side, side, [][]byte{Gzip(Shuffled(Int16s(pixels), 2))}),
	}
}

// TableFile makes a file with one binary table: columns as "TTYPE form", additional cards, and
// data, which is rows and heap.
func TableFile(columns []string, cards []string, width, rows int, data []byte) []byte {
	head := []string{"XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
		fmt.Sprintf("NAXIS1  = %20d", width),
		fmt.Sprintf("NAXIS2  = %20d", rows), fmt.Sprintf("PCOUNT  = %20d",
			len(data)-width*rows), "GCOUNT  =                    1", fmt.Sprintf("TFIELDS = %20d", len(columns))}
	for i, c := range columns {
		name, form, _ := strings.Cut(c, " ")
		head = append(head, fmt.Sprintf("%-8s= '%s'", fmt.Sprintf("TTYPE%d", i+1), name),
			fmt.Sprintf("%-8s= '%s'", fmt.Sprintf("TFORM%d", i+1), form))
	}
	out := Header("SIMPLE  =                    T", "BITPIX  =                    8", "NAXIS   =                    0",
		"EXTEND  =                    T", "MJD-OBS =              58000.5")
	out = append(out, Header(With(head, cards...)...)...)
	return append(out, Pad(bytes.Clone(data), 0)...)
}

// BigEndian encodes numbers in big-endian order.
func BigEndian(parts ...any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if s, ok := p.(string); ok {
			b.WriteString(s)
		} else if err := binary.Write(&b, binary.BigEndian, p); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// FileOf returns a file with these bytes.
func FileOf(data []byte) bounded.File {
	return bounded.File{Name: "f.fits", Size: int64(len(data)), Content: bytes.NewReader(data)}
}

// python finds a Python that has astropy; "" if there is none.
var python = sync.OnceValue(func() string {
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c",
			"import importlib.util as u; u.find_spec('astropy') and u.find_spec('yaml') or exit(1)").Run() == nil {
			return name
		}
	}
	return ""
})

// Astropy runs a script in a folder, with a Python that has astropy, and returns its output.
// Without astropy it skips the test.
func Astropy(t *testing.T, folder, script string) []byte {
	t.Helper()
	if python() == "" {
		testenv.Lacks(t, "astropy is not installed: apt-get install python3-astropy")
	}
	cmd := exec.Command(python(), "-W", "ignore", "-c", script)
	cmd.Dir = folder
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.Bytes())
	}
	return out
}

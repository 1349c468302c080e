package fits

import (
	"context"
	"encoding/json"
	"errors"
	"image"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
)

const writeImages = `
import numpy as np, json
from astropy.io import fits
rng = np.random.default_rng(1)
base = rng.normal(1000, 30, (48, 70))
base[10:14, 20:25] += 5000
out = {}
def put(name, data, **kw):
    hdu = fits.CompImageHDU(data, **kw)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(name + '.fits.fz')
    with fits.open(name + '.fits.fz') as f:
        out[name] = [None if np.isnan(v) else float(v) for v in f[1].data.astype(float).ravel()]
for kind in ('RICE_1', 'GZIP_1', 'GZIP_2'):
    for dtype in ('int16', 'int32', 'uint8', 'uint16', 'float32', 'float64'):
        data = (base / 30 if dtype == 'uint8' else base).astype(dtype)
        put(kind + dtype, data, compression_type=kind)
    put(kind + 'tiles', base.astype('int16'), compression_type=kind, tile_shape=(16, 32))
    put(kind + 'dither1', base.astype('float32'), compression_type=kind, quantize_method=1, dither_seed=5)
    zeros = base.astype('float32'); zeros[3, 4:9] = 0; zeros[5, 6] = np.nan
    put(kind + 'dither2', zeros, compression_type=kind, quantize_method=2, dither_seed=9999)
    put(kind + 'exact', base.astype('float32'), compression_type='GZIP_1', quantize_level=0)
print(json.dumps(out))
`

// TestCompressedImages decodes images that astropy compressed, and compares every pixel.
func TestCompressedImages(t *testing.T) {
	folder := t.TempDir()
	var want map[string][]*float64
	if err := json.Unmarshal(fitstest.Astropy(t, folder, writeImages), &want); err != nil {
		t.Fatal(err)
	}
	if len(want) < 24 {
		t.Fatal(len(want))
	}
	for name, pixels := range want {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(folder, name+".fits.fz"))
			if err != nil {
				t.Fatal(err)
			}
			f := fitstest.FileOf(data)
			in := Reader{File: f}
			var h *HDU
			for range 2 {
				if h, err = in.Next(); err != nil {
					t.Fatal(err)
				}
			}
			if h.Packed != nil || h.tiles == nil {
				t.Fatal(h.Packed)
			}
			im, err := h.Image(f)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]float64, len(pixels))
			if err := h.tiles.plane(context.Background(), &im, 1, func(x, y int64, run []Pixel) {
				for i, p := range run {
					got[y*h.Axes[0]+x+int64(i)] = p.Value
				}
			}); err != nil {
				t.Fatal(err)
			}
			for i, w := range pixels {
				if w == nil && math.IsNaN(got[i]) || w != nil && math.Abs(got[i]-*w) <= 1e-6*math.Abs(*w) {
					continue
				}
				t.Fatalf("pixel %d: got %v, want %v", i, got[i], w)
			}
			if picture, err := Preview(t.Context(), f); err != nil || picture.Bounds().Dx() != 70 ||
				picture.Bounds().Dy() != 48 {
				t.Error(err)
			}
		})
	}
}

func TestPreview(t *testing.T) {
	pixels := make([]float64, 1030*600)
	for i := range pixels {
		pixels[i] = 100 + float64(i%7)
	}
	for y := range 100 { // a star of 100 x 100 at the lower left
		for x := range 100 {
			pixels[y*1030+x] = 50_000
		}
	}
	pixels[599*1030+1029] = math.NaN()
	data := append(fitstest.Header(fitstest.Shape(-32, 1030, 600)...), fitstest.Data(-32, pixels...)...)
	for name, file := range map[string][]byte{"plain": data, "gzip": fitstest.Gzip(data)} {
		picture, err := Preview(t.Context(), fitstest.FileOf(file))
		if err != nil {
			t.Fatal(name, err)
		}
		if picture.Bounds() != image.Rect(0, 0, 344, 200) {
			t.Fatal(name, picture.Bounds())
		}
		if star, sky := picture.GrayAt(5, 195).Y, picture.GrayAt(300, 10).Y; star != 255 || sky > 200 {
			t.Errorf("%s: star %d, sky %d", name, star, sky)
		}
	}
	flat := append(fitstest.Header(fitstest.Shape(16, 3, 2, 2)...),
		fitstest.Data(16, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9)...)
	if picture, err := Preview(t.Context(), fitstest.FileOf(flat)); err != nil || picture.GrayAt(0, 0).Y != 127 {
		t.Error(err)
	}
	if _, err := Preview(t.Context(), fitstest.FileOf(fitstest.Spectrum([]int{5}))); !errors.Is(err, ErrNoPreview) {
		t.Error(err)
	}
	if _, err := Preview(t.Context(), fitstest.FileOf([]byte("mjd,mag\n"))); !errors.Is(err, ErrNoPreview) {
		t.Error(err)
	}
	var refused *bounded.Error
	if _, err := Preview(t.Context(), fitstest.FileOf(data[:50_000])); !errors.As(err, &refused) {
		t.Error(err)
	}
}

func TestHeaderJSON(t *testing.T) {
	data := append(fitstest.Header(fitstest.With(fitstest.Shape(8), "OBJECT  = 'M 31''s'           / what it is",
		"LONG    = 'one &'", "CONTINUE  'two &' / x", "CONTINUE  'three' / the end", "EXPTIME = 1.5D2", "ODD     =",
		"FLAG    =                    T", "COMMENT a \"comment\"", "HIERARCH ESO OBS ID = 17 / id",
		"COMPLEX = (1.0, 2.0)")...), fitstest.Header(fitstest.With(fitstest.Extension(fitstest.Shape(16, 2)),
		"EXTNAME = 'SCI'")...)...)
	data = append(data, fitstest.Data(16, 1, 2)...)
	got, err := HeaderJSON(t.Context(), fitstest.FileOf(fitstest.Gzip(data)))
	const want = `{"hdus":[{"hdu":1,"type":"IMAGE","name":"","shape":[],"cards":[{"key":"SIMPLE","value":true},` +
		`{"key":"BITPIX","value":8},{"key":"NAXIS","value":0},` +
		`{"key":"OBJECT","value":"M 31's","comment":"what it is"},{"key":"LONG","value":"one two three",` +
		`"comment":"the end"},{"key":"EXPTIME","value":1.5e2},{"key":"ODD","value":null},` +
		`{"key":"FLAG","value":true},{"key":"COMMENT","text":"a \"comment\""},{"key":"HIERARCH ESO OBS ID",` +
		`"value":17,"comment":"id"},{"key":"COMPLEX","value":"(1.0, 2.0)"}]},` +
		`{"hdu":2,"type":"IMAGE","name":"SCI","shape":[2],"cards":[{"key":"XTENSION","value":"IMAGE"},` +
		`{"key":"BITPIX","value":16},{"key":"NAXIS","value":1},{"key":"NAXIS1","value":2},` +
		`{"key":"PCOUNT","value":0},{"key":"GCOUNT","value":1},{"key":"EXTNAME","value":"SCI"}]}]}`
	if err != nil || string(got) != want || !json.Valid(got) {
		t.Errorf("%v, got\n%s\nwant\n%s", err, got, want)
	}
	if _, err := HeaderJSON(t.Context(), fitstest.FileOf([]byte("mjd,mag\n"))); !errors.Is(err, ErrNoPreview) {
		t.Error(err)
	}
}

// packedImage returns a file with one Rice-compressed image of 4 x 2 pixels, with one row in each
// tile.
func packedImage(cards ...string) []byte {
	// two rows of 1 byte each are too short for a tile; the decoder must say so
	return fitstest.TableFile([]string{"COMPRESSED_DATA 1PB(8)"},
		fitstest.With([]string{"ZIMAGE  =                    T", "ZCMPTYPE= 'RICE_1'", "ZBITPIX =                   16",
			"ZNAXIS  =                    2",
			"ZNAXIS1 =                    4", "ZNAXIS2 =                    2", "ZNAME1  = 'BLOCKSIZE'",
			"ZVAL1   = 32", "ZNAME2  = 'BYTEPIX'", "ZVAL2   = 2"}, cards...), 8, 2,
		fitstest.BigEndian([]int32{4, 0, 4, 4}, []uint8{0, 5, 0, 0, 0, 7, 0, 0}))
}

func TestCompressedRefusals(t *testing.T) {
	if picture, err := Preview(t.Context(), fitstest.FileOf(packedImage())); err != nil || picture.Bounds().Dx() != 4 {
		t.Error(err)
	}
	good := packedImage()
	for _, c := range []struct{ from, to, want string }{
		{"'RICE_1'", "'PLIO_1'", "compressed with 'PLIO_1' are not read"},
		{"ZNAXIS2 =                    2", "ZNAXIS2 =                    3", "2 rows for 3 tiles"},
		{"ZNAXIS1 =                    4", "ZNAXIS1 =           4000000000", "pixels"},
		{"ZVAL1   = 32   ", "ZVAL1   = 99999", "compression are invalid"},
		{"ZNAXIS1 =                    4", "ZNAXIS1 =                  999", "tile 1 is damaged"},
	} {
		_, err := Preview(t.Context(), fitstest.FileOf([]byte(strings.Replace(string(good), c.from, c.to, 1))))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", c.to, err)
		}
	}
}

func FuzzImage(f *testing.F) {
	f.Add(packedImage())
	f.Add(packedImage("ZQUANTIZ= 'SUBTRACTIVE_DITHER_1'", "ZSCALE  = 2.0", "ZZERO   = 1.0"))
	f.Add(append(fitstest.Header(fitstest.With(fitstest.Shape(16, 3, 2), "LONG    = 'one &'", "CONTINUE  'two'")...),
		fitstest.Data(16, 1, 2, 3, 4, 5, 6)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		var refused *bounded.Error
		if _, err := Preview(context.Background(), fitstest.FileOf(data)); err != nil && !errors.As(err, &refused) &&
			!errors.Is(err, ErrNoPreview) {
			t.Fatal(err)
		}
		header, err := HeaderJSON(t.Context(), fitstest.FileOf(data))
		if err == nil && !json.Valid(header) || err != nil && !errors.As(err, &refused) &&
			!errors.Is(err, ErrNoPreview) {
			t.Fatalf("%v %s", err, header)
		}
	})
}

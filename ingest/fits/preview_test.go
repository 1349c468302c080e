package fits

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
	"nightjar/internal/testenv"
)

// stopping is a content that cancels its reader after some reads.
type stopping struct {
	io.ReaderAt
	left   int
	behind int // reads after the cancellation
	stop   func()
}

func (s *stopping) ReadAt(p []byte, offset int64) (int, error) {
	if s.left--; s.left == 0 {
		s.stop()
	} else if s.left < 0 {
		s.behind++
	}
	return s.ReaderAt.ReadAt(p, offset)
}

// TestPreviewStops: a preview or a header whose client has left ends, wherever it is.
func TestPreviewStops(t *testing.T) {
	extension := append(fitstest.Header(fitstest.Extension(fitstest.Shape(8, 1024, 1, 1024))...),
		fitstest.Pad(make([]byte, 1<<20), 0)...)
	files := map[string][]byte{"hdus": append(fitstest.Header(fitstest.Shape(8)...), bytes.Repeat(extension, 30)...)}
	files["gz"] = append(fitstest.Gzip(fitstest.Header(fitstest.Shape(8)...)),
		bytes.Repeat(fitstest.Gzip(extension), 300)...)
	for name, data := range fitstest.OrdinaryImages(1024) {
		files[name] = data
	}
	for name, data := range files {
		for _, header := range []bool{false, true} {
			if header && name != "gz" && name != "hdus" || !header && name == "hdus" {
				continue
			}
			ctx, cancel := context.WithCancel(t.Context())
			content := &stopping{ReaderAt: bytes.NewReader(data), left: 5, stop: cancel}
			f := bounded.File{Name: "f", Size: int64(len(data)), Content: content}
			var err error
			if header {
				_, err = HeaderJSON(ctx, f)
			} else {
				_, err = Preview(ctx, f)
			}
			if err != context.Canceled || content.behind > 0 {
				t.Errorf("%s: %v, %d reads after the client left", name, err, content.behind)
			}
		}
	}
}

// striped is an image of 8 bits, whose pixels grow with the number of the row.
type striped struct {
	head  []byte
	width int64
	read  int64
}

func (s *striped) ReadAt(p []byte, offset int64) (int, error) {
	s.read += int64(len(p))
	n := 0
	if offset < int64(len(s.head)) {
		n = copy(p, s.head[offset:])
	}
	for n < len(p) { // a row, or what is left of one, at a time
		at := offset + int64(n) - int64(len(s.head))
		some := int(min(s.width-at%s.width, int64(len(p)-n)))
		value := byte(at / s.width >> 9)
		for i := range p[n : n+some] {
			p[n+i] = value
		}
		n += some
	}
	return n, nil
}

// TestSparsePreview: in an image of more pixels than are decoded, rows are left out, but every row
// of the preview has some.
func TestSparsePreview(t *testing.T) {
	if testenv.Race {
		t.Skip("the race detector changes memory and time; .ci/run also runs this test without it")
	}
	const width, height = 3000, 60_001
	s := &striped{head: fitstest.Header(fitstest.Shape(8, width, height)...), width: width}
	picture, err := Preview(t.Context(),
		bounded.File{Name: "f", Size: int64(len(s.head)) + width*height + BlockSize, Content: s})
	if err != nil {
		t.Fatal(err)
	}
	if s.read > bounded.PreviewPixels || s.read < bounded.PreviewPixels/2 {
		t.Errorf("%d bytes were read", s.read)
	}
	rows := picture.Bounds().Dy()
	for y := 1; y < rows; y++ { // the picture is upside down: the rows begin at its bottom
		if picture.GrayAt(0, rows-1-y).Y < picture.GrayAt(0, rows-y).Y {
			t.Fatalf("row %d of %d is darker than the one below", y, rows)
		}
	}
	if picture.GrayAt(0, 0).Y == 0 {
		t.Error("the last row is black")
	}
	if rowStep(20_000, 20_000, 1, 40) != 3 || rowStep(20_000, 20_000, 20, 40) != 0 ||
		rowStep(2048, 2048, 2048, 4) != 1 {
		t.Error("rows are left out where they need not be, or of tiles that are too high")
	}
}

// TestTruncatedPreview: the end of a large compressed file, whose size is not known, is found.
func TestTruncatedPreview(t *testing.T) {
	image := append(fitstest.Header(fitstest.Shape(8, 4096, 4096)...), fitstest.Pad(make([]byte, 4096*4096), 0)...)
	second := append(fitstest.Header(fitstest.Extension(fitstest.Shape(8, 10, 10))...),
		fitstest.Pad(make([]byte, 100), 0)...)
	whole := slices.Concat(image, second)
	got, err := HeaderJSON(t.Context(), fitstest.FileOf(fitstest.Gzip(whole)))
	if err != nil || strings.Count(string(got), `"hdu":`) != 2 {
		t.Errorf("%v %.100s", err, got)
	}
	for _, size := range []int{len(image) - 100_000, len(image) + 2000} {
		var refused *bounded.Error
		if got, err := HeaderJSON(t.Context(),
			fitstest.FileOf(fitstest.Gzip(whole[:size]))); !errors.As(err, &refused) {
			t.Errorf("%d bytes: %v %.100s", size, err, got)
		}
	}
	var refused *bounded.Error
	if _, err := Preview(t.Context(),
		fitstest.FileOf(fitstest.Gzip(whole[:len(image)-100_000]))); !errors.As(err, &refused) {
		t.Error(err)
	}
}

// TestLargeTiles: a shuffled tile that is too large for the buffer gives the same image as one that
// is not shuffled.
func TestLargeTiles(t *testing.T) {
	const side = 1500
	data := fitstest.Int16s(fitstest.Sky(side))
	var want []byte
	for kind, tile := range map[string][]byte{"GZIP_1": fitstest.Gzip(data),
		"GZIP_2": fitstest.Gzip(fitstest.Shuffled(data, 2))} {
		picture, err := Preview(t.Context(),
			fitstest.FileOf(fitstest.TiledFile(kind, 16, side, side, side, [][]byte{tile})))
		if err != nil || 2*side*side < tileBuffer {
			t.Fatal(err)
		}
		if want == nil {
			want = picture.Pix
		} else if !bytes.Equal(want, picture.Pix) {
			t.Errorf("%s: the picture differs", kind)
		}
		var refused *bounded.Error
		if _, err := Preview(t.Context(),
			fitstest.FileOf(fitstest.TiledFile(kind, 16, side, side, side,
				[][]byte{tile[:len(tile)-100]}))); !errors.As(err, &refused) {
			t.Errorf("%s, cut: %v", kind, err)
		}
	}
}

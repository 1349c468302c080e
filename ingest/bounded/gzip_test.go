package bounded

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestPreviewTime: a preview that takes too long refuses the file, and one whose client has left
// does not.
func TestPreviewTime(t *testing.T) {
	for _, cause := range []error{errLookTime, context.Canceled} {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		w := &Budget{Ctx: ctx, purpose: "a preview", bytes: 1 << 30, pixels: 1 << 30}
		var r *Refusal
		if err := w.Decode(1); errors.As(err, &r) != (cause == errLookTime) ||
			errors.Is(err, context.Canceled) != (cause == context.Canceled) {
			t.Errorf("%v: %v", cause, err)
		}
	}
	f, cancel := testFile([]byte("text")).Metered(t.Context(), "a preview")
	defer cancel()
	if _, ok := f.Budget.Ctx.Deadline(); !ok {
		t.Error("a preview has no deadline")
	}
}

// TestGzipPlaces compares reads at random places of a compressed file.
func TestGzipPlaces(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	// numbers that identify every place, and zeros between them, which unpack fast
	for _, size := range []int{1, unpackBlock - 1, unpackBlock, unpackBlock + 1, InMemory,
		InMemory + 20*unpackBlock + 17} {
		data := make([]byte, size)
		for i := 0; i+4 <= size; i += 64 {
			binary.BigEndian.PutUint32(data[i:], uint32(i+1))
		}
		in, err := Gunzip(testFile(zipped(data)))
		if err != nil || in.Size != int64(size) {
			t.Fatal(size, err, in.Size)
		}
		for range 30 {
			at := random.IntN(size + 10)
			b := make([]byte, random.IntN(3*unpackBlock))
			want := data[min(at, size):min(at+len(b), size)]
			n, err := in.Content.ReadAt(b, int64(at))
			if n != len(want) || !bytes.Equal(b[:n], want) || (err == io.EOF) != (n < len(b)) {
				t.Fatalf("size %d, %d bytes at %d: %d, %v", size, len(b), at, n, err)
			}
		}
		cut := zipped(data)
		if _, err := Gunzip(testFile(cut[:len(cut)-3])); err == nil {
			t.Error("a truncated file is read")
		}
	}
}

// TestGzipTooOften: a compressed file is refused if reading it jumps between distant places.
func TestGzipTooOften(t *testing.T) {
	f, cancel := testFile(zipped(make([]byte, InMemory+100*unpackBlock))).Metered(t.Context(), "")
	defer cancel()
	in, err := Gunzip(f)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	for i := int64(0); i < 2000 && err == nil; i++ {
		_, err = in.Content.ReadAt(b, InMemory+i*37%97*unpackBlock)
	}
	var r *Refusal
	if !errors.As(err, &r) || !strings.Contains(err.Error(), "upload it unpacked") {
		t.Error(err)
	}
}

func testFile(data []byte) File {
	return File{Name: "f", Size: int64(len(data)), Content: bytes.NewReader(data)}
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(data)
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

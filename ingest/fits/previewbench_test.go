package fits

import (
	"testing"

	"nightjar/ingest/fits/fitstest"
)

// BenchmarkPreview makes the preview of an ordinary image in each form of storage.
func BenchmarkPreview(b *testing.B) {
	for name, data := range fitstest.OrdinaryImages(2048) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Preview(b.Context(), fitstest.FileOf(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

package ingest

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
	"nightjar/ingest/table"
)

// lightCurve returns a table of n rows with the header of a TOM.
func lightCurve(n int) []byte {
	var b bytes.Buffer
	b.WriteString("time,filter,magnitude,error\n")
	for i := range n {
		fmt.Fprintf(&b, "%.6f,%s,%.3f,0.%03d\n", 55959.07+float64(i)/97, []string{"g", "r", "i"}[i%3],
			15+float64(i%4000)/1000, i%997)
	}
	return b.Bytes()
}

func benchmark(b *testing.B, dataType string, data []byte, points int) {
	p := NewProcessors()
	f := bounded.File{Name: "f", Size: int64(len(data)), Content: bytes.NewReader(data)}
	b.SetBytes(f.Size)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if _, err := p.Process(context.Background(), dataType, f, Options{},
			func(Point) error { n++; return nil }); err != nil || n != points {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkPhotometry100k(b *testing.B) { benchmark(b, "photometry", lightCurve(100_000), 100_000) }

func BenchmarkTables20k(b *testing.B) {
	for _, format := range table.Formats {
		b.Run(format, func(b *testing.B) {
			var data bytes.Buffer
			head := table.Head{Rows: 20_000,
				Columns: []table.Column{{Name: "mjd", Kind: table.Number, Time: true},
					{Name: "mag", Unit: "mag", Kind: table.Number},
					{Name: "filter", Width: 1}, {Name: "n", Kind: table.Whole}}}
			w, err := table.NewWriter(format, &data, head)
			for i := 0; err == nil && i < 20_000; i++ {
				err = w.Row([]string{fmt.Sprintf("%.6f", 55959.07+float64(i)/97),
					fmt.Sprintf("%.3f", 15+float64(i%4000)/1000), "gri"[i%3 : i%3+1], fmt.Sprint(i)})
			}
			if err == nil {
				err = w.Close()
			}
			if err != nil {
				b.Fatal(err)
			}
			benchmark(b, "photometry", data.Bytes(), 20_000)
		})
	}
}

func BenchmarkTextSpectrum10k(b *testing.B) {
	var text bytes.Buffer
	text.WriteString("# DATE-OBS: 2018-02-15\nwavelength,flux\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "%.3f,%.6e\n", 3000+float64(i)/2, 1e-15*float64(i+1))
	}
	benchmark(b, "spectroscopy", text.Bytes(), 1)
}

func BenchmarkFITSSpectrum10k(b *testing.B) {
	benchmark(b, "spectroscopy", fitstest.Spectrum([]int{10_000}, fitstest.LinearWCS...), 1)
}

// TestMemoryDoesNotGrowWithTheFile: reading 100,000 rows allocates less than twice their size, and
// ten times as many rows allocate no more than that.
func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	allocated := func(rows int) (bytesAllocated, size uint64) {
		data := lightCurve(rows)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f := bounded.File{Name: "f", Size: int64(len(data)), Content: bytes.NewReader(data)}
		if _, err := NewProcessors().Process(context.Background(), "photometry", f, Options{},
			func(Point) error { return nil }); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, uint64(len(data))
	}
	small, size := allocated(100_000)
	if small > 2*size {
		t.Errorf("%d bytes allocated for a file of %d", small, size)
	}
	if large, _ := allocated(400_000); large > small+size/2 {
		t.Errorf("%d bytes allocated for four times the rows, %d before", large, small)
	}
}

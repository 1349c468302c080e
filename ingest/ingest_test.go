package ingest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
)

// process reads data as a file and returns copies of its points.
func process(dataType, name string, data []byte, o Options) ([]Point, Report, error) {
	f := bounded.File{Name: name, Size: int64(len(data)), Content: bytes.NewReader(data)}
	var points []Point
	report, err := NewProcessors().Process(context.Background(), dataType, f, o, func(p Point) error {
		p.Value = bytes.Clone(p.Value)
		points = append(points, p)
		return nil
	})
	return points, report, err
}

// values returns the values of points, one in each line.
func values(points []Point) string {
	var b strings.Builder
	for i, p := range points {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.Write(p.Value)
	}
	return b.String()
}

func TestHandles(t *testing.T) {
	p := NewProcessors()
	for dataType, want := range map[string]bool{
		"photometry": true, "spectroscopy": true, "fits_file": false, "image_file": false, "Photometry": false,
		"": false,
	} {
		if got := p.Handles(dataType); got != want {
			t.Errorf("Handles(%q) = %v", dataType, got)
		}
	}
	if _, _, err := process("fits_file", "a.fits", []byte("x"), Options{}); !errors.Is(err, ErrNoProcessor) {
		t.Errorf("got %v", err)
	}
}

const twoRows = "time,filter,magnitude\n58000,r,15\n58001,r,16\n"

func TestEmitErrorIsReturnedAsItIs(t *testing.T) {
	stop := errors.New("stop")
	for dataType, text := range map[string]string{"photometry": twoRows, "spectroscopy": "wavelength,flux\n4000,1\n"} {
		calls := 0
		f := bounded.File{Name: "a.csv", Size: int64(len(text)), Content: strings.NewReader(text)}
		_, err := NewProcessors().Process(context.Background(), dataType, f, Options{}, func(Point) error {
			calls++
			return stop
		})
		if err != stop || calls != 1 {
			t.Errorf("%s: %v after %d calls", dataType, err, calls)
		}
	}
}

func TestContextEndsReading(t *testing.T) {
	text := "time,filter,magnitude\n" + strings.Repeat("58000,r,15\n", 5000)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	f := bounded.File{Name: "a.csv", Size: int64(len(text)), Content: strings.NewReader(text)}
	points := 0
	_, err := NewProcessors().Process(ctx, "photometry", f, Options{}, func(Point) error { points++; return nil })
	if err != context.Canceled || points >= 5000 {
		t.Errorf("%v after %d points", err, points)
	}
}

// broken serves its bytes and then fails.
type broken struct {
	data []byte
	err  error
}

func (b broken) ReadAt(p []byte, offset int64) (int, error) {
	if offset >= int64(len(b.data)) {
		return 0, b.err
	}
	n := copy(p, b.data[offset:])
	if n < len(p) {
		return n, b.err
	}
	return n, nil
}

func TestFailingContentIsNoFaultOfTheFile(t *testing.T) {
	failed := errors.New("disk")
	for _, c := range []struct{ give, want error }{{failed, failed}, {io.EOF, io.ErrUnexpectedEOF}} {
		for dataType, text := range map[string]string{
			"photometry":   "time,filter,magnitude\n" + strings.Repeat("58000,r,15\n", 400),
			"spectroscopy": "SIMPLE  =                    T" + strings.Repeat(" ", 5000),
		} {
			f := bounded.File{Name: "a", Size: int64(len(text)) + 5000, Content: broken{[]byte(text), c.give}}
			_, err := NewProcessors().Process(context.Background(), dataType, f, Options{},
				func(Point) error { return nil })
			var refused *bounded.Error
			if !errors.Is(err, c.want) || errors.As(err, &refused) {
				t.Errorf("%s: got %v, want %v", dataType, err, c.want)
			}
		}
	}
}

func TestErrorIsOneLineWithTheName(t *testing.T) {
	text := "time,filter,magnitude\n" + strings.Repeat("x,r,y\n", 60)
	_, report, err := process("photometry", "evil\nname.csv", []byte(text), Options{MaxProblems: 7})
	var refused *bounded.Error
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if len(refused.Problems) != 7 || refused.More != 113 || len(report.Errors) != 7 {
		t.Errorf("%d problems and %d more", len(refused.Problems), refused.More)
	}
	want := "evil\ufffdname.csv: line 2, column time: 'x' is not a time (and 119 more problems)"
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	if report.Rows != 60 || report.Format != "delimited text (comma)" || len(report.Columns) != 3 {
		t.Errorf("the report of a refused file: %+v", report)
	}
}

func TestFluxScaleMustBeAFactor(t *testing.T) {
	nan := 0.0
	nan /= nan
	for _, scale := range []float64{-1, nan} {
		if _, _, err := process("photometry", "a.csv", []byte(twoRows), Options{FluxScale: scale}); err == nil {
			t.Errorf("%v accepted", scale)
		}
	}
}

func TestForeignFiles(t *testing.T) {
	for start, want := range map[string]string{
		"SIMPLE  =   T":        "header has no END",
		"\x1f\x8b\x08":         "gzip",
		"PK\x03\x04":           "ZIP",
		"\xff\xfet\x00i\x00":   "UTF-16",
		"# %ECSV 1.0\n":        "describes no columns",
		"#TYPE=Extended\n":     "no rows",
		"  <?xml version=1>":   "XML",
		"\xef\xbb\xbf<VOTABLE": "XML",
		"<!doctype html>":      "web page",
		"{\"a\":1}":            "JSON",
		"time\x00":             "NUL",
		"time,\xff\n":          "UTF-8",
	} {
		_, _, err := process("photometry", "a.csv", []byte(start), Options{})
		var refused *bounded.Error
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", start, err, want)
		}
	}
}

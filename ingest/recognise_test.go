package ingest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"nightjar/ingest/bounded"
	"nightjar/ingest/fits/fitstest"
)

// TestRecognise finds the type of files by their content; their names say nothing, or something
// wrong.
func TestRecognise(t *testing.T) {
	table := string(append(fitstest.Header(append(fitstest.Shape(8), "EXTEND  =                    T")...),
		fitstest.Header("XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
			"NAXIS1  =                    4", "NAXIS2  =                    0", "PCOUNT  =                    0",
			"GCOUNT  =                    1", "TFIELDS =                    0")...))
	for name, c := range map[string]struct {
		content  string
		dataType string
		why      string
	}{
		"light curve": {twoRows, "photometry", "photometry, because 'time' is a time and 'magnitude' a magnitude"},
		"one that could be both": {"time,wavelength,flux,magnitude\n58000,4000,1,15\n", "photometry",
			"photometry, because 'time' is a time and 'magnitude' a magnitude"},
		"fluxes": {"mjd,flux (uJy)\n58000,15\n", "photometry",
			"photometry, because 'mjd' is a time and 'flux (uJy)' a flux"},
		"a light curve whose end is broken": {"mjd,mag\n58000,15\n58001,bright\n", "photometry",
			"photometry, because 'mjd' is a time and 'mag' a magnitude"},
		"spectrum as text": {"wavelength,flux\n4000,1\n4002,2\n", "spectroscopy",
			"spectroscopy, because 'wavelength' is a wavelength and 'flux' a flux"},
		"numbers below a comment": {"# a spectrum\n4000 1\n4002 2\n", "spectroscopy",
			"spectroscopy, because a comment says 'spec', and the first of its columns without a header goes from " +
				"4000 to 4002 Angstrom in one direction"},
		"spectrum as FITS": {string(fitstest.Spectrum([]int{4}, fitstest.LinearWCS...)), "spectroscopy",
			"spectroscopy, because its image has a wavelength for each pixel"},
		"FITS without wavelengths": {string(fitstest.Spectrum([]int{4})), "fits_file", "fits_file, stored unread, " +
			"because it could not be read as photometry: no photometry: a FITS file without tables, nor as " +
			"spectroscopy: HDU 1: no wavelength scale: CRVAL1 and CDELT1 or CD1_1 are needed; the spectrum has no " +
			"wavelength calibration"},
		"FITS picture": {string(fitstest.Spectrum([]int{4, 4, 4})), "fits_file", "fits_file, stored unread, because " +
			"it could not be read as photometry: no photometry: a FITS file without tables, nor as spectroscopy: HDU " +
			"1, column NAXIS: an image of 4 x 4 x 4 is not one spectrum"},
		"FITS table": {table, "fits_file", "fits_file, stored unread, because it could not be read as photometry: no " +
			"header line: the first line holds only numbers; an upload can name them in columns, as col1, col2 and " +
			"so on, nor as spectroscopy: no image " +
			"with data, and no table with columns wavelength and flux"},
		"PNG":  {"\x89PNG\r\n\x1a\n....", "image_file", "image_file, stored unread, because it is a PNG image"},
		"JPEG": {"\xff\xd8\xff\xe0....", "image_file", "image_file, stored unread, because it is a JPEG image"},
		"GIF":  {"GIF89a....", "image_file", "image_file, stored unread, because it is a GIF image"},
	} {
		t.Run(name, func(t *testing.T) {
			f := bounded.File{Name: "a.csv", Size: int64(len(c.content)), Content: strings.NewReader(c.content)}
			dataType, why, err := NewProcessors().Recognise(t.Context(), f, Options{})
			if err != nil || dataType != c.dataType || why != c.why {
				t.Errorf("%q, %q, %v", dataType, why, err)
			}
		})
	}
}

// TestUnnamedColumns: a table without a header is a light curve or a spectrum only if the user says
// so, or names the columns by their numbers.
func TestUnnamedColumns(t *testing.T) {
	const dates, reduced, waves = "2450726.84798 15.123 0.004 1.2\n2450727.84798 15.124 0.004 1.3\n",
		"# HJD-2400000 V\n58849.5 15.1\n58850.5 15.2\n", "4000 1 2 3 4\n4001 1 2 3 4\n"
	time := map[string]string{"time": "col1", "magnitude": "Col2", "error": "col3"}
	for _, c := range []struct {
		name, dataType, text string
		columns              map[string]string
		want                 string // the first value, or ! and the error
	}{
		{"by content", "", dates, nil,
			"!line 1: as spectroscopy: no header line, and the first column may hold dates as well as wavelengths"},
		{"less something", "", reduced, nil,
			"!line 2: as spectroscopy: no header line, and the first column may hold dates as well as wavelengths"},
		{"as a spectrum", "spectroscopy", dates, nil, `"wavelength":[2450726.84798,2450727.84798]`},
		{"as a light curve", "photometry", dates, nil, "!an upload can name them in columns, as col1, col2 and so on"},
		{"named", "photometry", dates, time, `{"col1":2450726.84798,"magnitude":15.123,"error":0.004,"col4":1.2}`},
		{"named and by content", "", dates, time, `{"col1":2450726.84798,"magnitude":15.123,"error":0.004,"col4":1.2}`},
		{"a column that is not there", "photometry", dates, map[string]string{"time": "col1", "magnitude": "col9"},
			"!there is no column 'col9'; the columns are 'col1', 'col2', 'col3', 'col4'"},
		{"a spectrum", "spectroscopy", waves, map[string]string{"wavelength": "col1", "flux": "col3"}, `"flux":[2,2]`},
		{"a spectrum of many columns", "spectroscopy", waves, nil,
			"!name the columns wavelength, flux and error; an upload can name them in columns"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var err error
			if c.dataType == "" {
				c.dataType, _, err = NewProcessors().Recognise(t.Context(), fitstest.FileOf([]byte(c.text)),
					Options{Columns: c.columns})
			}
			var points []Point
			if err == nil {
				points, _, err = process(c.dataType, "f", []byte(c.text), Options{Columns: c.columns})
			}
			if want, refused := strings.CutPrefix(c.want, "!"); refused {
				var problems *bounded.Error
				if !errors.As(err, &problems) ||
					!strings.Contains(strings.Join(problemTexts(problems.Problems), "\n"), want) {
					t.Errorf("got %v, want %s", err, want)
				}
				return
			}
			if err != nil || !strings.Contains(values(points), c.want) {
				t.Errorf("%v, %s", err, values(points))
			}
		})
	}
}

// TestNotRecognised: if nothing reads a file, the error lists what each processor found.
func TestNotRecognised(t *testing.T) {
	for name, content := range map[string]string{
		"empty":                "",
		"prose":                "It was a dark and stormy night.\n",
		"a broken light curve": "time,magnitude\n58000,bright\n",
		"PDF":                  "%PDF-1.7\n",
		"half a PNG's mark":    "\x89PN",
	} {
		t.Run(name, func(t *testing.T) {
			f := bounded.File{Name: "x.dat", Size: int64(len(content)), Content: strings.NewReader(content)}
			dataType, note, err := NewProcessors().Recognise(t.Context(), f, Options{})
			var refused *bounded.Error
			if dataType != "" || note != "" || !errors.As(err, &refused) {
				t.Fatalf("%q, %q, %v", dataType, note, err)
			}
			for _, as := range []string{"as photometry: ", "as spectroscopy: "} {
				found := false
				for _, p := range refused.Problems {
					found = found || strings.HasPrefix(p.Reason, as)
				}
				if !found {
					t.Errorf("nothing is said %s: %v", as, refused.Problems)
				}
			}
		})
	}
}

// TestRecogniseFails: an error for which the file is not to blame is returned.
func TestRecogniseFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := []byte("time,filter,magnitude\n" + strings.Repeat("58000,r,15\n", 5000))
	f := bounded.File{Name: "a.csv", Size: int64(len(content)), Content: bytes.NewReader(content)}
	if _, _, err := NewProcessors().Recognise(ctx, f, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f.Size *= 2
	var refused *bounded.Error
	if _, _, err := NewProcessors().Recognise(t.Context(), f, Options{}); err == nil || errors.As(err, &refused) {
		t.Errorf("content that ends too early: %v", err)
	}
}

// TestRecogniseReadsLittle: of a light curve as much is read as a first point needs, unless all
// objects of its rows are asked for.
func TestRecogniseReadsLittle(t *testing.T) {
	content := []byte("mjd,mag,object\n" + strings.Repeat("58000,15,a\n58000,15,b\n", 100_000))
	names := map[string]bool{}
	for _, objects := range []func(string) string{nil, func(name string) string { names[name] = true; return "" }} {
		read := &countingReader{Reader: bytes.NewReader(content)}
		f := bounded.File{Name: "a.csv", Size: int64(len(content)), Content: read}
		if kind, _, err := NewProcessors().Recognise(t.Context(), f, Options{Objects: objects}); kind != "photometry" {
			t.Errorf("%q, %v", kind, err)
		}
		if all := read.bytes >= len(content); all != (objects != nil) {
			t.Errorf("%d of %d bytes were read", read.bytes, len(content))
		}
	}
	if len(names) != 2 {
		t.Errorf("objects %v", names)
	}
}

type countingReader struct {
	*bytes.Reader
	bytes int
}

func (r *countingReader) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.Reader.ReadAt(b, at)
	r.bytes += n
	return n, err
}

// TestInspect reads a file and stores nothing.
func TestInspect(t *testing.T) {
	look := func(content, kind string, o Options) (string, Report) {
		t.Helper()
		as, r, err := NewProcessors().Inspect(t.Context(), kind, fitstest.FileOf([]byte(content)), o)
		if err != nil {
			t.Fatal(err)
		}
		return as, r
	}
	if as, r := look("mjd,mag\n58000,15\n", AutoType, Options{}); as != "photometry" || r.Created != 1 ||
		len(r.Columns) != 2 || r.Recognised != "photometry, because 'mjd' is a time and 'mag' a magnitude" {
		t.Errorf("%s %+v", as, r)
	}
	if as, r := look("t,mag\n58000,15\n", "photometry",
		Options{TimeColumn: "t"}); as != "photometry" || r.Created != 1 || r.Recognised != "" {
		t.Errorf("%s %+v", as, r)
	}
	if as, r := look("mjd,mag\n58000,bright\n", AutoType, Options{}); as != "" || r.Created != 0 ||
		r.Recognised != NotRecognised ||
		!slices.ContainsFunc(r.Errors, func(p Problem) bool { return strings.Contains(p.Reason, "'bright'") }) {
		t.Errorf("%s %+v", as, r)
	}
	if as, r := look("anything", "image_file", Options{}); as != "image_file" || r.Created != 0 || len(r.Errors) != 0 {
		t.Errorf("%s %+v", as, r)
	}
}

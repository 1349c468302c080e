package ingest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// TestRecognise asks for the type of files by their content; their names say nothing, or something else.
func TestRecognise(t *testing.T) {
	table := string(append(fitsCards(append(fitsShape(8), "EXTEND  =                    T")...), fitsCards("XTENSION= 'BINTABLE'", "BITPIX  =                    8", "NAXIS   =                    2",
		"NAXIS1  =                    4", "NAXIS2  =                    0", "PCOUNT  =                    0", "GCOUNT  =                    1", "TFIELDS =                    0")...))
	for name, c := range map[string]struct {
		content  string
		dataType string
		note     string // a part of it
	}{
		"light curve":              {twoRows, "photometry", ""},
		"one that could be both":   {"time,wavelength,flux,magnitude\n58000,4000,1,15\n", "photometry", ""},
		"spectrum as text":         {"wavelength,flux\n4000,1\n4002,2\n", "spectroscopy", ""},
		"spectrum as FITS":         {string(fitsSpectrum([]int{4}, linearWCS...)), "spectroscopy", ""},
		"FITS without wavelengths": {string(fitsSpectrum([]int{4})), "fits_file", "as spectroscopy: "},
		"FITS picture":             {string(fitsSpectrum([]int{4, 4, 4})), "fits_file", "as spectroscopy: "},
		"FITS table":               {table, "fits_file", "as spectroscopy: "},
		"PNG":                      {"\x89PNG\r\n\x1a\n....", "image_file", ""},
		"JPEG":                     {"\xff\xd8\xff\xe0....", "image_file", ""},
		"GIF":                      {"GIF89a....", "image_file", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := File{Name: "a.csv", Size: int64(len(c.content)), Content: strings.NewReader(c.content)}
			dataType, note, err := NewProcessors().Recognise(t.Context(), f, Options{})
			if err != nil || dataType != c.dataType || !strings.Contains(note, c.note) || (note == "") != (c.note == "") {
				t.Errorf("%q, %q, %v", dataType, note, err)
			}
		})
	}
}

// TestNotRecognised says of a file that nothing reads what each processor had against it.
func TestNotRecognised(t *testing.T) {
	for name, content := range map[string]string{
		"empty":                "",
		"prose":                "It was a dark and stormy night.\n",
		"a broken light curve": "time,magnitude\n58000,bright\n",
		"PDF":                  "%PDF-1.7\n",
		"half a PNG's mark":    "\x89PN",
	} {
		t.Run(name, func(t *testing.T) {
			f := File{Name: "x.dat", Size: int64(len(content)), Content: strings.NewReader(content)}
			dataType, note, err := NewProcessors().Recognise(t.Context(), f, Options{})
			var refused *Error
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

// TestRecogniseFails passes on what is no fault of the file's.
func TestRecogniseFails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := []byte("time,filter,magnitude\n" + strings.Repeat("58000,r,15\n", 5000))
	f := File{Name: "a.csv", Size: int64(len(content)), Content: bytes.NewReader(content)}
	if _, _, err := NewProcessors().Recognise(ctx, f, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	f.Size *= 2
	var refused *Error
	if _, _, err := NewProcessors().Recognise(t.Context(), f, Options{}); err == nil || errors.As(err, &refused) {
		t.Errorf("content that ends too early: %v", err)
	}
}

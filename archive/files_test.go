package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"strings"
	"testing"
	"time"

	"nightjar/ingest/fits"
	"nightjar/internal/problem"
	"nightjar/internal/testenv"
)

// fitsPicture is a FITS image of 4 x 3 pixels.
func fitsPicture() string {
	var b strings.Builder
	for _, c := range []string{"SIMPLE  =                    T", "BITPIX  =                    8",
		"NAXIS   =                    2", "NAXIS1  =                    4",
		"NAXIS2  =                    3", "OBJECT  = 'M 31    '", "END"} {
		fmt.Fprintf(&b, "%-80s", c)
	}
	b.WriteString(strings.Repeat(" ", 2880-b.Len()))
	b.WriteString("abcdefghijkl" + strings.Repeat("\x00", 2880-12))
	return b.String()
}

// TestPreview: viewers who see a product see its image and its header; others do not.
// TestLooksTakeTurns: previews and headers wait for each other, since a small file may unpack to a
// very large one, and stop when their clients have left.
func TestLooksTakeTurns(t *testing.T) {
	f := open(t, Options{})
	v, _, err := f.uploadAs("astro",
		&ProductInput{Target: f.target("astro", "T"), Type: "fits_file", FileName: "a.fits"}, fitsPicture())
	if err != nil {
		t.Fatal(err)
	}
	looks := map[string]func(ctx context.Context) error{
		"preview": func(ctx context.Context) error { _, err := f.as("astro").Preview(ctx, v.Path); return err },
		"header":  func(ctx context.Context) error { _, err := f.as("astro").Header(ctx, v.Path); return err },
	}
	var ends []func()
	for range looksOnce {
		end, err := f.previews.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	for name, look := range looks {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if err := look(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s beside %d others: %v", name, looksOnce, err)
		}
		cancel()
	}
	for _, end := range ends {
		end()
	}
	for name, look := range looks {
		if err := look(t.Context()); err != nil {
			t.Errorf("%s when the others have ended: %v", name, err)
		}
	}
}

func TestPreview(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "T", f.group)
	v, _, err := f.uploadAs("astro", &ProductInput{Target: id, Type: "fits_file", FileName: "a.fits"}, fitsPicture())
	if err != nil {
		t.Fatal(err)
	}
	var first []byte
	for range 2 { // the second from memory
		b, err := f.as("carol").Preview(t.Context(), v.Path)
		if err != nil {
			t.Fatal(err)
		}
		picture, err := png.Decode(bytes.NewReader(b))
		if err != nil || picture.Bounds().Dx() != 4 || first != nil && !bytes.Equal(first, b) {
			t.Fatal(err)
		}
		first = b
	}
	header, err := f.as("carol").Header(t.Context(), v.Path)
	if err != nil || !json.Valid(header) || !strings.Contains(string(header), `{"key":"OBJECT","value":"M 31"}`) {
		t.Errorf("%s, %v", header, err)
	}
	if _, err := f.as("eve").Preview(t.Context(), v.Path); !refusedAs(err, problem.NotFound) {
		t.Errorf("eve: %v", err)
	}
	if _, err := f.as("eve").Header(t.Context(), v.Path); !refusedAs(err, problem.NotFound) {
		t.Errorf("eve: %v", err)
	}
	text, _, err := f.uploadAs("astro", &ProductInput{Target: id, Type: "fits_file", FileName: "b.fits"}, "no FITS")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.as("carol").Preview(t.Context(), text.Path); !refusedAs(err, problem.NotFound) {
		t.Errorf("text: %v", err)
	}
	cut, _, err := f.uploadAs("astro", &ProductInput{Target: id, Type: "fits_file", FileName: "c.fits"},
		fitsPicture()[:2885])
	if err != nil {
		t.Fatal(err)
	}
	var failed *ProcessingError
	if _, err := f.as("carol").Preview(t.Context(), cut.Path); !errors.As(err, &failed) {
		t.Errorf("cut: %v", err)
	}
}

// TestUploadAnswers: the uploader's names of columns are used, and rows of other objects than the
// target are rejected.
func TestUploadAnswers(t *testing.T) {
	f := open(t, Options{})
	id := f.target("astro", "SS Cyg", f.group)
	_, r, err := f.uploadAs("astro",
		&ProductInput{Target: id, Type: "photometry", FileName: "a.csv", TimeColumn: "t", TimeFormat: "jd-2450000",
			Columns: map[string]string{"magnitude": "v"}}, "t,v,object\n8849.5,15,ss_cyg\n8850.5,16,Z UMa\n")
	if err != nil {
		t.Fatal(err)
	}
	if r.Created != 1 || r.RejectedCount != 1 || !strings.Contains(r.Rejected[0].Reason, "'Z UMa'") {
		t.Errorf("%+v", r)
	}
	ids := f.data("astro", DatumFilter{})
	d, err := f.as("astro").Datum(ids[0])
	if err != nil || string(d.Value) != `{"t":8849.5,"magnitude":15,"object":"ss_cyg"}` || d.Time != 1577836800_000000 {
		t.Errorf("%s %d, %v", d.Value, d.Time, err)
	}
	_, _, err = f.uploadAs("astro", &ProductInput{Target: id, Type: "photometry", FileName: "a.csv"},
		"t,v\n8849.5,15\n")
	var failed *ProcessingError
	if !errors.As(err, &failed) || !strings.Contains(failed.Error(), "the columns are 't', 'v'") {
		t.Error(err)
	}
}

// TestFailedLooks: the failure to read a file is cached for a while, so that asking again costs
// nothing and takes no turn.
func TestFailedLooks(t *testing.T) {
	f := open(t, Options{})
	bad := strings.Replace(fitsPicture(), "NAXIS2  =                    3", "NAXIS2  =                 3000", 1)
	now := time.Now()
	f.previews.now = func() time.Time { return now }
	first := map[string]func(ctx context.Context) error{}
	for i, name := range []string{"a.fits", "b.fits"} { // of one content
		v, _, err := f.uploadAs("astro",
			&ProductInput{Target: f.target("astro", name), Type: "fits_file", FileName: name}, bad)
		if err != nil {
			t.Fatal(err)
		}
		looks := map[string]func(ctx context.Context) error{
			"preview": func(ctx context.Context) error { _, err := f.as("astro").Preview(ctx, v.Path); return err },
			"header":  func(ctx context.Context) error { _, err := f.as("astro").Header(ctx, v.Path); return err },
		}
		for kind, look := range looks {
			var failed *ProcessingError
			if i > 0 { // under the other name
				if err := first[kind](t.Context()); !errors.As(err, &failed) {
					t.Fatalf("%s: %v", kind, err)
				}
			} else {
				first[kind] = look
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				if err := look(gone); !errors.Is(err, context.Canceled) {
					t.Errorf("%s of a client that is gone: %v", kind, err)
				}
				if err := look(t.Context()); !errors.As(err, &failed) { // that was no failure of the file
					t.Fatalf("%s: %v", kind, err)
				}
			}
			var ends []func()
			for range looksOnce {
				end, err := f.previews.turn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				ends = append(ends, end)
			}
			soon, stop := context.WithTimeout(t.Context(), testenv.Patience)
			if err := look(soon); !errors.As(err, &failed) || failed.Report.Errors[0].File == "" ||
				!strings.HasSuffix(v.Path, failed.Report.Errors[0].File) {
				t.Errorf("%s of %s while there is no turn: %v", kind, v.Path, err)
			}
			stop()
			now = now.Add(failureTime)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			if err := look(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s long after it failed: %v", kind, err)
			}
			cancel()
			for _, end := range ends {
				end()
			}
			if err := look(t.Context()); !errors.As(err, &failed) {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

// TestLooksAreBounded: the cache of failures is bounded, however many files fail.
func TestLooksAreBounded(t *testing.T) {
	p := newPreviews()
	for i := range 3 * looksBytes / failureCost {
		l := look{err: fits.ErrNoPreview, till: p.now().Add(failureTime)}
		p.looks.Put(lookKey{sha: [32]byte{byte(i), byte(i >> 8), byte(i >> 16)}}, l, l.cost())
	}
	if n := p.looks.Len(); n != looksBytes/failureCost {
		t.Errorf("%d looks", n)
	}
}

package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image/png"
	"time"

	"nightjar/ingest"
	"nightjar/ingest/fits"
	"nightjar/internal/cache"
	"nightjar/internal/problem"
)

const (
	looksBytes = 16 << 20 // memory for previews and headers
	// previews and headers being made at a time, each within bounded.Bounds
	looksOnce   = 2
	failureTime = 10 * time.Minute // until a file that could not be read is tried again
	failureCost = 1 << 10          // memory that a failure counts as
)

// previews caches the previews and headers of files, and failures to make them, by the content of
// the files.
type previews struct {
	looks *cache.LRU[lookKey, look]
	slots chan struct{}
	now   func() time.Time
}

// lookKey identifies a preview or a header of a content.
type lookKey struct {
	header bool // else a preview
	sha    [sha256.Size]byte
}

// look is a preview, a header or a failure.
type look struct {
	body []byte
	err  error     // why there is no body; nil when there is one
	till time.Time // when an error expires
}

func (l look) cost() int64 {
	if l.err != nil {
		return failureCost
	}
	return int64(len(l.body)) + 100
}

func newPreviews() *previews {
	return &previews{looks: cache.New[lookKey, look](looksBytes), slots: make(chan struct{}, looksOnce), now: time.Now}
}

// get returns the cached look; ok is false when there is none, or an expired error.
func (p *previews) get(key lookKey) (l look, ok bool) {
	if l, ok = p.looks.Get(key); ok && l.err != nil && !p.now().Before(l.till) {
		p.looks.Delete(key)
		return look{}, false
	}
	return l, ok
}

// turn waits until fewer than looksOnce files are being read. The caller must call done.
func (p *previews) turn(ctx context.Context) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// see returns the cached look for the key, or makes it when its turn comes. Waiting ends with ctx.
// A failure is cached too, unless it comes from the context or from reading the archive.
func (p *previews) see(ctx context.Context, key lookKey, into func() ([]byte, error)) ([]byte, error) {
	if l, ok := p.get(key); ok {
		return l.body, l.err
	}
	done, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if l, ok := p.get(key); ok { // made meanwhile
		return l.body, l.err
	}
	l := look{till: p.now().Add(failureTime)}
	var refused *ingest.Error
	if l.body, l.err = into(); l.err == nil || errors.Is(l.err, fits.ErrNoPreview) || errors.As(l.err, &refused) {
		p.looks.Put(key, l, l.cost())
	}
	return l.body, l.err
}

// Preview returns a picture of a data product's file that holds a FITS image: PNG, at most 512
// pixels a side. Previews are made on request, two at a time, and cached in memory; so are
// failures. Errors: NotFound for a path that the viewer does not see and for a file without an
// image; *ProcessingError for a file that cannot be read within bounded.Bounds; the context's.
func (s *Session) Preview(ctx context.Context, path string) ([]byte, error) {
	f, err := s.File(path)
	if err != nil {
		return nil, err
	}
	b, err := s.a.previews.see(ctx, lookKey{sha: f.SHA}, func() ([]byte, error) {
		grey, err := fits.Preview(ctx, f.ingestFile())
		if err != nil {
			return nil, err
		}
		var b bytes.Buffer
		err = png.Encode(&b, grey)
		return b.Bytes(), err
	})
	return b, lookError(err, f)
}

// Header returns the header of a data product's FITS file as JSON, in the form of fits.HeaderJSON.
// It takes turns with Preview and is cached like previews. Errors: those of Preview.
func (s *Session) Header(ctx context.Context, path string) ([]byte, error) {
	f, err := s.File(path)
	if err != nil {
		return nil, err
	}
	b, err := s.a.previews.see(ctx, lookKey{header: true, sha: f.SHA}, func() ([]byte, error) {
		return fits.HeaderJSON(ctx, f.ingestFile())
	})
	return b, lookError(err, f)
}

// lookError turns an error of see into that of Preview and Header. The failure may be cached from
// another file of the same content, whose name the viewer must not see.
func lookError(err error, f *FileView) error {
	var refused *ingest.Error
	switch {
	case errors.Is(err, fits.ErrNoPreview):
		return problem.Missing("Image")
	case errors.As(err, &refused):
		report := ingest.EmptyReport()
		for _, p := range refused.Problems {
			p.File = f.ingestFile().Name
			report.Errors = append(report.Errors, p)
		}
		return &ProcessingError{&report}
	}
	return err
}

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
	looksBytes = 16 << 20 // of previews and headers that are kept in memory
	// previews and headers that are made at a time, each within the bounds of bounded.Bounds
	looksOnce   = 2
	failureTime = 10 * time.Minute // for which a file that could not be looked into is not tried again
	failureCost = 1 << 10          // bytes that a failure is taken to be, at least
)

// previews keeps what was seen in files that were looked into last, by the content of the files:
// previews, headers and failures.
type previews struct {
	looks *cache.LRU[lookKey, look]
	room  chan struct{}
	now   func() time.Time
}

// lookKey is a kind of look into a content.
type lookKey struct {
	header bool // else a preview
	sha    [sha256.Size]byte
}

// look is what was seen.
type look struct {
	body []byte
	err  error     // why there is no body; nil when there is one
	till time.Time // an error counts until then
}

func (l look) cost() int64 {
	if l.err != nil {
		return failureCost
	}
	return int64(len(l.body)) + 100
}

func newPreviews() *previews {
	return &previews{looks: cache.New[lookKey, look](looksBytes), room: make(chan struct{}, looksOnce), now: time.Now}
}

// get is what was seen before; ok is false when nothing was, or too long ago.
func (p *previews) get(key lookKey) (l look, ok bool) {
	if l, ok = p.looks.Get(key); ok && l.err != nil && !p.now().Before(l.till) {
		p.looks.Delete(key)
		return look{}, false
	}
	return l, ok
}

// turn waits for the turn to look into a file; the caller calls done.
func (p *previews) turn(ctx context.Context) (done func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.room <- struct{}{}:
		return func() { <-p.room }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// see gives what is kept for the key, or makes it when its turn comes. Whoever waits leaves when
// ctx ends. A failure is kept like anything else, unless it is the context's or one of reading the
// archive, which says nothing of the file.
func (p *previews) see(ctx context.Context, key lookKey, into func() ([]byte, error)) ([]byte, error) {
	if l, ok := p.get(key); ok {
		return l.body, l.err
	}
	done, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if l, ok := p.get(key); ok { // another has made it in the meantime
		return l.body, l.err
	}
	l := look{till: p.now().Add(failureTime)}
	var refused *ingest.Error
	if l.body, l.err = into(); l.err == nil || errors.Is(l.err, fits.ErrNoPreview) || errors.As(l.err, &refused) {
		p.looks.Put(key, l, l.cost())
	}
	return l.body, l.err
}

// Preview is a picture of a data product's file, PNG, at most 512 pixels a side, for files that
// hold a FITS image. It is made when it is asked for, two at a time, and kept in memory for a
// while; so is the failure of one that cannot be made. Errors: NotFound, for a path that the viewer
// does not see and for a file without an image; *ProcessingError for one that cannot be read within
// the bounds of bounded.Bounds; the context's.
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

// Header is the header of a data product's FITS file, JSON; see fits.HeaderJSON for its form. It
// takes turns with Preview and is kept as previews are. Errors: those of Preview.
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

// lookError is what a look into a file answers: nothing to see is nothing there. The failure may be
// that of another file of the same content, whose name the viewer need not know.
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

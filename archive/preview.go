package archive

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"image/png"
	"sync"

	"nightjar/auth"
	"nightjar/ingest"
)

const (
	previewBytes = 16 << 20 // of previews that are kept in memory
	looksOnce    = 2        // previews and headers that are made at a time: a file of 2 MB may unpack to 2 GiB
)

// previews keeps the pictures of images that were asked for last, by the content of their files.
type previews struct {
	mu    sync.Mutex
	byKey map[[sha256.Size]byte]*list.Element
	order *list.List // of *picture, the last used in front
	size  int
	room  chan struct{}
}

type picture struct {
	key [sha256.Size]byte
	png []byte
}

func newPreviews() *previews {
	return &previews{byKey: map[[sha256.Size]byte]*list.Element{}, order: list.New(), room: make(chan struct{}, looksOnce)}
}

// turn waits for the turn to look into a file; the caller calls done.
func (p *previews) turn(ctx context.Context) (done func(), err error) {
	select {
	case p.room <- struct{}{}:
		return func() { <-p.room }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *previews) get(key [sha256.Size]byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, ok := p.byKey[key]
	if !ok {
		return nil
	}
	p.order.MoveToFront(e)
	return e.Value.(*picture).png
}

func (p *previews) put(key [sha256.Size]byte, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, there := p.byKey[key]; there {
		return
	}
	p.byKey[key] = p.order.PushFront(&picture{key, b})
	for p.size += len(b); p.size > previewBytes && p.order.Len() > 1; {
		last := p.order.Remove(p.order.Back()).(*picture)
		delete(p.byKey, last.key)
		p.size -= len(last.png)
	}
}

// Preview is a picture of a data product's file, PNG, at most 512 pixels a side, for files that hold a FITS image. It is made when it is
// asked for, two at a time, and kept in memory for a while. Error: NotFound, for a path that the viewer does not see and for a
// file without an image; *ProcessingError for one that cannot be read.
func (s *Access) Preview(ctx context.Context, path string) ([]byte, error) {
	f, err := s.File(path)
	if err != nil {
		return nil, err
	}
	p := s.a.previews
	if b := p.get(f.SHA); b != nil {
		return b, nil
	}
	done, err := p.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if b := p.get(f.SHA); b != nil {
		return b, nil
	}
	grey, err := ingest.Preview(ctx, f.ingestFile())
	if err != nil {
		return nil, lookError(err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, grey); err != nil {
		return nil, err
	}
	p.put(f.SHA, b.Bytes())
	return b.Bytes(), nil
}

// Header is the header of a data product's FITS file, JSON; see ingest.HeaderJSON for its form. It takes turns with Preview. Errors: those of Preview.
func (s *Access) Header(ctx context.Context, path string) ([]byte, error) {
	f, err := s.File(path)
	if err != nil {
		return nil, err
	}
	done, err := s.a.previews.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	b, err := ingest.HeaderJSON(f.ingestFile())
	return b, lookError(err)
}

// lookError is what a look into a file answers: nothing to see is nothing there.
func lookError(err error) error {
	var refused *ingest.Error
	switch {
	case errors.Is(err, ingest.ErrNoPreview):
		return auth.Missing("Image")
	case errors.As(err, &refused):
		report := emptyReport()
		report.Errors = refused.Problems
		return &ProcessingError{report}
	}
	return err
}

package index

import (
	"context"
	"fmt"

	"github.com/blevesearch/bleve/v2"
)

const (
	// maxBatch bounds the documents of one Bleve batch. A safe batch costs two or
	// three fsyncs, which a thousand documents share; larger ones gain little and
	// have been seen to stall the persister.
	maxBatch = 1000

	// maxBatchText bounds the bytes of names in one batch, so that a thousand
	// targets with very many aliases take more than one.
	maxBatchText = 1 << 20
)

// Apply brings the index to the state m.
//
// Targets are those whose names changed after Mark and up to m, with their names
// exactly as they are at m, read in a transaction in which m is the newest entry
// of the log; a target that is gone has no names. Sources are the source names
// that first appeared after Mark and up to m. More than those does no harm but
// takes its time. When a target occurs twice the last one counts. M must not be
// older than Mark (ErrOrder).
//
// A zero m is for filling an empty index in pieces: the targets and sources are
// stored, and the Mark stays zero, so that no search is answered yet. Fill like
// this: note the log's newest entry a; Apply everything with the zero Mark, reading
// it in as many transactions as you like; then Apply, at a newer entry b, what
// changed after a and up to b. An index whose filling did not come to that end is
// made anew by the next Open.
//
// All is stored in batches of at most 1000 documents, the mark in one with the
// last. When Apply returns nil, everything is on disk. When it returns an error,
// the Mark is what it was. Of ctx, which is looked at between batches: then some
// documents may be there already, which is as good as an index that is ahead of its
// Mark, and the next Apply starts from the Mark again. Of Bleve, which cannot write,
// has panicked or has not come back within Options.Limit: then the index is broken,
// for Bleve has closed under its searches what it could not write, and Reset is
// needed. A crash amid several batches costs a new index.
func (x *Index) Apply(ctx context.Context, targets []Target, sources []string, m Mark) error {
	select {
	case <-x.writing:
		defer func() { x.writing <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	x.mu.RLock()
	e, have, err := x.live, x.mark, x.broken
	x.mu.RUnlock()
	if err != nil {
		return err
	}
	filling := m == Mark{}
	if have != (Mark{}) && (m.Seq < have.Seq || m.Seq == have.Seq && m != have) {
		return fmt.Errorf("%w: %d, %x after %d, %x", ErrOrder, m.Seq, m.Hash[:4], have.Seq, have.Hash[:4])
	}
	if len(targets) == 0 && len(sources) == 0 && m == have {
		return nil
	}
	for last := false; !last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.Broken(); err != nil { // by a search, or closed
			return err
		}
		var b *bleve.Batch
		b, targets, sources = nextBatch(e.bleve, targets, sources)
		last = len(targets) == 0 && len(sources) == 0
		switch {
		case filling:
		case last:
			b.SetInternal(markKey, m.encode())
			b.DeleteInternal(partKey)
		default:
			b.SetInternal(partKey, []byte{1})
		}
		if err := within(x.o.Limit, func() error { return e.bleve.Batch(b) }); err != nil {
			err = fmt.Errorf("index names: %w", err)
			x.breakWith(e, err)
			return err
		}
		if e.trial {
			e.trial = false
			if err := endTrial(e.path); err != nil {
				x.logf("the next crash will cost a new index: %v", err)
			}
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mark = m // only now: a search that begins from here on sees it all
	return nil
}

// nextBatch takes as much from the front of targets and sources as fits into one
// batch, and returns what is left.
func nextBatch(b bleve.Index, targets []Target, sources []string) (*bleve.Batch, []Target, []string) {
	batch, documents, text := b.NewBatch(), 0, 0
	for len(targets) > 0 && documents < maxBatch && text < maxBatchText {
		t := targets[0]
		targets = targets[1:]
		documents++
		for _, name := range t.Names {
			text += len(name)
		}
		if len(t.Names) == 0 {
			batch.Delete(targetDocument(t.ID))
			continue
		}
		// The only error is that of an empty document id, which there is not.
		_ = batch.IndexAdvanced(newTarget(t))
	}
	for len(sources) > 0 && documents < maxBatch && text < maxBatchText {
		name := sources[0]
		sources = sources[1:]
		documents++
		text += len(name)
		_ = batch.IndexAdvanced(newSource(name))
	}
	return batch, targets, sources
}

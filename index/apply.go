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
// Targets are those whose names changed after Mark and up to m, with their names exactly as they
// are at m, read in a transaction in which m is the newest entry of the log; a deleted target has
// no names. More targets than those do no harm but take time. When a target occurs twice the last
// one counts. M must not be older than Mark (ErrOrder).
//
// A zero m is for filling an empty index in pieces: the targets are stored, and the Mark stays
// zero, so that no search is answered yet. Fill like this: note the log's newest entry a; Apply
// everything with the zero Mark, reading it in as many transactions as you like; then Apply, at a
// newer entry b, what changed after a and up to b.
//
// The documents are stored in batches of at most 1000. When Apply returns nil, all are stored. When
// it returns an error, the Mark is what it was. An error of ctx, which is checked between batches:
// some documents may be stored already, which is as good as an index that is ahead of its Mark, and
// the next Apply starts from the Mark again. An error of Bleve, which cannot write, panicked or did
// not come back within Options.Limit: the index is broken, because Bleve has closed under its
// searches what it could not write, and Reset is needed. An index that is closed after an error,
// before an Apply succeeds, is made again by Open, and so is one whose filling did not end.
func (x *Index) Apply(ctx context.Context, targets []Target, m Mark) error {
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
	if have != (Mark{}) && (m.Seq < have.Seq || m.Seq == have.Seq && m != have) {
		return fmt.Errorf("%w: %d, %x after %d, %x", ErrOrder, m.Seq, m.Hash[:4], have.Seq, have.Hash[:4])
	}
	if len(targets) == 0 && m == have {
		return nil
	}
	for len(targets) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := x.Broken(); err != nil { // by a search, or closed
			return err
		}
		var b *bleve.Batch
		b, targets = nextBatch(e.bleve, targets)
		x.whole = false
		if err := within(x.o.Limit, func() error { return e.bleve.Batch(b) }); err != nil {
			err = fmt.Errorf("index names: %w", err)
			x.breakWith(e, err)
			return err
		}
	}
	x.whole = m != Mark{}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mark = m // only now: a search that begins from here on sees it all
	return nil
}

// nextBatch takes as many from the front of targets as fit into one batch, and returns the rest.
func nextBatch(b bleve.Index, targets []Target) (*bleve.Batch, []Target) {
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
		// The only error is that of an empty document id, and none is empty.
		_ = batch.IndexAdvanced(newTarget(t))
	}
	return batch, targets
}

package index

import (
	"context"
	"fmt"

	"github.com/blevesearch/bleve/v2"
)

const (
	// maxBatch is the most documents of one Bleve batch. A safe batch costs two or three fsyncs,
	// which a thousand documents share. Larger batches gain little, and have stalled the persister.
	maxBatch = 1000

	// maxBatchText bounds the bytes of names in one batch, for targets with very many aliases.
	maxBatchText = 1 << 20
)

// Apply brings the index to the state m.
//
// targets are those whose names changed after Mark and up to m. Their names are those at m, read in
// a transaction in which m is the newest entry of the log; a deleted target has no names. More
// targets do no harm, but take time. If a target occurs twice, the last one counts. m must not be
// older than Mark (ErrOrder).
//
// With the zero Mark as m, Apply fills an empty index in pieces: it stores the targets, the Mark
// stays zero, and no search is answered. To fill an index, note the newest entry a of the log;
// Apply all targets with the zero Mark, reading them in any number of transactions; then Apply, at
// a newer entry b, what changed after a and up to b.
//
// Apply stores the documents in batches of at most 1000. If it returns nil, all are stored. If it
// returns an error, the Mark is unchanged:
//
//   - After an error of ctx, which is checked between batches, some documents may be stored. The
//     index is then ahead of its Mark, and the next Apply starts from the Mark again.
//   - After an error of Bleve, which could not write, panicked or did not return within
//     Options.Limit, the index is broken, because Bleve has closed its searches, too. It needs
//     Reset.
//
// If an index is closed after an error and before a successful Apply, or while it is filled, Open
// rebuilds it.
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
		if err := x.Broken(); err != nil { // a search broke it, or it was closed
			return err
		}
		var b *bleve.Batch
		b, targets = nextBatch(e.bleve, targets)
		x.atMark = false
		if err := within(x.o.Limit, func() error { return e.bleve.Batch(b) }); err != nil {
			err = fmt.Errorf("index names: %w", err)
			x.breakWith(e, err)
			return err
		}
	}
	x.atMark = m != Mark{}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mark = m // last, so that a search that begins after this sees everything
	return nil
}

// nextBatch returns a batch with the first targets, as many as fit, and the remaining targets.
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
		// The only possible error is an empty document id.
		_ = batch.IndexAdvanced(newTarget(t))
	}
	return batch, targets
}

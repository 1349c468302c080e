package archive

import (
	"context"
	"errors"
	"slices"

	"nightjar/kv"
)

// bulk adds many datums, all at once or none: in one transaction when they are few, and otherwise
// as a staged write.
type bulk struct {
	s    *Session
	ctx  context.Context
	rows rowSource

	gathered int
	size     int        // bytes of memory that the gathered rows take
	cuts     []int      // how many rows go into each of the transactions that write them
	cutRows  int        // rows since the last cut
	cutSize  int        // bytes since the last cut
	writing  chan error // the result of the write of the rows before; nil for none
	stage    *kv.Stage
	id       uint64
	merge    merges
	work     uint64 // the last piece of work that the last transaction left to the worker, 0 for none
	done     tally
}

// A rowSource gathers the rows of a bulk write. They refer to its parent records: an upload, a
// product, or several products with consecutive ids.
type rowSource interface {
	// swap makes the gathered rows those to be written, and begins to gather others.
	swap()
	// datum returns the datum of a row to be written, or a refusal. It may be called again for the
	// same row. The datum is valid until the next call.
	datum(s *Session, tx *kv.Tx, row int) (*Datum, error)
	// refusal is the error for a row that already exists; nil counts it as a duplicate.
	refusal(row int) error
	// reserve takes the ids of the parents and returns the first.
	reserve(tx *kv.WriteTx) (uint64, error)
	// refer makes a datum, whose target is set, refer to its parent.
	refer(d *Datum, id uint64)
	// create creates the parents, in the transaction in which the rows become visible.
	create(s *Session, tx *kv.WriteTx, id uint64) error
	// products is how many products create creates, even if no row is good.
	products() int
	// check may cancel the write before anything becomes visible.
	check(tally) error
}

// tally counts the results of rows.
type tally struct {
	created, duplicate int
	rejected           rejections
}

func (t tally) plus(o tally) tally {
	return tally{t.created + o.created, t.duplicate + o.duplicate, t.rejected.plus(o.rejected)}
}

// rejections counts the rejected rows. It keeps only the first maxRejected reasons, which bounds
// the memory that a stream of bad lines costs.
type rejections struct {
	count int
	first []error
}

func (r *rejections) add(err error) {
	r.count++
	if len(r.first) < maxRejected {
		r.first = append(r.first, err)
	}
}

func (r rejections) plus(o rejections) rejections {
	kept := r.first[:len(r.first):len(r.first)]
	return rejections{r.count + o.count, append(kept, o.first[:min(len(o.first), maxRejected-len(kept))]...)}
}

// One transaction of a staged write takes at most stageBatch rows or stageBytes of memory: with
// more rows, single posts of others wait longer; with 2,500, an import on 1,000 targets is a fifth
// slower. A write whose rows take stageAfter bytes is staged, however few they are. Each of the
// uploads that run at a time holds twice stageBytes, and one more row.
const (
	stageBatch = 5_000
	stageBytes = 2 << 20
	stageAfter = 4 << 20
)

// bulkWriters is how many bulk writes may be in a transaction at a time: until the commit, a
// transaction takes several times the memory of its rows, and all that share a commit hold theirs.
const bulkWriters = 1

// inTurn runs fn, which writes gathered rows, once fewer than bulkWriters others run.
func (b *bulk) inTurn(fn func() error) error {
	select {
	case b.s.a.bulkTurns <- struct{}{}:
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
	defer func() { <-b.s.a.bulkTurns }()
	return fn()
}

// added must be called after a row was gathered, with the memory that it takes in bytes.
func (b *bulk) added(size int) error {
	b.gathered++
	b.size += size
	b.cutRows++
	if b.cutSize += size; b.cutRows == b.s.a.stageBatch || b.cutSize >= b.s.a.stageBytes {
		b.cut()
	}
	if b.stage == nil && (b.gathered > b.s.a.o.StageFrom || b.size > b.s.a.stageAfter) {
		stage, err := datums.Stage(b.ctx, b.s.a.db, b.s.v.Author())
		if err != nil {
			return err
		}
		b.stage = stage
	}
	if b.stage == nil || len(b.cuts) == 0 {
		return nil
	}
	if err := b.wait(); err != nil {
		return err
	}
	cuts, done := b.takeGathered(), make(chan error, 1)
	b.writing = done
	go func() { done <- b.stageRows(cuts) }()
	if size < b.s.a.stageBytes {
		return nil
	}
	// A large row is written before the next is gathered, while its line still counts as the memory
	// of its sender.
	if err := b.wait(); err != nil {
		return err
	}
	b.rows.swap()
	return nil
}

// cut ends the rows of one transaction.
func (b *bulk) cut() {
	if b.cutRows > 0 {
		b.cuts = append(b.cuts, b.cutRows)
	}
	b.cutRows, b.cutSize = 0, 0
}

// wait waits for the write of the rows before.
func (b *bulk) wait() error {
	if b.writing == nil {
		return nil
	}
	err := <-b.writing
	b.writing = nil
	return err
}

// takeGathered swaps the rows, and returns how many of them go into each transaction.
func (b *bulk) takeGathered() []int {
	b.cut()
	cuts := b.cuts
	b.gathered, b.size, b.cuts = 0, 0, nil
	b.rows.swap()
	return cuts
}

// stageRows writes rows as pending.
func (b *bulk) stageRows(cuts []int) error {
	from := 0
	for _, n := range cuts {
		var now tally
		var merge merges
		id := b.id
		write := b.s.writing(func(s *Session, tx *kv.WriteTx) (err error) {
			now, merge, id = tally{}, merges{}, b.id
			if id == 0 {
				if id, err = b.rows.reserve(tx); err != nil {
					return err
				}
			}
			for i := from; i < from+n; i++ {
				if err := b.stageRow(s, tx, i, id, &now, &merge); err != nil {
					return err
				}
			}
			return nil
		})
		if err := b.inTurn(func() error { return b.stage.Update(b.ctx, write) }); err != nil {
			return err
		}
		from += n
		b.id = id
		b.done = b.done.plus(now)
		b.merge.join(merge)
	}
	return nil
}

func (b *bulk) stageRow(s *Session, tx *kv.WriteTx, row int, id uint64, now *tally, merge *merges) error {
	d, err := b.rows.datum(s, tx.Tx, row)
	if isRefusal(err) {
		now.rejected.add(err)
		return nil
	}
	if err != nil {
		return err
	}
	return b.addRow(s, tx, row, d, id, now, merge)
}

// addRow writes the datum of a row, unless an equal one exists, and counts the result.
func (b *bulk) addRow(s *Session, tx *kv.WriteTx, row int, d *Datum, id uint64, now *tally, merge *merges) error {
	b.rows.refer(d, id)
	existing, seen, pending, err := s.findEqual(tx.Tx, d)
	if err != nil {
		return err
	}
	repeated := existing == 0 && b.stage != nil && // an earlier row of this write is equal
		slices.ContainsFunc(pending, func(id uint64) bool { return b.stage.Has(tx.Tx, id) })
	if seen || repeated {
		if refusal := b.rows.refusal(row); refusal != nil {
			now.rejected.add(refusal)
			return nil
		}
	}
	switch {
	case existing != 0:
		merge.add(existing, seen, d)
	case repeated:
		now.duplicate++
	default:
		now.created++
		return insertDatum(tx, d, pending)
	}
	return nil
}

// finish makes everything visible, and waits for the work that is left.
func (b *bulk) finish() error {
	if err := b.wait(); err != nil {
		return err
	}
	size := b.size
	cuts := b.takeGathered()
	if b.stage == nil {
		n := 0
		for _, rows := range cuts {
			n += rows
		}
		write := func() error {
			return b.s.update(b.ctx, func(s *Session, tx *kv.WriteTx) error { return b.writeAll(s, tx, n) })
		}
		var err error
		if size < b.s.a.stageBytes {
			err = write()
		} else {
			err = b.inTurn(write)
		}
		if err == nil {
			err = b.s.a.worker.wait(b.ctx, b.work)
		}
		return err
	}
	if err := b.stageRows(cuts); err != nil {
		return err
	}
	if err := b.dropSupersededEarly(); err != nil {
		return err
	}
	staged := b.done
	b.merge.sort()
	err := b.stage.Finish(b.ctx, b.s.writing(func(s *Session, tx *kv.WriteTx) error {
		b.done, b.work = staged, 0
		if err := b.recheckReferences(s, tx.Tx); err != nil {
			return err
		}
		if err := b.rows.create(s, tx, b.id); err != nil {
			return err
		}
		if err := b.mergeExisting(s, tx, &b.merge); err != nil {
			return err
		}
		late, err := b.superseded(tx)
		if err != nil {
			return err
		}
		var merge merges
		dropped, err := b.dropSuperseded(s, tx, late, &merge)
		if err != nil {
			return err
		}
		b.done.created -= dropped
		merge.sort()
		if err := b.mergeExisting(s, tx, &merge); err != nil {
			return err
		}
		return b.rows.check(b.done)
	}))
	if err != nil {
		return err
	}
	b.stage = nil // nothing is left to abort
	return b.s.a.worker.wait(b.ctx, b.work)
}

// writeAll is finish for rows that fit into one transaction. It checks all rows before it writes
// any.
func (b *bulk) writeAll(s *Session, tx *kv.WriteTx, n int) error {
	b.done, b.work, b.id = tally{}, 0, 0
	rows := make([]*Datum, n)
	for i := range n {
		d, err := b.rows.datum(s, tx.Tx, i)
		if isRefusal(err) {
			b.done.rejected.add(err)
			continue
		}
		if err != nil {
			return err
		}
		own := *d
		own.form, own.scratch = nil, nil
		rows[i] = &own
	}
	if n == b.done.rejected.count && b.rows.products() == 0 {
		return nil
	}
	var err error
	if b.id, err = b.rows.reserve(tx); err != nil {
		return err
	}
	if err := b.rows.create(s, tx, b.id); err != nil {
		return err
	}
	var merge merges
	for i, d := range rows {
		if d == nil {
			continue
		}
		if err := b.addRow(s, tx, i, d, b.id, &b.done, &merge); err != nil {
			return err
		}
	}
	merge.sort()
	if err := b.mergeExisting(s, tx, &merge); err != nil {
		return err
	}
	return b.rows.check(b.done)
}

// superseded lists the pending rows for which a note (kv.Table.Supersede) names an equal row that
// is now visible.
func (b *bulk) superseded(tx *kv.WriteTx) (pending []uint64, err error) {
	notes := b.stage.Superseded(tx)
	if len(notes) == 0 {
		return nil, nil
	}
	by := make([]uint64, len(notes))
	for i, n := range notes {
		by[i] = n.By
	}
	slices.Sort(by)
	// There may be a million notes, and most of the other rows may be aborted or still pending.
	existing, err := kv.And(kv.IDs(slices.Compact(by)), datums.All(tx.Tx)).IDs()
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		if _, ok := slices.BinarySearch(existing, n.By); ok {
			pending = append(pending, n.Pending)
		}
	}
	slices.Sort(pending)
	return slices.Compact(pending), nil
}

// dropSuperseded drops pending rows whose equals became visible meanwhile, and adds those to merge.
func (b *bulk) dropSuperseded(s *Session, tx *kv.WriteTx, rows []uint64, merge *merges) (dropped int, err error) {
	for _, id := range rows {
		mine, pending, err := datums.Pending(tx.Tx, id)
		if errors.Is(err, kv.ErrNotFound) || !pending {
			continue
		}
		if err != nil {
			return 0, err
		}
		existing, seen, _, err := s.findEqual(tx.Tx, mine)
		if err != nil {
			return 0, err
		}
		if existing == 0 {
			continue // the other row is hidden and shows something else
		}
		merge.add(existing, seen, mine)
		if err := b.stage.Drop(tx, id); err != nil {
			return 0, err
		}
		dropped++
	}
	return dropped, nil
}

// dropSupersededEarly drops many superseded rows in pieces, before the last transaction: somebody
// else may have sent the same million rows.
func (b *bulk) dropSupersededEarly() error {
	var rows []uint64
	err := b.stage.Update(b.ctx, func(tx *kv.WriteTx) (err error) { rows, err = b.superseded(tx); return err })
	if err != nil || len(rows) <= b.s.a.o.PieceRows {
		return err
	}
	for piece := range slices.Chunk(rows, b.s.a.o.PieceRows) {
		var merge merges
		dropped := 0
		err := b.stage.Update(b.ctx, b.s.writing(func(s *Session, tx *kv.WriteTx) (err error) {
			merge = merges{}
			dropped, err = b.dropSuperseded(s, tx, piece, &merge)
			return err
		}))
		if err != nil {
			return err
		}
		b.done.created -= dropped
		b.merge.join(merge)
	}
	return nil
}

// abort deletes the pending rows.
func (b *bulk) abort() error {
	if b.stage == nil {
		return nil
	}
	b.wait() // its error does not matter now
	return b.stage.Abort()
}

// gathered holds rows whose values lie in one buffer.
type gathered[T any] struct {
	rows  []T   // without their values
	lines []int // of the input
	text  []byte
	ends  []int // of the values in text
}

// add appends a row, and copies its value.
func (g *gathered[T]) add(row T, value []byte, line int) {
	g.rows, g.lines = append(g.rows, row), append(g.lines, line)
	g.text = append(g.text, value...)
	g.ends = append(g.ends, len(g.text))
}

func (g *gathered[T]) value(i int) []byte {
	start := 0
	if i > 0 {
		start = g.ends[i-1]
	}
	return g.text[start:g.ends[i]:g.ends[i]]
}

func (g *gathered[T]) forget() {
	clear(g.rows)
	g.rows, g.lines, g.text, g.ends = g.rows[:0], g.lines[:0], emptied(g.text), g.ends[:0]
}

// doubleBuffer gathers rows in front while those in back are written.
type doubleBuffer[T any] struct {
	front, back gathered[T]
	made        Datum // memory for the datum of a row in back
}

func (t *doubleBuffer[T]) swap() {
	t.front, t.back = t.back, t.front
	t.front.forget()
	t.made = Datum{scratch: emptied(t.made.scratch)}
}

// emptied returns a buffer for reuse, or nil if it grew large.
func emptied(b []byte) []byte {
	if cap(b) > 2*stageBytes {
		return nil
	}
	return b[:0]
}

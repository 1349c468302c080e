package archive

import (
	"context"
	"errors"
	"slices"

	"nightjar/kv"
)

// bulk adds many datums in one go: in one transaction when they are not too many, and otherwise as
// a staged write, so that all of them appear at once, or none.
type bulk struct {
	s    *Session
	ctx  context.Context
	rows rowSource

	gathered int
	size     int        // bytes of memory that the gathered rows take
	cuts     []int      // how many rows go into each of the transactions that write them
	cutRows  int        // rows since the last cut
	cutSize  int        // bytes since the last cut
	writing  chan error // the end of the write of the rows before; nil for none
	stage    *kv.Stage
	id       uint64
	merge    merges
	work     uint64 // what the last transaction left to the worker, 0 for nothing
	done     tally
}

// A rowSource gathers the rows of a bulk write, and knows what they refer to: an upload, a product,
// or several products whose ids follow each other.
type rowSource interface {
	// turn hands over what was gathered, to be written, and begins to gather other rows.
	turn()
	// datum gives the datum of a row that was handed over, or the reason why it is left out. It may
	// be asked again for the same row, and the datum is valid until it is asked for the next.
	datum(s *Session, tx *kv.Tx, row int) (*Datum, error)
	// refusal is what is said of a row that exists already; nil counts it as a duplicate.
	refusal(row int) error
	// reserve takes the id of what the rows refer to, of several products that of the first.
	reserve(tx *kv.WriteTx) (uint64, error)
	// refer makes a datum, whose target is known, refer to it.
	refer(d *Datum, id uint64)
	// create makes it, in the transaction in which the rows appear.
	create(s *Session, tx *kv.WriteTx, id uint64) error
	// products is how many products create makes, which are wanted even if no row is good.
	products() int
	// check may still call everything off, before it appears.
	check(tally) error
}

// tally counts what became of rows.
type tally struct {
	created, duplicate int
	rejected           rejections
}

func (t tally) plus(o tally) tally {
	return tally{t.created + o.created, t.duplicate + o.duplicate, t.rejected.plus(o.rejected)}
}

// rejections counts the rows that were left out. It keeps the reasons of the first maxRejected
// only: a stream of worthless lines must not cost more memory than these.
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

// stageBatch is how many rows one transaction of a staged write takes, and stageBytes how much
// memory these may take: with more rows, others wait longer for their single posts; with 2,500, an
// import on 1,000 targets is a fifth slower. A write whose rows take stageAfter bytes is staged,
// however few they are. There may be as many writes at once as there are places for uploads, and
// each holds twice stageBytes, and one row more.
const (
	stageBatch = 5_000
	stageBytes = 2 << 20
	stageAfter = 4 << 20
)

// bulkWriters is how many bulk writes are in a transaction at once: what is written takes several
// times the memory of the rows until it is on the disk, and all who share a commit hold theirs.
const bulkWriters = 1

// inTurn runs fn, which writes gathered rows, when it is one of bulkWriters.
func (b *bulk) inTurn(fn func() error) error {
	select {
	case b.s.a.bulkTurns <- struct{}{}:
	case <-b.ctx.Done():
		return context.Cause(b.ctx)
	}
	defer func() { <-b.s.a.bulkTurns }()
	return fn()
}

// added is called when one more row was gathered, with the bytes of memory that it takes.
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
	cuts, done := b.give(), make(chan error, 1)
	b.writing = done
	go func() { done <- b.stageRows(cuts) }()
	if size < b.s.a.stageBytes {
		return nil
	}
	// A row that is large by itself is written before the next is gathered, while its sender still
	// has the share of memory of the line.
	if err := b.wait(); err != nil {
		return err
	}
	b.rows.turn()
	return nil
}

// cut ends the rows of a transaction.
func (b *bulk) cut() {
	if b.cutRows > 0 {
		b.cuts = append(b.cuts, b.cutRows)
	}
	b.cutRows, b.cutSize = 0, 0
}

// wait waits until the rows before are written.
func (b *bulk) wait() error {
	if b.writing == nil {
		return nil
	}
	err := <-b.writing
	b.writing = nil
	return err
}

// give hands over what was gathered, and says how many rows go into each transaction.
func (b *bulk) give() []int {
	b.cut()
	cuts := b.cuts
	b.gathered, b.size, b.cuts = 0, 0, nil
	b.rows.turn()
	return cuts
}

// stageRows writes rows as pending ones.
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
	return b.place(s, tx, row, d, id, now, merge)
}

// place writes the datum of a row, unless an equal one exists, and counts what became of it.
func (b *bulk) place(s *Session, tx *kv.WriteTx, row int, d *Datum, id uint64, now *tally, merge *merges) error {
	b.rows.refer(d, id)
	there, seen, pending, err := s.findEqual(tx.Tx, d)
	if err != nil {
		return err
	}
	repeated := there == 0 && b.stage != nil && // it was in this write before
		slices.ContainsFunc(pending, func(id uint64) bool { return b.stage.Has(tx.Tx, id) })
	if seen || repeated {
		if refusal := b.rows.refusal(row); refusal != nil {
			now.rejected.add(refusal)
			return nil
		}
	}
	switch {
	case there != 0:
		merge.add(there, seen, d)
	case repeated:
		now.duplicate++
	default:
		now.created++
		return insertDatum(tx, d, pending)
	}
	return nil
}

// finish makes everything appear, and waits until it is complete.
func (b *bulk) finish() error {
	if err := b.wait(); err != nil {
		return err
	}
	size := b.size
	cuts := b.give()
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
	if err := b.settleEarly(); err != nil {
		return err
	}
	staged := b.done
	b.merge.sort()
	err := b.stage.Finish(b.ctx, b.s.writing(func(s *Session, tx *kv.WriteTx) error {
		b.done, b.work = staged, 0
		if err := b.stillGood(s, tx.Tx); err != nil {
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
	b.stage = nil // there is nothing left to give up
	return b.s.a.worker.wait(b.ctx, b.work)
}

// writeAll is finish for what fits into one transaction. All rows are checked before anything is
// written.
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
		if err := b.place(s, tx, i, d, b.id, &b.done, &merge); err != nil {
			return err
		}
	}
	merge.sort()
	if err := b.mergeExisting(s, tx, &merge); err != nil {
		return err
	}
	return b.rows.check(b.done)
}

// superseded lists the pending rows of which an equal is visible now, as far as somebody left a
// note of it.
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
	// There may be a million notes, and for most of them the other one may have been given up, or
	// be pending as well.
	there, err := kv.And(kv.IDs(slices.Compact(by)), datums.All(tx.Tx)).IDs()
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		if _, ok := slices.BinarySearch(there, n.By); ok {
			pending = append(pending, n.Pending)
		}
	}
	slices.Sort(pending)
	return slices.Compact(pending), nil
}

// dropSuperseded drops pending rows whose equals others made visible while this was being staged,
// and adds these to what is brought.
func (b *bulk) dropSuperseded(s *Session, tx *kv.WriteTx, rows []uint64, merge *merges) (dropped int, err error) {
	for _, id := range rows {
		mine, pending, err := datums.Pending(tx.Tx, id)
		if errors.Is(err, kv.ErrNotFound) || !pending {
			continue
		}
		if err != nil {
			return 0, err
		}
		there, seen, _, err := s.findEqual(tx.Tx, mine)
		if err != nil {
			return 0, err
		}
		if there == 0 {
			continue // it is hidden and shows something else
		}
		merge.add(there, seen, mine)
		if err := b.stage.Drop(tx, id); err != nil {
			return 0, err
		}
		dropped++
	}
	return dropped, nil
}

// settleEarly is dropSuperseded in pieces, before the last transaction: somebody may have sent the
// same million rows.
func (b *bulk) settleEarly() error {
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

// abort gives up what is pending.
func (b *bulk) abort() error {
	if b.stage == nil {
		return nil
	}
	b.wait() // what it says makes no difference now
	return b.stage.Abort()
}

// gathered are rows whose values lie one behind the other in one buffer.
type gathered[T any] struct {
	rows  []T   // without their values
	lines []int // of the input
	text  []byte
	ends  []int // of the values in text
}

// add takes a row in; its value is copied.
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

// turns has rows gathered in front while those in back are written.
type turns[T any] struct {
	front, back gathered[T]
	made        Datum // memory for the datum of a row in back
}

func (t *turns[T]) turn() {
	t.front, t.back = t.back, t.front
	t.front.forget()
	t.made = Datum{scratch: emptied(t.made.scratch)}
}

// emptied is a buffer for use again, unless it grew for large values.
func emptied(b []byte) []byte {
	if cap(b) > 2*stageBytes {
		return nil
	}
	return b[:0]
}

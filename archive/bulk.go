package archive

import (
	"context"
	"errors"
	"slices"

	"nightjar/kv"
)

// bulk adds many data in one go: in one transaction when they are not too many, and otherwise as a staged write, so that all of
// them appear at once, or none.
type bulk struct {
	s   *Access
	ctx context.Context
	// first makes what the data refer to, a product, products one behind the other, or an upload, in the transaction in which they appear; id is what
	// was reserved, of several the first, or 0.
	first func(s *Access, tx *kv.WriteTx, id uint64) (uint64, error)
	// empty says that first is wanted though no row is good.
	empty bool
	// reserve takes the id of that before it is made.
	reserve func(tx *kv.WriteTx) (uint64, error)
	// refer makes a datum, whose target is known, refer to it.
	refer func(d *Datum, id uint64)
	// ready gives the datum of a gathered row, or the reason why it is left out. It may be asked again for the same row, and the datum is valid until
	// it is asked for the next.
	ready func(s *Access, tx *kv.Tx, row int) (*Datum, error)
	// refuse is what is said of a row that is there already; nil counts it as a duplicate.
	refuse func(row int) error
	// check may still call everything off, before it appears; nil for no check.
	check func(tally) error
	// turn is told that the gathered rows will be written now, and others be gathered meanwhile.
	turn func()
	// makes is how many products first makes, from the reserved id on.
	makes int

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
	b.turn()
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
	b.turn()
	return cuts
}

// stageRows writes rows as pending ones.
func (b *bulk) stageRows(cuts []int) error {
	from := 0
	for _, n := range cuts {
		var now tally
		var merge merges
		id := b.id
		write := b.s.writing(func(s *Access, tx *kv.WriteTx) (err error) {
			now, merge, id = tally{}, merges{}, b.id
			if id == 0 {
				if id, err = b.reserve(tx); err != nil {
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

// turns has rows gathered in front while those in back are written.
type turns[R interface{ forget() }] struct{ front, back R }

func (t *turns[R]) turn() {
	t.front, t.back = t.back, t.front
	t.front.forget()
}

func (b *bulk) stageRow(s *Access, tx *kv.WriteTx, row int, id uint64, now *tally, merge *merges) error {
	d, err := b.ready(s, tx.Tx, row)
	if isRefusal(err) {
		now.rejected.add(err)
		return nil
	}
	if err != nil {
		return err
	}
	b.refer(d, id)
	there, seen, pending, err := s.findEqual(tx.Tx, d)
	switch {
	case err != nil:
		return err
	case seen && b.refuse != nil:
		now.rejected.add(b.refuse(row))
		return nil
	case there != 0:
		merge.add(there, seen, d)
		return nil
	case slices.ContainsFunc(pending, func(id uint64) bool { return b.stage.Has(tx.Tx, id) }):
		// it was in this write before
		if b.refuse != nil {
			now.rejected.add(b.refuse(row))
		} else {
			now.duplicate++
		}
		return nil
	}
	fresh, err := datums.Insert(tx, d)
	if err == nil {
		supersede(tx, fresh, pending)
	}
	now.created++
	return err
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
			return b.s.update(b.ctx, func(s *Access, tx *kv.WriteTx) error { return b.writeAll(s, tx, n) })
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
	err := b.stage.Finish(b.ctx, b.s.writing(func(s *Access, tx *kv.WriteTx) error {
		b.done, b.work = staged, 0
		if err := b.stillGood(s, tx.Tx); err != nil {
			return err
		}
		if _, err := b.first(s, tx, b.id); err != nil {
			return err
		}
		if err := b.mergeAll(s, tx, &b.merge); err != nil {
			return err
		}
		late, err := b.superseded(tx)
		if err != nil {
			return err
		}
		var merge merges
		dropped, err := b.settle(s, tx, late, &merge)
		if err != nil {
			return err
		}
		b.done.created -= dropped
		merge.sort()
		if err := b.mergeAll(s, tx, &merge); err != nil {
			return err
		}
		return b.checked()
	}))
	if err != nil {
		return err
	}
	b.stage = nil // there is nothing left to give up
	return b.s.a.worker.wait(b.ctx, b.work)
}

func (b *bulk) checked() error {
	if b.check == nil {
		return nil
	}
	return b.check(b.done)
}

// writeAll is finish for what fits into one transaction. All rows are checked before anything is written.
func (b *bulk) writeAll(s *Access, tx *kv.WriteTx, n int) error {
	b.done, b.work = tally{}, 0
	rows := make([]*Datum, n)
	for i := range n {
		d, err := b.ready(s, tx.Tx, i)
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
	if n == b.done.rejected.count && !b.empty {
		return nil
	}
	var err error
	if b.id, err = b.first(s, tx, 0); err != nil {
		return err
	}
	var merge merges
	for i, d := range rows {
		if d == nil {
			continue
		}
		b.refer(d, b.id)
		there, seen, err := s.insertDatum(tx, d)
		switch {
		case err != nil:
			return err
		case there == 0:
			b.done.created++
		case seen && b.refuse != nil:
			b.done.rejected.add(b.refuse(i))
		default:
			merge.add(there, seen, d)
		}
	}
	merge.sort()
	if err := b.mergeAll(s, tx, &merge); err != nil {
		return err
	}
	return b.checked()
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

// settle drops pending rows whose equals others made visible while this was being staged, and adds
// these to what is brought.
func (b *bulk) settle(s *Access, tx *kv.WriteTx, rows []uint64, merge *merges) (dropped int, err error) {
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

// settleEarly is settle in pieces, before the last transaction: somebody may have sent the same
// million rows.
func (b *bulk) settleEarly() error {
	var rows []uint64
	err := b.stage.Update(b.ctx, func(tx *kv.WriteTx) (err error) { rows, err = b.superseded(tx); return err })
	if err != nil || len(rows) <= b.s.a.o.PieceRows {
		return err
	}
	for piece := range slices.Chunk(rows, b.s.a.o.PieceRows) {
		var merge merges
		dropped := 0
		err := b.stage.Update(b.ctx, b.s.writing(func(s *Access, tx *kv.WriteTx) (err error) {
			merge = merges{}
			dropped, err = b.settle(s, tx, piece, &merge)
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

// datumRows gathers data whose values lie one behind the other in one buffer.
type datumRows struct {
	rows  []Datum
	datum Datum // memory for ready
	lines []int // of the file
	text  []byte
	ends  []int
}

// add takes the datum of a line in; its value is copied.
func (r *datumRows) add(d Datum, line int) {
	r.lines = append(r.lines, line)
	r.text = append(r.text, d.Value...)
	r.ends = append(r.ends, len(r.text))
	d.Value = nil
	r.rows = append(r.rows, d)
}

// ready gives a copy, since functions of transactions may run twice.
func (r *datumRows) ready(_ *kv.Tx, i int) (*Datum, error) {
	d, scratch := &r.datum, r.datum.scratch
	*d = r.rows[i]
	d.scratch = scratch
	start := 0
	if i > 0 {
		start = r.ends[i-1]
	}
	d.Value = r.text[start:r.ends[i]:r.ends[i]]
	return d, nil
}

func (r *datumRows) forget() {
	r.rows, r.lines, r.text, r.ends = r.rows[:0], r.lines[:0], emptied(r.text), r.ends[:0]
	r.datum = Datum{scratch: emptied(r.datum.scratch)}
}

// emptied is a buffer for use again, unless it grew for large values.
func emptied(b []byte) []byte {
	if cap(b) > 2*stageBytes {
		return nil
	}
	return b[:0]
}

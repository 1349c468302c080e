package archive

import (
	"context"
	"errors"

	"nightjar/kv"
)

// bulk adds many data in one go: in one transaction when they are not too many, and otherwise as a staged write, so that all of
// them appear at once, or none.
type bulk struct {
	s   *Access
	ctx context.Context
	// first makes what the data refer to, a product, products one behind the other, or an upload, in the transaction in which they appear; id is what
	// was reserved, of several the first, or 0.
	first func(s *Access, tx *kv.Tx, id uint64) (uint64, error)
	// empty says that first is wanted though no row is good.
	empty bool
	// reserve takes the id of that before it is made.
	reserve func(tx *kv.Tx) (uint64, error)
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

	gathered int
	size     int        // about how many bytes of memory these take
	writing  chan error // the end of the write of the rows before; nil for none
	stage    *kv.Stage
	id       uint64
	merge    []mergeRow
	done     tally
}

// tally counts what became of rows.
type tally struct {
	created, duplicate int
	rejected           []error // of rows that were left out
}

func (t tally) plus(o tally) tally {
	return tally{t.created + o.created, t.duplicate + o.duplicate, append(t.rejected[:len(t.rejected):len(t.rejected)], o.rejected...)}
}

// mergeRow is a row that is there already and is brought once more when the stage finishes.
type mergeRow struct {
	id, target uint64
	seen       bool
}

// stageBatch is how many rows one transaction of a staged write takes.
const stageBatch = 20_000

// stageBytes is after about how many bytes of gathered rows these are written, however few they are: their values may be large.
const stageBytes = 4 << 20

// added is called when one more row was gathered, with a value of so many bytes.
func (b *bulk) added(value int) error {
	b.gathered++
	b.size += value
	large := b.size >= stageBytes
	if b.stage == nil && (b.gathered > b.s.a.o.StageFrom || large) {
		stage, err := datums.Stage(b.ctx, b.s.a.db, b.s.v.Author())
		if err != nil {
			return err
		}
		b.stage = stage
	}
	if b.stage == nil || b.gathered < stageBatch && !large {
		return nil
	}
	if err := b.wait(); err != nil {
		return err
	}
	n, done := b.give(), make(chan error, 1)
	b.writing = done
	go func() { done <- b.stageRows(n) }()
	return nil
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

// give hands over what was gathered, and says how many rows that are.
func (b *bulk) give() int {
	n := b.gathered
	b.gathered, b.size = 0, 0
	b.turn()
	return n
}

// stageRows writes n rows as pending ones.
func (b *bulk) stageRows(n int) error {
	for from := 0; from < n; from += stageBatch {
		var now tally
		var merge []mergeRow
		id := b.id
		err := b.stage.Update(b.ctx, b.s.writing(func(s *Access, tx *kv.Tx) (err error) {
			now, merge, id = tally{}, nil, b.id
			if id == 0 {
				if id, err = b.reserve(tx); err != nil {
					return err
				}
			}
			for i := from; i < min(from+stageBatch, n); i++ {
				if err := b.stageRow(s, tx, i, id, &now, &merge); err != nil {
					return err
				}
			}
			return nil
		}))
		if err != nil {
			return err
		}
		b.id = id
		b.done = b.done.plus(now)
		b.merge = append(b.merge, merge...)
	}
	return nil
}

// turns has rows gathered in front while those in back are written.
type turns[R interface{ forget() }] struct{ front, back R }

func (t *turns[R]) turn() {
	t.front, t.back = t.back, t.front
	t.front.forget()
}

func (b *bulk) stageRow(s *Access, tx *kv.Tx, row int, id uint64, now *tally, merge *[]mergeRow) error {
	d, err := b.ready(s, tx, row)
	if isRefusal(err) {
		now.rejected = append(now.rejected, err)
		return nil
	}
	if err != nil {
		return err
	}
	b.refer(d, id)
	there, seen, pending, err := s.twin(tx, d, b.stage.Has)
	switch {
	case err != nil:
		return err
	case seen && b.refuse != nil:
		now.rejected = append(now.rejected, b.refuse(row))
		return nil
	case there != 0:
		*merge = append(*merge, mergeRow{there, d.Target, seen})
		return nil
	case pending != 0 && b.stage.Has(tx, pending): // it was in this write before
		if b.refuse != nil {
			now.rejected = append(now.rejected, b.refuse(row))
		} else {
			now.duplicate++
		}
		return nil
	}
	fresh, err := datums.Insert(tx, d)
	if err == nil && pending != 0 {
		datums.Supersede(tx, pending, fresh)
		datums.Supersede(tx, fresh, pending)
	}
	now.created++
	return err
}

// finish makes everything appear.
func (b *bulk) finish() error {
	if err := b.wait(); err != nil {
		return err
	}
	n := b.give()
	if b.stage == nil {
		return b.s.update(b.ctx, func(s *Access, tx *kv.Tx) error { return b.writeAll(s, tx, n) })
	}
	if err := b.stageRows(n); err != nil {
		return err
	}
	staged := b.done
	return b.stage.Finish(b.ctx, b.s.writing(func(s *Access, tx *kv.Tx) error {
		b.done = staged
		if _, err := b.first(s, tx, b.id); err != nil {
			return err
		}
		for _, m := range b.merge {
			if err := b.again(s, tx, m.id, m.target, m.seen); err != nil {
				return err
			}
		}
		if err := b.settle(s, tx); err != nil {
			return err
		}
		return b.checked()
	}))
}

func (b *bulk) checked() error {
	if b.check == nil {
		return nil
	}
	return b.check(b.done)
}

// writeAll is finish for what fits into one transaction. All rows are checked before anything is written.
func (b *bulk) writeAll(s *Access, tx *kv.Tx, n int) error {
	b.done = tally{}
	rows := make([]*Datum, n)
	for i := range n {
		d, err := b.ready(s, tx, i)
		if isRefusal(err) {
			b.done.rejected = append(b.done.rejected, err)
			continue
		}
		if err != nil {
			return err
		}
		own := *d
		own.form, own.scratch = nil, nil
		rows[i] = &own
	}
	if n == len(b.done.rejected) && !b.empty {
		return nil
	}
	var err error
	if b.id, err = b.first(s, tx, 0); err != nil {
		return err
	}
	for i, d := range rows {
		if d == nil {
			continue
		}
		b.refer(d, b.id)
		_, result, err := s.addDatum(tx, d, b.refuse != nil)
		switch {
		case err != nil:
			return err
		case result == Created:
			b.done.created++
		case b.refuse != nil:
			b.done.rejected = append(b.done.rejected, b.refuse(i))
		default:
			b.done.duplicate++
		}
	}
	return b.checked()
}

// again brings a datum of a target that is there already.
func (b *bulk) again(s *Access, tx *kv.Tx, id, target uint64, seen bool) error {
	d := Datum{Target: target}
	b.refer(&d, b.id)
	changed, err := s.bring(tx, id, &d)
	if errors.Is(err, kv.ErrNotFound) {
		return nil // deleted meanwhile
	}
	if err == nil && changed && !seen {
		b.done.created++
	} else {
		b.done.duplicate++
	}
	return err
}

// settle drops pending rows whose equals others made visible while this was being staged.
func (b *bulk) settle(s *Access, tx *kv.Tx) error {
	for _, n := range b.stage.Superseded(tx) {
		mine, pending, err := datums.Pending(tx, n.Pending)
		if errors.Is(err, kv.ErrNotFound) || !pending {
			continue
		}
		if err != nil {
			return err
		}
		there, seen, _, err := s.twin(tx, mine, nil)
		if err != nil {
			return err
		}
		if there == 0 {
			continue // the other one was given up, or is hidden and shows something else
		}
		if err := b.stage.Drop(tx, n.Pending); err != nil {
			return err
		}
		b.done.created--
		if err := b.again(s, tx, there, mine.Target, seen); err != nil {
			return err
		}
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
}

// emptied is a buffer for use again, unless it grew for large values.
func emptied(b []byte) []byte {
	if cap(b) > 2*stageBytes {
		return nil
	}
	return b[:0]
}

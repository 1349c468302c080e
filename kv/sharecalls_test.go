package kv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

func (f *faultModel) aParent() parent {
	return parent{Name: fmt.Sprint("p", f.r.IntN(12)), Seen: someIDs(f.r, 4), Tags: []string{fmt.Sprint(f.r.IntN(3))},
		Rank: uint64(f.r.IntN(9)), Filler: bytes.Repeat([]byte{'f'}, f.size())}
}

// parentID is the id of a parent, usually an existing one.
func (f *faultModel) parentID() uint64 {
	if len(f.parents) == 0 || f.r.IntN(20) == 0 {
		return uint64(1 + f.r.IntN(50))
	}
	return anyKey(f.r, f.parents)
}

func (f *faultModel) aPoint(parent uint64) point {
	p := point{Parent: parent, Time: int64(f.r.IntN(50)), Source: fmt.Sprint("s", f.r.IntN(3)),
		Body: fmt.Sprint(f.r.IntN(5))}
	if f.r.IntN(10) == 0 {
		p.Body = strings.Repeat("b", f.size())
	}
	return p
}

func never(error) bool { return false }

func (f *faultModel) someCall() *faultCall {
	d, r, ctx := f.d, f.r, context.Background()
	update := func(fn func(tx *WriteTx) error) func(Author) error {
		return func(a Author) error { return d.Update(ctx, a, fn) }
	}
	noParent := func(id uint64) error {
		if _, ok := f.parents[id]; !ok {
			return ErrNotFound
		}
		return nil
	}
	switch op := r.IntN(100); {
	case op < 12:
		p := f.aParent()
		var id uint64
		return &faultCall{run: update(func(tx *WriteTx) (err error) { id, err = d.parents.Insert(tx, &p); return err }),
			done: func(int) { f.parents[id] = p },
			refused: func(err error) bool {
				_, taken := err.(*TakenError)
				return (f.byName(p.Name) != 0) && (taken || err == nil)
			}}
	case op < 24:
		id, p := f.parentID(), f.aParent()
		return &faultCall{run: update(func(tx *WriteTx) error {
			now, err := d.parents.Get(tx.Tx, id)
			if err != nil {
				return err
			}
			p.Blob = now.Blob
			return d.parents.Put(tx, id, &p)
		}),
			done: func(int) { f.parents[id] = p },
			refused: func(err error) bool {
				_, taken := err.(*TakenError)
				owner := f.byName(p.Name)
				switch {
				case noParent(id) != nil:
					return err == ErrNotFound || err == nil
				case owner != 0 && owner != id:
					return taken || err == nil
				}
				return false
			}}
	case op < 28:
		id := f.parentID()
		return &faultCall{run: update(func(tx *WriteTx) error {
			p, err := d.parents.Get(tx.Tx, id)
			if err != nil {
				return err
			}
			ids, err := d.points.Set(tx.Tx, dimParent, Int(id)).IDs()
			if err == nil {
				err = d.points.DeleteAll(tx, ids)
			}
			if err == nil && p.Blob != 0 {
				err = tx.DropBlob(p.Blob)
			}
			if err != nil {
				return err
			}
			return d.parents.Delete(tx, id)
		}),
			done: func(int) {
				maps.DeleteFunc(f.points, func(_ uint64, p point) bool { return p.Parent == id })
				delete(f.parents, id)
				delete(f.blobs, id)
			},
			refused: func(err error) bool { return noParent(id) != nil && (err == nil || err == ErrNotFound) }}
	case op < 52:
		id, n := f.parentID(), 1+r.IntN(12)
		if r.IntN(12) == 0 && len(f.points) < 2500 {
			n = 200 + r.IntN(1200) // many, so that sets change their form
		}
		var rows []point
		for range n {
			rows = append(rows, f.aPoint(id))
		}
		added := map[uint64]point{}
		return &faultCall{run: update(func(tx *WriteTx) error {
			clear(added)
			if _, err := d.parents.Get(tx.Tx, id); err != nil {
				return err
			}
			for i := range rows {
				row, err := d.points.Insert(tx, &rows[i])
				if err != nil {
					return err
				}
				added[row] = rows[i]
			}
			return nil
		}),
			done:    func(int) { maps.Copy(f.points, added) },
			refused: func(err error) bool { return noParent(id) != nil && (err == nil || err == ErrNotFound) }}
	case op < 60 && len(f.points) > 0:
		id, p := anyKey(r, f.points), f.aPoint(f.parentID())
		return &faultCall{run: update(func(tx *WriteTx) error {
			if _, err := d.parents.Get(tx.Tx, p.Parent); err != nil {
				return err
			}
			return d.points.Put(tx, id, &p)
		}),
			done: func(int) { f.points[id] = p },
			refused: func(err error) bool {
				_, there := f.points[id]
				return (noParent(p.Parent) != nil || !there) && (err == nil || err == ErrNotFound)
			}}
	case op < 66 && len(f.points) > 0:
		id := anyKey(r, f.points)
		return &faultCall{run: update(func(tx *WriteTx) error { return d.points.Delete(tx, id) }),
			done: func(int) { delete(f.points, id) },
			refused: func(err error) bool {
				_, there := f.points[id]
				return !there && (err == nil || err == ErrNotFound)
			}}
	case op < 72:
		name, value := fmt.Sprint("s", r.IntN(3)), strings.Repeat("v", f.size())
		return &faultCall{run: update(func(tx *WriteTx) error { return tx.SetSetting(name, value) }),
			done: func(int) { f.settings[name] = value }, refused: never}
	case op < 78:
		return f.blobCall()
	case op < 82: // fails on its own, before or after it has written, or panics
		p, after, panics := f.aPoint(1), r.IntN(2) == 0, r.IntN(3) == 0
		return &faultCall{run: update(func(tx *WriteTx) error {
			if after {
				if _, err := d.points.Insert(tx, &p); err != nil {
					return err
				}
				if err := tx.SetSetting("s0", "of one that fails"); err != nil {
					return err
				}
			}
			if panics {
				panic("its own")
			}
			return errUndo
		}),
			done: func(int) {},
			refused: func(err error) bool {
				panicked := new(PanicError)
				return err == nil || errors.As(err, &panicked) && panics || errors.Is(err, errUndo) && !panics
			}}
	case op < 88: // too long for a key
		long, p := strings.Repeat("k", MaxKey), f.aParent()
		p.Name += " too large"
		which := r.IntN(3)
		return &faultCall{run: update(func(tx *WriteTx) error {
			switch which {
			case 0:
				return tx.SetSetting(long, "")
			case 1:
				_, err := d.points.Insert(tx, &point{Parent: 1, Source: long})
				return err
			}
			p.Tags = []string{long}
			_, err := d.parents.Insert(tx, &p)
			return err
		}),
			done: func(int) {},
			refused: func(err error) bool {
				large := new(TooLargeError)
				return err == nil || errors.As(err, &large)
			}}
	case op < 92:
		b := box{Held: someIDs(r, 4)}
		if len(f.boxes) == 0 || r.IntN(2) == 0 {
			var id uint64
			return &faultCall{
				run:  update(func(tx *WriteTx) (err error) { id, err = d.boxes.Insert(tx, &b); return err }),
				done: func(int) { f.boxes[id] = b }, refused: never}
		}
		id := anyKey(r, f.boxes)
		return &faultCall{run: update(func(tx *WriteTx) error { return d.boxes.Put(tx, id, &b) }),
			done: func(int) { f.boxes[id] = b }, refused: never}
	default:
		return f.stageCall()
	}
}

// blobCall gives a parent another file.
func (f *faultModel) blobCall() *faultCall {
	d, id := f.d, f.parentID()
	content := bytes.Repeat([]byte{byte('a' + f.r.IntN(3))}, f.size()+f.r.IntN(3)*chunkSize)
	if f.r.IntN(40) == 0 {
		content = bytes.Repeat(content[:1:1], spillSize+chunkSize) // in several transactions
	}
	var p parent
	return &faultCall{quiet: true, run: func(a Author) error {
		w := d.NewBlob(context.Background())
		_, err := w.Write(content)
		if err == nil {
			err = d.Update(context.Background(), a, func(tx *WriteTx) error {
				now, err := d.parents.Get(tx.Tx, id)
				if err != nil {
					return err
				}
				if now.Blob != 0 {
					if err := tx.DropBlob(now.Blob); err != nil {
						return err
					}
				}
				if now.Blob, _, err = w.Store(tx); err != nil {
					return err
				}
				p = *now
				return d.parents.Put(tx, id, now)
			})
		}
		if err != nil {
			w.Abort()
		}
		return err
	},
		done: func(int) { f.parents[id], f.blobs[id] = p, content },
		refused: func(err error) bool {
			_, there := f.parents[id]
			return !there && (err == nil || err == ErrNotFound)
		}}
}

// stageCall writes rows in stages, and finishes or aborts them.
func (f *faultModel) stageCall() *faultCall {
	d, aborts, drops := f.d, f.r.IntN(4) == 0, f.r.IntN(3) == 0
	var pieces [][]point
	for range 1 + f.r.IntN(3) {
		var rows []point
		for range 1 + f.r.IntN(80) {
			rows = append(rows, f.aPoint(f.parentID()))
		}
		pieces = append(pieces, rows)
	}
	added, finishing := map[uint64]point{}, false
	return &faultCall{quiet: true, run: func(a Author) error {
		s, err := d.points.Stage(context.Background(), d.DB, a)
		if err != nil {
			return err
		}
		for _, rows := range pieces {
			piece := map[uint64]point{}
			err := s.Update(context.Background(), func(tx *WriteTx) error {
				clear(piece)
				for i := range rows {
					if _, err := d.parents.Get(tx.Tx, rows[i].Parent); err == ErrNotFound {
						continue
					}
					id, err := d.points.Insert(tx, &rows[i])
					if err != nil {
						return err
					}
					piece[id] = rows[i]
				}
				return nil
			})
			if err != nil {
				s.Abort()
				return err
			}
			maps.Copy(added, piece)
		}
		if aborts {
			return s.Abort()
		}
		drop := uint64(0)
		if drops && len(added) > 0 {
			drop = slices.Min(slices.Collect(maps.Keys(added)))
			delete(added, drop)
		}
		finishing = true
		if err = s.Finish(context.Background(), func(tx *WriteTx) error {
			if drop != 0 {
				return s.Drop(tx, drop)
			}
			return nil
		}); err != nil {
			s.Abort()
		}
		return err
	},
		done: func(int) {
			if finishing {
				maps.Copy(f.points, added)
			}
		},
		refused: never}
}

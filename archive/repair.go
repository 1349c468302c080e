package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nightjar/auth"
	"nightjar/kv"
)

// A Repair is the report of Session.Repair.
type Repair struct {
	Done []string // the first maxRepaired changes, a line each
	More int      // how many other changes
	Left int      // dangling references that could not be repaired
}

const (
	maxRepaired  = 100
	repairAction = "verify --repair"
	repairPiece  = 1000      // rows that one transaction, with one log entry, repairs
	repairScan   = 1_000_000 // dangling references that one scan returns
	repairRounds = 20        // repairing a row may leave other references dangling
)

// Repair removes references to records that do not exist. It deletes a product, an observation or a
// datum whose target does not exist. A datum that loses its last product, and has no owner, gets an
// owner: the user who sent it in bulk or else created the product, if that user is known. So no
// user sees a datum that they could not see before. Each piece is an entry of the log that names
// the rows. Other damage stays. Superusers only.
func (s *Session) Repair(ctx context.Context) (*Repair, error) {
	if err := s.stillSuperuser(); err != nil {
		return nil, err
	}
	repairs := *s
	repairs.v.Action = repairAction
	r := new(Repair)
	for range repairRounds {
		list, err := s.a.db.Dangling(ctx, repairScan)
		if err != nil {
			return r, err
		}
		if r.Left = len(list); r.Left == 0 {
			return r, nil
		}
		rows := danglingRows(list)
		makers, err := s.a.makersOf(list)
		if err != nil {
			return r, err
		}
		progress := 0
		for len(rows) > 0 {
			piece := rows[:min(repairPiece, len(rows))]
			rows = rows[len(piece):]
			var done []string
			if err := repairs.free(ctx, func(s *Session, tx *kv.WriteTx) error {
				if err := s.superuser(); err != nil {
					return err
				}
				done = nil
				for _, row := range piece {
					what, err := s.a.repairRow(tx, row, makers)
					if errors.Is(err, kv.ErrNotFound) {
						continue // deleted meanwhile
					}
					if err != nil {
						return fmt.Errorf("%s %d: %w", row.Table, row.ID, err)
					}
					if what != "" {
						done = append(done, fmt.Sprintf("%s %d: %s", row.Table, row.ID, what))
					}
				}
				return nil
			}); err != nil {
				return r, err
			}
			progress += len(done)
			kept := min(len(done), max(0, maxRepaired-len(r.Done)))
			r.Done = append(r.Done, done[:kept]...)
			r.More += len(done) - kept
		}
		if progress == 0 {
			return r, nil
		}
	}
	return r, nil
}

// danglingRows returns the rows with dangling references, each once. Datums come first, since their
// repair needs products that may be deleted.
func danglingRows(list []kv.Dangling) []kv.Dangling {
	place := func(d kv.Dangling) int {
		if d.Table == datums.Name() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b kv.Dangling) int { return place(a) - place(b) })
	return slices.CompactFunc(list, func(a, b kv.Dangling) bool { return a.Table == b.Table && a.ID == b.ID })
}

// makersOf finds the creators of deleted products, if the log still has their deletion.
func (a *Archive) makersOf(list []kv.Dangling) (map[uint64]uint64, error) {
	makers := map[uint64]uint64{}
	for _, d := range list {
		if d.To == products.Name() {
			makers[d.ToID] = 0
		}
	}
	if len(makers) == 0 {
		return nil, nil
	}
	return makers, a.db.View(func(tx *kv.Tx) error {
		for e := range tx.Log(0) {
			for _, c := range e.Changes {
				if c.Table != products.No() || c.Op != kv.Deleted {
					continue
				}
				for id := range c.IDs() {
					if _, wanted := makers[id]; !wanted {
						continue
					}
					p, err := products.Before(tx, e.Seq, id)
					if errors.Is(err, kv.ErrNotFound) {
						continue // created and deleted by the same request
					}
					if err != nil {
						return err
					}
					makers[id] = p.Creator
				}
			}
		}
		return nil
	})
}

// exists reports whether a table has a row.
func exists[T any](tx *kv.Tx, table *kv.Table[T], id uint64) (bool, error) {
	_, err := table.Get(tx, id)
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const targetGone = "deleted, since its target %d does not exist"

// repairRow removes dangling references from a row, and says what it did; "" for nothing.
func (a *Archive) repairRow(tx *kv.WriteTx, row kv.Dangling, makers map[uint64]uint64) (string, error) {
	switch row.Table {
	case targets.Name():
		return repairTarget(tx, row.ID)
	case products.Name():
		return repairProduct(tx, row.ID)
	case observations.Name():
		o, err := observations.Get(tx.Tx, row.ID)
		if err != nil {
			return "", err
		}
		if ok, err := exists(tx.Tx, targets, o.Target); err != nil {
			return "", err
		} else if !ok {
			return fmt.Sprintf(targetGone, o.Target), observations.Delete(tx, row.ID)
		}
		kept, err := knownGroups(tx.Tx, o.Groups)
		if err != nil || len(kept) == len(o.Groups) {
			return "", err
		}
		o.Groups = kept
		return groupsGone, observations.Put(tx, row.ID, o)
	case datums.Name():
		return repairDatum(tx, row.ID, makers)
	}
	return a.auth.Repair(tx, row.Table, row.ID)
}

const groupsGone = "no longer shared with groups that do not exist"

func knownGroups(tx *kv.Tx, ids []uint64) (kept []uint64, err error) {
	for _, id := range ids {
		ok, err := auth.Exists(tx, auth.GroupGrantee(id))
		if err != nil {
			return nil, err
		}
		if ok {
			kept = append(kept, id)
		}
	}
	return kept, nil
}

func repairTarget(tx *kv.WriteTx, id uint64) (done string, err error) {
	t, err := targets.Get(tx.Tx, id)
	if err != nil {
		return "", err
	}
	var grants []auth.Grant
	for _, g := range t.Grants {
		if ok, err := auth.Exists(tx.Tx, g.To); err != nil {
			return "", err
		} else if ok {
			grants = append(grants, g)
		}
	}
	var on []uint64
	for _, l := range t.Lists {
		if ok, err := exists(tx.Tx, lists, l); err != nil {
			return "", err
		} else if ok {
			on = append(on, l)
		}
	}
	switch gone := len(grants) < len(t.Grants); {
	case gone && len(on) < len(t.Lists):
		done = "no longer granted to users and groups that do not exist, and taken off lists that do not exist"
	case gone:
		done = "no longer granted to users and groups that do not exist"
	case len(on) < len(t.Lists):
		done = "taken off lists that do not exist"
	default:
		return "", nil
	}
	t.Grants, t.Lists = grants, on
	return done, targets.Put(tx, id, t)
}

func repairProduct(tx *kv.WriteTx, id uint64) (string, error) {
	p, err := products.Get(tx.Tx, id)
	if err != nil {
		return "", err
	}
	if ok, err := exists(tx.Tx, targets, p.Target); err != nil {
		return "", err
	} else if !ok {
		return fmt.Sprintf(targetGone, p.Target), dropProduct(tx, id, p)
	}
	done := ""
	kept, err := knownGroups(tx.Tx, p.Groups)
	if err != nil {
		return "", err
	}
	if len(kept) < len(p.Groups) {
		p.Groups, done = kept, groupsGone
	}
	if p.Observation != 0 {
		if ok, err := exists(tx.Tx, observations, p.Observation); err != nil {
			return "", err
		} else if !ok {
			done = fmt.Sprintf("without its observation %d, which does not exist", p.Observation)
			p.Observation, p.Facility = 0, ""
		}
	}
	if done == "" {
		return "", nil
	}
	return done, products.Put(tx, id, p)
}

// dropProduct deletes a product without a target, and its file. Most of its datums were deleted
// before, since they have the same target.
func dropProduct(tx *kv.WriteTx, id uint64, p *Product) error {
	err := changeRows(tx, datums, datums.Set(tx.Tx, dimProduct, kv.Int(id)), func(d *Datum) {
		d.Products = slices.DeleteFunc(d.Products, func(x uint64) bool { return x == id })
		if len(d.Products)+len(d.Owners) == 0 && p.Creator != 0 {
			d.Owners = []Owner{{User: p.Creator}}
		}
	})
	if err != nil {
		return err
	}
	if err := tx.DropBlob(p.Blob); err != nil && !errors.Is(err, kv.ErrNotFound) {
		return err
	}
	return products.Delete(tx, id)
}

func repairDatum(tx *kv.WriteTx, id uint64, makers map[uint64]uint64) (string, error) {
	d, err := datums.Get(tx.Tx, id)
	if err != nil {
		return "", err
	}
	if ok, err := exists(tx.Tx, targets, d.Target); err != nil {
		return "", err
	} else if !ok {
		return fmt.Sprintf(targetGone, d.Target), datums.Delete(tx, id)
	}
	sender, done := uint64(0), ""
	if d.Upload != 0 {
		u, err := uploads.Get(tx.Tx, d.Upload)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			done = fmt.Sprintf("without its upload %d, which does not exist", d.Upload)
			d.Upload = 0
		case err != nil:
			return "", err
		default:
			sender = u.Creator
		}
	}
	var kept []uint64
	for _, p := range d.Products {
		ok, err := exists(tx.Tx, products, p)
		if err != nil {
			return "", err
		}
		if ok {
			kept = append(kept, p)
			continue
		}
		done = fmt.Sprintf("without its data product %d, which does not exist", p)
		if sender == 0 {
			sender = makers[p]
		}
	}
	if done == "" {
		return "", nil
	}
	if d.Products = kept; len(kept)+len(d.Owners) == 0 && sender != 0 {
		d.Owners = []Owner{{User: sender}}
	}
	return done, datums.Put(tx, id, d)
}

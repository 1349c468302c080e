package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nightjar/auth"
	"nightjar/kv"
)

// A Repair is what Repair did.
type Repair struct {
	Done []string // the first of what was done, a line each
	More int      // how many more
	Left int      // references that lead nowhere and could not be mended
}

const (
	maxRepaired  = 100
	repairAction = "verify --repair"
	repairPiece  = 1000      // rows that are mended in one transaction, with one log entry
	repairScan   = 1_000_000 // references that are looked for at once
	repairRounds = 20        // mending one row may leave others behind
)

// Repair removes references to records that do not exist, and records that are nothing without
// them. A product, an observation or a datum whose target does not exist is deleted. A datum that
// loses a product keeps its other ones; when it has neither another product nor an owner, its owner
// becomes the user who sent it in bulk or else made the product, if that user is known, and
// otherwise it has none: so no user sees it who could not see it before. Each piece leaves an entry
// in the log that names the rows. Other damage is left as it is. Superusers only.
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
		rows := mendedRows(list)
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
					what, err := s.a.mend(tx, row, makers)
					if errors.Is(err, kv.ErrNotFound) {
						continue // deleted meanwhile, or with another row
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
			room := min(len(done), max(0, maxRepaired-len(r.Done)))
			r.Done = append(r.Done, done[:room]...)
			r.More += len(done) - room
		}
		if progress == 0 {
			return r, nil
		}
	}
	return r, nil
}

// mendedRows are the rows of references that lead nowhere, each once. Data come first: what they
// owe to a product is only known while that is there.
func mendedRows(list []kv.Dangling) []kv.Dangling {
	place := func(d kv.Dangling) int {
		if d.Table == datums.Name() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b kv.Dangling) int { return place(a) - place(b) })
	return slices.CompactFunc(list, func(a, b kv.Dangling) bool { return a.Table == b.Table && a.ID == b.ID })
}

// makersOf finds the creators of products that no longer exist, if the log still has their
// deletion.
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
						continue // made and deleted by the same request
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

// there says whether a table has a row.
func there[T any](tx *kv.Tx, table *kv.Table[T], id uint64) (bool, error) {
	_, err := table.Get(tx, id)
	if errors.Is(err, kv.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

const targetGone = "deleted, since its target %d is not there"

// mend takes out of a row what leads nowhere, and says what it did; "" for nothing.
func (a *Archive) mend(tx *kv.WriteTx, row kv.Dangling, makers map[uint64]uint64) (string, error) {
	switch row.Table {
	case targets.Name():
		return mendTarget(tx, row.ID)
	case products.Name():
		return mendProduct(tx, row.ID)
	case observations.Name():
		o, err := observations.Get(tx.Tx, row.ID)
		if err != nil {
			return "", err
		}
		if ok, err := there(tx.Tx, targets, o.Target); err != nil {
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
		return mendDatum(tx, row.ID, makers)
	}
	return a.auth.Mend(tx, row.Table, row.ID)
}

const groupsGone = "no longer shared with groups that are not there"

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

func mendTarget(tx *kv.WriteTx, id uint64) (done string, err error) {
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
		if ok, err := there(tx.Tx, lists, l); err != nil {
			return "", err
		} else if ok {
			on = append(on, l)
		}
	}
	switch gone := len(grants) < len(t.Grants); {
	case gone && len(on) < len(t.Lists):
		done = "no longer granted to users and groups that are not there, and taken off lists that are not there"
	case gone:
		done = "no longer granted to users and groups that are not there"
	case len(on) < len(t.Lists):
		done = "taken off lists that are not there"
	default:
		return "", nil
	}
	t.Grants, t.Lists = grants, on
	return done, targets.Put(tx, id, t)
}

func mendProduct(tx *kv.WriteTx, id uint64) (string, error) {
	p, err := products.Get(tx.Tx, id)
	if err != nil {
		return "", err
	}
	if ok, err := there(tx.Tx, targets, p.Target); err != nil {
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
		if ok, err := there(tx.Tx, observations, p.Observation); err != nil {
			return "", err
		} else if !ok {
			done = fmt.Sprintf("without its observation %d, which is not there", p.Observation)
			p.Observation, p.Facility = 0, ""
		}
	}
	if done == "" {
		return "", nil
	}
	return done, products.Put(tx, id, p)
}

// dropProduct deletes a product without a target and lets go of its file. Its data have mostly been
// deleted before, since they have the same target.
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

func mendDatum(tx *kv.WriteTx, id uint64, makers map[uint64]uint64) (string, error) {
	d, err := datums.Get(tx.Tx, id)
	if err != nil {
		return "", err
	}
	if ok, err := there(tx.Tx, targets, d.Target); err != nil {
		return "", err
	} else if !ok {
		return fmt.Sprintf(targetGone, d.Target), datums.Delete(tx, id)
	}
	sender, done := uint64(0), ""
	if d.Upload != 0 {
		u, err := uploads.Get(tx.Tx, d.Upload)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			done = fmt.Sprintf("without its upload %d, which is not there", d.Upload)
			d.Upload = 0
		case err != nil:
			return "", err
		default:
			sender = u.Creator
		}
	}
	var kept []uint64
	for _, p := range d.Products {
		ok, err := there(tx.Tx, products, p)
		if err != nil {
			return "", err
		}
		if ok {
			kept = append(kept, p)
			continue
		}
		done = fmt.Sprintf("without its data product %d, which is not there", p)
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

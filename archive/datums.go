package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// DatumView is a reduced datum as a viewer sees it. Type is the name of its data type, Product the
// first of its products that the viewer sees, or 0.
type DatumView struct {
	*Datum
	Type    string
	Product uint64
}

// DatumFilter narrows a list of data; what is not given does not count, and all that is given must
// hold.
type DatumFilter struct {
	Target      Opt[uint64]
	TargetName  string      // a name or an alias of the target contains it
	Product     Opt[uint64] // by id
	ProductID   string      // the product id, or the file's name, is it
	ProductName string      // the product id, or the file's path, contains it
	Source      string
	Type        string
	Upload      Opt[uint64]
	From, To    *int64 // bounds of the time, both included, in microseconds of UTC since 1970; nil for none
	// ByTime lists by time, and by id where times are equal, in place of by id alone. Descending
	// turns either round.
	ByTime, Descending bool
}

// NoSuch is the problem with a reference to something that is not there, or hidden, in the words of
// Django REST framework.
func NoSuch(p *problem.List, path string, id uint64) {
	p.Add(path, `Invalid pk "%d" - object does not exist.`, id)
}

// ReadOnlyTarget is the problem with a target that one sees but may not change.
const ReadOnlyTarget = "You may see this target, but not change it."

// targetToAddTo reads the target that an input names in a field. A target that the viewer may not
// see or change is a problem with the input; t is nil when the viewer does not see it.
func (s *Session) targetToAddTo(tx *kv.Tx, p *problem.List, field string, id uint64) (t *Target, err error) {
	t, err = s.target(tx, id)
	switch {
	case isRefusal(err):
		NoSuch(p, field, id)
		return nil, nil
	case err == nil && !s.p.May(s.v, auth.Change, t.Object()):
		p.Add(field, ReadOnlyTarget)
	}
	return t, err
}

// dataSet is the set of the data that the viewer sees and that a filter lets through.
func (s *Session) dataSet(tx *kv.Tx, f DatumFilter, q *nameQuery) (kv.Set, error) {
	sets := []kv.Set{visible(s, tx, datums, true)}
	if f.Target.Given {
		sets = append(sets, datums.Set(tx, dimTarget, kv.Int(f.Target.Value)))
	}
	if q != nil {
		found, err := q.in(tx)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, datums.UnionOf(tx, dimTarget, found))
	}
	for _, ids := range s.productFilters(tx, f) {
		set, err := s.shownBy(tx, ids)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, set)
	}
	if f.Source != "" {
		sets = append(sets, datums.Set(tx, dimSource, kv.Text(f.Source)))
	}
	if f.Type != "" {
		code, err := knownCode(tx, f.Type)
		if err != nil {
			return kv.Set{}, err
		}
		sets = append(sets, datums.Set(tx, dimType, kv.Int(uint64(code))))
	}
	if f.Upload.Given {
		sets = append(sets, datums.Set(tx, dimUpload, kv.Int(f.Upload.Value)))
	}
	return kv.And(sets...), nil
}

// productFilters lists, for each filter by product, the products that it lets through.
func (s *Session) productFilters(tx *kv.Tx, f DatumFilter) (filters [][]uint64) {
	if f.Product.Given {
		filters = append(filters, []uint64{f.Product.Value})
	}
	if f.ProductName != "" {
		filters = append(filters, productsNamed(tx, f.ProductName))
	}
	if f.ProductID != "" {
		var ids []uint64
		for _, id := range productsNamed(tx, f.ProductID) {
			p, err := products.Get(tx, id)
			if err == nil && (p.ProductID == f.ProductID || p.Path == f.ProductID ||
				strings.HasSuffix(p.Path, "/"+f.ProductID)) {
				ids = append(ids, id)
			}
		}
		filters = append(filters, ids)
	}
	return filters
}

// knownCode is the code of a data type, 0 when it is not a configured one.
func knownCode(tx *kv.Tx, name string) (byte, error) {
	list, err := dataTypes(tx)
	if err != nil || !slices.Contains(list, name) {
		return 0, err
	}
	return tx.Code(codeDataType, name)
}

// Datums lists the datums that the viewer sees, by id or by time.
func (s *Session) Datums(ctx context.Context, f DatumFilter, page Page, out Out[DatumView]) error {
	var q *nameQuery
	if f.TargetName != "" {
		q = s.a.findNames(ctx, anyContains, f.TargetName)
	}
	return give(s, ctx, out,
		func(s *Session, tx *kv.Tx) ([]uint64, Extent, error) {
			set, err := s.dataSet(tx, f, q)
			if err != nil {
				return nil, Extent{}, err
			}
			if f.From != nil || f.To != nil {
				if set, err = s.within(tx, set, f, q); err != nil {
					return nil, Extent{}, err
				}
			}
			if !f.ByTime {
				return page.of(set, f.Descending)
			}
			places, err := s.dataTimes(tx, set, f, q, f.bounds())
			if err != nil {
				return nil, Extent{}, err
			}
			slices.SortFunc(places, comparePlaces)
			ids, extent := page.ofPlaces(places, f.Descending)
			return ids, extent, nil
		},
		datumRow())
}

// datumRow reads rows of lists of data into a view that is used again and again.
func datumRow() reader[DatumView] {
	d := Datum{known: new(knownTexts)}
	var rows kv.Reader[Datum]
	var seers kv.Reader[Target]
	return func(s *Session, tx *kv.Tx, id uint64, row *DatumView) (bool, error) {
		if !rows.Reads(tx) {
			rows, seers = datums.Reader(tx), targets.Reader(tx)
		}
		err := rows.Read(id, &d)
		if errors.Is(err, kv.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		d.ID = id
		ok, err := s.seesRow(tx, &seers, d.Target, func() ([]auth.Grantee, error) { return s.heldBy(tx, &d) })
		if err != nil || !ok {
			return false, err
		}
		return true, s.fillDatum(tx, &d, row)
	}
}

func (s *Session) fillDatum(tx *kv.Tx, d *Datum, row *DatumView) (err error) {
	row.Datum = d
	if row.Type, err = s.a.types.name(tx, d.Code); err != nil {
		return err
	}
	row.Product, err = s.shownProduct(tx, d)
	return err
}

// shownProduct is the product that stands for all that brought a datum: the first one that the
// viewer sees.
func (s *Session) shownProduct(tx *kv.Tx, d *Datum) (uint64, error) {
	if s.p.Mode != auth.ModeObjects || s.v.Everything() {
		if len(d.Products) > 0 {
			return d.Products[0], nil
		}
		return 0, nil
	}
	for _, id := range d.Products {
		_, _, err := s.product(tx, id)
		if err == nil {
			return id, nil
		}
		if !isRefusal(err) {
			return 0, err
		}
	}
	return 0, nil
}

// shownBy is the set of the data that show one of some products. What a product brought, but an
// earlier one shows, is not in it; such data are few, and only where the viewer may not see the
// earlier one are their records read.
func (s *Session) shownBy(tx *kv.Tx, ids []uint64) (kv.Set, error) {
	open := s.p.Mode != auth.ModeObjects || s.v.Everything()
	seen := visible(s, tx, products, true)
	var sets []kv.Set
	for _, id := range ids {
		if !open {
			if ok, err := seen.Has(id); err != nil {
				return kv.Set{}, err
			} else if !ok {
				continue
			}
		}
		brought, later := datums.Set(tx, dimProduct, kv.Int(id)), datums.Set(tx, dimLater, kv.Int(id))
		shared, err := later.IDs()
		if err != nil {
			return kv.Set{}, err
		}
		if len(shared) > 0 {
			brought = kv.AndNot(brought, later)
		}
		sets = append(sets, brought)
		if open {
			continue
		}
		var shown []uint64
		for _, did := range shared {
			d, err := datums.Get(tx, did)
			if err != nil {
				return kv.Set{}, err
			}
			if by, err := s.shownProduct(tx, d); err != nil {
				return kv.Set{}, err
			} else if by == id {
				shown = append(shown, did)
			}
		}
		sets = append(sets, kv.IDs(shown))
	}
	return kv.Or(sets...), nil
}

// Datum reads one datum; the view's value is a copy. Error: NotFound.
func (s *Session) Datum(id uint64) (v *DatumView, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		d, _, err := s.datum(tx, id)
		if err != nil {
			return err
		}
		d.Value = bytes.Clone(d.Value)
		v = new(DatumView)
		return s.fillDatum(tx, d, v)
	})
	return v, err
}

// DeleteDatum deletes a datum. In mode targets whoever may change the target may; in mode objects
// who holds it, and then only on his own account: it goes when nobody else has brought it. Errors:
// NotFound; Forbidden.
func (s *Session) DeleteDatum(ctx context.Context, id uint64) error {
	return s.free(ctx, func(s *Session, tx *kv.WriteTx) error {
		d, t, err := s.datum(tx.Tx, id)
		if err != nil {
			return err
		}
		held, err := s.heldBy(tx.Tx, d)
		if err != nil {
			return err
		}
		if !s.p.MayDeleteHeld(s.v, t.Object(), held) {
			return problem.ErrForbidden
		}
		if s.p.Mode != auth.ModeObjects || s.v.Everything() {
			return datums.Delete(tx, id)
		}
		if err := takeJoins(tx, id, d); err != nil {
			return err
		}
		mine := func(list []auth.Grantee) bool { return slices.ContainsFunc(list, s.v.Is) }
		d.Owners = slices.DeleteFunc(d.Owners, func(o Owner) bool { return mine(holders(o.User, o.Groups)) })
		var kept []uint64
		for _, pid := range d.Products {
			p, err := products.Get(tx.Tx, pid)
			if errors.Is(err, kv.ErrNotFound) {
				continue // it holds the datum for nobody
			}
			if err != nil {
				return err
			}
			if !mine(p.Holders()) {
				kept = append(kept, pid)
			}
		}
		d.Products = kept
		if len(d.Owners)+len(d.Products) == 0 {
			return datums.Delete(tx, id)
		}
		return datums.Put(tx, id, d)
	})
}

// ExportView is a reduced datum of an export, with its target's name.
type ExportView struct {
	DatumView
	TargetName string
}

// Export gives out all data that the viewer sees and that a filter lets through, by target and then
// by time. Look sees every datum first, in any order and before Out begins, for those who must know
// what is coming; nil if nobody must. A datum that goes meanwhile is left out.
func (s *Session) Export(ctx context.Context, f DatumFilter, look func(*DatumView) error, out Out[ExportView]) error {
	var q *nameQuery
	if f.TargetName != "" {
		q = s.a.findNames(ctx, anyContains, f.TargetName)
	}
	var ids []uint64
	var places []exportPlace
	begun := s
	err := s.view(func(s *Session, tx *kv.Tx) error {
		begun = s
		set, err := s.dataSet(tx, f, q)
		if err == nil {
			ids, err = set.IDs()
		}
		return err
	})
	if err != nil {
		return err
	}
	read := datumRow()
	var row DatumView
	for from := 0; from < len(ids); from += rowsAtOnce {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := begun.viewOn(func(s *Session, tx *kv.Tx) error {
			for _, id := range ids[from:min(from+rowsAtOnce, len(ids))] {
				ok, err := read(s, tx, id, &row)
				if err != nil {
					return err
				}
				if !ok {
					continue
				}
				places = append(places, exportPlace{row.Target, row.Time, id})
				if look != nil {
					if err := look(&row); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	slices.SortFunc(places, func(a, b exportPlace) int {
		return cmp.Or(cmp.Compare(a.target, b.target), cmp.Compare(a.time, b.time), cmp.Compare(a.id, b.id))
	})
	for i := range places {
		ids[i] = places[i].id
	}
	ids = ids[:len(places)]
	var named uint64
	var name string
	return give(begun, ctx, out,
		func(*Session, *kv.Tx) ([]uint64, Extent, error) { return ids, Extent{Count: len(ids)}, nil },
		func(s *Session, tx *kv.Tx, id uint64, v *ExportView) (bool, error) {
			ok, err := read(s, tx, id, &v.DatumView)
			if err != nil || !ok {
				return false, err
			}
			if named != v.Target {
				t, err := targets.Get(tx, v.Target)
				if errors.Is(err, kv.ErrNotFound) {
					return false, nil
				}
				if err != nil {
					return false, err
				}
				named, name = v.Target, t.Name
			}
			v.TargetName = name
			return true, nil
		})
}

// exportPlace is where a datum stands in an export.
type exportPlace struct {
	target uint64
	time   int64
	id     uint64
}

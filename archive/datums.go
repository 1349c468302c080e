package archive

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"nightjar/auth"
	"nightjar/index"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// DatumView is a datum as a viewer sees it. Type is the name of its data type, Product the first of
// its products that the viewer sees, or 0.
type DatumView struct {
	*Datum
	Type    string
	Product uint64
}

// DatumFilter selects datums. All conditions that are given must hold.
type DatumFilter struct {
	Target      Opt[uint64]
	TargetName  string      // a name or an alias of the target contains it
	Product     Opt[uint64] // by id
	ProductID   string      // the product id, the file's path or its name equals it
	ProductName string      // the product id, or the file's path, contains it
	Source      string
	Type        string
	Upload      Opt[uint64]
	From, To    *int64 // inclusive bounds of the time, in microseconds of UTC since 1970; nil for none
	// ByTime orders by time and then id, instead of by id. Descending reverses the order.
	ByTime, Descending bool
}

// datumSet returns the set of the visible datums that match a filter, except for its times.
func (s *Session) datumSet(tx *kv.Tx, f DatumFilter, q *nameQuery) (kv.Set, error) {
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
		if s.byHolder() {
			sets = append(sets, ofSeenTargets(s, tx, datums))
		}
	}
	filters, err := s.productFilters(tx, f)
	if err != nil {
		return kv.Set{}, err
	}
	for _, ids := range filters {
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

// productFilters lists, for each filter by product, the products that match.
func (s *Session) productFilters(tx *kv.Tx, f DatumFilter) (filters [][]uint64, err error) {
	if f.Product.Given {
		filters = append(filters, []uint64{f.Product.Value})
	}
	if f.ProductName != "" {
		ids := productsNamed(tx, f.ProductName)
		if s.byHolder() { // otherwise a product whose target is hidden is hidden, too
			ids, err = s.productsWith(tx, ids, func(productID, path string) bool {
				part := index.Fold(f.ProductName)
				return strings.Contains(index.Fold(productID), part) || strings.Contains(index.Fold(path), part)
			})
		}
		filters = append(filters, ids)
	}
	if f.ProductID != "" && err == nil {
		var ids []uint64
		ids, err = s.productsWith(tx, productsNamed(tx, f.ProductID), func(productID, path string) bool {
			return productID == f.ProductID || path == f.ProductID || strings.HasSuffix(path, "/"+f.ProductID)
		})
		filters = append(filters, ids)
	}
	return filters, err
}

// productsWith returns those of some products whose product id and path fit, as far as the viewer
// sees them: the path of a product of a hidden target matches only after its first part, which is
// the target's name.
func (s *Session) productsWith(tx *kv.Tx, ids []uint64, fits func(productID, path string) bool) ([]uint64, error) {
	var found []uint64
	for _, id := range ids {
		p, err := products.Get(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		p.ID = id
		path := p.Path
		if hidden, err := s.hides(tx, p.Target); err != nil {
			return nil, err
		} else if hidden {
			_, path, _ = strings.Cut(path, "/")
			path = "/" + path
		}
		if fits(p.ProductID, path) {
			found = append(found, id)
		}
	}
	return found, nil
}

// knownCode returns the code of a data type, 0 when it is not configured.
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
	return sendPage(s, ctx, out,
		func(s *Session, tx *kv.Tx) ([]uint64, Extent, error) {
			set, err := s.datumSet(tx, f, q)
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
			places, err := s.datumTimes(tx, set, f, q, f.bounds())
			if err != nil {
				return nil, Extent{}, err
			}
			slices.SortFunc(places, comparePlaces)
			ids, extent := page.ofPlaces(places, f.Descending)
			return ids, extent, nil
		},
		datumRow())
}

// datumRow returns a reader of lists of datums that reuses its view.
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

// shownProduct returns the product with which a datum is shown: the first of its products that the
// viewer sees.
func (s *Session) shownProduct(tx *kv.Tx, d *Datum) (uint64, error) {
	if !s.byHolder() {
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

// shownBy returns the set of the datums that are shown with one of some products. A datum is not in
// it when an earlier product is shown instead. Such datums are few; their records are read only
// where the viewer may be unable to see the earlier product.
func (s *Session) shownBy(tx *kv.Tx, ids []uint64) (kv.Set, error) {
	open := !s.byHolder()
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

// Datum reads a datum; the value of the view is a copy. Error: NotFound.
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

// DeleteDatum deletes a datum that the viewer may delete (auth.Policy.MayDeleteHeld). In mode
// objects this removes only the viewer's own claim to it: the datum is deleted when no owner or
// product of others is left. Errors: NotFound; Forbidden.
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
		if !s.byHolder() {
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
				continue // nobody holds the datum through it
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

// ExportView is a datum of an export, with the name of its target, "" if the viewer does not see
// that.
type ExportView struct {
	DatumView
	TargetName string
}

// Export sends the visible datums that match a filter to out, ordered by target and then time. If
// look is not nil, it is first called with every datum, in any order, before out begins. A datum
// that is deleted meanwhile is left out.
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
		set, err := s.datumSet(tx, f, q)
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
	return sendPage(begun, ctx, out,
		func(*Session, *kv.Tx) ([]uint64, Extent, error) { return ids, Extent{Count: len(ids)}, nil },
		func(s *Session, tx *kv.Tx, id uint64, v *ExportView) (bool, error) {
			ok, err := read(s, tx, id, &v.DatumView)
			if err != nil || !ok {
				return false, err
			}
			hidden, err := s.hides(tx, v.Target)
			if err != nil {
				return false, err
			}
			if hidden {
				named, v.TargetName = 0, ""
				return true, nil
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

// exportPlace is the position of a datum in an export.
type exportPlace struct {
	target uint64
	time   int64
	id     uint64
}

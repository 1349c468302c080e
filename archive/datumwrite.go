package archive

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"nightjar/auth"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// DatumInput is a datum to be added. List holds the problems already found in single fields.
type DatumInput struct {
	problem.List
	Target     uint64 // 0 when TargetName is given
	TargetName string
	Product    uint64 // 0 for none
	Type       string
	Source     string
	Location   string
	Time       int64 // microseconds of UTC since 1970
	Timed      bool  // false: the time of the request
	Value      []byte
	Compact    bool            // Value comes from jsontext.Compact or ParseHead
	Groups     []auth.GroupRef // who holds it besides its creator, in mode objects
	Refuse     bool            // change nothing when the viewer already sees an equal datum
}

// prepareDatum checks an input and finds what it refers to. The caller sets the owner of the datum,
// with the groups. Problems are added to p.
func (s *Session) prepareDatum(tx *kv.Tx, in *DatumInput, p *problem.List) (d *Datum, groups []uint64, err error) {
	if p.Has("") {
		return nil, nil, p // the input as a whole is wrong
	}
	d = &Datum{Time: in.Time, Source: in.Source, Location: in.Location}
	if !in.Timed {
		d.Time = tx.Now().UnixMicro()
	}
	if !p.Has("target") {
		if d.Target, err = s.targetForDatum(tx, in, p); err != nil {
			return nil, nil, err
		}
	}
	if in.Product != 0 && !p.Has("data_product") {
		product, _, err := s.product(tx, in.Product)
		switch {
		case isRefusal(err):
			NoSuch(p, "data_product", in.Product)
		case err != nil:
			return nil, nil, err
		case d.Target != 0 && product.Target != d.Target:
			p.Add("data_product", "This data product belongs to another target.")
		default:
			d.Products = []uint64{in.Product}
		}
	}
	if !p.Has("data_type") {
		if d.Code, err = s.typeForDatum(tx, in.Type, p); err != nil {
			return nil, nil, err
		}
	}
	if !p.Has("value") {
		if d.Value = in.Value; !in.Compact {
			d.Value, err = jsontext.Compact(nil, in.Value)
		}
		if errors.Is(err, jsontext.ErrInvalid) {
			p.Add("value", "Value must be valid JSON.")
		} else if isEmptyValue(d.Value) {
			p.Add("value", "This field may not be blank.")
		}
		tooManyBytes(p, "value", len(d.Value), MaxValue)
	}
	tooManyCharacters(p, "source_name", in.Source, MaxSource)
	tooManyCharacters(p, "source_location", in.Location, MaxLocation)
	refs, err := s.checkGroups(tx, p, "groups", in.Groups, false)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range refs {
		groups = append(groups, r.ID)
	}
	return d, groups, p.Err()
}

// isEmptyValue reports whether a compact value is empty or null.
func isEmptyValue(v []byte) bool {
	switch string(v) {
	case `{}`, `[]`, `""`, `null`:
		return true
	}
	return false
}

// TargetNamed finds a visible target by its name, an alias or its id; id is 0 when there is none.
func (s *Session) TargetNamed(text string) (id uint64, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		var seen bool
		see := func(id uint64) (auth.ACL, bool, error) { return s.seesTarget(tx, id) }
		if id, _, seen, err = targetNamed(tx, text, see); err != nil || seen {
			return err
		}
		if n, wrong := strconv.ParseUint(text, 10, 63); wrong == nil {
			id = n
			_, seen, err = see(id)
		}
		if !seen {
			id = 0
		}
		return err
	})
	return id, err
}

// targetNamed finds the target with a name or an alias for which see returns true: a visible target
// with the alias wins over a hidden one with the name.
func targetNamed(tx *kv.Tx, name string, see func(uint64) (auth.ACL, bool, error)) (id uint64, o auth.ACL, seen bool,
	err error) {
	for _, kind := range []byte{kindTargetName, kindAlias} {
		var ok bool
		if id, ok, err = tx.Lookup(kind, name); err == nil && ok {
			o, seen, err = see(id)
		}
		if err != nil || seen {
			break
		}
	}
	return id, o, seen, err
}

// targetForDatum finds the target of a datum to be added, by id or name.
func (s *Session) targetForDatum(tx *kv.Tx, in *DatumInput, p *problem.List) (uint64, error) {
	see := func(id uint64) (auth.ACL, bool, error) { return s.seesTarget(tx, id) }
	id := in.Target
	o, seen, err := see(id)
	named := id == 0 && in.TargetName != ""
	if named {
		id, o, seen, err = targetNamed(tx, in.TargetName, see)
	}
	switch {
	case err != nil:
		return 0, err
	case !seen && named:
		p.Add("target", "There is no target called %q.", in.TargetName)
		return 0, nil
	case !seen:
		NoSuch(p, "target", id)
		return 0, nil
	case !s.p.May(s.v, auth.Change, o):
		p.Add("target", ReadOnlyTarget)
	}
	return id, nil
}

// typeForDatum finds the code of a data type.
func (s *Session) typeForDatum(tx *kv.Tx, name string, p *problem.List) (byte, error) {
	list, err := dataTypes(tx)
	if err != nil {
		return 0, err
	}
	if !slices.Contains(list, name) {
		p.Add("data_type", "Not a valid data_type. Valid data_types are %s.", strings.Join(list, ", "))
		return 0, nil
	}
	return tx.Code(codeDataType, name)
}

// findEqual finds an equal datum: same target, type, time and value. A visible one comes first. A
// hidden one counts only if all its visible fields are the same: otherwise the viewer would see the
// source that somebody else gave instead of their own. pending lists the equal rows that are still
// staged; it is complete when there is no equal datum.
func (s *Session) findEqual(tx *kv.Tx, d *Datum) (existing uint64, seen bool, pending []uint64, err error) {
	form, _ := d.identityForm()
	hash, isUndated := d.seriesPosition()
	series, time := lightCurve(d.Target, d.Code), d.Time
	if isUndated {
		series, time = undated(d.Target, d.Code), 0
	}
	ids, err := datums.Find(tx, series, time, hash)
	if err != nil {
		return 0, false, nil, err
	}
	for _, id := range ids {
		other, isPending, err := datums.Pending(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, false, nil, err
		}
		if theirs, _ := other.identityForm(); !bytes.Equal(theirs, form) {
			continue
		}
		if isPending {
			pending = append(pending, id)
			continue
		}
		if seen, err := s.sees(tx, id); err != nil || seen {
			return id, seen, pending, err
		}
		if existing == 0 && other.identicalTo(d) {
			existing = id
		}
	}
	return existing, false, pending, nil
}

// identicalTo reports whether two datums of a target and type have the same visible fields.
func (d *Datum) identicalTo(other *Datum) bool {
	return d.Time == other.Time && d.Source == other.Source && d.Location == other.Location &&
		bytes.Equal(d.Value, other.Value)
}

// AlreadyThere is the problem with a datum that the viewer already sees.
const AlreadyThere = "This reduced datum already exists (same target, data type, timestamp and value)."

// Added is the result of adding a datum.
type Added int

// The results.
const (
	Created   Added = iota // the datum is new, or new to the viewer
	Duplicate              // the viewer already saw it
)

// AddDatum adds one datum. If the viewer already sees an equal datum, that one gets the product of
// the input, unless Refuse is set, and the result is Duplicate. If an equal datum is hidden from
// the viewer, the viewer becomes an owner of it, and the result is Created. Errors: *problem.List.
func (s *Session) AddDatum(ctx context.Context, in *DatumInput) (v *DatumView, result Added, err error) {
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		d, groups, err := s.prepareDatum(tx.Tx, in, in.Clone())
		if err != nil {
			return err
		}
		if len(d.Products) == 0 {
			d.Owners = []Owner{{s.v.ID, groups}}
		}
		d.ID, result, err = s.addDatum(tx, d, in.Refuse)
		if err != nil {
			return err
		}
		v = new(DatumView)
		return s.fillDatum(tx.Tx, d, v)
	})
	return v, result, err
}

// AddList adds all datums of a list or none, and returns them in the order of the inputs. For a
// duplicate it returns the existing datum. A problem has the index of its input, from 0, in its
// path; with Refuse a duplicate is a problem too. Errors: *problem.List.
func (s *Session) AddList(ctx context.Context, list []*DatumInput) (views []*DatumView, created int, err error) {
	err = s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
		views, created = make([]*DatumView, len(list)), 0
		all := new(problem.List)
		all.Items("", len(list))
		ready := make([]*Datum, len(list))
		for i, in := range list {
			d, groups, err := s.prepareDatum(tx.Tx, in, in.Clone())
			var p *problem.List
			switch {
			case errors.As(err, &p):
				all.Item(i, p)
				continue
			case err != nil:
				return err
			case len(d.Products) == 0:
				d.Owners = []Owner{{s.v.ID, groups}}
			}
			ready[i] = d
		}
		if all.Err() != nil {
			return all
		}
		for i, d := range ready {
			id, result, err := s.addDatum(tx, d, list[i].Refuse)
			switch {
			case err != nil:
				return err
			case result == Created:
				created++
			case list[i].Refuse:
				all.Add(strconv.Itoa(i), AlreadyThere)
				continue
			}
			if result != Created {
				if d, err = datums.Get(tx.Tx, id); err != nil {
					return err
				}
				d.Value = bytes.Clone(d.Value)
			}
			d.ID = id
			views[i] = new(DatumView)
			if err := s.fillDatum(tx.Tx, d, views[i]); err != nil {
				return err
			}
		}
		return all.Err()
	})
	return views, created, err
}

// insertDatum writes a new datum and sets its id. pending lists equal rows that are still staged.
func insertDatum(tx *kv.WriteTx, d *Datum, pending []uint64) (err error) {
	if d.ID, err = datums.Insert(tx, d); err == nil {
		supersede(tx, d.ID, pending)
	}
	return err
}

// supersede notes for each pending row that fresh is equal to it, and the reverse, since fresh may
// be pending too: when one of them becomes visible, the stages of the others must drop theirs.
func supersede(tx *kv.WriteTx, fresh uint64, pending []uint64) {
	for _, id := range pending {
		datums.Supersede(tx, id, fresh)
		datums.Supersede(tx, fresh, id)
	}
}

// addDatum writes a prepared datum, unless an equal one exists, and returns the id. With refuse, an
// equal datum that the viewer sees stays as it is.
func (s *Session) addDatum(tx *kv.WriteTx, d *Datum, refuse bool) (uint64, Added, error) {
	existing, seen, pending, err := s.findEqual(tx.Tx, d)
	if err != nil {
		return 0, 0, err
	}
	if existing == 0 {
		err := insertDatum(tx, d, pending)
		return d.ID, Created, err
	}
	if seen && refuse {
		return existing, Duplicate, nil
	}
	changed, err := s.attachSource(tx, existing, d)
	if seen || err != nil || !changed {
		return existing, Duplicate, err
	}
	return existing, Created, nil
}

// attachSource adds the products of d to an existing datum or, when that is hidden from the viewer,
// the owners of d.
func (s *Session) attachSource(tx *kv.WriteTx, id uint64, d *Datum) (changed bool, err error) {
	old, err := datums.Get(tx.Tx, id)
	if err != nil {
		return false, err
	}
	for _, p := range d.Products {
		if !slices.Contains(old.Products, p) {
			old.Products, changed = append(slices.Clone(old.Products), p), true
		}
	}
	if len(d.Products) == 0 && s.p.Mode == auth.ModeObjects {
		if seen, err := s.sees(tx.Tx, id); err != nil {
			return false, err
		} else if !seen {
			old.Owners, changed = append(slices.Clone(old.Owners), d.Owners...), true
		}
	}
	if !changed {
		return false, nil
	}
	return true, datums.Put(tx, id, old)
}

package archive

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// merges lists the rows of a bulk write that equal existing datums: in the end, each of these
// datums gets a product or the sender as another source. A row takes about 24 bytes.
type merges struct {
	rows    []mergeRow
	owners  [][]uint64 // the distinct lists of groups of the rows without a product
	by      map[string]uint32
	targets map[uint64]bool
}

// mergeRow is one of them: id is the existing datum, seen whether the sender saw it when it was
// found, and owners an index in merges.owners.
type mergeRow struct {
	id, product uint64 // product 0 for none
	owners      uint32
	seen        bool
}

// add adds row d, which equals an existing datum.
func (m *merges) add(existing uint64, seen bool, d *Datum) {
	if m.targets == nil {
		m.targets, m.by = map[uint64]bool{}, map[string]uint32{}
	}
	m.targets[d.Target] = true
	r := mergeRow{id: existing, seen: seen}
	if len(d.Products) > 0 {
		r.product = d.Products[0]
	}
	var groups []uint64
	if len(d.Products) == 0 && len(d.Owners) > 0 {
		groups = d.Owners[0].Groups
	}
	r.owners = m.owner(groups)
	m.rows = append(m.rows, r)
}

func (m *merges) owner(groups []uint64) uint32 {
	key := ""
	if len(groups) > 0 {
		key = fmt.Sprint(groups)
	}
	i, ok := m.by[key]
	if !ok {
		i = uint32(len(m.owners))
		m.by[key], m.owners = i, append(m.owners, slices.Clone(groups))
	}
	return i
}

// join adds the rows of o.
func (m *merges) join(o merges) {
	if len(o.rows) == 0 {
		return
	}
	if m.targets == nil {
		m.targets, m.by = map[uint64]bool{}, map[string]uint32{}
	}
	maps.Copy(m.targets, o.targets)
	as := make([]uint32, len(o.owners))
	for i, groups := range o.owners {
		as[i] = m.owner(groups)
	}
	for _, r := range o.rows {
		r.owners = as[r.owners]
		m.rows = append(m.rows, r)
	}
}

// sort orders the rows by product, then groups, then id.
func (m *merges) sort() {
	slices.SortFunc(m.rows, func(a, b mergeRow) int {
		return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.owners, b.owners), cmp.Compare(a.id, b.id))
	})
}

// errDeletedMeanwhile refuses a bulk write with rows whose existing equals have been deleted. The
// rows themselves were not kept, so they cannot be stored now.
var errDeletedMeanwhile = &problem.Error{Kind: problem.Conflict,
	Message: "Some of these datums already existed, but were deleted or hidden from you while you sent them. " +
		"Nothing was stored: send them all again."}

// mergeExisting merges the rows of a sorted list: at once when they are few, and otherwise by the
// worker, whose pieces are stored in this transaction.
func (b *bulk) mergeExisting(s *Session, tx *kv.WriteTx, list *merges) error {
	if len(list.rows) <= s.a.o.PieceRows {
		for _, r := range list.rows {
			if err := b.mergeOne(s, tx, r, list.owners[r.owners]); err != nil {
				return err
			}
		}
		return nil
	}
	rest := list.rows
	for len(rest) > 0 {
		first, n := rest[0], 1
		for n < len(rest) && rest[n].product == first.product && rest[n].owners == first.owners {
			n++
		}
		if err := b.mergeSet(s, tx, rest[:n], list.owners[first.owners]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// mergeOne merges one row.
func (b *bulk) mergeOne(s *Session, tx *kv.WriteTx, r mergeRow, groups []uint64) error {
	d := Datum{Owners: []Owner{{s.v.ID, groups}}}
	if r.product != 0 {
		d = Datum{Products: []uint64{r.product}}
	}
	if r.seen {
		if seen, err := s.sees(tx.Tx, r.id); err != nil {
			return err
		} else if !seen {
			return errDeletedMeanwhile
		}
	}
	changed, err := s.attachSource(tx, r.id, &d)
	if errors.Is(err, kv.ErrNotFound) {
		return errDeletedMeanwhile
	}
	if err == nil && changed && !r.seen {
		b.done.created++
	} else {
		b.done.duplicate++
	}
	return err
}

// mergeSet merges rows of one product or one list of groups, sorted by id. It checks them by sets,
// since there may be a million, and stores pieces of work for those that change.
func (b *bulk) mergeSet(s *Session, tx *kv.WriteTx, rows []mergeRow, groups []uint64) error {
	ids, saw := make([]uint64, 0, len(rows)), make([]uint64, 0, len(rows))
	for _, r := range rows {
		if len(ids) == 0 || ids[len(ids)-1] != r.id {
			ids = append(ids, r.id)
		}
		if r.seen && (len(saw) == 0 || saw[len(saw)-1] != r.id) {
			saw = append(saw, r.id)
		}
	}
	all, seen := kv.IDs(ids), visible(s, tx.Tx, datums, true)
	for _, lost := range []kv.Set{kv.AndNot(all, datums.All(tx.Tx)), kv.AndNot(kv.IDs(saw), seen)} {
		if n, err := lost.Count(); err != nil {
			return err
		} else if n > 0 {
			return errDeletedMeanwhile
		}
	}
	product := rows[0].product
	var change kv.Set
	switch {
	case product != 0:
		change = kv.AndNot(all, datums.Set(tx.Tx, dimProduct, kv.Int(product)))
	case s.p.Mode == auth.ModeObjects:
		change = kv.AndNot(all, seen)
	}
	created, err := kv.AndNot(change, seen).Count()
	if err != nil {
		return err
	}
	b.done.created += created
	b.done.duplicate += len(rows) - created
	todo, err := change.IDs()
	if err != nil || len(todo) == 0 {
		return err
	}
	w := newWork(tx, workJoin)
	if product != 0 {
		d, err := datums.Get(tx.Tx, todo[0])
		if err != nil {
			return err
		}
		w.Target, w.Product = d.Target, product
	} else { // a sender's datums may be of several targets
		w.Owner, w.Groups = s.v.ID, groups
	}
	for piece := range slices.Chunk(todo, s.a.o.PieceRows) {
		w.setRows(piece)
		if b.work, err = works.Insert(tx, w); err != nil {
			return err
		}
	}
	return nil
}

// maxLost bounds how many lost references of a bulk write are listed.
const maxLost = 100

// recheckReferences checks everything that the rows of a staged write refer to again, with the
// current rights: records may have been deleted, and rights withdrawn, since the first rows were
// written.
func (b *bulk) recheckReferences(s *Session, tx *kv.Tx) error {
	p := new(problem.List)
	about := map[uint64]bool{}
	maps.Copy(about, b.merge.targets)
	for _, v := range b.stage.Values(dimTarget) {
		about[v.Int()] = true
	}
	for _, id := range slices.Sorted(maps.Keys(about)) {
		in := &DatumInput{Target: id}
		if _, err := s.targetForDatum(tx, in, p); err != nil {
			return err
		}
	}
	from := map[uint64]bool{}
	for _, r := range b.merge.rows {
		if r.product != 0 {
			from[r.product] = true
		}
	}
	for _, v := range b.stage.Values(dimProduct) {
		from[v.Int()] = true
	}
	for _, id := range slices.Sorted(maps.Keys(from)) {
		if id >= b.id && id < b.id+uint64(b.rows.products()) {
			continue // this transaction creates it
		}
		if _, _, err := s.product(tx, id); isRefusal(err) {
			NoSuch(p, "data_product", id)
		} else if err != nil {
			return err
		}
	}
	groups := map[uint64]bool{}
	for _, list := range b.merge.owners {
		for _, id := range list {
			groups[id] = true
		}
	}
	for _, v := range b.stage.Values(dimHolder) {
		if id, ok := auth.Grantee(v.Int()).Group(); ok {
			groups[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(groups)) {
		one := new(problem.List)
		if _, err := s.checkGroups(tx, one, "groups", []auth.GroupRef{{ID: id}}, false); err != nil {
			return err
		}
		for _, x := range one.All() {
			p.Add("groups", "%s", x.Message)
		}
	}
	for _, v := range b.stage.Values(dimType) {
		name, err := s.a.types.name(tx, byte(v.Int()))
		if err == nil {
			_, err = s.typeForDatum(tx, name, p)
		}
		if err != nil {
			return err
		}
	}
	return nothingStored(p)
}

// nothingStored refuses a bulk write for the problems found at its end, each listed once.
func nothingStored(p *problem.List) error {
	if p.Err() == nil {
		return nil
	}
	told := new(problem.List)
	met := map[problem.Field]bool{}
	for _, x := range p.All() {
		if !met[x] && len(met) < maxLost {
			met[x] = true
			told.Add(x.Path, "%s", x.Message)
		}
	}
	told.Add("", "Something that these datums refer to was deleted or withdrawn while you sent them. "+
		"Nothing was stored.")
	return told
}

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

// merges are rows of a bulk write whose equals were there already: each is brought once more at the
// end, by a product or by its sender. They take about 24 bytes each.
type merges struct {
	rows    []mergeRow
	owners  [][]uint64 // the groups that rows without a product name, each list once
	by      map[string]uint32
	targets map[uint64]bool
}

// mergeRow is one of them: id is the row that was there, and seen whether the sender saw it then.
// Owners is a place in merges.owners.
type mergeRow struct {
	id, product uint64 // product 0 for none
	owners      uint32
	seen        bool
}

// add takes in a row d whose equal is there.
func (m *merges) add(there uint64, seen bool, d *Datum) {
	if m.targets == nil {
		m.targets, m.by = map[uint64]bool{}, map[string]uint32{}
	}
	m.targets[d.Target] = true
	r := mergeRow{id: there, seen: seen}
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

// join adds those of o.
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

// sort puts those that one product or sender brings one behind the other, by id.
func (m *merges) sort() {
	slices.SortFunc(m.rows, func(a, b mergeRow) int {
		return cmp.Or(cmp.Compare(a.product, b.product), cmp.Compare(a.owners, b.owners), cmp.Compare(a.id, b.id))
	})
}

// errDeletedMeanwhile refuses a bulk write that counted on rows which are not there any more. Their
// equals were not kept, so they cannot be stored now.
var errDeletedMeanwhile = &problem.Error{Kind: problem.Conflict,
	Message: "Some of these data were stored already, but have been deleted or hidden from you since they were sent. " +
		"Nothing was stored: send all of it again."}

// mergeExisting brings the rows of a sorted list. When they are few this is done at once, and
// otherwise left to the worker, as pieces that are stored in the same transaction.
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

// mergeOne brings one row.
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

// mergeSet brings rows of one product or sender, sorted by id. What is true of them is found by
// sets, since there may be a million of them; those that change are stored as pieces for the
// worker.
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

// maxLost is how many references of a bulk write are named that hold no longer.
const maxLost = 100

// stillGood checks once more what the rows of a staged write refer to, with the rights of this
// moment: much may have been deleted or withdrawn since the first of them were written.
func (b *bulk) stillGood(s *Session, tx *kv.Tx) error {
	p := new(problem.List)
	about := map[uint64]bool{}
	maps.Copy(about, b.merge.targets)
	for _, v := range b.stage.Values(dimTarget) {
		about[v.Int()] = true
	}
	for _, id := range slices.Sorted(maps.Keys(about)) {
		in := &DatumInput{Target: id}
		if _, err := s.targetForData(tx, in, p); err != nil {
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
			continue // it is made in this transaction
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
			_, err = s.typeForData(tx, name, p)
		}
		if err != nil {
			return err
		}
	}
	return nothingStored(p)
}

// nothingStored is the refusal of a whole bulk write for the problems that were found at its end,
// each of them once.
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
	told.Add("", "What the data refer to was deleted or withdrawn while they were sent. Nothing was stored.")
	return told
}

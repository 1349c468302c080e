package archive

import (
	"context"
	"errors"
	"io"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// DatumsResult is the result of a bulk write of datums.
type DatumsResult struct {
	Upload    uint64 // the id of the bulk write, by which its datums can be listed; 0 when no row was good
	Created   int
	Duplicate int
	Rejected  []RowProblem // the first maxRejected of them
	More      int          // how many others were rejected
	// Unshared: in mode objects, some rows name neither a group nor a data product. Only the viewer
	// and superusers see their datums.
	Unshared bool
}

// RowProblem says why a row was rejected.
type RowProblem struct {
	Line int // of the input, from 1
	*problem.List
}

// At most maxRejected rejected rows are listed, with at most maxProblemsOfRow problems each.
const (
	maxRejected      = 1000
	maxProblemsOfRow = 100
)

// rowMemory is about how many bytes a gathered row takes besides its texts.
const rowMemory = 300

// memory is about how many bytes an input takes while it is gathered.
func (in *DatumInput) memory() int {
	n := rowMemory + len(in.Value) + len(in.Source) + len(in.Location) + len(in.TargetName) + len(in.Type)
	for _, g := range in.Groups {
		n += 24 + len(g.Name)
	}
	for _, p := range in.All() {
		n += 32 + len(p.Path) + len(p.Message)
	}
	return n
}

// AddDatums adds many datums. next returns each input with its line, and io.EOF at the end. Bad
// rows are rejected; the others become visible at once at the end. A datum that the viewer already
// sees is counted as a duplicate or, with refuse, rejected. When next fails, nothing is stored.
func (s *Session) AddDatums(ctx context.Context, refuse bool,
	next func() (in DatumInput, line int, err error)) (*DatumsResult, error) {
	if err := s.p.MayWrite(s.v); err != nil {
		return nil, err
	}
	rows := &inputRows{user: s.v.ID, refuse: refuse}
	b := &bulk{s: s, ctx: ctx, rows: rows}
	result, err := s.addDatums(b, rows, next)
	if err != nil {
		return nil, errors.Join(err, b.abort())
	}
	return result, nil
}

func (s *Session) addDatums(b *bulk, rows *inputRows, next func() (DatumInput, int, error)) (*DatumsResult, error) {
	wrong, uncounted, unshared := 0, 0, false
	began := s.a.o.Now().UnixMicro()
	for {
		in, line, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		rows.sent++
		if !in.Timed { // all get the same time, however many transactions they take
			in.Time, in.Timed = began, true
		}
		if len(in.All()) > 0 {
			// Rows that are already known to be wrong are gathered only while their reasons may be
			// listed. So the reasons are listed in the order of the lines, and the other rows cost
			// no memory.
			if wrong++; wrong > maxRejected {
				uncounted++
				continue
			}
			in.List = *in.First(maxProblemsOfRow)
		} else if in.Product == 0 && len(in.Groups) == 0 {
			unshared = true
		}
		size, value := in.memory(), in.Value
		in.Value = nil
		rows.front.add(in, value, line)
		if err := b.added(size); err != nil {
			return nil, err
		}
	}
	if err := b.finish(); err != nil {
		return nil, err
	}
	r := &DatumsResult{Upload: b.id, Created: b.done.created, Duplicate: b.done.duplicate,
		Unshared: unshared && s.p.Mode == auth.ModeObjects}
	for _, err := range b.done.rejected.first {
		var p *rejectedRow
		if errors.As(err, &p) {
			r.Rejected = append(r.Rejected, RowProblem{p.line, p.problems})
		}
	}
	r.More = b.done.rejected.count + uncounted - len(r.Rejected)
	return r, nil
}

// inputRows holds the rows of AddDatums, which refer to an upload.
type inputRows struct {
	doubleBuffer[DatumInput]
	user   uint64
	refuse bool
	sent   int // good and wrong ones

	good   goodFacts
	owners []Owner // of plain rows; not to be changed
}

func (r *inputRows) refusal(i int) error {
	if !r.refuse {
		return nil
	}
	p := new(problem.List)
	p.Add("", AlreadyThere)
	return &rejectedRow{r.back.lines[i], p}
}

func (r *inputRows) reserve(tx *kv.WriteTx) (uint64, error) { return uploads.Reserve(tx) }

func (r *inputRows) refer(d *Datum, id uint64) {
	d.Upload = id
	if len(d.Products)+len(d.Owners) == 0 {
		d.Owners = []Owner{{User: r.user}}
	}
}

func (r *inputRows) create(s *Session, tx *kv.WriteTx, id uint64) (err error) {
	u := &Upload{Creator: s.v.ID, Created: tx.Now().UnixMicro(), Rows: uint64(r.sent)}
	if u.UID, err = tx.NewUID(); err != nil {
		return err
	}
	return uploads.InsertAs(tx, id, u)
}

func (r *inputRows) products() int     { return 0 }
func (r *inputRows) check(tally) error { return nil }

// rejectedRow is the refusal of a row.
type rejectedRow struct {
	line     int
	problems *problem.List
}

func (e *rejectedRow) Error() string { return e.problems.Error() }
func (e *rejectedRow) Unwrap() error { return e.problems }

func (r *inputRows) datum(s *Session, tx *kv.Tx, i int) (*Datum, error) {
	in, value := &r.back.rows[i], r.back.value(i)
	if r.plainDatum(s, tx, in, value, &r.made) {
		return &r.made, nil
	}
	filled := *in
	filled.Value = value
	made, groups, err := s.prepareDatum(tx, &filled, in.Clone())
	var p *problem.List
	if errors.As(err, &p) {
		return nil, &rejectedRow{r.back.lines[i], p}
	}
	if err != nil {
		return nil, err
	}
	if len(made.Products) == 0 {
		made.Owners = []Owner{{s.v.ID, groups}}
	}
	r.good.codes[in.Type] = made.Code
	return made, nil
}

// goodFacts caches what was checked for one row of a transaction and holds for the others.
type goodFacts struct {
	tx      *kv.Tx
	targets map[uint64]bool
	codes   map[string]byte
	records kv.Reader[Target]
}

// mayAddTo reports whether the viewer may add datums to a target.
func (g *goodFacts) mayAddTo(s *Session, target uint64) bool {
	if g.targets[target] {
		return true
	}
	o, ok, err := s.a.seers.objectBy(g.tx, &g.records, target)
	if err != nil || !ok || !s.p.Sees(s.v, o) || !s.p.May(s.v, auth.Change, o) {
		return false // prepareDatum says why
	}
	g.targets[target] = true
	return true
}

// plainDatum makes the datum of a plain row whose target and type were checked before. It returns
// false when the row needs all checks.
func (r *inputRows) plainDatum(s *Session, tx *kv.Tx, in *DatumInput, value []byte, d *Datum) bool {
	if r.good.tx != tx {
		r.good = goodFacts{tx, map[uint64]bool{}, map[string]byte{}, targets.Reader(tx)}
	}
	code := r.good.codes[in.Type]
	if code == 0 || !in.Compact || !in.Timed || len(in.All()) > 0 || in.TargetName != "" || in.Product != 0 ||
		len(in.Groups) > 0 || isEmptyValue(value) || len(value) > MaxValue || len(in.Source) > MaxSource ||
		len(in.Location) > MaxLocation || !r.good.mayAddTo(s, in.Target) {
		return false
	}
	if r.owners == nil {
		r.owners = []Owner{{User: s.v.ID}}
	}
	*d = Datum{Target: in.Target, Code: code, Time: in.Time, Source: in.Source, Location: in.Location, Value: value,
		Owners: r.owners, scratch: d.scratch}
	return true
}

// TargetsResult is the result of AddTargets.
type TargetsResult struct {
	Created  int
	Rejected []RowProblem // the first of them
	More     int          // how many more were rejected
}

// targetsAtOnce is how many targets one transaction of AddTargets creates, fewer when their inputs
// take stageBytes.
const targetsAtOnce = 500

// memory is about how many bytes an input takes while it is gathered.
func (in *TargetInput) memory() int {
	n := 1000
	for _, x := range in.Extras {
		n += 64 + len(x.Key) + len(x.Value)
	}
	for _, x := range in.Aliases {
		n += 48 + len(x.Name)
	}
	for _, x := range in.All() {
		n += 32 + len(x.Path) + len(x.Message)
	}
	return n
}

// AddTargets creates many targets, in order. next returns each input with its line, and io.EOF at
// the end. Bad inputs are rejected. Each transaction creates some hundred targets: an error of next
// or of the disk leaves those of earlier transactions.
func (s *Session) AddTargets(ctx context.Context,
	next func() (in *TargetInput, line int, err error)) (*TargetsResult, error) {
	result := new(TargetsResult)
	for ended := false; !ended; {
		var batch []*TargetInput
		var lines []int
		for size := 0; len(batch) < targetsAtOnce && size < stageBytes; size += batch[len(batch)-1].memory() {
			in, line, err := next()
			if errors.Is(err, io.EOF) {
				ended = true
				break
			}
			if err != nil {
				return nil, err
			}
			in.List = *in.First(maxProblemsOfRow)
			batch, lines = append(batch, in), append(lines, line)
		}
		var now TargetsResult
		err := s.update(ctx, func(s *Session, tx *kv.WriteTx) error {
			now = TargetsResult{}
			for i, in := range batch {
				pl, err := s.planNew(tx.Tx, in)
				var p *problem.List
				if errors.As(err, &p) {
					now.Rejected = append(now.Rejected, RowProblem{lines[i], p})
					continue
				}
				if err == nil {
					err = s.write(tx, pl)
				}
				if err != nil {
					return err
				}
				now.Created++
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		result.Created += now.Created
		free := maxRejected - len(result.Rejected)
		result.More += max(0, len(now.Rejected)-free)
		result.Rejected = append(result.Rejected, now.Rejected[:min(free, len(now.Rejected))]...)
	}
	return result, nil
}

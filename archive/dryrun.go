package archive

import (
	"bufio"
	"bytes"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"

	"nightjar/kv"
)

// dryBatch is how many rows of a dry run one transaction looks up.
const dryBatch = 2000

// dryRun returns the report that store would return, and stores nothing.
func (s *Session) dryRun(ctx context.Context, in *ProductInput, f *FileUpload,
	pl *productPlan) (report *Report, err error) {
	rows := &fileRows{in: in}
	met := s.a.newRepeatFinder()
	defer func() {
		if closing := met.close(); err == nil {
			err = closing
		}
	}()
	look := func() error {
		rows.swap()
		return s.view(func(s *Session, tx *kv.Tx) error {
			for i := range rows.back.rows {
				d, err := rows.datum(s, tx, i)
				if err != nil {
					return err
				}
				_, seen, _, err := s.findEqual(tx, d)
				if err == nil {
					err = met.add(d.targetAndKey(in.Type), rows.back.lines[i], seen)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	size := 0
	report, err = s.process(ctx, in, f, pl, func(d Datum, line int) error {
		value := d.Value
		d.Value = nil
		rows.front.add(d, value, line)
		if size += len(value); len(rows.front.rows) < dryBatch && size < stageBytes {
			return nil
		}
		size = 0
		return look()
	})
	if err == nil {
		err = look()
	}
	if err != nil {
		return nil, err
	}
	created, repeated, err := met.count()
	if err != nil {
		return nil, err
	}
	if in.Refuse {
		done := tally{rejected: rejections{count: repeated.count}}
		for _, line := range repeated.first() {
			done.rejected.first = append(done.rejected.first, &refusedLine{line})
		}
		if err := refuseLines(in.FileName, report, done); err != nil {
			return nil, err
		}
	}
	report.Created, report.Duplicate = created, repeated.count
	return report, nil
}

// targetAndKey hashes the target and the content key. It is equal for datums that findEqual finds
// equal.
func (d *Datum) targetAndKey(dataType string) [sha256.Size]byte {
	key := d.contentKey(dataType)
	return sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, d.Target), key[:]...))
}

// repeatedRows counts the rows of a file that already exist, or are earlier in the file.
type repeatedRows struct {
	count int
	lines []int // the first of their lines, and some others
}

func (r *repeatedRows) add(line int) {
	r.count++
	if r.lines = append(r.lines, line); len(r.lines) >= 8*maxRefusedLines {
		r.lines = r.first()
	}
}

// first returns the first maxRefusedLines lines.
func (r *repeatedRows) first() []int {
	slices.Sort(r.lines)
	return r.lines[:min(len(r.lines), maxRefusedLines)]
}

// repeatFinder finds equal rows of a file of any length. It keeps a record of 16 bytes for each
// row, sorted in memory or, beyond hashedRowsInMemory rows, in a temporary file. That file is
// smaller than the uploaded one, whose rows are longer than 16 bytes.
//
// A record is the first 10 bytes of the row's hash, and in 6 bytes, big-endian, twice its line,
// plus one when the datum already exists. The chance that two of 600 million different rows share
// the 10 bytes is 1 in 7 million.
type repeatFinder struct {
	a      *Archive
	most   int // records in memory
	rows   []hashedRow
	dir    string
	file   *os.File
	runs   []int64 // where each sorted run in the file ends
	length int64
}

type hashedRow [hashedRowBytes]byte

const (
	hashedRowBytes     = 16
	hashedRowHash      = 10
	hashedRowsInMemory = 1 << 20 // 16 MiB
	// runBuffer is the read buffer of a run: 64 runs, of 64 million rows, take 4 MiB.
	runBuffer = 64 << 10
)

func (a *Archive) newRepeatFinder() *repeatFinder {
	return &repeatFinder{a: a, most: a.hashedRowsInMemory}
}

// add adds a row.
func (m *repeatFinder) add(hash [32]byte, line int, stored bool) error {
	var r hashedRow
	var n [8]byte
	value := uint64(line) << 1
	if stored {
		value |= 1
	}
	binary.BigEndian.PutUint64(n[:], value)
	copy(r[:], hash[:hashedRowHash])
	copy(r[hashedRowHash:], n[2:])
	m.rows = append(m.rows, r)
	if len(m.rows) < m.most {
		return nil
	}
	return m.spill()
}

func (m *repeatFinder) sort() {
	slices.SortFunc(m.rows, func(a, b hashedRow) int { return bytes.Compare(a[:], b[:]) })
}

// spill writes the rows in memory to the file, as a sorted run.
func (m *repeatFinder) spill() (err error) {
	if err := m.a.db.Room(); err != nil {
		return err
	}
	if m.file == nil {
		if m.dir, err = m.a.tempDir(); err != nil {
			return err
		}
		if m.file, err = os.CreateTemp(m.dir, "rows"); err != nil {
			return kv.NoRoom(err)
		}
	}
	m.sort()
	w := bufio.NewWriterSize(m.file, runBuffer)
	for i := range m.rows {
		if _, err := w.Write(m.rows[i][:]); err != nil {
			return kv.NoRoom(err)
		}
	}
	if err := w.Flush(); err != nil {
		return kv.NoRoom(err)
	}
	m.length += int64(len(m.rows)) * hashedRowBytes
	m.runs = append(m.runs, m.length)
	m.rows = m.rows[:0]
	return nil
}

// count returns how many rows are new, and the rows that are not.
func (m *repeatFinder) count() (created int, repeated *repeatedRows, err error) {
	repeated = new(repeatedRows)
	var last hashedRow
	first := true
	each := func(r hashedRow) {
		var n [8]byte
		copy(n[2:], r[hashedRowHash:])
		value := binary.BigEndian.Uint64(n[:])
		fresh := first || !bytes.Equal(last[:hashedRowHash], r[:hashedRowHash])
		if first, last = false, r; fresh && value&1 == 0 {
			created++
		} else {
			repeated.add(int(value >> 1))
		}
	}
	if len(m.runs) == 0 {
		m.sort()
		for _, r := range m.rows {
			each(r)
		}
		return created, repeated, nil
	}
	if err := m.spill(); err != nil {
		return 0, nil, err
	}
	m.rows = nil
	err = m.merge(each)
	return created, repeated, err
}

// merge calls each with all rows of the file in order.
func (m *repeatFinder) merge(each func(hashedRow)) error {
	var h runHeap
	from := int64(0)
	for _, end := range m.runs {
		r := &sortedRun{b: bufio.NewReaderSize(io.NewSectionReader(m.file, from, end-from), runBuffer)}
		from = end
		if ok, err := r.next(); err != nil {
			return err
		} else if ok {
			h = append(h, r)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		each(h[0].row)
		ok, err := h[0].next()
		switch {
		case err != nil:
			return err
		case ok:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
		}
	}
	return nil
}

// close removes the temporary file.
func (m *repeatFinder) close() error {
	if m.dir == "" {
		return nil
	}
	var err error
	if m.file != nil {
		err = m.file.Close()
	}
	return errors.Join(err, os.RemoveAll(m.dir))
}

// sortedRun reads a run.
type sortedRun struct {
	b   *bufio.Reader
	row hashedRow
}

func (r *sortedRun) next() (ok bool, err error) {
	_, err = io.ReadFull(r.b, r.row[:])
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return err == nil, err
}

// runHeap is a heap of runs, ordered by their next rows.
type runHeap []*sortedRun

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].row[:], h[j].row[:]) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*sortedRun)) }
func (h *runHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

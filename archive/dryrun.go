package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"nightjar/kv"
)

// dryBatch is how many rows a dry run looks up in one transaction.
const dryBatch = 2000

// dryRun tells what store would answer, and stores nothing.
func (s *Session) dryRun(ctx context.Context, in *ProductInput, f *FileUpload,
	pl *productPlan) (report *Report, err error) {
	rows := &fileRows{in: in}
	met := s.a.newMetRows()
	defer func() {
		if closing := met.close(); err == nil {
			err = closing
		}
	}()
	look := func() error {
		rows.turn()
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

// targetAndKey is a hash over the target and the content key, equal for datums that findEqual finds
// equal.
func (d *Datum) targetAndKey(dataType string) [sha256.Size]byte {
	key := d.contentKey(dataType)
	return sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, d.Target), key[:]...))
}

// repeatedRows are rows of a file that are there already, or earlier in the file.
type repeatedRows struct {
	count int
	lines []int // of the first of them, and some others
}

func (r *repeatedRows) add(line int) {
	r.count++
	if r.lines = append(r.lines, line); len(r.lines) >= 8*maxRefusedLines {
		r.lines = r.first()
	}
}

// first are the lines of the first maxRefusedLines.
func (r *repeatedRows) first() []int {
	slices.Sort(r.lines)
	return r.lines[:min(len(r.lines), maxRefusedLines)]
}

package archive

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"nightjar/kv"
)

// dryBatch is how many rows a dry run looks up in one transaction.
const dryBatch = 2000

// DryRun tells what Upload would answer, and stores nothing. The errors are those of Upload.
func (s *Access) DryRun(ctx context.Context, in *ProductInput, f *NewFile) (*Report, error) {
	in, pl, err := s.planUpload(ctx, in, f)
	if err != nil {
		return nil, err
	}
	return s.dryRun(ctx, in, f, pl)
}

func (s *Access) dryRun(ctx context.Context, in *ProductInput, f *NewFile, pl *productPlan) (*Report, error) {
	rows := new(datumRows)
	met := map[[sha256.Size]byte]bool{}
	var done tally
	look := func() error {
		defer rows.forget()
		return s.view(func(s *Access, tx *kv.Tx) error {
			for i := range rows.rows {
				d, err := rows.ready(tx, i)
				if err != nil {
					return err
				}
				there, err := s.isThere(tx, d, met)
				switch {
				case err != nil:
					return err
				case !there:
					done.created++
				case in.Refuse:
					done.rejected = append(done.rejected, &refusedLine{rows.lines[i]})
				default:
					done.duplicate++
				}
			}
			return nil
		})
	}
	report, err := s.process(ctx, in, f, pl, func(d Datum, line int) error {
		rows.add(d, line)
		if len(rows.rows) < dryBatch {
			return nil
		}
		return look()
	})
	if err == nil {
		err = look()
	}
	if err == nil && in.Refuse {
		err = refuseLines(in.FileName, report, done)
	}
	if err != nil {
		return nil, err
	}
	report.Created, report.Duplicate = done.created, done.duplicate
	pl.addWarnings(s, report)
	return report, nil
}

// isThere says whether the viewer sees a datum already, or whether it was met before in the same file.
func (s *Access) isThere(tx *kv.Tx, d *Datum, met map[[sha256.Size]byte]bool) (bool, error) {
	form, isUndated := d.sameness()
	h := sha256.New()
	h.Write(binary.BigEndian.AppendUint64(nil, d.Target))
	if !isUndated {
		h.Write(binary.BigEndian.AppendUint64([]byte{1}, uint64(d.Time)))
	}
	h.Write(form)
	var key [sha256.Size]byte
	h.Sum(key[:0])
	if met[key] {
		return true, nil
	}
	met[key] = true
	_, seen, _, err := s.twin(tx, d, nil)
	return seen, err
}

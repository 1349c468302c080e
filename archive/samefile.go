package archive

import (
	"context"

	"nightjar/kv"
)

// sameFile returns a visible product of the target of an upload that already has this very file,
// nil for none.
func (s *Session) sameFile(ctx context.Context, in *ProductInput, f *FileUpload) (same *Product, err error) {
	if in.Target == 0 {
		return nil, nil
	}
	err = s.view(func(s *Session, tx *kv.Tx) error {
		same = nil
		blob, known, err := f.blob.Known(tx)
		if err != nil || !known {
			return err
		}
		set, err := s.productSet(tx, ProductFilter{Target: Some(in.Target)}, nil)
		if err != nil {
			return err
		}
		for id, err := range set.Each() {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			p, err := products.Get(tx, id)
			if err != nil {
				return err
			}
			if p.Blob == blob {
				p.ID, same = id, p
				return nil
			}
		}
		return nil
	})
	return same, err
}

package archive

import (
	"context"
	"fmt"
	"path"

	"nightjar/kv"
)

// sameFile warns if the target of an upload already has a visible product with this very file.
func (s *Session) sameFile(ctx context.Context, in *ProductInput, f *FileUpload) (warnings []string, err error) {
	if in.Target == 0 {
		return nil, nil
	}
	err = s.view(func(s *Session, tx *kv.Tx) error {
		warnings = nil
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
				warnings = append(warnings, fmt.Sprintf("this very file is here already: product %d, %s", id,
					path.Base(p.Path)))
				return nil
			}
		}
		return nil
	})
	return warnings, err
}

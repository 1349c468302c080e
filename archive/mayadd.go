package archive

import (
	"nightjar/auth"
	"nightjar/kv"
)

// mayAddLooks is how many targets MayAddSomewhere looks at.
const mayAddLooks = 1000

// MayAddSomewhere reports whether the viewer may add data to any target at all. It looks at so many
// targets at most, and takes it for granted after that.
func (s *Session) MayAddSomewhere() (may bool, err error) {
	switch {
	case s.p.MayWrite(s.v) != nil:
		return false, nil
	case s.v.Everything():
		return true, nil
	}
	err = s.view(func(s *Session, tx *kv.Tx) error {
		left := mayAddLooks
		for _, g := range s.v.Grantees() {
			if g == auth.Anyone || g == auth.SignedIn {
				continue // they see targets and are granted nothing else
			}
			ids, _, err := targets.Set(tx, dimSeer, kv.Int(uint64(g))).Page(kv.Page{Limit: left})
			if err != nil {
				return err
			}
			for _, id := range ids {
				o, ok, err := s.a.seers.object(tx, id)
				if err != nil {
					return err
				}
				if may = ok && s.p.May(s.v, auth.Change, o); may {
					return nil
				}
			}
			if left -= len(ids); left == 0 {
				may = true
				return nil
			}
		}
		return nil
	})
	return may, err
}

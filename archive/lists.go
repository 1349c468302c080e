package archive

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// ListInfo is a list of targets as a viewer sees it.
type ListInfo struct {
	ID   uint64
	Name string
}

func listInfos(tx *kv.Tx, ids []uint64) ([]ListInfo, error) {
	var out []ListInfo
	for _, id := range ids {
		l, err := lists.Get(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, ListInfo{id, l.Name})
	}
	return out, nil
}

// seesList reports whether the viewer sees a list: the creator does, and every viewer who sees one
// of its targets.
func (s *Session) seesList(tx *kv.Tx, id uint64, l *List) (bool, error) {
	if s.v.Everything() || !s.v.Guest() && l.Creator == s.v.ID {
		return true, nil
	}
	n, err := kv.And(targets.Set(tx, dimList, kv.Int(id)), visible(s, tx, targets, false)).Count()
	return n > 0, err
}

// list reads a list that the viewer sees. Error: NotFound.
func (s *Session) list(tx *kv.Tx, id uint64) (*List, error) {
	l, err := lists.Get(tx, id)
	if err == nil {
		var ok bool
		if ok, err = s.seesList(tx, id, l); err == nil && ok {
			l.ID = id
			return l, nil
		}
	}
	if err == nil || errors.Is(err, kv.ErrNotFound) {
		err = problem.Missing("TargetList")
	}
	return nil, err
}

// checkLists adds the problems of the lists that an input names.
func (s *Session) checkLists(tx *kv.Tx, p *problem.List, in []ListInput) error {
	for i, l := range in {
		name := strings.TrimSpace(l.Name)
		switch {
		case name == "" && l.ID == 0:
			p.Add(pathOf("target_lists", i, "name"), required)
		case utf8.RuneCountInString(name) > MaxListName:
			p.Add(pathOf("target_lists", i, "name"), "Ensure this field has no more than %d characters.", MaxListName)
		case name == "":
			_, err := s.list(tx, l.ID)
			var refused *problem.Error
			if errors.As(err, &refused) {
				p.Add(pathOf("target_lists", i, "id"), "There is no such list.")
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// joinLists puts a target on lists, and creates those that do not exist. A name takes precedence
// over an id.
func (s *Session) joinLists(tx *kv.WriteTx, t *Target, in []ListInput) error {
	t.Lists = slices.Clone(t.Lists)
	for _, l := range in {
		id := l.ID
		if name := strings.TrimSpace(l.Name); name != "" {
			found, ok, err := tx.Lookup(kindListName, name)
			if err != nil {
				return err
			}
			if id = found; !ok {
				fresh := List{Name: name, Created: tx.Now().UnixMicro(), Creator: s.v.ID}
				if fresh.UID, err = tx.NewUID(); err != nil {
					return err
				}
				if id, err = lists.Insert(tx, &fresh); err != nil {
					return err
				}
			}
		}
		if !slices.Contains(t.Lists, id) {
			t.Lists = append(t.Lists, id)
		}
	}
	return nil
}

// TargetList reads a list that the viewer sees. Error: NotFound.
func (s *Session) TargetList(id uint64) (info ListInfo, err error) {
	err = s.view(func(s *Session, tx *kv.Tx) error {
		l, err := s.list(tx, id)
		if err == nil {
			info = ListInfo{id, l.Name}
		}
		return err
	})
	return info, err
}

// DeleteTargetList deletes a list, but not its targets. Its creator and superusers may. Many
// targets are taken off the list in pieces before the list is deleted. Errors: NotFound; Forbidden.
func (s *Session) DeleteTargetList(ctx context.Context, id uint64) error {
	var work uint64
	err := s.free(ctx, func(s *Session, tx *kv.WriteTx) error {
		work = 0
		l, err := s.list(tx.Tx, id)
		if err != nil {
			return err
		}
		if !s.v.Everything() && l.Creator != s.v.ID {
			return problem.ErrForbidden
		}
		ended, err := s.a.dropListSome(tx, id)
		if err != nil || ended {
			return err
		}
		w := newWork(tx, workDropList)
		w.List = id
		work, err = works.Insert(tx, w)
		return err
	})
	if err != nil {
		return err
	}
	return s.a.worker.wait(ctx, work)
}

// dropListSome takes some targets off a list, and deletes the list when none are left.
func (a *Archive) dropListSome(tx *kv.WriteTx, id uint64) (ended bool, err error) {
	if _, err := lists.Get(tx.Tx, id); errors.Is(err, kv.ErrNotFound) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	// a target has more keys than a datum
	some, n, err := targets.Set(tx.Tx, dimList, kv.Int(id)).Page(kv.Page{Limit: max(1, a.o.PieceRows/4)})
	if err != nil {
		return false, err
	}
	err = changeRows(tx, targets, kv.IDs(some), func(t *Target) {
		t.Lists = slices.DeleteFunc(t.Lists, func(x uint64) bool { return x == id })
	})
	if err != nil || n > len(some) {
		return false, err
	}
	return true, lists.Delete(tx, id)
}

package archive

import (
	"errors"
	"fmt"

	"nightjar/auth"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// pathOf is the path of a problem with one field of an item of a list.
func pathOf(list string, item int, field string) string {
	if field == "" {
		return fmt.Sprintf("%s.%d", list, item)
	}
	return fmt.Sprintf("%s.%d.%s", list, item, field)
}

// noSuchGroup says the same of groups that are not there and of those that the viewer does not
// belong to.
const noSuchGroup = "There is no such group, or you do not belong to it."

// checkGroups finds the groups that an input names. Only own ones may be named, except by a
// superuser, for whom a name without a group stays without an id, if fresh allows it, until
// makeGroups.
func (s *Session) checkGroups(tx *kv.Tx, p *problem.List, path string, refs []auth.GroupRef,
	fresh bool) ([]auth.GroupRef, error) {
	if len(refs) > MaxGroups {
		tooManyElements(p, path, len(refs), MaxGroups)
		return nil, nil
	}
	var found []auth.GroupRef
	for i, r := range refs {
		field := "id"
		if r.ID == 0 {
			if field = "name"; r.Name == "" {
				if !p.Within(pathOf(path, i, "")) {
					p.Add(pathOf(path, i, ""), "A group is named by its id or its name.")
				}
				continue
			}
		}
		id, err := s.a.auth.FindGroup(tx, r)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			if fresh && field == "name" && s.v.Everything() {
				auth.CheckGroupName(p, pathOf(path, i, field), r.Name)
				found = append(found, auth.GroupRef{Name: r.Name})
			} else {
				p.Add(pathOf(path, i, field), noSuchGroup)
			}
		case err != nil:
			return nil, err
		case !s.v.MayName(id):
			p.Add(pathOf(path, i, field), noSuchGroup)
		default:
			found = append(found, auth.GroupRef{ID: id})
		}
	}
	return found, nil
}

// makeGroups makes those of the groups that do not exist yet.
func (s *Session) makeGroups(tx *kv.WriteTx, refs []auth.GroupRef) (ids []uint64, err error) {
	for _, r := range refs {
		if r.ID == 0 {
			if r.ID, err = s.a.auth.MakeGroup(tx, r.Name); err != nil {
				return nil, err
			}
		}
		ids = append(ids, r.ID)
	}
	return ids, nil
}

// groupInfos describes the groups that something names, in their order; those that are gone are
// left out. Who does not hold it himself learns only of his own among them: which others there are
// is hidden from him elsewhere, too.
func (s *Session) groupInfos(tx *kv.Tx, ids []uint64, holds bool) ([]auth.GroupInfo, error) {
	var list []auth.GroupInfo
	for _, id := range ids {
		if !holds && !s.v.MayName(id) {
			continue
		}
		name, err := s.a.auth.GroupName(tx, id)
		if errors.Is(err, kv.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, auth.GroupInfo{ID: id, Name: name})
	}
	return list, nil
}

package auth

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/internal/problem"
	"nightjar/kv"
)

// GroupInfo is a group as others see it.
type GroupInfo struct {
	ID   uint64
	Name string
}

// FindGroup returns the id of a group. Error: kv.ErrNotFound.
func (a *Auth) FindGroup(tx *kv.Tx, r GroupRef) (uint64, error) {
	if r.ID != 0 {
		_, err := groups.Get(tx, r.ID)
		return r.ID, err
	}
	id, ok, err := tx.Lookup(kindGroupName, r.Name)
	if err == nil && !ok {
		err = kv.ErrNotFound
	}
	return id, err
}

// GroupName returns the name of a group.
func (a *Auth) GroupName(tx *kv.Tx, id uint64) (string, error) {
	g, err := groups.Get(tx, id)
	if err != nil {
		return "", err
	}
	return g.Name, nil
}

// MakeGroup finds a group by its name, or creates it. The transaction must be a superuser's.
func (a *Auth) MakeGroup(tx *kv.WriteTx, name string) (id uint64, err error) {
	if id, err = a.FindGroup(tx.Tx, GroupRef{Name: name}); !errors.Is(err, kv.ErrNotFound) {
		return id, err
	}
	g := Group{Name: name, Created: tx.Now().UnixMicro()}
	if g.UID, err = tx.NewUID(); err != nil {
		return 0, err
	}
	return groups.Insert(tx, &g)
}

// CheckGroupName trims the name of a group, and adds its problems to p.
func CheckGroupName(p *problem.List, path, name string) string {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		p.Add(path, "This field may not be blank.")
	case utf8.RuneCountInString(name) > MaxGroupName:
		p.Add(path, "Ensure this field has no more than %d characters.", MaxGroupName)
	}
	return name
}

// CreateGroup creates a group. Superusers only.
func (a *Auth) CreateGroup(ctx context.Context, v Viewer, name string) (info GroupInfo, err error) {
	if err := a.superuser(v); err != nil {
		return info, err
	}
	p := new(problem.List)
	name = CheckGroupName(p, "name", name)
	if err := p.Err(); err != nil {
		return info, err
	}
	err = a.bySuperuser(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		if err := a.groupNameFree(tx.Tx, name, 0); err != nil {
			return err
		}
		id, err := a.MakeGroup(tx, name)
		info = GroupInfo{id, name}
		return err
	})
	return info, err
}

// groupNameFree refuses the name of another group than id.
func (a *Auth) groupNameFree(tx *kv.Tx, name string, id uint64) error {
	p := new(problem.List)
	err := a.nameFree(tx, p, kindGroupName, name, id, "name", "group with this name already exists.")
	if err != nil {
		return err
	}
	return p.Err()
}

// group reads a group that the viewer may see: superusers see all, others their own.
func (a *Auth) group(tx *kv.Tx, v Viewer, id uint64) (*Group, error) {
	g, err := groups.Get(tx, id)
	if errors.Is(err, kv.ErrNotFound) || err == nil && !v.MayName(id) {
		return nil, problem.Missing("Group")
	}
	return g, err
}

// Group returns a group. Error: NotFound unless the viewer may see it.
func (a *Auth) Group(v Viewer, id uint64) (info GroupInfo, err error) {
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		g, err := a.group(tx, v, id)
		if err == nil {
			info = GroupInfo{id, g.Name}
		}
		return err
	})
	return info, err
}

// Groups lists the viewer's own groups by id or, for a superuser who asks for all, all groups, and
// counts them. If name is not "", it lists only the group with that name. The owner of the file
// belongs to no group.
func (a *Auth) Groups(v Viewer, all bool, name string, p Page) (list []GroupInfo, count int, err error) {
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		set := groups.All(tx)
		if !all || !v.Everything() {
			own := slices.Clone(v.Groups)
			slices.Sort(own)
			set = kv.And(set, kv.IDs(own))
		}
		set, err := named(tx, set, kindGroupName, name)
		if err != nil {
			return err
		}
		list, count, err = listPage(tx, groups, set, p,
			func(_ *kv.Tx, id uint64, g *Group) (GroupInfo, error) { return GroupInfo{id, g.Name}, nil })
		return err
	})
	return list, count, err
}

// Members lists the users of a group. Superusers only.
func (a *Auth) Members(v Viewer, id uint64) (list []UserInfo, err error) {
	if !v.Everything() {
		return nil, problem.ErrForbidden
	}
	err = a.view(v, func(v Viewer, tx *kv.Tx) error {
		if !v.Everything() {
			return problem.ErrForbidden
		}
		if _, err := a.group(tx, v, id); err != nil {
			return err
		}
		list, _, err = listPage(tx, users, users.Set(tx, dimGroup, kv.Int(id)), Page{Limit: math.MaxInt}, a.userInfo)
		return err
	})
	return list, err
}

// RenameGroup renames a group. Superusers only.
func (a *Auth) RenameGroup(ctx context.Context, v Viewer, id uint64, name string) (info GroupInfo, err error) {
	if err := a.superuser(v); err != nil {
		return info, err
	}
	p := new(problem.List)
	name = CheckGroupName(p, "name", name)
	if err := p.Err(); err != nil {
		return info, err
	}
	err = a.bySuperuser(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		g, err := a.group(tx.Tx, v, id)
		if err != nil {
			return err
		}
		if err := a.groupNameFree(tx.Tx, name, id); err != nil {
			return err
		}
		g.Name = name
		info = GroupInfo{id, name}
		return groups.Put(tx, id, g)
	})
	return info, err
}

// Join adds a user to a group or removes them from it. A repeated call changes nothing. Superusers
// only.
func (a *Auth) Join(ctx context.Context, v Viewer, group, user uint64, member bool) error {
	if err := a.superuser(v); err != nil {
		return err
	}
	return a.bySuperuser(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		if _, err := a.group(tx.Tx, v, group); err != nil {
			return err
		}
		u, err := a.user(tx.Tx, v, user)
		if err != nil {
			return err
		}
		at := slices.Index(u.Groups, group)
		switch {
		case member && at < 0 && len(u.Groups) >= MaxUserGroups:
			return problem.Invalid("username", "This user is in %d groups, and cannot be in more.", MaxUserGroups)
		case member && at < 0:
			u.Groups = append(u.Groups, group)
		case !member && at >= 0:
			u.Groups = slices.Delete(u.Groups, at, at+1)
		default:
			return nil
		}
		return users.Put(tx, user, u)
	})
}

// DeleteGroup deletes a group, its memberships and the grants to it. Superusers only.
func (a *Auth) DeleteGroup(ctx context.Context, v Viewer, id uint64) error {
	if err := a.superuser(v); err != nil {
		return err
	}
	return a.bySuperuser(ctx, v, func(v Viewer, tx *kv.WriteTx) error {
		if _, err := a.group(tx.Tx, v, id); err != nil {
			return err
		}
		members, err := users.Set(tx.Tx, dimGroup, kv.Int(id)).IDs()
		if err != nil {
			return err
		}
		for _, uid := range members {
			u, err := users.Get(tx.Tx, uid)
			if err != nil {
				return err
			}
			u.Groups = slices.DeleteFunc(u.Groups, func(g uint64) bool { return g == id })
			if err := users.Put(tx, uid, u); err != nil {
				return err
			}
		}
		if err := a.Forget(tx, GroupGrantee(id)); err != nil {
			return err
		}
		return groups.Delete(tx, id)
	})
}

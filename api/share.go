package api

import (
	"net/http"
	"strconv"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

// rightFields are the rights of a group on a target.
var rightFields = []wire.Field{
	{Name: "view", Label: "View", Kind: wire.Boolean,
		Help: "May see the target. Whoever may change or delete it may see it, too."},
	{Name: "change", Label: "Change", Kind: wire.Boolean,
		Help: "May change and share the target, and add data products, datums and observations."},
	{Name: "delete", Label: "Delete", Kind: wire.Boolean, Help: "May delete the target with everything on it."},
}

// noRights is the problem with rights that are all false.
const noRights = "A group without rights cannot be named: DELETE takes all rights away."

// decodeRights returns the rights of a record with rightFields; given reports whether it names any.
// Change and delete include view.
func decodeRights(rec wire.Record, p *problem.List, path string) (r auth.Right, given bool) {
	view := rec.Get("view")
	for _, one := range archive.RightNames {
		if g := rec.Get(one.Name); g.Given {
			given = true
			if g.Bool {
				r |= one.Right
			}
		}
	}
	if given && !view.Given {
		r |= auth.View
	}
	if given && r&auth.View == 0 {
		at := "view"
		if path != "" {
			at = path + ".view"
		}
		if r == 0 {
			p.Add(at, noRights)
		} else {
			p.Add(at, "Whoever may change or delete a target may see it.")
		}
	}
	return r, given
}

// sharedFields describe a group with its rights.
var sharedFields = []wire.Field{
	{Name: "id", Label: "Id", Kind: wire.Integer, ReadOnly: true, Help: "Of the group."},
	{Name: "name", Label: "Name", Kind: wire.Text, ReadOnly: true},
	rightFields[0], rightFields[1], rightFields[2],
}

var targetGroupsSpec = spec{fields: sharedFields, missing: problem.Missing("Target"), lists: true}

var targetGroupSpec = spec{
	fields: sharedFields, inputFields: rightFields, missing: problem.Missing("Target"), mayAct: mayChangeTarget,
}

func writeGroupRights(w *wire.Writer, g *archive.GroupRights) {
	w.Object(func() {
		w.Key("id")
		w.ID(g.ID)
		w.TextMember("name", g.Name)
		for _, one := range archive.RightNames {
			w.BoolMember(one.Name, g.Right&one.Right != 0)
		}
	})
}

// listTargetGroups lists the groups with rights on a target.
func listTargetGroups(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	return shortList(r, func(p archive.Page) ([]archive.GroupRights, int, error) {
		list, err := r.access.TargetGroups(id)
		return pageOf(list, p), len(list), err
	}, writeGroupRights)
}

// group returns the id of the group in the path.
func (r *request) group() (uint64, error) {
	id, err := strconv.ParseUint(r.params.ByName("group"), 10, 63)
	if err != nil {
		return 0, problem.Missing("Group")
	}
	return id, nil
}

func getTargetGroup(r *request) (*answer, error) {
	return getByID(r, func(id uint64) (archive.GroupRights, error) {
		if _, err := r.access.TargetGroups(id); err != nil {
			return archive.GroupRights{}, err // a hidden target comes before a bad group
		}
		group, err := r.group()
		if err != nil {
			return archive.GroupRights{}, err
		}
		return r.access.TargetGroup(id, group)
	}, writeGroupRights)
}

// shareTarget sets the rights of a group on a target: to view it, unless the body says more.
func shareTarget(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if _, err := r.access.MayChangeTarget(id); err != nil {
		return nil, err // for a target that does not exist the body is not checked
	}
	group, err := r.group()
	if err != nil {
		return nil, err
	}
	rec, err := r.record(rightFields, false)
	if err != nil {
		return nil, err
	}
	p := new(problem.List)
	right, given := decodeRights(rec, p, "")
	if err := p.Err(); err != nil {
		return nil, err
	}
	if !given {
		right = auth.View
	}
	g, err := r.access.Share(r.Context(), id, group, right)
	if err != nil {
		return nil, err
	}
	return r.written(http.StatusOK, func(w *wire.Writer) { writeGroupRights(w, &g) })
}

// withdrawGroup takes all rights of a group on a target away.
func withdrawGroup(r *request) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	group, err := r.group()
	if err != nil {
		return nil, err
	}
	if err := r.access.Withdraw(r.Context(), id, group); err != nil {
		return nil, err
	}
	return noContent()
}

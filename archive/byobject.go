package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"nightjar/auth"
	"nightjar/index"
	"nightjar/ingest"
	"nightjar/internal/problem"
	"nightjar/kv"
)

// How many different objects a file may name, and of how many targets it may have data: each of
// these gets a data product.
const (
	maxObjects        = 100_000
	maxProductsOfFile = 1000
	longestName       = 4 * MaxName // bytes of a name of characters
)

// objects are the targets that the rows of a file name.
type objects struct {
	targets []*Target         // in the order in which the file names them first
	at      map[string]int    // index in targets, by the object's name in the file; nil before they are known
	reasons map[string]string // why rows of some other objects are left out, where it is not for want of a target
	indices map[uint64]int    // index in targets, by id

	met   map[string]bool // while the file is read to learn what it names: that, and nil if it names no objects
	names []string        // of these, at most maxObjects and one more, in the file's order
}

// refused says why the rows of an object are left out, "" if they are not.
func (o *objects) refused(name string) string {
	if o.at == nil {
		o.meet(name)
		return ""
	}
	if _, ok := o.at[name]; ok {
		return ""
	}
	if reason, ok := o.reasons[name]; ok {
		return reason
	}
	return "there is no target called " + quoteName(name)
}

// meet notes an object that a row names.
func (o *objects) meet(name string) {
	if o.met == nil {
		o.met = map[string]bool{}
	}
	if name != "" && len(name) <= longestName && !o.met[name] && len(o.names) <= maxObjects {
		o.met[name] = true
		o.names = append(o.names, name)
	}
}

// quoteName is a name in a message, cut when it is longer than names are.
func quoteName(name string) string {
	if len(name) > longestName {
		name = name[:longestName] + "..."
	}
	return strconv.Quote(name)
}

// indexOf is the index of a target, 0 for the target of an upload that names it.
func (o *objects) indexOf(target uint64) uint64 {
	if o == nil {
		return 0
	}
	return uint64(o.indices[target])
}

// targetOf is the target of a row that names an object.
func (in *ProductInput) targetOf(object string) uint64 {
	if in.byObject == nil {
		return in.Target
	}
	return in.byObject.targets[in.byObject.at[object]].ID
}

// each is the upload for each of its targets.
func (in *ProductInput) each() []*ProductInput {
	if in.byObject == nil {
		return []*ProductInput{in}
	}
	list := make([]*ProductInput, len(in.byObject.targets))
	for i, t := range in.byObject.targets {
		one := *in
		one.Target, one.byObject = t.ID, nil
		list[i] = &one
	}
	return list
}

// tell warns of what became of each target's rows; there are no views after a dry run.
func (o *objects) tell(s *Session, report *Report, views []*ProductView, groups []uint64) {
	for i, t := range o.targets {
		warning := fmt.Sprintf("the rows of '%s' would be a data product of the target with id %d", t.Name, t.ID)
		if views != nil {
			warning = fmt.Sprintf("the rows of '%s' are data product %d of the target with id %d", t.Name,
				views[i].ID, t.ID)
		}
		report.Warnings = append(append(report.Warnings, warning), s.blindGroups(t, groups)...)
	}
}

// planByObject checks everything but the rows, and finds the targets that these name.
func (s *Session) planByObject(ctx context.Context, in *ProductInput, f *FileUpload) (*ProductInput,
	*productPlan, error) {
	own := *in
	own.byObject = new(objects)
	without := func(err error) error {
		var p *problem.List
		if !errors.As(err, &p) {
			p = new(problem.List)
		}
		p.Add("target", required)
		return p
	}
	planned, pl, err := s.planUpload(ctx, &own, f)
	var failed *ProcessingError
	var wrong *problem.List
	switch {
	case errors.As(err, &wrong), errors.As(err, &failed), err == nil &&
		(in.Observation != 0 || !s.a.processors.Handles(planned.Type)):
		return nil, nil, without(err)
	case err != nil:
		return nil, nil, err
	}
	names, err := s.objectsOf(ctx, planned, f, in.Type == AutoType)
	if err != nil {
		return nil, nil, err
	}
	if len(names) == 0 {
		return nil, nil, without(nil)
	}
	if planned.byObject, err = s.findObjects(ctx, names); err != nil {
		return nil, nil, err
	}
	if n := len(planned.byObject.targets); n > maxProductsOfFile {
		return nil, nil, problem.Invalid("target",
			"The file has data of %d targets, and may have them of %d. Name one with the upload, or divide the file.", n, maxProductsOfFile)
	} else if n > 1 && in.ProductID != "" {
		return nil, nil, problem.Invalid("product_id",
			"The file has data of %d targets, and each gets a data product: they cannot have one product id.", n)
	}
	return planned, pl, nil
}

// errNoObjects ends the reading of a file that names no objects.
var errNoObjects = errors.New("the file names no objects")

// objectsOf lists the objects of which a file has data, in its order; none when it names none. A
// file whose type was recognised has been read for that already.
func (s *Session) objectsOf(ctx context.Context, in *ProductInput, f *FileUpload, recognised bool) ([]string, error) {
	o := in.byObject
	tooMany := problem.Invalid("target",
		"The file names more than %d objects. Name the target with the upload.", maxObjects)
	if recognised {
		switch {
		case in.Type != "photometry":
			return nil, nil
		case len(o.names) > maxObjects:
			return nil, tooMany
		}
		return o.names, nil
	}
	report, err := s.a.processors.Process(ctx, in.Type, in.file(f), in.options(nil), func(ingest.Point) error {
		switch {
		case o.met == nil:
			return errNoObjects
		case len(o.names) > maxObjects:
			return tooMany
		}
		return nil
	})
	var refused *ingest.Error
	switch {
	case errors.Is(err, errNoObjects), errors.As(err, &refused) && len(o.names) == 0:
		return nil, nil
	case refused != nil:
		return nil, &ProcessingError{&report}
	}
	return o.names, err
}

// objectsAtOnce is how many names are looked up in one transaction.
const objectsAtOnce = 1000

// findObjects finds the targets of objects.
func (s *Session) findObjects(ctx context.Context, names []string) (*objects, error) {
	o := &objects{at: map[string]int{}, indices: map[uint64]int{},
		reasons: map[string]string{"": "the row names no object"}}
	for batch := range slices.Chunk(names, objectsAtOnce) {
		q := s.a.findNames(ctx, anyEquals, batch...)
		err := s.view(func(s *Session, tx *kv.Tx) error {
			called, err := s.calledSo(tx, q)
			if err != nil {
				return err
			}
			for _, name := range batch {
				t, reason := s.choose(name, called[index.Simplify(name)])
				if reason != "" {
					o.reasons[name] = reason
				}
				if t == nil {
					continue
				}
				i, there := o.indices[t.ID]
				if !there {
					i = len(o.targets)
					o.targets, o.indices[t.ID] = append(o.targets, t), i
				}
				o.at[name] = i
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return o, nil
}

// calledSo gives the targets that a query finds and the viewer sees, by their simplified names.
func (s *Session) calledSo(tx *kv.Tx, q *nameQuery) (map[string][]*Target, error) {
	ids, err := q.search(tx)
	if err != nil {
		return nil, err
	}
	called := map[string][]*Target{}
	for _, id := range ids {
		t, err := s.target(tx, id)
		if isRefusal(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, name := range t.Names() {
			if simple := index.Simplify(name); !slices.Contains(called[simple], t) {
				called[simple] = append(called[simple], t)
			}
		}
	}
	return called, nil
}

// choose gives the target of an object out of those that are called so: one that is called exactly
// so comes first; nil when there is none, with a reason if there is something to say of that.
func (s *Session) choose(object string, called []*Target) (t *Target, reason string) {
	for _, exact := range []func(*Target) bool{
		func(t *Target) bool { return t.Name == object },
		func(t *Target) bool { return slices.Contains(t.Names(), object) },
		func(t *Target) bool { return len(called) == 1 },
	} {
		if i := slices.IndexFunc(called, exact); i >= 0 {
			t = called[i]
			break
		}
	}
	switch {
	case t == nil && len(called) > 0:
		return nil, "several targets are called much like " + quoteName(object)
	case t != nil && !s.p.May(s.v, auth.Change, t.Object()):
		return nil, "the row is of " + quoteName(object) + ": you may see this target, but not change it"
	}
	return t, ""
}

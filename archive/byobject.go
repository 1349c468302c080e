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

// Limits of a file that names objects. Each of its targets gets a data product.
const (
	maxObjects        = 100_000
	maxProductsOfFile = 1000
	longestName       = 4 * MaxName // bytes
)

// objects holds the targets that the rows of a file name.
type objects struct {
	targets []*Target         // in the order in which the file names them first
	at      map[string]int    // index in targets, by the object's name in the file; nil before the targets are known
	reasons map[string]string // why rows of other objects are left out, unless no target was found
	indices map[uint64]int    // index in targets, by id

	seen  map[string]bool // the objects named so far, while the file is read for them; nil if it names none
	names []string        // the first maxObjects+1 of seen, in the file's order
}

// refused says why the rows of an object are left out, "" if they are taken.
func (o *objects) refused(name string) string {
	if o.at == nil {
		o.note(name)
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

// note remembers an object that a row names.
func (o *objects) note(name string) {
	if o.seen == nil {
		o.seen = map[string]bool{}
	}
	if name != "" && len(name) <= longestName && !o.seen[name] && len(o.names) <= maxObjects {
		o.seen[name] = true
		o.names = append(o.names, name)
	}
}

// quoteName quotes a name for a message, cut when it is too long for a name.
func quoteName(name string) string {
	if len(name) > longestName {
		name = name[:longestName] + "..."
	}
	return strconv.Quote(name)
}

// indexOf returns the index of a target, 0 for an upload that names its target.
func (o *objects) indexOf(target uint64) uint64 {
	if o == nil {
		return 0
	}
	return uint64(o.indices[target])
}

// targetOf returns the target of a row that names an object.
func (in *ProductInput) targetOf(object string) uint64 {
	if in.byObject == nil {
		return in.Target
	}
	return in.byObject.targets[in.byObject.at[object]].ID
}

// each returns the input of one upload for each target.
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

// warn adds a warning for each target that says where its rows are. A dry run has no views.
func (o *objects) warn(s *Session, report *Report, views []*ProductView, groups []uint64) {
	for i, t := range o.targets {
		warning := fmt.Sprintf("the rows of '%s' would be a data product of the target with id %d", t.Name, t.ID)
		if views != nil {
			warning = fmt.Sprintf("the rows of '%s' are data product %d of the target with id %d", t.Name,
				views[i].ID, t.ID)
		}
		report.Warnings = append(append(report.Warnings, warning), s.blindGroups(t, groups)...)
	}
}

// planByObject checks everything but the rows, and finds the targets that the rows name.
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
			"The file has datums of %d targets; at most %d are allowed. Name a target with the upload, or split "+
				"the file.", n, maxProductsOfFile)
	} else if n > 1 && in.ProductID != "" {
		return nil, nil, problem.Invalid("product_id",
			"The file has datums of %d targets, and each gets a data product of its own: they cannot share a "+
				"product id.", n)
	}
	return planned, pl, nil
}

// errNoObjects stops the reading of a file that names no objects.
var errNoObjects = errors.New("the file names no objects")

// objectsOf lists the objects that a file names, in its order. A file whose type was recognised has
// already been read for that.
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
		case o.seen == nil:
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

// objectsAtOnce is how many names one transaction looks up.
const objectsAtOnce = 1000

// findObjects finds the targets with the names of objects.
func (s *Session) findObjects(ctx context.Context, names []string) (*objects, error) {
	o := &objects{at: map[string]int{}, indices: map[uint64]int{},
		reasons: map[string]string{"": "the row names no object"}}
	for batch := range slices.Chunk(names, objectsAtOnce) {
		q := s.a.findNames(ctx, anyEquals, batch...)
		err := s.view(func(s *Session, tx *kv.Tx) error {
			called, err := s.targetsNamed(tx, q)
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

// targetsNamed returns the visible targets that a query finds, by their simplified names.
func (s *Session) targetsNamed(tx *kv.Tx, q *nameQuery) (map[string][]*Target, error) {
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

// choose picks the target of an object out of those with its simplified name: one with exactly that
// name comes first, then one with exactly that alias. It returns nil when none fits, with a reason
// unless there was none to choose from.
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
		return nil, "several targets have names like " + quoteName(object)
	case t != nil && !s.p.May(s.v, auth.Change, t.Object()):
		return nil, "the row is of " + quoteName(object) + ": you may see this target, but not change it"
	}
	return t, ""
}

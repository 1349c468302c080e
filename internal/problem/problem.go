// Package problem has the errors for which a client is responsible: a refused request ([Error]),
// and the problems of an input by field ([List]). Package api turns them into answers in one place.
package problem

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is the kind of an Error. Package api maps it to a status.
type Kind int

// The kinds of refusal.
const (
	// NotFound: the object does not exist or is hidden from the viewer. Answers do not tell which.
	NotFound Kind = iota + 1
	// Forbidden: the viewer may see the object, but not do this.
	Forbidden
	// Unauthenticated: the request has no credentials, or wrong ones.
	Unauthenticated
	// TooMany: too many attempts failed. RetryAfter says how long to wait.
	TooMany
	// Conflict: the current state does not allow this.
	Conflict
)

// An Error is a refusal, with a message for the client.
type Error struct {
	Kind       Kind
	Message    string
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// Refusals in the words of Django REST framework.
var (
	ErrForbidden   = &Error{Kind: Forbidden, Message: "You do not have permission to perform this action."}
	ErrNotSignedIn = &Error{Kind: Unauthenticated, Message: "Authentication credentials were not provided."}
)

// Missing returns the NotFound error for an object, in the same words whether it is missing or
// hidden.
func Missing(what string) *Error {
	return &Error{Kind: NotFound, Message: fmt.Sprintf("No %s matches the given query.", what)}
}

// List collects all problems of an input. A path names the field: "ra", or "aliases.1.name" for the
// name of the second alias. The path "" is the input as a whole.
type List struct {
	list  []Field
	items map[string]int
}

// WholeList is the path of a problem whose answer is a bare list of messages, as a TOM answers for
// some.
const WholeList = "[]"

// A Field is one problem of an input.
type Field struct{ Path, Message string }

// Add adds a problem.
func (p *List) Add(path, format string, args ...any) {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	p.list = append(p.list, Field{path, message})
}

// Items records how many items the list at path has, so that an answer can say which one is wrong.
func (p *List) Items(path string, n int) {
	if p.items == nil {
		p.items = map[string]int{}
	}
	p.items[path] = n
}

// ItemCount returns the number that Items recorded.
func (p *List) ItemCount(path string) int { return p.items[path] }

// Item adds the problems of item i of an input that is a list.
func (p *List) Item(i int, of *List) {
	step := strconv.Itoa(i)
	at := func(path string) string {
		if path == "" {
			return step
		}
		return step + "." + path
	}
	for _, x := range of.list {
		p.list = append(p.list, Field{at(x.Path), x.Message})
	}
	for path, n := range of.items {
		p.Items(at(path), n)
	}
}

// All returns the problems in the order in which they were added.
func (p *List) All() []Field { return p.list }

// Has reports whether there is a problem with a path.
func (p *List) Has(path string) bool {
	for _, x := range p.list {
		if x.Path == path {
			return true
		}
	}
	return false
}

// Within reports whether there is a problem with a path or a field in it.
func (p *List) Within(path string) bool {
	for _, x := range p.list {
		if x.Path == path || strings.HasPrefix(x.Path, path+".") {
			return true
		}
	}
	return false
}

// First returns p, or a copy with its first n problems if it has more.
func (p *List) First(n int) *List {
	if len(p.list) <= n {
		return p
	}
	few := &List{items: p.items}
	few.list = append(few.list, p.list[:n]...)
	few.Add("", "There are %d more problems.", len(p.list)-n)
	return few
}

// Err returns p if it has problems, or else nil.
func (p *List) Err() error {
	if len(p.list) == 0 {
		return nil
	}
	return p
}

func (p *List) Error() string {
	first := p.list[0]
	s := first.Message
	if first.Path != "" {
		s = first.Path + ": " + s
	}
	if n := len(p.list) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// Invalid returns an error with a single problem.
func Invalid(path, format string, args ...any) error {
	p := new(List)
	p.Add(path, format, args...)
	return p
}

// Clone returns a copy, to which a function that may run twice can add its problems.
func (p *List) Clone() *List {
	return &List{list: slices.Clone(p.list), items: maps.Clone(p.items)}
}

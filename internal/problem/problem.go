// Package problem has what is wrong with a request, in values: a refusal of a kind (Error), and all
// that is wrong with an input, by field (List). The packages of the archive return them; one place
// in api turns them into answers.
package problem

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what sort of refusal an Error is.
type Kind int

// The kinds of refusal.
const (
	// NotFound: there is no such thing, or the viewer may not know of it: nothing tells the two
	// apart.
	NotFound Kind = iota + 1
	// Forbidden: the viewer sees it and may not do that with it.
	Forbidden
	// Unauthenticated: one must sign in to do that, or what one signed in with is not good.
	Unauthenticated
	// TooMany: too many failed attempts; RetryAfter says when to come again.
	TooMany
	// Conflict: it cannot be done in the state that things are in.
	Conflict
)

// An Error is a refusal that may be shown to the one who asked.
type Error struct {
	Kind       Kind
	Message    string
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Message }

// The refusals in the words that clients of Django REST framework know.
var (
	ErrForbidden   = &Error{Kind: Forbidden, Message: "You do not have permission to perform this action."}
	ErrNotSignedIn = &Error{Kind: Unauthenticated, Message: "Authentication credentials were not provided."}
)

// Missing is the refusal for a thing that is not there, in the same words whether it is missing or
// hidden.
func Missing(what string) *Error {
	return &Error{Kind: NotFound, Message: fmt.Sprintf("No %s matches the given query.", what)}
}

// List collects what is wrong with an input, all of it and not only the first. A path names the
// field: "ra", or "aliases.1.name" for the name of the second alias; "" stands for the input as a
// whole.
type List struct {
	list  []Field
	items map[string]int
}

// WholeList is the path of a problem whose answer is a bare list of messages, as a TOM gives it for
// some.
const WholeList = "[]"

// A Field is one thing that is wrong with an input.
type Field struct{ Path, Message string }

// Add adds a problem.
func (p *List) Add(path, format string, args ...any) {
	message := format
	if len(args) > 0 {
		message = fmt.Sprintf(format, args...)
	}
	p.list = append(p.list, Field{path, message})
}

// Items notes how many items a list of the input has, so that an answer can say which of them is
// wrong.
func (p *List) Items(path string, n int) {
	if p.items == nil {
		p.items = map[string]int{}
	}
	p.items[path] = n
}

// ItemCount is what was noted by Items.
func (p *List) ItemCount(path string) int { return p.items[path] }

// Item adds the problems of an item of a list that is the whole input.
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

// All lists the problems in the order they were found.
func (p *List) All() []Field { return p.list }

// Has says whether there is a problem with a path.
func (p *List) Has(path string) bool {
	for _, x := range p.list {
		if x.Path == path {
			return true
		}
	}
	return false
}

// Within says whether there is a problem with a path or with something in it.
func (p *List) Within(path string) bool {
	for _, x := range p.list {
		if x.Path == path || strings.HasPrefix(x.Path, path+".") {
			return true
		}
	}
	return false
}

// First is p, or a copy with the first n of its problems when it has more.
func (p *List) First(n int) *List {
	if len(p.list) <= n {
		return p
	}
	few := &List{items: p.items}
	few.list = append(few.list, p.list[:n]...)
	few.Add("", "There are %d more problems.", len(p.list)-n)
	return few
}

// Err is p when it has problems, or nil.
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

// Invalid is a single problem as an error.
func Invalid(path, format string, args ...any) error {
	p := new(List)
	p.Add(path, format, args...)
	return p
}

// Clone copies the problems found so far, so that a function that may run twice adds its own to a
// copy.
func (p *List) Clone() *List {
	return &List{list: slices.Clone(p.list), items: maps.Clone(p.items)}
}

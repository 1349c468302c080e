package wire

import (
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/problem"
)

// Problems are answered as Django REST framework does: by field, each with a list of messages; what
// is wrong in the items of a list as a list with an object for each item, empty where nothing is
// wrong.

// problemNode is a place in the answer: messages, or fields or items with messages of their own.
type problemNode struct {
	messages []string
	fields   map[string]*problemNode
	order    []string
}

func (n *problemNode) child(name string) *problemNode {
	if n.fields == nil {
		n.fields = map[string]*problemNode{}
	}
	c := n.fields[name]
	if c == nil {
		c = new(problemNode)
		n.fields[name] = c
		n.order = append(n.order, name)
	}
	return c
}

// WriteProblems writes the answer to a bad input.
func WriteProblems(w *Writer, p *problem.List) {
	root := new(problemNode)
	for _, x := range p.All() {
		if x.Path == problem.WholeList {
			// some problems of a TOM's are a bare list of messages, whatever else is wrong
			w.List(func() { w.Text(x.Message) })
			return
		}
		at := root
		if x.Path == "" {
			at = root.child(nonFieldErrors)
		}
		steps := strings.Split(x.Path, ".")
		for i, step := range steps {
			if step == "" {
				break
			}
			at = at.child(step)
			if _, err := strconv.Atoi(step); err == nil && i == len(steps)-1 {
				at = at.child(nonFieldErrors) // a problem with an item as a whole
			}
		}
		at.messages = append(at.messages, x.Message)
	}
	root.write(w, p, "")
}

func (n *problemNode) write(w *Writer, p *problem.List, path string) {
	if n.fields == nil {
		w.List(func() {
			for _, m := range n.messages {
				w.Text(m)
			}
		})
		return
	}
	if _, err := strconv.Atoi(n.order[0]); err == nil {
		n.writeItems(w, p, path)
		return
	}
	if len(n.messages) > 0 {
		n.child(nonFieldErrors).messages = append(n.child(nonFieldErrors).messages, n.messages...)
	}
	w.Object(func() {
		for _, name := range n.order {
			w.Key(EscapeKey(name))
			n.fields[name].write(w, p, join(path, name))
		}
	})
}

// writeItems writes one object for each item of a list.
func (n *problemNode) writeItems(w *Writer, p *problem.List, path string) {
	last := p.ItemCount(path) - 1
	for _, name := range n.order {
		if i, err := strconv.Atoi(name); err == nil {
			last = max(last, i)
		}
	}
	w.List(func() {
		for i := range last + 1 {
			if item := n.fields[strconv.Itoa(i)]; item != nil {
				item.write(w, p, join(path, strconv.Itoa(i)))
			} else {
				w.Object(func() {})
			}
		}
	})
}

// EscapeKey makes a name from outside, such as that of a query parameter, fit to be a key.
func EscapeKey(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' || r == '\ufffd' }) < 0 {
		return name
	}
	quoted := AppendText(nil, name)
	return string(slices.Clone(quoted[1 : len(quoted)-1]))
}

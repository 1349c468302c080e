package wire

import (
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/problem"
)

// Problems have the form that Django REST framework gives them: for each field a list of messages,
// and for a list of objects a list with an object for each item, empty if the item has no problem.

// problemNode is a part of the answer: messages, or fields or items with nodes of their own.
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

// WriteProblems writes the answer to an input with problems.
func WriteProblems(w *Writer, p *problem.List) {
	root := new(problemNode)
	for _, x := range p.All() {
		if x.Path == problem.WholeList {
			// some errors of a TOM are only a list with one message, whatever else is wrong
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
				at = at.child(nonFieldErrors) // a problem of the whole item
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

// writeItems writes an object for each item of a list.
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

// EscapeKey escapes a name for use as a JSON key.
func EscapeKey(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < 0x20 || r == '"' || r == '\\' || r == '\ufffd' }) < 0 {
		return name
	}
	quoted := AppendText(nil, name)
	return string(slices.Clone(quoted[1 : len(quoted)-1]))
}

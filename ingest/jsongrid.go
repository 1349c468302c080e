package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"nightjar/ingest/bounded"
	"nightjar/ingest/table"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// isJSON reports whether the file may be JSON.
func isJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return len(head) > 0 && (head[0] == '{' || head[0] == '[')
}

// jsonWalk walks through a JSON file.
type jsonWalk struct{ *jsontext.Walk }

func newJSONWalk(f bounded.File) (jsonWalk, error) {
	start := int64(0)
	if f.Size >= 3 {
		var mark [3]byte
		if err := bounded.ReadFull(f, mark[:], 0); err != nil {
			return jsonWalk{}, err
		}
		if string(mark[:]) == "\xef\xbb\xbf" {
			start = 3
		}
	}
	return jsonWalk{jsontext.NewWalk(newFiniteJSON(io.NewSectionReader(f.Content, start, f.Size-start)),
		jsontext.Limits{
			Value: bounded.MaxJSONValue, Depth: bounded.MaxJSONDepth,
			Refuse: func(reason string) error { return bounded.Refuse(bounded.Problem{Reason: reason}) }})}, nil
}

// jsonMember is a member of a record: its text, or nested if it is a list or an object.
type jsonMember struct {
	key, text string
	nested    bool
}

// record reads the members of the object that Step has entered. It calls within, if that is not
// nil, for each list or object among them, and skips those that within does not read.
func (w jsonWalk) record(members []jsonMember, within func(key string) (read bool, err error)) ([]jsonMember, error) {
	depth, size := len(w.Stack), 0
	for {
		t, err := w.Step()
		if err != nil {
			return nil, err
		}
		if len(w.Stack) < depth {
			return members, nil
		}
		if len(members) == bounded.MaxColumns {
			return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("a record of more than %d members",
				bounded.MaxColumns)})
		}
		m := jsonMember{key: w.Stack[depth-1].Key, nested: len(w.Stack) > depth}
		if m.nested {
			read := false
			if within != nil {
				read, err = within(m.key)
			}
			if err == nil && !read && t == json.Delim('{') && namedMembers[m.key] {
				var named bool
				m.text, named, err = w.nameWithin()
				m.nested, read = !named, true
			}
			if err == nil && !read {
				err = w.Skip()
			}
			if err != nil {
				return nil, err
			}
		} else {
			m.text = jsonText(t)
		}
		if size += len(m.key) + len(m.text); size > bounded.MaxRowText {
			return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf("a record of more than %d bytes",
				bounded.MaxRowText)})
		}
		members = append(members, m)
	}
}

// jsonText returns a scalar as a cell of a table: a number with its digits, "" for null.
func jsonText(t json.Token) string {
	if t == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(t))
}

// notUTF8 reports whether a text of the JSON file was not valid UTF-8.
func notUTF8(text string) bool { return strings.ContainsRune(text, utf8.RuneError) }

// recordBegins reports whether the walk has entered an object that is an item of a list, or the
// record of an alert.
func (w jsonWalk) recordBegins(t json.Token) bool {
	n := len(w.Stack)
	return t == json.Delim('{') && (n >= 2 && w.Stack[n-2].List || w.isAlertRecord())
}

// listPath is the path of the list whose item the walk is in: its keys, each followed by a tab.
func (w jsonWalk) listPath() string {
	var b strings.Builder
	for _, f := range w.Stack[:len(w.Stack)-1] {
		if !f.List {
			b.WriteString(f.Key)
			b.WriteByte('\t')
		}
	}
	return b.String()
}

// listKeys returns the keys of that path.
func (w jsonWalk) listKeys() (keys []string) {
	for _, f := range w.Stack[:len(w.Stack)-1] {
		if !f.List {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// jsonList is a list of records in a document.
type jsonList struct {
	path    string   // as listPath returns it
	key     string   // the last key, "" for the document itself
	object  string   // the event that a list of an Open Catalog belongs to
	names   []string // keys of its records, in order of appearance
	nested  []string // those of names that have lists or objects as values
	records int
}

// jsonGrid makes a grid of a JSON document: of its list of records, or of lists that belong
// together.
func jsonGrid(f bounded.File) (*grid, error) {
	lists, err := findJSONLists(f)
	if err != nil {
		return nil, err
	}
	chosen := chooseJSONLists(lists)
	if len(chosen) == 0 {
		if len(lists) == 0 {
			return nil, bounded.Refuse(bounded.Problem{Reason: "a JSON document without a list of records"})
		}
		var keys []string
		for _, l := range lists {
			keys = append(keys, l.key)
		}
		return nil, bounded.Refuse(bounded.Problem{Reason: "a JSON document with several lists of records, " +
			"none of which is called photometry, detections or candidates: " + problem.QuotedList(keys)})
	}
	g := &grid{format: "JSON", numbered: true}
	var nested []string
	paths := map[string]string{}
	objects := map[string]bool{}
	for _, l := range chosen {
		paths[l.path] = l.object
		if l.object != "" {
			objects[l.object] = true
			g.object = l.object
		}
		for _, name := range l.names {
			if !slices.Contains(g.First, name) {
				g.First = append(g.First, name)
			}
		}
		nested = append(nested, l.nested...)
	}
	several := len(objects) > 1
	if several {
		g.object = ""
		g.First = append(g.First, "object")
	}
	if len(g.First) > bounded.MaxColumns {
		return nil, bounded.Refuse(bounded.Problem{Reason: "too many names of columns"})
	}
	var unread []string
	for _, l := range lists {
		if !slices.Contains(chosen, l) && !slices.Contains(unread, l.key) {
			unread = append(unread, l.key)
		}
	}
	if len(unread) > 0 {
		g.notes = append(g.notes, "lists of the document that are not read: "+problem.QuotedList(unread))
	}
	open := slices.Contains(g.First, "u_time")
	for _, name := range g.First {
		left := ""
		if slices.Contains(nested, name) && !(open && name == "time") {
			left = "it holds lists or objects"
		}
		g.fields = append(g.fields, field{leftOut: left})
	}
	names := g.First
	g.open = func(func([]byte)) (rows, error) {
		w, err := newJSONWalk(f)
		if err != nil {
			return nil, err
		}
		in := &jsonRows{walk: w, paths: paths, at: map[string]int{}, filled: make([]int, len(names)),
			cells: make([][]byte, len(names)), several: several, open: open}
		for i, name := range names {
			in.at[name] = i
		}
		return in, nil
	}
	return g, g.readSample()
}

// findJSONLists finds all lists that contain objects.
func findJSONLists(f bounded.File) ([]*jsonList, error) {
	w, err := newJSONWalk(f)
	if err != nil {
		return nil, err
	}
	var lists []*jsonList
	at := map[string]*jsonList{}
	known := map[string]map[string]bool{}
	size := 0 // bytes of all names and paths
	var members []jsonMember
	for {
		t, err := w.Step()
		if err == io.EOF {
			return lists, nil
		}
		if err != nil {
			return nil, err
		}
		if !w.recordBegins(t) {
			continue
		}
		path := w.listPath()
		l := at[path]
		if l == nil {
			if len(lists) == bounded.MaxJSONLists {
				return nil, bounded.Refuse(bounded.Problem{Reason: fmt.Sprintf(
					"a JSON document with more than %d lists of records", bounded.MaxJSONLists)})
			}
			l = &jsonList{path: path}
			keys := w.listKeys()
			if n := len(keys); n > 0 {
				l.key = keys[n-1]
				if n == 2 && l.key == "photometry" {
					l.object = keys[0]
				}
			}
			size += len(path)
			lists, at[path], known[path] = append(lists, l), l, map[string]bool{}
		}
		l.records++
		if members, err = w.record(members[:0], nil); err != nil {
			return nil, err
		}
		for _, m := range members {
			if m.nested && !slices.Contains(l.nested, m.key) {
				l.nested = append(l.nested, m.key)
			}
			if !known[path][m.key] {
				known[path][m.key], size = true, size+len(m.key)+table.NameCost
				if len(l.names) == bounded.MaxColumns || size > bounded.MaxNames {
					return nil, bounded.Refuse(bounded.Problem{Reason: "too many names of columns"})
				}
				l.names = append(l.names, m.key)
			}
		}
	}
}

// chooseJSONLists returns the lists that make a light curve, or the only list.
func chooseJSONLists(lists []*jsonList) []*jsonList {
	lists = slices.DeleteFunc(slices.Clone(lists), (*jsonList).isOtherRecord)
	for _, names := range jsonLists {
		var chosen []*jsonList
		for _, l := range lists {
			if slices.Contains(names, strings.ToLower(l.key)) {
				chosen = append(chosen, l)
			}
		}
		if len(chosen) > 0 {
			return chosen
		}
	}
	if len(lists) == 1 {
		return lists
	}
	return nil
}

// jsonRows reads the records of some lists of a document.
type jsonRows struct {
	walk    jsonWalk
	paths   map[string]string // the object of each list, by path
	at      map[string]int    // columns by key
	filled  []int             // for each column the row in which it was filled last
	several bool              // the last column is the object
	open    bool              // the table is of an Open Catalog
	members []jsonMember
	cells   [][]byte
	number  int
}

func (in *jsonRows) next(r *row) error {
	for {
		t, err := in.walk.Step()
		if err != nil {
			return err
		}
		if !in.walk.recordBegins(t) {
			continue
		}
		object, ours := in.paths[in.walk.listPath()]
		if in.members, err = in.walk.record(in.members[:0], nil); err != nil {
			return err
		}
		if ours {
			in.fill(r, object)
			return nil
		}
	}
}

// fill makes a row from a record.
func (in *jsonRows) fill(r *row, object string) {
	in.number++
	*r = row{Row: bounded.Row{Line: in.number}}
	clear(in.cells)
	for _, m := range in.members {
		at, ok := in.at[m.key]
		switch {
		case !ok:
			continue // the file has changed since it was opened
		case in.filled[at] == in.number:
			r.Reason = "the member " + problem.Quoted(m.key) + " occurs twice"
		case notUTF8(m.text) || notUTF8(m.key):
			r.Reason = "not text: not valid UTF-8"
		}
		in.cells[at], in.filled[at] = []byte(m.text), in.number
		if in.open {
			in.checkOpenRecord(r, m)
		}
	}
	if in.several {
		in.cells[len(in.cells)-1] = []byte(object)
	}
	r.Cells = in.cells
}

// checkOpenRecord checks what a record of an Open Catalog says about itself.
func (in *jsonRows) checkOpenRecord(r *row, m jsonMember) {
	switch m.key {
	case "time":
		if m.nested {
			r.leftOut = "the row's time is a span of time"
		}
	case "u_time":
		t, ok := openTime(m.text)
		if r.time = &t; !ok {
			r.Reason = "times in " + problem.Quoted(m.text) + " are not read"
		}
	case "host", "model", "realization", "simulated":
		if m.text != "" && m.text != "false" {
			r.leftOut = "the row is of the kind " + problem.Quoted(m.key) + ", not of the observed object"
		}
	}
}

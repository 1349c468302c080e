package wire

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/jsontext"
)

// Value is one value of an input: JSON, the text of a form's field, or the items of a form's list.
type Value struct {
	json  jsontext.Value // nil for a value of a form
	text  string         // of a JSON text, or of a form's field
	parts []url.Values   // the items of a form's list
	list  bool
}

// FormItems returns a list whose items were sent as fields of a form, see FormList.
func FormItems(parts []url.Values) Value { return Value{list: true, parts: parts} }

// FromJSON returns a value that was sent as JSON.
func FromJSON(j jsontext.Value) Value {
	v := Value{json: j}
	if j.Kind() == '"' {
		v.text = j.Text()
	}
	return v
}

// Kind returns the kind as package jsontext names it. A form's field is a text.
func (v Value) Kind() byte {
	switch {
	case v.list:
		return '['
	case v.json == nil:
		return '"'
	}
	return v.json.Kind()
}

// Null reports whether the value is null.
func (v Value) Null() bool   { return v.json != nil && v.Kind() == 'n' }
func (v Value) isText() bool { return v.Kind() == '"' }

// asJSON returns the value as JSON. A form's field must contain JSON.
func (v Value) asJSON() (jsontext.Value, error) {
	if v.json != nil {
		return v.json, nil
	}
	return jsontext.Parse([]byte(v.text))
}

// MaxParts is how many members an object may have, or items a list, to be read as a Value. Listing
// them can take some thirty times the memory of their text.
const MaxParts = 10_000

// TooManyParts reports whether an object or a list has more than MaxParts parts, and how many it
// has.
func (v Value) TooManyParts() (n int, yes bool) {
	if v.json != nil {
		n = v.json.Len()
	}
	return n, n > MaxParts
}

// WhyNotObject says why Object returns false.
func (v Value) WhyNotObject() string {
	if n, yes := v.TooManyParts(); yes && v.Kind() == '{' {
		return fmt.Sprintf("An object may have %d members here; this one has %d.", MaxParts, n)
	}
	return fmt.Sprintf(MsgNotObject, v.pythonType())
}

// whyNotList says why Items returns false.
func (v Value) whyNotList() string {
	if n, yes := v.TooManyParts(); yes && v.Kind() == '[' {
		return fmt.Sprintf("A list may hold %d items here; this one has %d.", MaxParts, n)
	}
	return fmt.Sprintf(msgNotList, v.pythonType())
}

// Items returns the items of a list; ok is false for other values, and for a list that is too long.
func (v Value) Items() (items []Value, ok bool) {
	if v.list {
		for _, part := range v.parts {
			items = append(items, Value{list: true, parts: []url.Values{part}})
		}
		return items, true
	}
	if _, crowded := v.TooManyParts(); crowded || v.Kind() != '[' {
		return nil, false
	}
	for _, j := range v.json.Items() {
		items = append(items, FromJSON(j))
	}
	return items, true
}

// Object returns an object as an Input; ok is false for other values, and for an object that is too
// large.
func (v Value) Object() (in Input, ok bool) {
	if v.list && len(v.parts) == 1 {
		return Input{Form: v.parts[0]}, true
	}
	if _, crowded := v.TooManyParts(); crowded || v.Kind() != '{' || v.json == nil {
		return Input{}, false
	}
	return Input{Members: v.json.Members()}, true
}

// Input is an object in a body. It has either Members or a Form.
type Input struct {
	Members []jsontext.Member
	Form    url.Values // nil for JSON
}

// Field returns the value of a field; ok is false when it was not sent.
func (in Input) Field(f *Field) (v Value, ok bool) {
	if in.Form != nil {
		return in.formField(f)
	}
	for i := range in.Members {
		if in.Members[i].Key == f.Name {
			return FromJSON(in.Members[i].Value), true
		}
	}
	return Value{}, false
}

// formField returns a field of a form. An empty text means null, or nothing, where the field takes
// no empty text.
func (in Input) formField(f *Field) (v Value, ok bool) {
	if f.Kind == List {
		parts := FormList(in.Form, f.Name)
		return Value{list: true, parts: parts}, len(parts) > 0
	}
	texts := in.Form[f.Name]
	if len(texts) == 0 {
		return Value{}, false
	}
	text := texts[len(texts)-1]
	if text == "" && !f.Blank {
		switch {
		case f.Null:
			return Value{json: jsontext.Value("null")}, true
		case !f.Required:
			return Value{}, false
		}
	}
	return Value{text: text}, true
}

// FormList collects the fields name[0]key or name[0][key] of a form into the items of a list.
func FormList(form url.Values, name string) []url.Values {
	items := map[int]url.Values{}
	for key, texts := range form {
		rest, ok := strings.CutPrefix(key, name+"[")
		if !ok {
			continue
		}
		index, rest, ok := strings.Cut(rest, "]")
		n, err := strconv.Atoi(index)
		if !ok || err != nil || n < 0 {
			continue
		}
		if inner, ok := strings.CutPrefix(rest, "["); ok {
			rest = strings.TrimSuffix(inner, "]")
		}
		if items[n] == nil {
			items[n] = url.Values{}
		}
		items[n][strings.TrimPrefix(rest, ".")] = texts
	}
	order := make([]int, 0, len(items))
	for n := range items {
		order = append(order, n)
	}
	slices.Sort(order)
	list := make([]url.Values, len(order))
	for i, n := range order {
		list[i] = items[n]
	}
	return list
}

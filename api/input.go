package api

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"nightjar/internal/jsontext"
)

// value is one value that was sent: as JSON, as the text of a form's field, or as the parts of a form that make up a list.
type value struct {
	json  jsontext.Value // nil for what came in a form
	text  string         // of a JSON text, or of a form
	parts []url.Values   // of a form: the items of a list
	list  bool
}

func jsonValue(j jsontext.Value) value {
	v := value{json: j}
	if j.Kind() == '"' {
		v.text = j.Text()
	}
	return v
}

// kind is archive.JSON's Kind; what comes in a form is text.
func (v value) kind() byte {
	switch {
	case v.list:
		return '['
	case v.json == nil:
		return '"'
	}
	return v.json.Kind()
}

func (v value) null() bool   { return v.json != nil && v.kind() == 'n' }
func (v value) isText() bool { return v.kind() == '"' }

// asJSON is the value as JSON; the text of a form must be one.
func (v value) asJSON() (jsontext.Value, error) {
	if v.json != nil {
		return v.json, nil
	}
	return jsontext.Parse([]byte(v.text))
}

// maxParts is how many members an object may have that is looked into, and how many items a list. Listing them takes some thirty times the memory of their text, if that is made for it.
const maxParts = 10_000

// crowded is how many parts an object or a list has, if these are more than maxParts.
func (v value) crowded() (n int, yes bool) {
	if v.json != nil {
		n = v.json.Len()
	}
	return n, n > maxParts
}

// notObject says why object does not give one.
func (v value) notObject() string {
	if n, yes := v.crowded(); yes && v.kind() == '{' {
		return fmt.Sprintf("An object may have %d members here; this one has %d.", maxParts, n)
	}
	return fmt.Sprintf(msgNotObject, v.pythonType())
}

// notList says why items does not give any.
func (v value) notList() string {
	if n, yes := v.crowded(); yes && v.kind() == '[' {
		return fmt.Sprintf("A list may hold %d items here; this one has %d.", maxParts, n)
	}
	return fmt.Sprintf(msgNotList, v.pythonType())
}

// items are the items of a list; ok is false for what is none, or too long a one, see notList.
func (v value) items() (items []value, ok bool) {
	if v.list {
		for _, part := range v.parts {
			items = append(items, value{list: true, parts: []url.Values{part}})
		}
		return items, true
	}
	if _, crowded := v.crowded(); crowded || v.kind() != '[' {
		return nil, false
	}
	for _, j := range v.json.Items() {
		items = append(items, jsonValue(j))
	}
	return items, true
}

// object is the value as the input of fields; ok is false for what is no object, or too large a one, see notObject.
func (v value) object() (in input, ok bool) {
	if v.list && len(v.parts) == 1 {
		return input{form: v.parts[0]}, true
	}
	if _, crowded := v.crowded(); crowded || v.kind() != '{' || v.json == nil {
		return input{}, false
	}
	return input{members: v.json.Members()}, true
}

// input is an object that was sent, from which fields are taken by name.
type input struct {
	members []jsontext.Member
	form    url.Values // for what came in a form
}

// field takes the value of a field; ok is false when there is none.
func (in input) field(f *Field) (v value, ok bool) {
	if in.form != nil {
		return in.formField(f)
	}
	for i := range in.members {
		if in.members[i].Key == f.Name {
			return jsonValue(in.members[i].Value), true
		}
	}
	return value{}, false
}

// formField takes a field from a form. An empty text there stands for null, or for nothing, where a text is not wanted.
func (in input) formField(f *Field) (v value, ok bool) {
	if f.Kind == List {
		parts := formList(in.form, f.Name)
		return value{list: true, parts: parts}, len(parts) > 0
	}
	texts := in.form[f.Name]
	if len(texts) == 0 {
		return value{}, false
	}
	text := texts[len(texts)-1]
	if text == "" && !f.Blank {
		switch {
		case f.Null:
			return value{json: jsontext.Value("null")}, true
		case !f.Required:
			return value{}, false
		}
	}
	return value{text: text}, true
}

// formList gathers the fields of a form that are called name[0]key or name[0][key] into the items of a list.
func formList(form url.Values, name string) []url.Values {
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

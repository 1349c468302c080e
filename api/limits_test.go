package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"nightjar/archive"
	"nightjar/auth"
)

// textOf returns a text of n characters that begins with mark.
func textOf(mark string, n int, letter string) string {
	return mark + strings.Repeat(letter, n-len(mark))
}

// TestTextLimits sends the longest allowed text of each field, which is accepted, and one that is
// longer by one, which is refused with the name of the field. It sends them as JSON, in a form and
// in a stream of lines.
func TestTextLimits(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	n.ask("astro", "POST", "/api/targets/",
		map[string]any{"name": "T", "type": "SIDEREAL", "ra": 1, "dec": 2}).want(t, 201)
	count := 0
	mark := func() string { count++; return fmt.Sprintf("x%d-", count) }
	target := func(more map[string]any) map[string]any {
		m := map[string]any{"name": mark(), "type": "SIDEREAL", "ra": 1, "dec": 2}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	item := func(key, field string, more ...string) func(string) map[string]any {
		return func(s string) map[string]any {
			one := map[string]any{field: s}
			for i := 0; i+1 < len(more); i += 2 {
				one[more[i]] = more[i+1]
			}
			return target(map[string]any{key: []any{one}})
		}
	}
	datum := func(field string) func(string) map[string]any {
		return func(s string) map[string]any {
			return map[string]any{"target": 1, "data_type": "photometry",
				"value": map[string]any{"m": mark()}, field: s}
		}
	}
	observation := func(field string) func(string) map[string]any {
		return func(s string) map[string]any {
			return map[string]any{"target_id": 1, "facility": "F", "observation_type": "I",
				"observing_parameters": map[string]any{}, field: s}
		}
	}
	product := func(field string) func(string) map[string]any {
		return func(s string) map[string]any {
			return map[string]any{"target": "1", "data_product_type": "fits_file", field: s}
		}
	}
	one := func(field string) func(string) map[string]any {
		return func(s string) map[string]any { return map[string]any{field: s} }
	}
	for _, c := range []struct {
		user, path, field string // path of the field in the answer
		most              int
		letter            string // "é" for limits in characters
		body              func(string) map[string]any
		part              bool // send it as a form with a file
		lines             bool // send it in a stream of lines as well
	}{
		{"astro", "/api/targets/", "name", archive.MaxName, "é",
			func(s string) map[string]any { return target(map[string]any{"name": s}) }, false, true},
		{"astro", "/api/targets/", "aliases.name", archive.MaxName, "é", item("aliases", "name"), false, true},
		{"astro", "/api/targets/", "targetextra_set.key", archive.MaxExtraKey, "é",
			item("targetextra_set", "key", "value", "v"), false, true},
		{"astro", "/api/targets/", "targetextra_set.value", archive.MaxExtraValue, "v",
			item("targetextra_set", "value", "key", "k"), false, true},
		{"astro", "/api/targets/", "target_lists.name", archive.MaxListName, "é",
			item("target_lists", "name"), false, true},
		{"admin", "/api/targets/", "groups.name", auth.MaxGroupName, "é", item("groups", "name"), false, true},
		{"astro", "/api/reduceddatums/", "source_name", archive.MaxSource, "é", datum("source_name"), false, true},
		{"astro", "/api/reduceddatums/", "source_name", archive.MaxSource, "s", datum("source_name"), false, true},
		{"astro", "/api/reduceddatums/", "source_location", archive.MaxLocation, "é",
			datum("source_location"), false, true},
		{"astro", "/api/reduceddatums/", "source_location", archive.MaxLocation, "s",
			datum("source_location"), false, true},
		{"astro", "/api/observations/", "facility", archive.MaxFacility, "é", observation("facility"), false, false},
		{"astro", "/api/observations/", "observation_id", archive.MaxObservationID, "é",
			observation("observation_id"), false, false},
		{"astro", "/api/observations/", "status", archive.MaxStatus, "é", observation("status"), false, false},
		{"astro", "/api/dataproducts/", "product_id", archive.MaxProductID, "é", product("product_id"), true, false},
		{"astro", "/api/dataproducts/", "extra_data", archive.MaxExtraData, "e", product("extra_data"), true, false},
		{"astro", "/api/tokens/", "name", auth.MaxTokenName, "é", one("name"), false, false},
		{"admin", "/api/users/", "username", auth.MaxUserName, "u", one("username"), false, false},
		{"admin", "/api/groups/?all=true", "name", auth.MaxGroupName, "é", one("name"), false, false},
	} {
		t.Run(c.path+" "+c.field+" "+c.letter, func(t *testing.T) {
			send := func(length int, kind string) *reply {
				t.Helper()
				m := c.body(textOf(mark(), length, c.letter))
				switch {
				case c.part:
					f := newForm()
					for k, v := range m {
						f.w.WriteField(k, v.(string))
					}
					return n.ask(c.user, "POST", c.path, f.file(mark()+".fits", []byte(mark())))
				case kind == "form":
					v := url.Values{}
					for k, x := range m {
						switch x := x.(type) {
						case []any:
							for field, text := range x[0].(map[string]any) {
								v.Set(k+"[0]"+field, text.(string))
							}
						case map[string]any:
							text, _ := json.Marshal(x)
							v.Set(k, string(text))
						default:
							v.Set(k, fmt.Sprint(x))
						}
					}
					return n.ask(c.user, "POST", c.path, v)
				case kind == "lines":
					text, err := json.Marshal(m)
					if err != nil {
						t.Fatal(err)
					}
					return n.ask(c.user, "POST", c.path, raw{kind: typeNDJSON, text: string(text) + "\n"})
				}
				return n.ask(c.user, "POST", c.path, m)
			}
			refused := func(body []byte) bool {
				var v any
				if json.Unmarshal(body, &v) != nil {
					return false
				}
				for _, step := range strings.Split(c.field, ".") {
					if list, ok := v.([]any); ok && len(list) > 0 {
						v = list[0]
					}
					m, ok := v.(map[string]any)
					if !ok {
						return false
					}
					v = m[step]
				}
				text := fmt.Sprint(v)
				return strings.HasPrefix(text, "[Ensure this field has no more than "+fmt.Sprint(c.most)+" ")
			}
			for _, kind := range []string{"json", "form"} {
				send(c.most, kind).want(t, 201)
				if w := send(c.most+1, kind); w.status != 400 || !refused(w.body) {
					t.Errorf("%s: one character too many: %d %s", kind, w.status, w.body)
				}
			}
			if !c.lines {
				return
			}
			var got struct {
				Created, Rejected int
				Problems          []struct{ Errors json.RawMessage }
			}
			w := send(c.most, "lines").want(t, 201)
			if err := json.Unmarshal(w.body, &got); err != nil || got.Created != 1 {
				t.Errorf("lines: %s", w.body)
			}
			w = send(c.most+1, "lines").want(t, 201)
			if err := json.Unmarshal(w.body, &got); err != nil || got.Rejected != 1 ||
				!refused(got.Problems[0].Errors) {
				t.Errorf("lines: one character too many: %s", w.body)
			}
		})
	}
}

// TestSizeLimits sends what is too large in other ways than by a single text.
func TestSizeLimits(t *testing.T) {
	t.Parallel()
	n := start(t, Options{})
	n.ask("astro", "POST", "/api/targets/",
		map[string]any{"name": "T", "type": "SIDEREAL", "ra": 1, "dec": 2}).want(t, 201)
	refused := func(what string, w *reply, with string) {
		t.Helper()
		if w.status != 400 || !strings.Contains(string(w.body), with) {
			t.Errorf("%s: %d %.300s, want %s", what, w.status, w.body, with)
		}
	}
	list := func(count int, item func(i int) map[string]any) []any {
		var l []any
		for i := range count {
			l = append(l, item(i))
		}
		return l
	}
	tag := func(size int) func(i int) map[string]any {
		return func(i int) map[string]any {
			return map[string]any{"key": fmt.Sprint("k", i), "value": strings.Repeat("v", size)}
		}
	}
	alias := func(i int) map[string]any { return map[string]any{"name": fmt.Sprint("alias ", i)} }
	group := func(i int) map[string]any { return map[string]any{"name": fmt.Sprint("group ", i)} }
	onList := func(i int) map[string]any { return map[string]any{"name": fmt.Sprint("list ", i)} }
	patch := func(user, field string, v any) *reply {
		return n.ask(user, "PATCH", "/api/targets/1/", map[string]any{field: v})
	}
	const elements = `["Ensure this field has no more than 1000 elements."]`
	for field, item := range map[string]func(int) map[string]any{"targetextra_set": tag(1), "aliases": alias,
		"groups": group, "target_lists": onList} {
		refused(field, patch("admin", field, list(1001, item)), `{"`+field+`":`+elements+`}`)
		patch("admin", field, list(1000, item)).want(t, 200)
		refused("one more of "+field, patch("admin", field, list(1, func(int) map[string]any { return item(1000) })),
			`{"`+field+`":`+elements+`}`)
	}
	in := map[string]any{"name": "L", "type": "SIDEREAL", "ra": 1, "dec": 2, "targetextra_set": list(16, tag(4096))}
	refused("a large target", n.ask("astro", "POST", "/api/targets/", in),
		`{"non_field_errors":["A target takes at most 65536 bytes in all, `)
	in["targetextra_set"] = list(15, tag(4096))
	n.ask("astro", "POST", "/api/targets/", in).want(t, 201)
	refused("a target that grows",
		n.ask("astro", "PATCH", "/api/targets/2/",
			map[string]any{"targetextra_set": []any{map[string]any{"key": "more",
				"value": strings.Repeat("v", 4096)}}}),
		`{"non_field_errors":["A target takes`)
	n.ask("astro", "PATCH", "/api/targets/2/",
		map[string]any{"targetextra_set": []any{map[string]any{"key": "k0", "value": ""},
			map[string]any{"key": "more", "value": strings.Repeat("v", 4096)}}}).want(t, 200)

	parameters := func(size int) map[string]any {
		return map[string]any{"target_id": 1, "facility": "F", "observation_type": "I",
			"observing_parameters": map[string]any{"a": strings.Repeat("p", size-len(`{"a":""}`))}}
	}
	n.ask("astro", "POST", "/api/observations/", parameters(archive.MaxParameters)).want(t, 201)
	refused("parameters", n.ask("astro", "POST", "/api/observations/", parameters(archive.MaxParameters+1)),
		`{"observing_parameters":["Ensure this field has no more than 65536 bytes."]}`)
	value := func(size int) map[string]any {
		return map[string]any{"target": 1, "data_type": "spectroscopy", "value": strings.Repeat("s", size-2)}
	}
	line := func(size int) raw {
		text, _ := json.Marshal(value(size))
		return raw{kind: typeNDJSON, text: strings.Replace(string(text), "sss", "zzz", 1) + "\n"}
	}
	const tooLarge = `"value":["Ensure this field has no more than 7340032 bytes."]`
	n.ask("astro", "POST", "/api/reduceddatums/", value(archive.MaxValue)).want(t, 201)
	refused("a value", n.ask("astro", "POST", "/api/reduceddatums/", value(archive.MaxValue+1)), tooLarge)
	timed := func(size int) raw {
		r := line(size)
		r.text = strings.Replace(r.text, `{"data_type"`, `{"timestamp":"2026-01-01T00:00:00Z","data_type"`, 1)
		return r
	}
	n.ask("astro", "POST", "/api/reduceddatums/", timed(archive.MaxValue)).want(t, 201)
	for what, r := range map[string]raw{"a line": line(archive.MaxValue + 1),
		"a plain line": timed(archive.MaxValue + 1)} {
		if w := n.ask("astro", "POST", "/api/reduceddatums/", r); !strings.Contains(string(w.body), `"rejected":1`) ||
			!strings.Contains(string(w.body), tooLarge) {
			t.Errorf("%s: %d %.300s", what, w.status, w.body)
		}
	}
	groups := list(1001, func(i int) map[string]any { return map[string]any{"id": i + 1} })
	n.mode(auth.ModeObjects, auth.ReadOnly)
	for path, body := range map[string]map[string]any{"/api/reduceddatums/": value(10),
		"/api/observations/": parameters(100)} {
		body["groups"] = groups
		refused(path, n.ask("admin", "POST", path, body), `"groups":`+elements)
	}
	refused("a user's groups",
		n.ask("admin", "POST", "/api/users/",
			map[string]any{"username": "many", "groups": groups}), `{"groups":`+elements+`}`)
	n.ask("admin", "POST", "/api/users/", map[string]any{"username": "many", "groups": list(1000, group)}).want(t, 201)
	w := n.ask("admin", "POST", "/api/groups/1/members/?all=true", map[string]any{"username": "many"})
	refused("one group more", w, "This user is in 1000 groups, and cannot be in more.")
	for name, value := range map[string]string{
		"extra_fields": `[{"name":"` + strings.Repeat("x", 70_000) +
			`","type":"number"}]`, "tom_name": strings.Repeat("n", 101),
		"data_product_types": "photometry,fits_file,spectroscopy,image_file," + strings.Repeat("x", 51)} {
		refused(name, n.ask("admin", "PUT", "/api/settings/"+name+"/", map[string]string{"value": value}), `"value":`)
	}
}

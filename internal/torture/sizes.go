package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Records of all sizes: a file stores records from 2,048 bytes, sets from 1,024 ids and streams
// from 50,000 rows on in other ways than smaller ones.

// maxTags is the number of bytes of tags that a target has at most, which leaves space for the rest
// of its record.
const maxTags = 30_000

// targetShape is the part of a target that is compared.
type targetShape struct {
	ID      uint64
	Name    string
	Aliases []named
	Tags    []tag   `json:"targetextra_set"`
	Groups  []named `json:"groups"`
	Lists   []named `json:"target_lists"`
}

type named struct {
	Name string `json:"name"`
}

type tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// shape is everything but the name and the id, as text in a fixed order.
func (t targetShape) shape() string {
	var parts []string
	for _, a := range t.Aliases {
		parts = append(parts, "alias "+a.Name)
	}
	for _, x := range t.Tags {
		parts = append(parts, "tag "+x.Key+"="+x.Value)
	}
	for _, g := range t.Groups {
		parts = append(parts, "group "+g.Name)
	}
	for _, l := range t.Lists {
		parts = append(parts, "list "+l.Name)
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

// userShape is the part of a user that is compared.
type userShape struct {
	ID       uint64
	Username string
	Groups   []named
}

func (u userShape) shape() string {
	var parts []string
	for _, g := range u.Groups {
		parts = append(parts, "group "+g.Name)
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}

// length is a random length up to most. Each power of two is equally likely, so that lengths fall
// on both sides of every threshold.
func (w *worker) length(most int) int {
	return int(math.Pow(2, w.random.Float64()*math.Log2(float64(most))))
}

// text is a random text of this length.
func (w *worker) text(length int) string {
	b := make([]byte, length)
	for i := range b {
		b[i] = 'a' + byte(w.random.IntN(26))
	}
	return string(b)
}

// longName is a name of random length.
func (w *worker) longName(most int) string {
	name := w.next()
	if w.random.IntN(3) == 0 {
		name += " " + w.text(w.length(most-len(name)-1))
	}
	return name
}

// vary writes one record after another, small and large.
func (w *worker) vary(ctx context.Context, l Load) error {
	list := "torture list" // of all rounds, with very many targets
	groups, err := w.addGroups(ctx, 40)
	var made, users []*item
	var streams []*item
	for _, it := range w.ledger.before(w.round, aStream) {
		if err == nil {
			err = w.endStream(ctx, it)
		}
	}
	for n := 0; err == nil && w.more(n); n++ {
		var it *item
		switch w.random.IntN(10) {
		case 0, 1, 2:
			if it, err = w.addLarge(ctx, groups, list); err == nil {
				made = append(made, it)
			}
		case 3, 4:
			if len(made) > 0 {
				err = w.changeLarge(ctx, made[w.random.IntN(len(made))], groups, list)
			}
		case 5:
			if len(users) > 0 && w.random.IntN(2) == 0 {
				err = w.changeUser(ctx, users[w.random.IntN(len(users))], groups)
			} else if it, err = w.addUser(ctx, groups); err == nil {
				users = append(users, it)
			}
		case 6, 7:
			if len(made) > 0 {
				err = w.addObservation(ctx, made[w.random.IntN(len(made))])
			}
		case 8:
			err = w.addMany(ctx, w.length(200), list)
		case 9:
			if len(streams) > 1 {
				err = w.endStream(ctx, streams[0])
				streams = streams[1:]
			} else if it, err = w.addStream(ctx, at(l.Streams, w.round+n)); err == nil {
				streams = append(streams, it)
			}
		}
	}
	return err
}

// addGroups creates groups and returns the names of all groups of torture.
func (w *worker) addGroups(ctx context.Context, count int) (names []string, err error) {
	for i := 0; err == nil && i < count; i++ {
		err = w.node.Call(ctx, http.MethodPost, "/api/groups/?all=true",
			map[string]string{"name": fmt.Sprintf("%s group %d", w.name, i)}, nil)
	}
	if err != nil {
		return nil, err
	}
	var page struct{ Results []named }
	err = w.node.Call(ctx, http.MethodGet, "/api/groups/?all=true&limit=950", nil, &page)
	for _, g := range page.Results {
		if strings.HasPrefix(g.Name, "torture ") {
			names = append(names, g.Name)
		}
	}
	return names, err
}

// some returns some of the names.
func (w *worker) some(names []string) []named {
	list := []named{}
	if len(names) == 0 {
		return list
	}
	count := min(w.length(len(names)+1), len(names))
	for _, i := range w.random.Perm(len(names))[:count] {
		list = append(list, named{names[i]})
	}
	return list
}

// anyShape is a random shape of a target.
func (w *worker) anyShape(name string, groups []string, list string) targetShape {
	t := targetShape{Name: name, Aliases: []named{}, Tags: []tag{}, Groups: []named{}, Lists: []named{}}
	total := w.length(maxTags)
	if w.random.IntN(2) == 0 {
		total = 1700 + w.random.IntN(600)
	}
	for i := 0; total > 0; i++ {
		size := min(total, 1+w.random.IntN(4000))
		t.Tags = append(t.Tags, tag{fmt.Sprint("tag ", i), w.text(size)})
		total -= size
	}
	for i := range w.random.IntN(20) {
		t.Aliases = append(t.Aliases, named{fmt.Sprintf("%s alias %d %d", w.name, w.count, i)})
	}
	if w.random.IntN(2) == 0 {
		t.Groups = w.some(groups)
	}
	if w.random.IntN(2) == 0 {
		t.Lists = append(t.Lists, named{list})
	}
	return t
}

// fields are what a request sends of a target.
func (t targetShape) fields() map[string]any {
	return map[string]any{"name": t.Name, "type": "SIDEREAL", "ra": 10, "dec": 10, "aliases": t.Aliases,
		"targetextra_set": t.Tags, "groups": t.Groups, "target_lists": t.Lists}
}

// addLarge creates a target of any size.
func (w *worker) addLarge(ctx context.Context, groups []string, list string) (*item, error) {
	name := w.next()
	t := w.anyShape(name, groups, list)
	it := &item{kind: aTarget, name: name, shape: t.shape(), is: t}
	return it, w.createJSON(ctx, it, "/api/targets/", t.fields())
}

// changed notes a change of a target or user while send makes it.
func (w *worker) changed(it *item, name, shape string, send func() error) error {
	at := len(it.names)
	w.ledger.note(func() {
		it.names, it.known = append(it.names, naming{name, shape, change{begun: time.Now()}}), false
	})
	err := send()
	w.ledger.note(func() { w.answered(&it.names[at].change, err) })
	return err
}

// with is a target after a change to x: what x does not name stays.
func (t targetShape) with(x targetShape) targetShape {
	union := func(a, b []named) []named {
		all := slices.Clone(a)
		for _, n := range b {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
		return all
	}
	t.Name, t.Tags = x.Name, slices.Clone(t.Tags)
	t.Aliases, t.Groups, t.Lists = union(t.Aliases, x.Aliases), union(t.Groups, x.Groups), union(t.Lists, x.Lists)
	for _, n := range x.Tags {
		if i := slices.IndexFunc(t.Tags, func(o tag) bool { return o.Key == n.Key }); i >= 0 {
			t.Tags[i] = n
		} else {
			t.Tags = append(t.Tags, n)
		}
	}
	return t
}

// changeLarge replaces a target's shape.
func (w *worker) changeLarge(ctx context.Context, it *item, groups []string, list string) error {
	name := w.next()
	t := w.anyShape(name, groups, list)
	it.is = it.is.with(t)
	return w.changed(it, name, it.is.shape(), func() error {
		return w.node.Call(ctx, http.MethodPut, fmt.Sprintf("/api/targets/%d/", it.id), t.fields(), nil)
	})
}

// addUser creates a user in random groups, maybe many.
func (w *worker) addUser(ctx context.Context, groups []string) (*item, error) {
	u := userShape{Username: strings.ReplaceAll(w.next(), " ", "-"), Groups: w.some(groups)}
	it := &item{kind: aUser, name: u.Username, shape: u.shape()}
	return it, w.createJSON(ctx, it, "/api/users/",
		map[string]any{"username": u.Username, "password": "long-enough-" + u.Username, "groups": u.Groups})
}

// changeUser moves a user to other groups.
func (w *worker) changeUser(ctx context.Context, it *item, groups []string) error {
	u := userShape{Username: it.name, Groups: w.some(groups)}
	return w.changed(it, it.name, u.shape(), func() error {
		return w.node.Call(ctx, http.MethodPatch, fmt.Sprintf("/api/users/%d/", it.id),
			map[string]any{"groups": u.Groups}, nil)
	})
}

// addObservation creates an observation with parameters of any size.
func (w *worker) addObservation(ctx context.Context, of *item) error {
	it := &item{kind: anObservation, name: w.longName(250)}
	it.value = fmt.Sprintf(`{"exposure_time":%d,"note":%q}`, w.random.IntN(1000), w.text(w.length(60_000)))
	return w.create(it, func() (*http.Response, error) {
		b, err := json.Marshal(map[string]any{"target_id": of.id, "facility": "torture", "observation_type": "IMAGING",
			"observation_id":       it.name,
			"observing_parameters": json.RawMessage(it.value)})
		if err != nil {
			return nil, err
		}
		return w.node.Send(ctx, http.MethodPost, "/api/observations/", "application/json", bytes.NewReader(b))
	})
}

// addMany creates many targets of a list at once. A node stores some hundred at a time, so each
// target is an item of its own.
func (w *worker) addMany(ctx context.Context, count int, list string) error {
	var items []*item
	var b bytes.Buffer
	for range count {
		t := targetShape{Name: w.next(), Lists: []named{{list}}}
		it := &item{kind: aTarget, round: w.round, name: t.Name, shape: t.shape()}
		w.ledger.begin(it)
		items = append(items, it)
		fmt.Fprintf(&b, `{"name":%q,"type":"SIDEREAL","ra":1,"dec":1,"target_lists":[{"name":%q}]}`+"\n", t.Name, list)
	}
	var got struct{ Created int }
	err := w.postLines(ctx, "/api/targets/", &b, &got)
	if err == nil && got.Created != count {
		return &Refused{http.StatusCreated, fmt.Sprintf("of %d targets, %d were created", count, got.Created)}
	}
	w.ledger.note(func() {
		for _, it := range items {
			if err == nil {
				it.made.done = time.Now()
			} // otherwise some may exist, whatever the answer
			it.names[0].change = it.made
		}
	})
	return err
}

// postLines sends lines and reads the answer.
func (w *worker) postLines(ctx context.Context, path string, body *bytes.Buffer, got any) error {
	r, err := w.node.Send(ctx, http.MethodPost, path, "application/x-ndjson", body)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	return json.NewDecoder(r.Body).Decode(got)
}

// addStream sends a stream of datums, which a node stores all or none, for a target of its own.
func (w *worker) addStream(ctx context.Context, lines int) (*item, error) {
	if err := w.addTarget(ctx); err != nil {
		return nil, err
	}
	of := w.targets[len(w.targets)-1]
	it := &item{kind: aStream, round: w.round, name: "stream " + w.next(), rows: lines, of: of}
	w.ledger.begin(it)
	b := new(bytes.Buffer)
	for i := range lines {
		fmt.Fprintf(b, `{"target":%d,"data_type":"photometry","source_name":%q,"timestamp":"%s",`+
			`"value":{"magnitude":%d.5,"filter":"r"}}`+"\n",
			of.id, it.name, time.Unix(1_600_000_000+int64(i), 0).UTC().Format(time.RFC3339), i)
	}
	var got struct{ Created int }
	err := w.postLines(ctx, "/api/reduceddatums/", b, &got)
	w.ledger.note(func() { w.answered(&it.made, err) })
	if err == nil && got.Created != lines {
		err = &Refused{http.StatusCreated,
			fmt.Sprintf("of the %d lines of %q, %d were stored", lines, it.name, got.Created)}
	}
	return it, err
}

// endStream deletes the target of a stream, with all its datums.
func (w *worker) endStream(ctx context.Context, it *item) error {
	w.ledger.note(func() { it.gone, it.known = change{begun: time.Now()}, false })
	err := w.remove(ctx, it.of, "/api/targets/")
	w.ledger.note(func() { it.gone = it.of.gone })
	return err
}

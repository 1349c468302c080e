package torture

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Check compares a node with the writes that it had acknowledged by a moment, and returns one line
// for each difference. A write that was sent and not acknowledged by then may or may not have
// happened, but not in part. Check counts everything. It compares every item with all, otherwise
// only those changed since the last Check. With keep, the ledger records what Check finds of the
// unacknowledged writes. The node must be idle.
func (l *Ledger) Check(ctx context.Context, node *Client, at Moment, all, keep bool) (problems []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := &checker{ctx: ctx, node: node, at: at, all: all, keep: keep,
		targets: map[string]*record{}, users: map[string]*record{}, datums: map[string]*datum{},
		products: map[string]*product{}, observations: map[string]string{}, streams: map[string]int{}}
	if err := c.read(l.items); err != nil {
		return nil, err
	}
	rows, things := 0, [kinds]int{}
	for _, it := range l.items {
		there, err := c.item(it)
		if err != nil {
			return nil, err
		}
		if there {
			things[it.kind]++
			rows += it.rows
		}
	}
	rows += things[aDatum]
	for _, x := range []struct {
		path, what string
		want       int
	}{
		{"/api/targets/?name=torture+", "targets", things[aTarget]},
		{"/api/reduceddatums/", "datums", rows},
		{"/api/dataproducts/?target_name=torture+", "data products", things[aProduct]},
		{"/api/observations/?facility=torture", "observations", things[anObservation]},
		{"/api/users/", "users", things[aUser] + 1},
	} {
		n, err := c.count(x.path)
		if err != nil {
			return nil, err
		}
		if n != x.want {
			c.problem("%d %s, not %d", n, x.what, x.want)
		}
	}
	return c.problems, nil
}

// checker reads a node and compares it.
type checker struct {
	ctx       context.Context
	node      *Client
	at        Moment
	all, keep bool
	problems  []string

	targets      map[string]*record // by name
	users        map[string]*record
	datums       map[string]*datum // by mark
	products     map[string]*product
	observations map[string]string // parameters by id
	streams      map[string]int    // datums by source
}

// record is a target or user.
type record struct {
	id    uint64
	shape string
}

type datum struct {
	Value json.RawMessage `json:"value"`
}

type product struct {
	ID   uint64
	Data string // URL of the file
	rows int
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

func (c *checker) count(path string) (int, error) {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	var page struct{ Count int }
	err := c.node.Call(c.ctx, http.MethodGet, path+sep+"limit=1&offset=1000000000", nil, &page)
	return page.Count, err
}

// wants reports whether an item is compared.
func (c *checker) wants(it *item) bool { return c.all || !it.known }

// read reads the rounds that have items to compare.
func (c *checker) read(items []*item) error {
	rounds := map[int]bool{}
	for _, it := range items {
		if c.wants(it) {
			rounds[it.round] = true
			if it.kind == aStream {
				n, err := c.count("/api/reduceddatums/?source_name=" + url.QueryEscape(it.name))
				if err != nil {
					return err
				}
				c.streams[it.name] = n
			}
		}
	}
	if err := errors.Join(c.readUsers(), c.readObservations()); err != nil {
		return err
	}
	for round := range rounds {
		if err := errors.Join(c.readTargets(round), c.readDatums(round), c.readProducts(round)); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) readTargets(round int) error {
	const most = 1000
	for offset := 0; ; offset += most {
		var page struct {
			Count   int
			Results []targetShape
		}
		path := fmt.Sprintf("/api/targets/?fields=id,name,aliases,targetextra_set,groups,target_lists"+
			"&name=%s&limit=%d&offset=%d", url.QueryEscape(sourceOf(round)+" "), most, offset)
		if err := c.node.Call(c.ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, t := range page.Results {
			c.targets[t.Name] = &record{t.ID, t.shape()}
		}
		if offset+most >= page.Count {
			return nil
		}
	}
}

// readUsers reads all users but admin.
func (c *checker) readUsers() error {
	const most = 100
	for offset := 0; ; offset += most {
		var page struct {
			Count   int
			Results []userShape
		}
		path := fmt.Sprintf("/api/users/?limit=%d&offset=%d", most, offset)
		if err := c.node.Call(c.ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, u := range page.Results {
			c.users[u.Username] = &record{u.ID, u.shape()}
		}
		if offset+most >= page.Count {
			return nil
		}
	}
}

func (c *checker) readObservations() error {
	const most = 200
	for offset := 0; ; offset += most {
		var page struct {
			Count   int
			Results []struct {
				ObservationID string `json:"observation_id"`
				Parameters    json.RawMessage
			}
		}
		path := fmt.Sprintf("/api/observations/?facility=torture&limit=%d&offset=%d", most, offset)
		if err := c.node.Call(c.ctx, http.MethodGet, path, nil, &page); err != nil {
			return err
		}
		for _, o := range page.Results {
			c.observations[o.ObservationID] = string(o.Parameters)
		}
		if offset+most >= page.Count {
			return nil
		}
	}
}

func (c *checker) readDatums(round int) error {
	r, err := c.node.Send(c.ctx, http.MethodGet,
		"/api/reduceddatums/?format=ndjson&source_name="+url.QueryEscape(sourceOf(round)), "", nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		d := new(datum)
		var value struct{ Mark string }
		if err := json.Unmarshal(lines.Bytes(), d); err != nil {
			return fmt.Errorf("the export has the line %.200q: %w", lines.Text(), err)
		}
		if err := json.Unmarshal(d.Value, &value); err != nil {
			return fmt.Errorf("a value %.200q: %w", d.Value, err)
		}
		if c.datums[value.Mark] != nil {
			c.problem("datum %q exists twice", value.Mark)
		}
		c.datums[value.Mark] = d
	}
	return lines.Err()
}

// readProducts reads the products of a round and counts their datums, of which there may be very
// many.
func (c *checker) readProducts(round int) error {
	r, err := c.node.Send(c.ctx, http.MethodGet,
		"/api/dataproducts/?limit=1000&target_name="+url.QueryEscape(sourceOf(round)+" "), "", nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var page struct {
		Results []struct {
			product
			ProductID string `json:"product_id"`
			Rows      rows   `json:"reduceddatum_set"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
		return err
	}
	for _, p := range page.Results {
		p.product.rows = int(p.Rows)
		c.products[p.ProductID] = &p.product
	}
	return nil
}

// rows is the length of a list.
type rows int

func (n *rows) UnmarshalJSON(b []byte) error {
	var list []struct{}
	err := json.Unmarshal(b, &list)
	*n = rows(len(list))
	return err
}

// item compares one item with the node, and reports whether it exists.
func (c *checker) item(it *item) (there bool, err error) {
	certain := it.exists(c.at)
	if !c.wants(it) {
		return certain == yes, nil
	}
	found := naming{name: it.name}
	switch it.kind {
	case aTarget:
		there = c.record(c.targets, "target", it, certain, &found)
	case aUser:
		there = c.record(c.users, "user", it, certain, &found)
	case aStream:
		n := c.streams[it.name]
		if there = n > 0; there && n != it.rows {
			c.problem("of the %d lines of %q, %d exist", it.rows, it.name, n)
		}
	case anObservation:
		parameters, ok := c.observations[it.name]
		if there = ok; there && parameters != it.value {
			c.problem("observation %q has the parameters %.200s, not %.200s", it.name, parameters, it.value)
		}
	case aDatum:
		d := c.datums[it.name]
		if there = d != nil; there && string(d.Value) != it.value {
			c.problem("datum %q has the value %s, not %s", it.name, d.Value, it.value)
		}
	case aProduct:
		p := c.products[it.name]
		if there = p != nil; there {
			if err := c.product(it, p); err != nil {
				return true, err
			}
		}
	}
	switch {
	case there && certain == no:
		c.problem("%q exists, but should not", found.name)
	case !there && certain == yes:
		c.problem("%q was acknowledged, but is missing", found.name)
	}
	if c.keep {
		if p := c.products[it.name]; p != nil && it.kind == aProduct {
			it.id = p.ID
		}
		it.resolve(there, found, c.at)
	}
	return there, nil
}

// record looks for a target or user under all names it has ever had.
func (c *checker) record(all map[string]*record, kind string, it *item, certain certainty, found *naming) (there bool) {
	may := it.called(c.at)
	seen := map[string]bool{}
	for _, n := range it.names {
		r := all[n.name]
		if r == nil || seen[n.name] {
			continue
		}
		seen[n.name] = true
		if there {
			c.problem("%s %q also exists as %q", kind, found.name, n.name)
		}
		there, found.name, found.shape = true, n.name, r.shape
		named := func(m naming) bool { return m.name == n.name }
		alike := func(m naming) bool { return named(m) && m.shape == r.shape }
		switch {
		case certain == no:
		case !slices.ContainsFunc(may, named):
			c.problem("%s %q should be called %q", kind, n.name, may[0].name)
		case !slices.ContainsFunc(may, alike):
			c.problem("%s %q has %.300s; it should have %.300s", kind, n.name, r.shape, may[len(may)-1].shape)
		}
		if it.id != 0 && it.id != r.id {
			c.problem("%s %q has the id %d, not %d", kind, n.name, r.id, it.id)
		}
	}
	return there
}

// product compares the file of a product and the number of its datums.
func (c *checker) product(it *item, p *product) error {
	if p.rows != it.rows {
		c.problem("data product %q has %d datums, not %d", it.name, p.rows, it.rows)
	}
	u, err := url.Parse(p.Data)
	if err != nil {
		return err
	}
	r, err := c.node.Send(c.ctx, http.MethodGet, u.EscapedPath(), "", nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r.Body); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != it.sum {
		c.problem("the file of data product %q differs from the upload", it.name)
	}
	return nil
}

// AwaitIndex waits until the index of names has reached the end of the log.
func AwaitIndex(ctx context.Context, node *Client) error {
	for {
		var st struct {
			Sequence uint64
			Index    struct {
				Sequence uint64
				Why      string `json:"why_not"`
			}
		}
		if err := node.Call(ctx, http.MethodGet, "/api/node/", nil, &st); err != nil {
			return err
		}
		if st.Index.Why == "" && st.Index.Sequence >= st.Sequence {
			return nil
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the index is at entry %d of %d (%s): %w", st.Index.Sequence, st.Sequence, st.Index.Why,
				context.Cause(ctx))
		}
	}
}

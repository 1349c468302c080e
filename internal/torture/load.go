package torture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Load is clients that write to a node at the same time: posters, which post datums one by one,
// create and rename targets and delete datums; one uploader; and one client that writes records of
// all sizes.
type Load struct {
	Posters int
	// Rows are the numbers of datums in the uploaded tables, in turn. A node takes tables of 5,000
	// or more in several transactions. Without Rows and Files nothing is uploaded.
	Rows []int
	// Files are the sizes in bytes of the other files, which take turns with the tables; 0 for
	// none. A node takes files over 8 MiB in several transactions.
	Files []int
	// Streams are the numbers of lines in the streams of datums, in turn. The client that writes
	// records of all sizes sends them; without Streams there is no such client.
	Streams []int
	// Steps is the number of writes after which each client ends; 0 for no end.
	Steps int
	// Compact adds a client that compacts the file all the time.
	Compact bool
}

// Usual is the load of a busy node.
func Usual() Load {
	return Load{Posters: 4, Rows: []int{300, 2000, 60_000}, Files: []int{100_000, 20 << 20, 0},
		Streams: []int{1100, 60_000, 30}}
}

// Run writes until the context ends or the node no longer answers, and notes everything in the
// ledger. Names contain the round. An unexpected refusal is an error; a broken connection is not.
func (l Load) Run(ctx context.Context, node *Client, ledger *Ledger, round int) error {
	var all sync.WaitGroup
	var clients []func(w *worker) error
	for range l.Posters {
		clients = append(clients, func(w *worker) error { return w.post(ctx) })
	}
	if len(l.Rows)+len(l.Files) > 0 {
		clients = append(clients, func(w *worker) error { return w.upload(ctx, l) })
	}
	if len(l.Streams) > 0 {
		clients = append(clients, func(w *worker) error { return w.vary(ctx, l) })
	}
	errs := make([]error, len(clients))
	if l.Compact {
		all.Add(1)
		go func() {
			defer all.Done()
			for node.Call(ctx, http.MethodPost, "/api/node/compact/", nil, nil) == nil {
			}
		}()
	}
	for i, client := range clients {
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = client(&worker{node: node, ledger: ledger, round: round, steps: l.Steps,
				name:   fmt.Sprintf("torture %d %c", round, 'a'+i),
				random: rand.New(rand.NewPCG(uint64(round), uint64(i)))})
			if refused := new(Refused); !errors.As(errs[i], &refused) {
				errs[i] = nil // the node was killed, or the time is over
			}
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// worker is one client.
type worker struct {
	node    *Client
	ledger  *Ledger
	round   int
	name    string
	random  *rand.Rand
	count   int
	steps   int
	targets []*item
	datums  []*item
}

func (w *worker) next() string {
	w.count++
	return fmt.Sprintf("%s %d", w.name, w.count)
}

// answered notes the answer to a write. A status of 500 or more, except 507, leaves its result
// open.
func (w *worker) answered(c *change, err error) {
	refused := new(Refused)
	switch {
	case err == nil:
		c.done = time.Now()
	case errors.As(err, &refused) && (refused.Status < 500 || refused.Status == http.StatusInsufficientStorage):
		c.refused = true
	}
}

// create creates an item by a request whose answer has its id.
func (w *worker) create(it *item, send func() (*http.Response, error)) error {
	it.round = w.round
	w.ledger.begin(it)
	var got createdID
	r, err := send()
	if err == nil {
		err = json.NewDecoder(r.Body).Decode(&got)
		r.Body.Close()
	}
	w.ledger.note(func() {
		it.id = got.ID
		w.answered(&it.made, err)
	})
	return err
}

// createdID is the answer to a request that creates one thing. For an observation the answer is a
// list.
type createdID struct{ ID uint64 }

func (m *createdID) UnmarshalJSON(b []byte) error {
	var one []struct{ ID uint64 }
	if b[0] != '[' {
		one = append(one, struct{ ID uint64 }{})
		if err := json.Unmarshal(b, &one[0]); err != nil {
			return err
		}
	} else if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	if len(one) != 1 {
		return fmt.Errorf("%d objects were created", len(one))
	}
	m.ID = one[0].ID
	return nil
}

func (w *worker) createJSON(ctx context.Context, it *item, path string, in any) error {
	return w.create(it, func() (*http.Response, error) {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		return w.node.Send(ctx, http.MethodPost, path, "application/json", bytes.NewReader(b))
	})
}

// addTarget creates a target.
func (w *worker) addTarget(ctx context.Context) error {
	it := &item{kind: aTarget, name: w.next()}
	in := map[string]any{"name": it.name, "type": "SIDEREAL", "ra": w.random.Float64() * 360,
		"dec": w.random.Float64()*180 - 90}
	err := w.createJSON(ctx, it, "/api/targets/", in)
	if err == nil {
		w.targets = append(w.targets, it)
	}
	return err
}

// rename renames a target.
func (w *worker) rename(ctx context.Context, it *item) error {
	name := w.next()
	at := len(it.names)
	w.ledger.note(func() {
		it.names, it.known = append(it.names, naming{name, it.names[at-1].shape, change{begun: time.Now()}}), false
	})
	err := w.node.Call(ctx, http.MethodPatch, "/api/targets/"+strconv.FormatUint(it.id, 10)+"/",
		map[string]string{"name": name}, nil)
	w.ledger.note(func() { w.answered(&it.names[at].change, err) })
	return err
}

// remove deletes an item.
func (w *worker) remove(ctx context.Context, it *item, path string) error {
	w.ledger.note(func() { it.gone, it.known = change{begun: time.Now()}, false })
	err := w.node.Call(ctx, http.MethodDelete, path+strconv.FormatUint(it.id, 10)+"/", nil, nil)
	w.ledger.note(func() { w.answered(&it.gone, err) })
	return err
}

// addDatum posts a datum of the newest target.
func (w *worker) addDatum(ctx context.Context) error {
	it := &item{kind: aDatum, name: w.next()}
	note := ""
	if w.random.IntN(8) == 0 {
		note = fmt.Sprintf(`,"note":%q`, w.text(w.length(40_000)))
	}
	it.value = fmt.Sprintf(`{"magnitude":%.3f,"filter":"r","mark":%q%s}`, 15+5*w.random.Float64(), it.name, note)
	err := w.createJSON(ctx, it, "/api/reduceddatums/", map[string]any{
		"target": w.targets[len(w.targets)-1].id, "data_type": "photometry", "source_name": sourceOf(w.round),
		"timestamp": time.Unix(1_700_000_000+int64(w.count), 0).UTC().Format(time.RFC3339),
		"value":     json.RawMessage(it.value),
	})
	if err == nil {
		w.datums = append(w.datums, it)
	}
	return err
}

func sourceOf(round int) string { return fmt.Sprintf("torture %d", round) }

// more reports whether a client continues after n writes.
func (w *worker) more(n int) bool { return w.steps == 0 || n < w.steps }

// post writes one thing after another.
func (w *worker) post(ctx context.Context) error {
	err := w.addTarget(ctx)
	for n := 1; err == nil && w.more(n); n++ {
		switch {
		case n%20 == 7:
			err = w.addTarget(ctx)
		case n%20 == 13:
			err = w.rename(ctx, w.targets[w.random.IntN(len(w.targets))])
		case n%10 == 9 && len(w.datums) > 0:
			at := w.random.IntN(len(w.datums))
			if err = w.remove(ctx, w.datums[at], "/api/reduceddatums/"); err == nil {
				w.datums = append(w.datums[:at], w.datums[at+1:]...)
			}
		default:
			err = w.addDatum(ctx)
		}
	}
	return err
}

// upload deletes the products of earlier rounds, then uploads files one after another, tables and
// others, and keeps the newest few.
func (w *worker) upload(ctx context.Context, l Load) error {
	err := w.addTarget(ctx)
	for _, it := range w.ledger.before(w.round, aProduct) {
		if err == nil {
			err = w.remove(ctx, it, "/api/dataproducts/")
		}
	}
	var old []*item
	for n := 0; err == nil && w.more(n); n++ {
		var it *item
		if size := at(l.Files, n/2); n%2 == 1 && size > 0 {
			it, err = w.addFile(ctx, ".bin", "fits_file", noise(w.random, size), 0)
		} else {
			rows := at(l.Rows, n/2)
			it, err = w.addFile(ctx, ".csv", "photometry", table(w.round, n, rows), rows)
		}
		if err != nil {
			break
		}
		if old = append(old, it); len(old) > 3 {
			err = w.remove(ctx, old[0], "/api/dataproducts/")
			old = old[1:]
		}
	}
	return err
}

// at is element n of a list that repeats; 0 for an empty list.
func at(list []int, n int) int {
	if len(list) == 0 {
		return 0
	}
	return list[n%len(list)]
}

// noise returns random bytes.
func noise(r *rand.Rand, size int) []byte {
	b := make([]byte, size)
	for i := 0; i+8 <= len(b); i += 8 {
		v := r.Uint64()
		for j := range 8 {
			b[i+j] = byte(v >> (8 * j))
		}
	}
	return b
}

// table returns a light curve whose rows no other table has.
func table(round, n, rows int) []byte {
	b := []byte("time,filter,magnitude,error\n")
	for i := range rows {
		b = fmt.Appendf(b, "%.6f,g,%.4f,0.01\n", 50_000+20*float64(round)+float64(n)+1e-5*float64(i),
			15+float64(i%5000)/1000)
	}
	return b
}

// addFile uploads a file for the target of the uploads.
func (w *worker) addFile(ctx context.Context, suffix, kind string, content []byte, rows int) (*item, error) {
	it := &item{kind: aProduct, name: w.longName(250), rows: rows, sum: sha256.Sum256(content)}
	pr, pw := io.Pipe()
	form := multipart.NewWriter(pw)
	go func() {
		err := form.WriteField("product_id", it.name)
		for _, f := range [][2]string{{"target", strconv.FormatUint(w.targets[0].id, 10)},
			{"data_product_type", kind}} {
			err = errors.Join(err, form.WriteField(f[0], f[1]))
		}
		part, createErr := form.CreateFormFile("file", "upload"+suffix)
		if err = errors.Join(err, createErr); err == nil {
			_, err = part.Write(content)
		}
		pw.CloseWithError(errors.Join(err, form.Close()))
	}()
	err := w.create(it, func() (*http.Response, error) {
		return w.node.Send(ctx, http.MethodPost, "/api/dataproducts/", form.FormDataContentType(), pr)
	})
	pr.CloseWithError(io.ErrClosedPipe)
	return it, err
}

// Clear deletes the data products and datums whose ids the ledger knows.
func (l *Ledger) Clear(ctx context.Context, node *Client) error {
	w := &worker{node: node, ledger: l}
	for _, x := range []struct {
		kind kind
		path string
	}{{aProduct, "/api/dataproducts/"}, {aDatum, "/api/reduceddatums/"}} {
		for _, it := range l.before(math.MaxInt, x.kind) {
			if it.id == 0 { // found, but never acknowledged
				continue
			}
			if err := w.remove(ctx, it, x.path); err != nil {
				return err
			}
		}
	}
	return nil
}

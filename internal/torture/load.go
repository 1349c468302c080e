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

// A Load is clients that write to a node at the same time: posters, each of which posts data one by
// one, makes and renames targets and deletes data again, one uploader, and one that writes records
// of all sizes.
type Load struct {
	Posters int
	// Rows are how many data the uploaded tables have, in turn; from 5,000 on a node takes them in
	// several transactions. Without them and Files nothing is uploaded.
	Rows []int
	// Files are the sizes in bytes of the other files, in turn with the tables; 0 for none. Those
	// over 8 MiB are taken in several transactions.
	Files []int
	// Streams are how many lines the streams of data have, of the client that writes records of all
	// sizes, in turn; there is none without them.
	Streams []int
	// Steps is after how many writes each client ends; 0 for never.
	Steps int
	// Compact has one more client make the file smaller all the time.
	Compact bool
}

// Usual is the load of a busy node.
func Usual() Load {
	return Load{Posters: 4, Rows: []int{300, 2000, 60_000}, Files: []int{100_000, 20 << 20, 0},
		Streams: []int{1100, 60_000, 30}}
}

// Run writes until the context ends or the node no longer answers, and notes everything in the
// ledger. Names tell the rounds apart. A refusal that the node should not have given is an error; a
// connection that breaks is not.
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
	data    []*item
}

func (w *worker) next() string {
	w.count++
	return fmt.Sprintf("%s %d", w.name, w.count)
}

// answered notes how a write went. A status from 500 on leaves open what became of it, but for 507.
func (w *worker) answered(c *change, err error) {
	refused := new(Refused)
	switch {
	case err == nil:
		c.done = time.Now()
	case errors.As(err, &refused) && (refused.Status < 500 || refused.Status == http.StatusInsufficientStorage):
		c.refused = true
	}
}

// create makes an item by a request that answers with its id.
func (w *worker) create(it *item, send func() (*http.Response, error)) error {
	it.round = w.round
	w.ledger.begin(it)
	var got made
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

// made is the answer to a request that makes one thing. Of an observation it is a list.
type made struct{ ID uint64 }

func (m *made) UnmarshalJSON(b []byte) error {
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
		return fmt.Errorf("%d things were made", len(one))
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

// addTarget makes one more target.
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

// rename gives a target another name.
func (w *worker) rename(ctx context.Context, it *item) error {
	name := w.next()
	at := len(it.names)
	w.ledger.note(func() {
		it.names, it.sure = append(it.names, naming{name, it.names[at-1].shape, change{begun: time.Now()}}), false
	})
	err := w.node.Call(ctx, http.MethodPatch, "/api/targets/"+strconv.FormatUint(it.id, 10)+"/",
		map[string]string{"name": name}, nil)
	w.ledger.note(func() { w.answered(&it.names[at].change, err) })
	return err
}

// remove deletes an item.
func (w *worker) remove(ctx context.Context, it *item, path string) error {
	w.ledger.note(func() { it.gone, it.sure = change{begun: time.Now()}, false })
	err := w.node.Call(ctx, http.MethodDelete, path+strconv.FormatUint(it.id, 10)+"/", nil, nil)
	w.ledger.note(func() { w.answered(&it.gone, err) })
	return err
}

// addDatum posts a datum of the last target.
func (w *worker) addDatum(ctx context.Context) error {
	it := &item{kind: aDatum, name: w.next()}
	note := ""
	if w.random.IntN(8) == 0 {
		note = fmt.Sprintf(`,"note":%q`, w.text(w.length(40_000)))
	}
	it.value = fmt.Sprintf(`{"magnitude":%.3f,"filter":"r","mark":%q%s}`, 15+5*w.random.Float64(), it.name, note)
	err := w.createJSON(ctx, it, "/api/reduceddatums/", map[string]any{
		"target": w.targets[len(w.targets)-1].id, "data_type": "photometry", "source_name": sourceOf(w.round),
		"timestamp": time.Unix(1_700_000_000+int64(w.count),
			0).UTC().Format(time.RFC3339), "value": json.RawMessage(it.value),
	})
	if err == nil {
		w.data = append(w.data, it)
	}
	return err
}

func sourceOf(round int) string { return fmt.Sprintf("torture %d", round) }

// more says whether a client goes on after so many writes.
func (w *worker) more(n int) bool { return w.steps == 0 || n < w.steps }

// post writes one thing after the other.
func (w *worker) post(ctx context.Context) error {
	err := w.addTarget(ctx)
	for n := 1; err == nil && w.more(n); n++ {
		switch {
		case n%20 == 7:
			err = w.addTarget(ctx)
		case n%20 == 13:
			err = w.rename(ctx, w.targets[w.random.IntN(len(w.targets))])
		case n%10 == 9 && len(w.data) > 0:
			at := w.random.IntN(len(w.data))
			if err = w.remove(ctx, w.data[at], "/api/reduceddatums/"); err == nil {
				w.data = append(w.data[:at], w.data[at+1:]...)
			}
		default:
			err = w.addDatum(ctx)
		}
	}
	return err
}

// upload deletes what earlier rounds left, and uploads one file after the other, tables and others,
// of which few stay.
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

// at is the nth of a list that begins again at its end; 0 of an empty one.
func at(list []int, n int) int {
	if len(list) == 0 {
		return 0
	}
	return list[n%len(list)]
}

// noise is a file that is like no other.
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

// table is a light curve with rows that no other has.
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

// Clear deletes the data products and the data whose ids the ledger knows.
func (l *Ledger) Clear(ctx context.Context, node *Client) error {
	w := &worker{node: node, ledger: l}
	for _, x := range []struct {
		kind kind
		path string
	}{{aProduct, "/api/dataproducts/"}, {aDatum, "/api/reduceddatums/"}} {
		for _, it := range l.before(math.MaxInt, x.kind) {
			if it.id == 0 { // it was found, and never answered for
				continue
			}
			if err := w.remove(ctx, it, x.path); err != nil {
				return err
			}
		}
	}
	return nil
}

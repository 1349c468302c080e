package api

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

const (
	typeEvents = "text/event-stream"
	// lookEvery is how often a stream of events looks whether the log has grown, which costs next to nothing.
	lookEvery = 200 * time.Millisecond
	// breathEvery is how often a silent stream says something, so that nothing on the way takes it for dead.
	breathEvery = 15 * time.Second
	// maxStreams is how many streams there may be at a time, and ownStreams how many of one user, or of the guests at one address.
	maxStreams = 256
	ownStreams = maxStreams / 4
)

var eventFilters = []wire.Filter{{Name: "target__id", Kind: wire.Integer, Help: "The target that is watched; it must be given."}}

var eventsSpec = spec{filters: eventFilters, answers: typeEvents}

// Stop ends all streams of events, since otherwise a server that is shutting down would wait for them.
func (api *API) Stop() { api.stop() }

// targetState is what lists tell of a target. Nothing more is ever told by an event.
type targetState struct {
	modified       int64
	data, products part
}

// part is what is seen of a list: how many rows, and the highest id.
type part struct {
	count int
	last  uint64
}

func (s targetState) write(w *wire.Writer, seq uint64) {
	w.Object(func() {
		w.IntMember("sequence", int64(seq))
		w.TimeMember("modified", s.modified)
		for _, list := range []struct {
			name string
			part
		}{{"reduceddatums", s.data}, {"dataproducts", s.products}} {
			w.Key(list.name)
			w.Object(func() {
				w.IntMember("count", int64(list.count))
				w.Key("last")
				w.Ref(list.last)
			})
		}
	})
}

// targetState reads the state of a target as the viewer sees it.
func (r *request) targetState(id uint64) (s targetState, err error) {
	t, err := r.access.Target(id)
	if err != nil {
		return s, err
	}
	s.modified = t.Modified
	one := archive.Page{Limit: 1}
	err = r.access.Datums(r.Context(), archive.DatumFilter{Target: archive.Some(id), Descending: true}, one, archive.Out[archive.DatumView]{
		Begin: func(e archive.Extent) error { s.data = part{e.Count, e.First.ID}; return nil },
		Row:   func(*archive.DatumView) error { return nil },
		Flush: func() error { return nil },
	})
	if err != nil {
		return s, err
	}
	err = r.access.Products(r.Context(), archive.ProductFilter{Target: archive.Some(id)}, one, archive.ProductOut{
		Begin:   func(e archive.Extent) error { s.products = part{e.Count, e.First.ID}; return nil },
		Product: func(*archive.ProductView) error { return nil },
		End:     func() error { return nil },
		Flush:   func() error { return nil },
	})
	return s, err
}

// watch tells a client that watches a target when something of it changes (server-sent events,
// html.spec.whatwg.org/multipage/server-sent-events.html): its state at once and then whenever it has
// changed, until the client goes, may no longer see the target, or the node stops.
func watch(r *request) (*answer, error) {
	p := new(problem.List)
	in := wire.ParseQuery(eventFilters, r.query, p)
	id, given := in.ID("target__id")
	if !given {
		p.Add("target__id", wire.MsgRequired)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	who := "user " + strconv.FormatUint(r.viewer.ID, 10)
	if r.viewer.Guest() {
		who = "guest at " + r.viewer.Addr
	}
	if err := r.api.streams.begin(who); err != nil {
		r.w.Header().Set("Retry-After", "60")
		return nil, err
	}
	defer r.api.streams.end(who)
	seq := r.api.archive.Head().Seq
	state, err := r.targetState(id)
	if err != nil {
		return nil, err
	}
	h := r.w.Header()
	h.Set("Content-Type", typeEvents)
	h.Set("X-Accel-Buffering", "no") // proxies must not gather
	r.w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(r.api.stopping, cancel)()
	r.watch(ctx, id, seq, state)
	return &answer{sent: true}, nil
}

// streamLimit counts the streams, so that nobody takes them from all others.
type streamLimit struct {
	mu  sync.Mutex
	all int
	of  map[string]int
}

// begin counts a stream, or says why there cannot be another one.
func (w *streamLimit) begin(who string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.all >= maxStreams:
		return &httpError{status: http.StatusServiceUnavailable, detail: "Too many are watching; ask again later."}
	case w.of[who] >= ownStreams:
		return &httpError{status: http.StatusTooManyRequests, detail: "You are watching in too many places; ask again later."}
	}
	if w.of == nil {
		w.of = map[string]int{}
	}
	w.all++
	w.of[who]++
	return nil
}

func (w *streamLimit) end(who string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all--
	if w.of[who]--; w.of[who] == 0 {
		delete(w.of, who)
	}
}

func (r *request) watch(ctx context.Context, id, seq uint64, state targetState) {
	send := func(text []byte) bool {
		if _, err := r.w.Write(text); err != nil {
			return false
		}
		return http.NewResponseController(r.w).Flush() == nil
	}
	tell := func() bool {
		w := wire.Writer{Buf: append(strconv.AppendUint([]byte("event: change\nid: "), seq, 10), "\ndata: "...)}
		state.write(&w, seq)
		return send(append(w.Buf, "\n\n"...))
	}
	if !tell() {
		return
	}
	look, breath := time.NewTicker(lookEvery), time.NewTicker(breathEvery)
	defer look.Stop()
	defer breath.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-breath.C:
			if !send([]byte(": still here\n\n")) {
				return
			}
		case <-look.C:
			head := r.api.archive.Head().Seq
			if head == seq {
				continue
			}
			seq = head
			// who asks may have lost the right to
			was := r.viewer.ID
			if err := r.prepare(); err != nil || r.viewer.ID != was {
				send([]byte("event: gone\ndata: {}\n\n"))
				return
			}
			now, err := r.targetState(id)
			if err != nil {
				send([]byte("event: gone\ndata: {}\n\n"))
				return
			}
			if now == state {
				continue
			}
			state = now
			if !tell() {
				return
			}
		}
	}
}

package api

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

const (
	typeEvents = "text/event-stream"
	// lookPause is how long a stream of events waits from one look at its target to the next, so
	// that what is committed in quick succession makes one event.
	lookPause = 200 * time.Millisecond
	// breathEvery is how often a silent stream says something, so that nothing on the way takes it
	// for dead.
	breathEvery = 15 * time.Second
	// maxStreams is how many streams there may be at a time, and ownStreams how many of one user,
	// or of the guests at one address.
	maxStreams = 256
	ownStreams = maxStreams / 4
)

var eventFilters = []wire.Filter{{Name: "target__id", Kind: wire.Integer,
	Help: "The target that is watched; it must be given."}}

var eventsSpec = spec{filters: eventFilters, answers: typeEvents}

// Stop ends all streams of events, since otherwise a server that is shutting down would wait for
// them.
func (api *API) Stop() { api.stop() }

func writeTargetState(w *wire.Writer, s archive.TargetState, seq uint64) {
	w.Object(func() {
		w.IntMember("sequence", int64(seq))
		w.TimeMember("modified", s.Modified)
		for _, list := range []struct {
			name string
			archive.RowCount
		}{{"reduceddatums", s.Datums}, {"dataproducts", s.Products}} {
			w.Key(list.name)
			w.Object(func() {
				w.IntMember("count", int64(list.Rows))
				w.Key("last")
				w.Ref(list.Last)
			})
		}
	})
}

// watch tells a client that watches a target when something of it changes (server-sent events,
// html.spec.whatwg.org/multipage/server-sent-events.html): its state at once and then whenever it
// has changed, until the client goes, may no longer see the target, or the node stops.
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
	news, stop := r.api.archive.Commits()
	defer stop()
	seq := r.api.archive.Head().Seq // before the state: an event may name a commit too early, never too late
	state, err := r.access.TargetState(id)
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
	r.watch(ctx, news, id, seq, state)
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
		return &httpError{status: http.StatusTooManyRequests,
			detail: "You are watching in too many places; ask again later."}
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

// watch sends the state that was read at seq, and looks again when news come.
func (r *request) watch(ctx context.Context, news <-chan struct{}, id, seq uint64, state archive.TargetState) {
	send := func(text []byte) bool {
		if _, err := r.w.Write(text); err != nil {
			return false
		}
		return http.NewResponseController(r.w).Flush() == nil
	}
	tell := func() bool {
		w := wire.Writer{Buf: append(strconv.AppendUint([]byte("event: change\nid: "), seq, 10), "\ndata: "...)}
		writeTargetState(&w, state, seq)
		return send(append(w.Buf, "\n\n"...))
	}
	if !tell() {
		return
	}
	waiting := news // nil in the pause after a look
	var pause <-chan time.Time
	breath := r.api.after(breathEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case <-breath:
			if !send([]byte(": still here\n\n")) {
				return
			}
			breath = r.api.after(breathEvery)
		case <-pause:
			waiting = news
		case <-waiting:
			head := r.api.archive.Head().Seq
			if head == seq {
				continue
			}
			seq = head
			waiting, pause = nil, r.api.after(lookPause)
			now, err := r.lookAgain(id)
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

// lookAgain reads the state of a target with the rights that the client has now. A client that is
// no longer the same viewer, such as one whose token was revoked, is refused.
func (r *request) lookAgain(id uint64) (archive.TargetState, error) {
	was := r.viewer.ID
	if err := r.prepare(); err != nil {
		return archive.TargetState{}, err
	}
	if r.viewer.ID != was {
		return archive.TargetState{}, auth.ErrRightsEnded
	}
	return r.access.TargetState(id)
}

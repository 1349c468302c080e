package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/auth"
	"nightjar/internal/problem"
)

const (
	typeEvents = "text/event-stream"
	// lookPause is how long a stream waits before it reads its target again, so that commits in
	// quick succession make one event.
	lookPause = 200 * time.Millisecond
	// keepAliveEvery is how often a silent stream sends a comment, so that no proxy takes it for
	// dead.
	keepAliveEvery = 15 * time.Second
)

var eventFilters = []wire.Filter{{Name: "target__id", Kind: wire.Integer,
	Help: "The target to watch. Required."}}

var eventsSpec = spec{filters: eventFilters, answers: typeEvents}

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

// watch tells a client when something of a target changes, by server-sent events
// (html.spec.whatwg.org/multipage/server-sent-events.html). It sends the target's state at once,
// and again whenever it has changed, until the client disconnects or loses the right to see the
// target, or the node stops.
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
	commits, stop := r.api.archive.Commits()
	defer stop()
	seq := r.api.archive.Head().Seq // before the state, so that an event never names a later commit than the state has
	state, err := r.access.TargetState(id)
	if err != nil {
		return nil, err
	}
	h := r.w.Header()
	h.Set("Content-Type", typeEvents)
	h.Set("X-Accel-Buffering", "no") // so that proxies do not buffer the stream
	r.w.WriteHeader(http.StatusOK)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(r.api.stopping, cancel)()
	r.sendEvents(ctx, commits, id, seq, state)
	return &answer{sent: true}, nil
}

// sendEvents sends state, which was read at seq, and reads it again after each commit.
func (r *request) sendEvents(ctx context.Context, commits <-chan struct{}, id, seq uint64, state archive.TargetState) {
	send := func(text []byte) bool {
		if _, err := r.w.Write(text); err != nil {
			return false
		}
		return http.NewResponseController(r.w).Flush() == nil
	}
	sendState := func() bool {
		w := wire.Writer{Buf: append(strconv.AppendUint([]byte("event: change\nid: "), seq, 10), "\ndata: "...)}
		writeTargetState(&w, state, seq)
		return send(append(w.Buf, "\n\n"...))
	}
	if !sendState() {
		return
	}
	listening := commits // nil during the pause after a read
	var pause <-chan time.Time
	keepAlive := r.api.after(keepAliveEvery)
	for {
		select {
		case <-ctx.Done():
			return
		case <-keepAlive:
			if !send([]byte(": still here\n\n")) {
				return
			}
			keepAlive = r.api.after(keepAliveEvery)
		case <-pause:
			listening = commits
		case <-listening:
			head := r.api.archive.Head().Seq
			if head == seq {
				continue
			}
			seq = head
			listening, pause = nil, r.api.after(lookPause)
			now, err := r.readStateAgain(id)
			if err != nil {
				send([]byte("event: gone\ndata: {}\n\n"))
				return
			}
			if now == state {
				continue
			}
			state = now
			if !sendState() {
				return
			}
		}
	}
}

// readStateAgain reads the state of a target with the client's current rights. It refuses a client
// that is no longer the same viewer, for example because its token was revoked.
func (r *request) readStateAgain(id uint64) (archive.TargetState, error) {
	was := r.viewer.ID
	if err := r.prepare(); err != nil {
		return archive.TargetState{}, err
	}
	if r.viewer.ID != was {
		return archive.TargetState{}, auth.ErrRightsEnded
	}
	return r.access.TargetState(id)
}

// begin counts a new stream, or refuses it.
func (w *streamLimit) begin(who string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.all >= maxStreams:
		return &httpError{status: http.StatusServiceUnavailable, detail: "Too many streams of events are open. Try " +
			"again later."}
	case w.of[who] >= ownStreams:
		return &httpError{status: http.StatusTooManyRequests,
			detail: "You have too many streams of events open. Close some, or try again later."}
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

var logFilters = []wire.Filter{
	{Name: "user", Kind: wire.Text,
		Help: "The name of the user. owner is the owner of the file, on the command line of the node."},
	{Name: "address", Kind: wire.Text, Help: "The address of the client."},
	{Name: "action", Kind: wire.Text, Help: "A part of the action, such as DELETE or /api/targets/."},
	{Name: "table", Kind: wire.Selected, Help: "The table of a record that was created, changed or deleted.",
		Choices: archive.LogTables},
	{Name: "id", Kind: wire.Integer, Help: "The id of the record in the table."},
	{Name: "since", Kind: wire.DateTime, Help: "At this time or later."},
	{Name: "until", Kind: wire.DateTime, Help: "At this time or before."},
}

var logColumns = []column[archive.LogEntry]{
	{"sequence", func(w *wire.Writer, e *archive.LogEntry) { w.ID(e.Seq) }},
	{"time", func(w *wire.Writer, e *archive.LogEntry) { w.Time(e.Time) }},
	{"user", func(w *wire.Writer, e *archive.LogEntry) { w.Text(e.User) }},
	{"user_id", func(w *wire.Writer, e *archive.LogEntry) { w.Ref(e.UserID) }},
	{"token", func(w *wire.Writer, e *archive.LogEntry) { w.Ref(e.Token) }},
	{"address", func(w *wire.Writer, e *archive.LogEntry) { w.Text(e.Addr) }},
	{"action", func(w *wire.Writer, e *archive.LogEntry) { w.Text(e.Action) }},
	{"changes", func(w *wire.Writer, e *archive.LogEntry) {
		w.List(func() {
			for i := range e.Changes {
				writeLogChange(w, &e.Changes[i])
			}
		})
	}},
	{"settings", func(w *wire.Writer, e *archive.LogEntry) {
		w.List(func() {
			for _, s := range e.Settings {
				w.Object(func() {
					w.TextMember("name", s.Name)
					w.TextMember("before", s.Old)
				})
			}
		})
	}},
	{"node", func(w *wire.Writer, e *archive.LogEntry) { w.Text(e.Node) }},
	{"hash", func(w *wire.Writer, e *archive.LogEntry) { w.Text(e.Hash) }},
	{"previous", func(w *wire.Writer, e *archive.LogEntry) { w.Text(e.Previous) }},
}

// logFields describe an entry.
var logFields = []wire.Field{
	{Name: "sequence", Label: "Sequence", Kind: wire.Integer, ReadOnly: true},
	{Name: "time", Label: "Time", Kind: wire.DateTime, ReadOnly: true},
	{Name: "user", Label: "User", Kind: wire.Text, ReadOnly: true,
		Help: "The user's name at that time. owner is the owner of the file, on the command line of the node. Empty " +
			"for the node itself."},
	{Name: "user_id", Label: "User id", Kind: wire.Integer, Null: true, ReadOnly: true},
	{Name: "token", Label: "Token", Kind: wire.Integer, Null: true, ReadOnly: true,
		Help: "The id of the token or session."},
	{Name: "address", Label: "Address", Kind: wire.Text, ReadOnly: true},
	{Name: "action", Label: "Action", Kind: wire.Text, ReadOnly: true},
	{Name: "changes", Label: "Changes", Kind: wire.List, ReadOnly: true, Of: []wire.Field{
		{Name: "table", Label: "Table", Kind: wire.Text, ReadOnly: true},
		{Name: "operation", Label: "Operation", Kind: wire.Text, ReadOnly: true, Help: "created, changed or deleted."},
		{Name: "count", Label: "Count", Kind: wire.Integer, ReadOnly: true},
		{Name: "ids", Label: "Ids", Kind: wire.AnyJSON, ReadOnly: true, Help: "The first hundred ids."},
	}},
	{Name: "settings", Label: "Settings", Kind: wire.List, ReadOnly: true, Of: []wire.Field{
		{Name: "name", Label: "Name", Kind: wire.Text, ReadOnly: true},
		{Name: "before", Label: "Before", Kind: wire.Text, ReadOnly: true},
	}},
	{Name: "node", Label: "Node", Kind: wire.Text, ReadOnly: true},
	{Name: "hash", Label: "Hash", Kind: wire.Text, ReadOnly: true,
		Help: "SHA-256 of the entry, which includes the hash of the previous entry."},
	{Name: "previous", Label: "Previous", Kind: wire.Text, ReadOnly: true},
}

func writeLogChange(w *wire.Writer, c *archive.LogChange) {
	w.Object(func() {
		w.TextMember("table", c.Table)
		w.TextMember("operation", c.Operation)
		w.IntMember("count", int64(c.Count))
		w.Key("ids")
		w.List(func() {
			for _, id := range c.IDs {
				w.ID(id)
			}
		})
	})
}

var logSpec = spec{fields: logFields, filters: logFilters, lists: true, members: names(logColumns)}

// listLog lists who did what, when and from where, newest first.
func listLog(r *request) (*answer, error) {
	p := new(problem.List)
	in := wire.ParseQuery(logFilters, r.query, p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	object, _ := in.ID("id")
	f := archive.LogFilter{User: in.Text("user"), Addr: in.Text("address"), Action: in.Text("action"),
		Table:  in.Text("table"),
		Object: object, Since: in.Time("since"), Until: in.Time("until")}
	return r.list(func(l *listWriter) error { return r.access.Log(r.Context(), f, l.page, rows(l, logColumns)) })
}

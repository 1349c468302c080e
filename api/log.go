package api

import (
	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/problem"
)

var logFilters = []wire.Filter{
	{Name: "user", Kind: wire.Text,
		Help: "The name of who did it; owner is whoever used the command line on the node."},
	{Name: "address", Kind: wire.Text, Help: "The address that it came from."},
	{Name: "action", Kind: wire.Text, Help: "A part of the action, such as DELETE or /api/targets/."},
	{Name: "table", Kind: wire.Selected, Help: "A row of this table was made, changed or deleted.",
		Choices: archive.LogTables},
	{Name: "id", Kind: wire.Integer, Help: "The row of the table with this id."},
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
		Help: "The name that the user had; owner is whoever used the command line on the node, and nothing the node itself."},
	{Name: "user_id", Label: "User id", Kind: wire.Integer, Null: true, ReadOnly: true},
	{Name: "token", Label: "Token", Kind: wire.Integer, Null: true, ReadOnly: true,
		Help: "The id of the token, or session, that was used."},
	{Name: "address", Label: "Address", Kind: wire.Text, ReadOnly: true},
	{Name: "action", Label: "Action", Kind: wire.Text, ReadOnly: true},
	{Name: "changes", Label: "Changes", Kind: wire.List, ReadOnly: true, Of: []wire.Field{
		{Name: "table", Label: "Table", Kind: wire.Text, ReadOnly: true},
		{Name: "operation", Label: "Operation", Kind: wire.Text, ReadOnly: true, Help: "created, changed or deleted."},
		{Name: "count", Label: "Count", Kind: wire.Integer, ReadOnly: true},
		{Name: "ids", Label: "Ids", Kind: wire.AnyJSON, ReadOnly: true, Help: "The first hundred of the rows."},
	}},
	{Name: "settings", Label: "Settings", Kind: wire.List, ReadOnly: true, Of: []wire.Field{
		{Name: "name", Label: "Name", Kind: wire.Text, ReadOnly: true},
		{Name: "before", Label: "Before", Kind: wire.Text, ReadOnly: true},
	}},
	{Name: "node", Label: "Node", Kind: wire.Text, ReadOnly: true},
	{Name: "hash", Label: "Hash", Kind: wire.Text, ReadOnly: true,
		Help: "SHA-256 of the entry, which holds the hash of the one before."},
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

// listLog says who did what, when and from where, newest first.
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

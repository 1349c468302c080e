package api

import (
	"nightjar/archive"
	"nightjar/internal/problem"
)

var logFilters = []Filter{
	{Name: "user", Kind: Text, Help: "The name of who did it; owner is whoever used the command line on the node."},
	{Name: "address", Kind: Text, Help: "The address that it came from."},
	{Name: "action", Kind: Text, Help: "A part of the action, such as DELETE or /api/targets/."},
	{Name: "table", Kind: Selected, Help: "A row of this table was made, changed or deleted.", Choices: archive.LogTables},
	{Name: "id", Kind: Integer, Help: "The row of the table with this id."},
	{Name: "since", Kind: DateTime, Help: "At this time or later."},
	{Name: "until", Kind: DateTime, Help: "At this time or before."},
}

var logColumns = []column[archive.LogEntry]{
	{"sequence", func(w *writer, e *archive.LogEntry) { w.id(e.Seq) }},
	{"time", func(w *writer, e *archive.LogEntry) { w.time(e.Time) }},
	{"user", func(w *writer, e *archive.LogEntry) { w.text(e.User) }},
	{"user_id", func(w *writer, e *archive.LogEntry) { w.ref(e.UserID) }},
	{"token", func(w *writer, e *archive.LogEntry) { w.ref(e.Token) }},
	{"address", func(w *writer, e *archive.LogEntry) { w.text(e.Addr) }},
	{"action", func(w *writer, e *archive.LogEntry) { w.text(e.Action) }},
	{"changes", func(w *writer, e *archive.LogEntry) {
		w.list(func() {
			for i := range e.Changes {
				writeLogChange(w, &e.Changes[i])
			}
		})
	}},
	{"settings", func(w *writer, e *archive.LogEntry) {
		w.list(func() {
			for _, s := range e.Settings {
				w.object(func() {
					w.textMember("name", s.Name)
					w.textMember("before", s.Old)
				})
			}
		})
	}},
	{"node", func(w *writer, e *archive.LogEntry) { w.text(e.Node) }},
	{"hash", func(w *writer, e *archive.LogEntry) { w.text(e.Hash) }},
	{"previous", func(w *writer, e *archive.LogEntry) { w.text(e.Previous) }},
}

// logFields describe an entry.
var logFields = []Field{
	{Name: "sequence", Label: "Sequence", Kind: Integer, ReadOnly: true},
	{Name: "time", Label: "Time", Kind: DateTime, ReadOnly: true},
	{Name: "user", Label: "User", Kind: Text, ReadOnly: true, Help: "The name that the user had; owner is whoever used the command line on the node, and nothing the node itself."},
	{Name: "user_id", Label: "User id", Kind: Integer, Null: true, ReadOnly: true},
	{Name: "token", Label: "Token", Kind: Integer, Null: true, ReadOnly: true, Help: "The id of the token, or session, that was used."},
	{Name: "address", Label: "Address", Kind: Text, ReadOnly: true},
	{Name: "action", Label: "Action", Kind: Text, ReadOnly: true},
	{Name: "changes", Label: "Changes", Kind: List, ReadOnly: true, Of: []Field{
		{Name: "table", Label: "Table", Kind: Text, ReadOnly: true},
		{Name: "operation", Label: "Operation", Kind: Text, ReadOnly: true, Help: "created, changed or deleted."},
		{Name: "count", Label: "Count", Kind: Integer, ReadOnly: true},
		{Name: "ids", Label: "Ids", Kind: AnyJSON, ReadOnly: true, Help: "The first hundred of the rows."},
	}},
	{Name: "settings", Label: "Settings", Kind: List, ReadOnly: true, Of: []Field{
		{Name: "name", Label: "Name", Kind: Text, ReadOnly: true},
		{Name: "before", Label: "Before", Kind: Text, ReadOnly: true},
	}},
	{Name: "node", Label: "Node", Kind: Text, ReadOnly: true},
	{Name: "hash", Label: "Hash", Kind: Text, ReadOnly: true, Help: "SHA-256 of the entry, which holds the hash of the one before."},
	{Name: "previous", Label: "Previous", Kind: Text, ReadOnly: true},
}

func writeLogChange(w *writer, c *archive.LogChange) {
	w.object(func() {
		w.textMember("table", c.Table)
		w.textMember("operation", c.Operation)
		w.intMember("count", int64(c.Count))
		w.key("ids")
		w.list(func() {
			for _, id := range c.IDs {
				w.id(id)
			}
		})
	})
}

func (api *API) logRoutes() []*route {
	return []*route{{path: "/api/log/", view: "Log List", parses: allParsers, lists: true, filters: logFilters, fields: fixed(logFields), members: names(logColumns),
		handle: map[string]handler{"GET": listLog}}}
}

// listLog says who did what, when and from where, newest first.
func listLog(r *request) (*answer, error) {
	p := new(problem.List)
	in := parseFilters(logFilters, r.query, p)
	if err := p.Err(); err != nil {
		return nil, err
	}
	f := archive.LogFilter{User: in.text("user"), Addr: in.text("address"), Action: in.text("action"), Table: in.text("table"),
		Object: in.id("id").Value, Since: in.time("since"), Until: in.time("until")}
	return r.list(func(l *listWriter) error { return r.access.Log(r.Context(), f, l.page, rows(l, logColumns)) })
}

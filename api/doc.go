// Package api speaks the TOM Toolkit's REST API over HTTP. It translates between the wire, whose
// rules package wire has, and package archive, and decides nothing.
//
// routes.go has the table of all routes: path, handlers, and what the route takes and gives, a spec
// that is declared beside the handlers (targets.go, datums.go, ...). From the specs come the
// decoding of what is sent and its error messages, the filters, the answer to OPTIONS, and the
// description at /api/schema/.
//
// The way of a request: ServeHTTP finds the route, asks auth who is calling, negotiates the form of
// the answer, and calls the handler, which asks archive.For(viewer) one question and returns an
// answer or an error. Exactly one place, respond.go, writes either, and logs what is a failure of
// ours; the text of such a failure never goes to the client.
//
// Many targets or datums come as a stream of rows, lines of JSON or CSV (rows.go), in bounded memory
// (memory.go). Limits (limits.go) bound what one client can take of the node.
//
// Nothing that a viewer may see is remembered between requests. The ETag of a list is made of the
// head of the log, the viewer with its groups, and the policy: a change of any of them makes
// another one (respond.go).
package api

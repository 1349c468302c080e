// Package api serves an archive as the TOM Toolkit's REST API. [New] returns the handler. The
// package translates between HTTP and [archive], and decides nothing itself. Package [wire] knows
// how values look in requests and answers.
//
// # Routes
//
// routes.go lists all routes: the path, the handlers, and a spec of what the route takes and gives.
// Specs are declared beside the handlers (targets.go, datums.go, ...). Decoding, error messages,
// filters, the answer to OPTIONS and the description at /api/schema/ all come from them.
//
// # Requests
//
// [API.ServeHTTP] finds the route, asks auth who is calling, negotiates the form of the answer, and
// calls the handler. The handler asks the viewer's [archive.Session] one question and returns an
// answer or an error. Only respond.go writes these. It logs internal errors, and never sends their
// text to the client.
//
// Targets and datums can be sent in bulk as a stream of rows, lines of JSON or CSV (rows.go), which
// is read in bounded memory (memory.go). [Limits] bound what one client can take of the node.
//
// # Caching
//
// The API remembers nothing that a viewer may see from one request to the next. The ETag of a list
// depends on the head of the log, the viewer with its groups, and the policy, as of the transaction
// that reads the list: when one of them changes, so does the ETag. The ETag of a record is a hash
// of what is shown of it (etag.go).
package api

// Package api speaks the TOM Toolkit's REST API over HTTP: Django REST framework's shapes, pagination and error bodies. It translates between
// the wire and package archive, and decides nothing.
//
// Each resource is described once, by its Fields and Filters (targets.go, datums.go, ...). From the description come the
// decoding of what is sent and its error messages, the encoding of what is answered, the filters, and the answer to OPTIONS.
//
// The way of a request: ServeHTTP finds the route, asks auth who is calling, negotiates the form of the answer, and calls the handler, which asks
// archive.For(viewer) one question and returns an answer or an error. Exactly one place, respond.go, writes either, and logs what is a failure of
// ours; the text of such a failure never goes to the client.
//
// Nothing that a viewer may see is remembered between requests. The ETag of a list is made of the
// head of the log, the viewer with its groups, and the policy: a change of any of them makes
// another one (etag.go).
package api

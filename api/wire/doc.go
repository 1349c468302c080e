// Package wire defines how values look in requests and answers: by the rules of Django REST
// framework, which a TOM's clients know. It knows no resources, no archive, no HTTP and no rights.
//
// # Fields
//
// A [Field] describes one field of a resource: its name, its [Kind], and the values it may have.
// [Decode] reads an [Input], the object in a body, as a [Record] of such fields. It adds all
// problems to a problem.List, by field and in the framework's words. A [Given] distinguishes a
// value that was not sent from null, as PATCH needs. [Describe] writes fields for OPTIONS.
//
// # Input
//
// An Input comes from a JSON object or from a form. A [Value] is one value in it. All values of a
// form are texts. An empty text means null, or nothing, where the field takes no text. name[0]key
// and name[0][key] are fields of the first object in a list (see [FormList]). Numbers can be sent
// as texts. Texts can be sent as numbers, and become what Python's str makes of them.
//
// # Queries
//
// [ParseForm] reads a query or a form without dropping any part of it: without its filters, a query
// would return everything. A [Filter] describes one query parameter, and [ParseQuery] reads the
// known parameters as a [Query]. An empty parameter counts as not given. If a parameter is
// repeated, the last one counts.
//
// # Times
//
// [ParseTime] reads ISO 8601 in the spellings that a TOM accepts, and [AppendTime] writes it. In
// Go, a time is an int64: microseconds of UTC since 1970, from the year 1 to 9999.
//
// # Answers
//
// A [Writer] writes JSON: floats as Python does ([AppendFloat]), and texts as UTF-8 ([AppendText]).
// It never fails, and does not check that keys are unique or that brackets match. [WriteProblems]
// writes the problems of an input: for each field a list of messages, and for a list of objects a
// list of such objects.
package wire

// Package wire is how values look on the wire: the rules of Django REST framework, which a TOM's
// clients know, for what is sent and for what is answered. It knows no resource, no archive and no
// request, and it decides nothing about rights.
//
// # Fields
//
// A [Field] describes one field of a resource: its name, its [Kind], and what it may hold. [Decode]
// reads an [Input], which is an object that was sent, as a [Record] of such fields, and adds what
// is wrong with it to a problem.List: all of it, by field, in the framework's words. A [Given]
// tells a value that was not sent from one that is null, as PATCH needs. [Describe] writes fields
// for OPTIONS.
//
// # Input
//
// An Input comes from a JSON object or from a form. A [Value] is one value in it. In a form all
// values are texts; an empty one is null, or nothing, where a text is not wanted; and name[0]key or
// name[0][key] are the fields of the first object of a list (see [FormList]). Numbers may be sent
// as texts, and texts as numbers, which are kept as Python writes them.
//
// # Queries
//
// [ParseForm] reads a query, or a form, without ever dropping a part of it: a filter that is
// dropped lets everything through. A [Filter] describes one parameter of a query, and [ParseQuery]
// takes those that are known out of it, as a [Query]. An empty parameter counts as not given, and
// of several the last one counts.
//
// # Times
//
// [ParseTime] reads ISO 8601 in the spellings that a TOM takes, and [AppendTime] writes it. In
// between a time is a number of microseconds of UTC since 1970, from the year 1 to 9999.
//
// # Answers
//
// A [Writer] writes JSON: floats as Python does ([AppendFloat]), texts as UTF-8 ([AppendText]). It
// never fails, and checks neither that keys are unique nor that brackets match. [WriteProblems]
// writes what was wrong with an input: by field, each with a list of messages, and for a list of
// objects as a list of such objects.
package wire

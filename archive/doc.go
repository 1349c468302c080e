// Package archive holds the domain: targets, data products, reduced datums and observation records,
// with their rules, filters, uploads and visibility. It alone writes their records. It does not
// know HTTP: it takes and returns Go values, and JSON only where JSON is stored.
//
// # Sessions
//
//	a, err := archive.Open("nightjar.db", archive.Options{})
//	err = a.For(viewer).Targets(ctx, filter, page, out)
//
// Records are reached through the methods of [Session], which For opens for a viewer and which
// allows what that viewer may see and do. Each transaction looks up the viewer and the policy again
// (Session.update and Session.view), so a withdrawn right also ends in the middle of a body or a
// list. A hidden record does not exist for a viewer: no list and no count includes it, and the same
// code answers for its id as for an id that was never used (access.go).
//
// # Lists
//
// A filter becomes sets of ids, which are intersected with the set that the viewer sees (visible,
// in access.go). The result is counted, and a page of it is selected by rank (page.go). A record is
// read only when it is shown, and is then checked once more. A range of times is a union of sets by
// day (datumtimes.go). Cones, and lists by time, name or last change, walk an order of keys.
// Searches by name ask the index and check its answers against the records (names.go).
//
// # Writes
//
// A method that writes is one transaction: it is durable when the method returns nil, and leaves
// nothing behind when it fails. It looks for all problems of its input before it writes, and its
// function may run twice (package kv says why). More than Options.StageFrom datums are written,
// still invisible, in several transactions; one last transaction checks again everything that they
// refer to and makes them visible (bulk.go, merge.go). A change of more than Options.PieceRows rows
// is stored as pieces of work, which the worker does one by one; the method returns after the last
// (work.go). The index follows the log by itself when names change (indexer.go).
//
// # Errors
//
// limits.go bounds everything that is stored. Three kinds of errors are answers: *[problem.List]
// says what is wrong with an input, by field; *[problem.Error] is a refusal, such as NotFound;
// *[ProcessingError] reports on a file that could not be read. Any other error is a failure of the
// file, the disk or this program: its text is for the log, not for the client.
//
// # Caches
//
//	what                               until
//	who may do what with a target      the record's stamp, which covers all of it, differs in the
//	(seerCache)                        transaction that asks; 100,000 others
//	targets found by a name            the last change of names differs in the transaction that
//	(foundNames)                       asks; the sets leave out targets deleted since
//	texts of codes of data types       never: a code keeps its meaning
//	(typeCache)
//	previews, and why there is none    never: the key is the SHA-256 of the file; ten minutes for
//	(previews)                         a failure. Each request first checks whether the viewer
//	                                   sees the file
//	names in the index                 the index only proposes: each candidate is compared with
//	                                   its record (names.go)
//	targets that take rows             the transaction ends
//	(goodFacts)
//
// Package kv lists its own caches.
//
// # Caveats
//
// The value of a datum is stored as the text that was sent; two values are equal when their
// canonical forms are (jsontext.AppendCanonical). Times are microseconds of UTC since 1970. The
// arguments of the functions of an [Out] are valid until the function returns, and Row must not
// block.
package archive

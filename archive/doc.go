// Package archive is the domain: targets, data products, reduced data and observation records;
// their rules, their filters, uploads, and who sees what of them. It is the only writer of records
// but those of auth. It knows nothing of HTTP; what comes in and goes out are Go values, and JSON
// only where that is what is kept.
//
// # Sessions
//
//	a, err := archive.Open("nightjar.db", archive.Options{})
//	err = a.For(viewer).Targets(ctx, filter, page, out)
//
// Everything about records is a method of Session, which For gives for a viewer, and holds to what
// that viewer may see and do. Each transaction looks the viewer and the policy up again
// (Session.update and Session.view), so what was withdrawn counts in the middle of a body or a
// list, too. What a viewer may not see does not exist: it is in no list and no count, and asking
// for it by its id is answered as for an id that was never given out, by the same code (access.go).
//
// # Lists
//
// A filter becomes sets of ids, which are combined with the set of what the viewer sees (visible,
// in access.go); the result is counted, and a page of it is selected by rank (page.go). Records are
// read only to be shown, and each is checked once more then. A range of times is a union of sets by
// day (datumtimes.go). Cones, and lists by time, by name or by the last change, walk an order of
// keys, and names ask the index, whose answers are checked against the records (names.go).
//
// # Writes
//
// A method that writes is one transaction, is durable when it returns without an error, and leaves
// nothing behind when it returns one. It looks for all problems of its input before it writes, and
// may run twice (package kv says why). More data than Options.StageFrom are written in several
// transactions beside what is seen, and appear in one, in which all that they refer to is checked
// again (bulk.go, merge.go). What would change more than Options.PieceRows rows in one transaction
// is done in pieces by the worker, which are in the file until they are done; the method returns
// after the last (work.go). Where the name of a target changed, the index follows the log by itself
// (indexer.go).
//
// # Errors
//
// What may be stored is bounded; limits.go has all limits. Three kinds of errors come back.
// *problem.List are what is wrong with an input, by field; *problem.Error a refusal, such as
// NotFound; *ProcessingError a file that could not be read, with its report. Whatever else is an
// error is a failure of the file, the disk or ours, and its text is for the log, not for who asked.
//
// # What is remembered
//
//	what                                until
//	who may do what with a target       the record's stamp, which covers all of the record, is another
//	(seerCache)                         one in the transaction that asks; 100,000 others
//	targets found by a name             the last change of names is another one in the transaction that
//	(foundNames)                        asks; what was deleted since is left out by the sets
//	texts of codes of data types        never: a code keeps its meaning
//	(typeCache)
//	previews, and why there is none     never: they are kept by the SHA-256 of the file; ten minutes
//	(previews)                          for a failure. Whether the viewer sees the file is asked
//	                                    first, each time
//	names in the index                  the index only proposes: every candidate is compared with its
//	                                    record (names.go)
//	targets that take rows (goodFacts)  the transaction ends
//
// Package kv lists what it remembers itself.
//
// # Caveats
//
// The value of a datum is kept as the text that was sent, and two values are the same when their
// canonical forms are (datumcodec.go). Times are microseconds of UTC since 1970. What the functions of
// an Out are given dies when they return, and Row must not wait for anybody.
package archive

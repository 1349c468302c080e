// Package index finds targets by their names: text in, target ids out. It is a cache of the data
// file, built with Bleve, and can be deleted at any time. It takes some time to build, and saves
// the scan of all names that would give the same answers.
//
// The index knows only names, and decides nothing about permissions. It only proposes candidates,
// which the caller checks.
//
// # How it works
//
// There is one Bleve document for each target, with all its names. Names are folded ([Fold]) and
// split into grams of three runes. A search looks up the documents that have all grams of the text.
// A name that contains a text of at least three runes has all of its grams, so no such target is
// missing. The converse does not hold: "bcde abcd" has all grams of "abcde", but does not contain
// it, and two aliases may have one half of the text each. Hence the check. A text of less than
// three runes has no gram, and is not answered.
//
// # Why answers are right
//
// The data file is the truth. Its log numbers every change; a [Mark] names a state of the file by
// the number and the hash of its newest entry. The caller does these steps in this order:
//
//  1. read the index's Mark, S;
//  2. search: the candidates;
//  3. only then begin a transaction on the data file, which sees the state A;
//  4. add to the candidates every target whose names changed after S, according to the log;
//  5. check every candidate in the transaction, and drop those that do not match or do not exist.
//
// If the search is not answered (ok is false), every target is a candidate.
//
// The result is that of a scan of the state A. Whatever passes step 5 belongs to it. Nothing is
// missing either: take a target whose names contain the text at A. If its names changed after S and
// up to A, step 4 adds it. If not, it had these names in every state from S to A, and the document
// that the search met was made from such a state:
//
//   - not from a state before S, because Apply moves the Mark last: when Mark returned S,
//     everything up to S had been applied, and a search that begins later sees it;
//   - not from a state after A, because the search ended before the transaction began, and Apply
//     gets only what is committed.
//
// So the document has these names, and the search proposes it. The proof uses nothing else: between
// any two steps the index may lag by any number of entries, or be ahead of the Mark that was read
// because Apply went on. An Apply that failed half way has made some documents newer and none
// older.
//
// Simplified needs the same steps. Similar is only for suggestions.
//
// A Reset between steps 1 and 2 does no harm: an index with the zero Mark does not answer, and its
// next Mark is not before S.
//
// # What the caller of Apply guarantees
//
//   - Every target whose names changed after Mark and up to m is among the targets. Deleted targets
//     have no names.
//   - The names are those of the state m, read in one transaction, and m is committed and
//     durable.
//   - At open, before the first search, the Mark is an entry of the log with the same hash. If it
//     is not (because an older copy of the data file was restored), or if the log no longer has
//     that entry, the caller calls Reset.
//
// The last check is why names must not be newer than m. They would be harmless as long as the file
// only grows. But if an older copy of the data file is restored that still has the entry m, the
// index would have names of a future that never came, and lack the real ones. For the same reason
// Open rebuilds an index that was closed between the batches of one Apply, or while it was filled.
//
// # Damage
//
// There is one rule: an index that was not closed, or whose seal does not match, is rebuilt. Close
// seals an index that is exactly at its Mark: the marker then has the Mark, and a SHA-256 of it and
// of all files. Open removes the seal and compares. So a crash, a flipped bit, a missing, shorter,
// longer or additional file, and the files of an older state all lead to a new, empty index, which
// the caller fills in the background while scans answer. The same goes for an index that crashed
// the process, which a fault in a goroutine of Bleve does, and nothing can recover: it was not
// closed, so the next start does not open it. A bit that flips while the index is open remains
// undetected. Open refuses folders of other programs, and never empties them.
//
// # Caveats
//
// A watchdog guards writes to Bleve. If a call into Bleve fails, panics or does not return, the
// index is broken: it answers nothing until Reset, and callers scan.
//
// Only one process may open a folder, and only one Index in it. Bleve's scorch keeps settings in
// package variables; this package adds one entry to a registry of callbacks there, under its own
// name, and changes no others.
package index

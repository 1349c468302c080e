// Package index proposes targets by their names: text in, target ids out. It is a cache of what the
// data file holds, built with Bleve, and can be deleted at any time; it takes a little time to
// build and saves the scan of all names that would answer the same.
//
// It is for nothing but names, decides nothing about who may see what, and never answers by itself:
// it only proposes candidates, which the caller checks.
//
// # How it works
//
// There is one Bleve document for each target, with all its names. Names are folded ([Fold]) and
// split into grams of three runes. A search looks up the documents that have all grams of the text.
// A name that contains a text of at least three runes has all of its grams, so that no such target
// is missing. The converse does not hold: the grams of "abcd" and "bcde" are in "bcde abcd", which
// does not contain "abcde", and two aliases may have a half each. Hence the check. A text of less
// than three runes has no gram and is not answered.
//
// # Why answers are right
//
// The data file is the truth. Its log numbers every change; a [Mark] names a state of the file by
// the number and the hash of its newest entry. The caller goes in these steps, and in this order:
//
//  1. read the index's Mark, S;
//  2. search: the candidates;
//  3. only then begin a transaction on the data file; it sees the state A;
//  4. add to the candidates every target whose names changed after S, which the log tells;
//  5. check every candidate against its names in the transaction, and leave out those that do not exist.
//
// When the search is not answered (ok is false), every target is a candidate.
//
// The result is what a scan of the state A gives. Whatever passes step 5 belongs to it. To see that
// nothing is missing, take a target whose names contain the text at A. If its names changed after S
// and up to A, step 4 adds it. If not, it had these very names at every state from S to A, and the
// document that the search met was made from such a state:
//
//   - not from one before S: Mark returned S, so everything up to S had been applied (Apply moves the
//     Mark last), and a search that begins later sees it;
//   - not from one after A: the search ended before the transaction began, and Apply is given only what
//     is committed.
//
// So the document has these names, and the search proposes it. Nothing else was used: the index may
// lag by any number of entries, may be ahead of the Mark that was read because Apply ran on,
// between any two steps, and an Apply that failed half way has made some documents newer and none
// older.
//
// Simplified is asked in the same steps. Similar is for suggestions only.
//
// Reset between steps 1 and 2 does no harm either. An index with the zero Mark is not asked, and
// once it has one again, that is not before S.
//
// # What the caller of Apply guarantees
//
//   - Every target whose names changed after Mark and up to m is among the targets, those that were
//     deleted without names.
//   - The names are those of the state m, read in one transaction, and m is committed and durable.
//   - At open, before the first search, the Mark is an entry of the log with the same hash. If it is not
//     (an older copy of the data file was put back), or the log no longer reaches back to it, the caller
//     calls Reset.
//
// The names must not be newer than m for the sake of that last check. Newer ones would be harmless
// as long as the file only grows; but with an older copy of the data file, one that still has the
// entry m, the index would hold names of a future that never came, and miss the real ones. For the
// same reason an index that was closed between the batches of one Apply, or while it was being
// filled, is made again by Open.
//
// # Damage
//
// There is one rule: an index that was not closed, or whose seal does not fit, is made again. Close
// seals an index that is exactly at its Mark: the marker then holds the Mark and a SHA-256 over it
// and over all files. Open takes the seal off and compares. So a crash, a flipped bit, a file that
// is missing, shorter, longer or added, and the files of an older state all lead to a new, empty
// index, which the caller fills in the background while scans answer. The same goes for an index
// that ended the process (a fault in one of Bleve's own goroutines does that, and nothing can
// recover it): it was not closed, so the next start does not meet it. What remains undetected is a
// bit that flips while the index is open. Folders that another program made are refused, never
// emptied.
//
// # Caveats
//
// Writes to Bleve run under a watchdog. When a call into Bleve fails, panics or does not come back,
// the index is broken: it answers nothing until Reset, and its callers scan.
//
// Only one process may open a folder, and one Index in it. Bleve's scorch keeps some of its
// settings in package variables; this package adds one entry to a registry of callbacks there,
// under its own name, and changes nothing else.
package index

// Package kv is the data file: one bbolt file that holds records, what they are found by, uploaded
// files, and a log of every change. It knows bytes, ids and sets; it knows nothing of astronomy,
// users or permissions, and only it imports bbolt.
//
// The package that owns a kind of record describes a Table: how a record is stored and by which
// keys and sets it is found. From then on kv keeps records and keys together: View shows one state
// of the file, Update changes it, all or nothing, and is on the disk when it returns.
//
// # The file, format 4
//
// This is what somebody needs who reads the file without this program. It is a bbolt file
// (go.etcd.io/bbolt, data file version 2); these are its buckets. Numbers in keys are big-endian;
// uvarint and varint are those of Go's encoding/binary (LEB128, signed ones zigzag).
//
//	meta     small things by name: see meta.go
//	TABLE    one bucket a table, by its name: id 8 bytes -> record
//	large    table 1, id 8 -> a record of more than 2,048 bytes
//	unique   kind 1, text -> id 5
//	order    kind 1, group 4, sort, id 5 -> nothing
//	series   kind 1, group 4, type 1, time 8, hash 4, id 5 -> further rows: see series.go
//	set      table 1, dimension 1, value [, chunk 4] -> ids: see setstore.go and chunk.go
//	blob     files in pieces of 64 KiB, with their hashes: see blob.go
//	log      sequence 8 -> what one request changed, see Entry
//
// A record is 0 and its bytes, or 1 and the CRC-32C of the value in bucket large that holds the
// bytes; the bytes are as the table's codec wrote them, mostly in the wire format of Protocol
// Buffers (see Fields). Every value ends with a CRC-32C (Castagnoli, little-endian). It covers the
// key and all before it; for records and large values the key is table 1, id 8. Ids are given out
// in ascending order and never twice.
//
// Of a record that was changed the log keeps the old one, or how that is made of the new one
// (delta.go); the oldest entries may be dropped (trim.go). What a record refers to is told by its
// table (Spec.Refs), and looked up by Verify and Dangling (refs.go).
//
// Records, large values, blobs and the log are the truth. Unique, order, series and set are
// derived: Salvage makes them again from the records, Verify compares them. Open builds what a
// later program added to them (family.go); so a format can grow without a new number. Fields,
// tables and what is derived that this program does not know stay in the file when it writes.
//
// A row of a bulk table exists when it is in the set of all rows of its table (dimension 0, no
// value). Rows that are being created by a Stage, and rows that are being swept away, stand in
// bucket meta under stage/; they are in no set, and absent for everybody. The newest rows of a bulk
// table, those behind its fold mark, are in no stored set and series either, but exist: see
// tail.go.
//
// # Promises
//
// What Update has returned nil for is on the disk, and survives the end of the process and a cut of
// the power, if the disk keeps what it was told to sync. What it returned an error for has left
// nothing. Reading never blocks writing, except that pages a View can see are not used again while
// it lasts: a View should be short, and nobody may wait for the network inside of one.
//
// The list of free pages is written only when the file has rested for a second and when it is
// closed; after a crash it is found again by a scan when the file is opened. Writes are refused
// while the disk has less than 64 MiB free. When a sync has failed, nothing more is written until
// the file is opened again.
//
// No function fails because of another that shares its transaction: see DB.Update.
//
// A file has one writing process at a time, by a lock on the file and one on its path, which
// network file systems may not honour: it belongs on a local disk. When the path no longer leads to
// the open file, nothing more is written either. A plain copy is a good backup of a stopped node
// only; Backup copies a running one.
//
// # What is remembered
//
// Nothing that is kept in memory may answer for what has changed. These are all the places where
// something is kept, what they hold, and what makes an entry of no use. None of them outlives the
// DB, and none is filled from a transaction that is being made, but where that is said.
//
//	tails (tail.go)            the newest rows of bulk tables, their sets and series, by table and epoch, the
//	                           number of the transaction of bbolt's in which a fold, or another change of a
//	                           stored set, began the tail. Rows join before the commit: readers leave out ids
//	                           beyond the last of their state, and a commit that fails, a panic and Compact
//	                           forget all tails, which are read from the file again.
//	DB.counts (algebra.go)     ids in a chunk of a set or an expression, before the fold mark. The key holds the epoch, so each change of stored sets begins anew.
//	DB.unions (unioncache.go)  stored ids of the rows of many parents, by epoch, table, dimension and the number of the IDList, copied out of the map;
//	                           what the tail adds is carried on by id, and cut at the last id of the reader's state.
//	Table.Stamp                nothing is kept here, but callers keep by it: the CRC of the record, or of the stub with that of its large value. It is another
//	                           one with each change but one in 2^32; a row that is pending or being swept away has none.
//	Table.Changes              raised by each transaction that tried to change records of the table, reveal or hide rows, also when it failed.
//	IDList                     ids that the caller found: it must know itself how long they are right.
//	DB.stages (stagelist.go)   parsed lists of pending and purged rows, by number; good as long as the CRC of what is stored is the
//	                           same, and so filled by functions that write, too.
//	live stages (stage.go)     Stages that have not ended; Finish and Abort take them out. A number whose transaction failed was never put in.
//	Stage (stage.go)           its rows and their sets, taken in when they are on the disk; if that fails the stage is lost. Notes of other functions
//	                           come with their commit.
//	Tx.tails, Tx.snapshots     the tail of a table, for one View; a transaction that writes has those of its batch.
//	Tx.passed                  what a parent passes on, for one function; Put and Delete of the parent drop it.
//	Tx.stages                  the lists of stages, for one function; putting or dropping one drops them.
//	batch.bulk, sets, series   what functions that share a transaction have gathered. It goes with the transaction: one in which writing it was
//	                           left half done (batch.shared) is not committed.
//	seriesChanges.ends         the last stored time of a series, until the changes of series are written.
//	tools                      buckets, cursors and buffers of one transaction of bbolt; they are used by one function after the other.
//	Reader                     the row it is on, in a View; in a transaction that writes it seeks each.
//	Set                        a chunk that was read last, where it lies in the map. One that a writing function asked for shows what was written before it was asked for.
//	DB.head, nodeNo, nodeID    the last log entry, set after its commit; who the node is, which only RestoreFile changes, in a file that is not served.
//	freeListStored             that the list of free pages is in the file; each commit says no.
//	failed, stuck, unsaid      until the file is opened again.
//	givenUp                    stages for which there was no room to give them up; the purger does that first.
package kv

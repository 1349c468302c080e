// Package kv is the data file: one bbolt file that holds records, what they are found by, uploaded files, and a log of
// every change. It knows bytes, ids and sets; it knows nothing of astronomy, users or permissions, and only it imports bbolt.
//
// The package that owns a kind of record describes a Table: how a record is stored and by which keys and sets it is
// found. From then on kv keeps records and keys together: View shows one state of the file, Update changes it, all or nothing, and is on
// the disk when it returns.
//
// # The file, format 2
//
// This is what somebody needs who reads the file without this program. It is a bbolt file (go.etcd.io/bbolt, data file version
// 2); these are its buckets. Numbers in keys are big-endian; uvarint and varint are those of Go's encoding/binary (LEB128,
// signed ones zigzag).
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
// A record is 0 and its bytes, or 1 when the bytes are in bucket large; the bytes are as the table's codec wrote them, mostly in the wire
// format of Protocol Buffers (see Fields). Every value ends with a CRC-32C (Castagnoli, little-endian). It covers the key and all before it; for
// records and large values the key is table 1, id 8. Ids are given out in ascending order and never twice.
//
// Of a record that was changed the log keeps the old one, or how that is made of the new one (delta.go); the oldest entries may be dropped (trim.go). What a record
// refers to is told by its table (Spec.Refs), and looked up by Verify and Dangling (refs.go).
//
// Records, large values, blobs and the log are the truth. Unique, order, series and set are derived: Rebuild makes them
// again from the records, Verify compares them.
//
// A row of a bulk table exists when it is in the set of all rows of its table (dimension 0, no value). Rows that are being
// created by a Stage, and rows that are being swept away, stand in bucket meta under stage/; they are in no set, and absent for everybody. The
// newest rows of a bulk table, those behind its fold mark, are in no stored set and series either, but exist: see tail.go. In format 1 their series
// were stored.
//
// # Promises
//
// What Update has returned nil for is on the disk, and survives the end of the process and a cut of the power, if the disk
// keeps what it was told to sync. What it returned an error for has left nothing. Reading never blocks writing, except
// that pages a View can see are not used again while it lasts: a View should be short, and nobody may wait for the
// network inside of one.
//
// The list of free pages is written only when the file has rested for a second and when it is closed; after a crash it is found
// again by a scan when the file is opened. Writes are refused while the disk has less than 64 MiB free. When a sync has failed,
// nothing more is written until the file is opened again.
//
// A file has one writing process at a time, by a lock that network file systems may not honour: it belongs on a local
// disk. A plain copy is a good backup of a stopped node only; Backup copies a running one.
package kv

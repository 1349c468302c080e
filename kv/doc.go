// Package kv is the data file: one bbolt file that holds records, the keys and sets by which they
// are found, uploaded files, and a log of every change. It knows bytes, ids and sets; it knows
// nothing of astronomy, users or permissions. No other package imports bbolt.
//
// The package that owns a kind of record describes it as a [Table]: how a record is stored, and by
// which keys and sets it is found. kv then keeps records and keys consistent. [DB.View] shows one
// state of the file. [DB.Update] changes it, all or nothing, and the change is on the disk when it
// returns.
//
// # The file, format 4
//
// This section is for readers of the file that do without this program. The file is a bbolt file
// (go.etcd.io/bbolt, data file version 2) with these buckets. Numbers in keys are big-endian. A
// uvarint or varint is that of Go's encoding/binary (LEB128, signed ones zigzag).
//
//	meta     small values by name: see meta.go
//	TABLE    one bucket for each table, by its name: id 8 bytes -> record
//	large    table 1, id 8 -> a record of more than 2,048 bytes
//	unique   kind 1, text -> id 5
//	order    kind 1, group 4, sort key, id 5 -> nothing
//	series   kind 1, group 4, type 1, time 8, hash 4, id 5 -> further rows: see series.go
//	set      table 1, dimension 1, value [, chunk 4] -> ids: see setstore.go and chunk.go
//	blob     files in chunks of 64 KiB, with their hashes: see blob.go
//	log      sequence 8 -> what one request changed, see [Entry]
//
// A record is a 0 and its bytes, or a 1 and the CRC-32C of the value in bucket large that holds the
// bytes. The bytes are what the table's codec wrote, mostly in the wire format of Protocol Buffers
// (see [Fields]). Every value ends with a CRC-32C (Castagnoli, little-endian) of its key and of
// everything before it; for records and large values the key is table 1, id 8. Ids ascend, and no
// id is given out twice.
//
// The log keeps the old record of each change, whole or as a difference from the new one
// (delta.go). The oldest entries may be dropped (trim.go). A table says to which rows its records
// refer (Spec.Refs); [DB.Verify] and [DB.Dangling] look these up (refs.go).
//
// Records, large values, blobs and the log are the truth. Unique, order, series and set are derived
// from them: [Salvage] rebuilds them, Verify compares them, and [Open] builds what a later program
// added (family.go), so the format can grow without a new number. Fields, tables and derived keys
// that this program does not know stay in the file when it writes.
//
// A row of a bulk table exists when it is in the set of all rows of its table (dimension 0, no
// value). Rows that a [Stage] is creating, and rows that are being purged, are listed in bucket
// meta under stage/; they are in no set, and nobody sees them. The newest rows of a bulk table,
// those after its fold mark, are in no stored set or series yet, but exist: see tail.go.
//
// # Promises
//
// When Update returns nil, its change is on the disk and survives a crash of the process and a
// power cut, provided that the disk keeps what it was told to sync. When it returns an error,
// nothing of its change remains. Reading never blocks writing. But pages that a View can see are
// not reused while it runs, so a View should be short, and must not wait for the network.
//
// The list of free pages is written only after a second without commits and when the file is
// closed; after a crash, Open finds the free pages by a scan. Writes are refused while the disk has
// less than 64 MiB free. After a failed sync, nothing is written until the file is opened again.
//
// No function fails because of another one that shares its transaction: see [DB.Update].
//
// One process at a time may write to a file. A lock on the file and one on its path ensure that,
// which network file systems may ignore: keep the file on a local disk. When the path no longer
// leads to the open file, nothing more is written either. Copy the file only while no node runs;
// [DB.Backup] copies the file of a running node.
//
// # What is kept in memory
//
// Nothing that is kept in memory may give a stale answer. This list names every place, what it
// holds, and when an entry becomes invalid. None of them outlives the DB, and except where the list
// says so none is filled from a transaction that is not committed.
//
//	tails (tail.go)
//		The newest rows of bulk tables with their sets and series, by table and
//		epoch: the number of the bbolt transaction in which a fold, or another
//		change of a stored set, began the tail. Rows join before the commit:
//		readers skip ids beyond the last of their state. A commit that fails, a
//		panic and Compact drop all tails; they are read from the file again.
//	DB.counts (algebra.go)
//		The number of ids in each chunk of a set or an expression before the
//		fold mark. The key holds the epoch, so a change of stored sets
//		invalidates it.
//	DB.unions (unioncache.go)
//		The stored ids of the rows of many parents, copied out of the map, by
//		epoch, table, dimension and the number of the IDList. The ids that the
//		tail adds are appended in order of id; readers cut them at the last id
//		of their state.
//	Table.Stamp
//		kv keeps nothing here, but callers cache by it: the CRC of the record,
//		or of the stub with the CRC of its large value. Each change but one in
//		2^32 changes it. Pending rows and rows that are being purged have none.
//	Table.Changes
//		Raised by each transaction that tried to change records of the table,
//		or to reveal or hide rows, also when it failed.
//	IDList
//		Ids that the caller found; the caller knows how long they are right.
//	DB.stages (stagelist.go)
//		Parsed lists of pending and purged rows, by number. An entry is valid
//		while the CRC of the stored list is the same, so functions that write
//		may fill it, too.
//	live stages (stage.go)
//		Stages that have not ended; Finish and Abort remove them. A stage whose
//		first transaction failed is never added.
//	Stage (stage.go)
//		Its rows and their sets, added when they are on the disk; if that fails
//		the stage is lost. Notes of other functions come with their commit.
//	Tx.tails, Tx.snapshots
//		The tail of a table, for one View; a writing transaction uses those of
//		its batch.
//	Tx.inheritedFrom
//		The sets that a parent passes on, for one function; Put and Delete of
//		the parent remove it.
//	Tx.stages
//		The lists of stages, for one function; putting or dropping one clears
//		them.
//	batch.bulk, sets, series
//		What the functions of a shared transaction have gathered. It goes with
//		the transaction, which is not committed when writing it stopped half-way
//		(batch.shared).
//	seriesChanges.ends
//		The last stored time of a series, until the changes of series are
//		written.
//	tools
//		Buckets, cursors and buffers of one bbolt transaction, which its
//		functions use one after the other.
//	Reader
//		The row where its cursor is, in a View; in a writing transaction it
//		seeks each row.
//	Set
//		The chunk that was read last, where it lies in the map. A set that a
//		writing function asked for shows what was written before it asked.
//	DB.foreignFamilies
//		The families of other programs in the file. Open sets it, and only
//		another program changes them.
//	DB.head, nodeNo, nodeID
//		The last log entry, set after its commit; the identity of the node,
//		which only RestoreFile changes, in a file that nobody serves.
//	freeListStored
//		Whether the list of free pages is in the file; each commit resets it.
//	failed, stuck, unreported
//		Until the file is opened again.
//	givenUp
//		Stages that a full disk kept from being purged; the purger starts with
//		them.
package kv

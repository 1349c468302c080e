package kv

// Room says whether the disk has room: it returns the error with which Update would refuse to write, or nil. It is for
// temporary files beside the file, which must leave the file its reserve.
func (db *DB) Room() error { return db.mayWrite() }

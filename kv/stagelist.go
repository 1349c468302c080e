package kv

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A stage in the file lists rows or a blob. They are pending while they are being written, and
// garbage when the purger is to delete them.
const (
	pendingRows = 'c'
	garbageRows = 'd'
	pendingBlob = 'b'
	garbageBlob = 'x'
)

// stageInfo is a stored stage: kind 1, table 1, then 8 bytes, the id below which all rows have been
// purged or the id of the blob, then the rows as runs.
type stageInfo struct {
	id    uint64
	kind  byte
	table byte
	next  uint64
	runs  idRuns
	crc   uint32
}

func (s *stageInfo) isPending() bool { return s.kind == pendingRows || s.kind == pendingBlob }
func (s *stageInfo) isBlob() bool    { return s.kind == pendingBlob || s.kind == garbageBlob }

// has says whether the stage lists a row of a table.
func (s *stageInfo) has(d *tableDef, id uint64) bool {
	return !s.isBlob() && s.table == d.no && s.runs.has(id)
}

// garbage returns the stage with its rows or its blob as garbage.
func (s *stageInfo) garbage() *stageInfo {
	g := *s
	switch s.kind {
	case pendingRows:
		g.kind = garbageRows
	case pendingBlob:
		g.kind = garbageBlob
	}
	return &g
}

var stagePrefix = []byte("stage/")

func stageKey(id uint64) []byte { return append(slices.Clip(stagePrefix), key8(id)...) }

func (s *stageInfo) value() []byte {
	b := append([]byte{s.kind, s.table}, key8(s.next)...)
	return s.runs.append(b)
}

func (tx *WriteTx) putStage(s *stageInfo) error {
	tx.listed = false
	return tx.meta().put(stageKey(s.id), s.value())
}

func (tx *WriteTx) dropStage(id uint64) error {
	tx.listed = false
	return tx.bucket(bucketMeta).Delete(stageKey(id))
}

// newStage returns the number of a new stage.
func (tx *WriteTx) newStage() (uint64, error) { return tx.bucket(bucketMeta).NextSequence() }

// stageList reads the stages in the file.
func (tx *Tx) stageList() ([]*stageInfo, error) {
	if tx.listed {
		return tx.stages, nil
	}
	tx.stages = nil
	c := tx.bucket(bucketMeta).Cursor()
	for k, v := c.Seek(stagePrefix); k != nil && bytes.HasPrefix(k, stagePrefix); k, v = c.Next() {
		s, err := tx.db.readStage(k, v)
		if err != nil {
			return nil, err
		}
		tx.stages = append(tx.stages, s)
	}
	tx.listed = true
	return tx.stages, nil
}

// maxStages is the number of parsed stages that are kept in memory.
const maxStages = 64

// readStage parses a stage. It parses a list that has not changed only once, since that takes long
// and every transaction needs it.
func (db *DB) readStage(k, v []byte) (*stageInfo, error) {
	if len(k) != len(stagePrefix)+8 || len(v) < 10+crcLen {
		return nil, damaged("stage", errShort)
	}
	id, crc := binary.BigEndian.Uint64(k[len(stagePrefix):]), binary.LittleEndian.Uint32(v[len(v)-crcLen:])
	if s, ok := db.stages.Get(id); ok && s.crc == crc {
		return s, nil
	}
	b, err := checkCRC(k, v)
	if err != nil {
		return nil, damaged("stage", err)
	}
	runs, err := readRuns(b[10:])
	if err != nil {
		return nil, damaged("stage", err)
	}
	s := &stageInfo{id, b[0], b[1], binary.BigEndian.Uint64(b[2:]), runs, crc}
	db.stages.Put(id, s, 1)
	return s, nil
}

// staged says whether a row is pending or being purged.
func (tx *Tx) staged(d *tableDef, id uint64) bool {
	if !d.bulk {
		return false
	}
	list, err := tx.stageList()
	if err != nil {
		tx.fail(err)
		return true
	}
	for _, s := range list {
		if s.has(d, id) {
			return true
		}
	}
	return tx.stage != nil && tx.stage.def == d && tx.stage.runs.has(id)
}

// purgeStage leaves a stage to the purger.
func (tx *WriteTx) purgeStage(id uint64) error {
	list, err := tx.stageList()
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.id == id {
			tx.touch()
			tx.job.after = append(tx.job.after, tx.db.kickPurger)
			return tx.putStage(s.garbage())
		}
	}
	return nil
}

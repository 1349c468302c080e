package kv

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// Bucket meta holds small values by name, each with its CRC-32C:
//
//	format          the format's version, 4 bytes big-endian
//	created         microseconds since 1970, 8 bytes
//	node            the number of this node, 8 bytes
//	node/N          the identity of node N (8 bytes), 16 bytes; a restored file has several
//	session         the session mark, 16 bytes, while the file is open
//	setting/NAME    the text of a setting
//	code/KIND TEXT  the one-byte number of a text
//	tail/T          the fold mark of table T, 8 bytes
//	stage/N         pending and purged rows and blobs, see Stage
//	count/NAME      the last number given out under a name, 8 bytes
//	family/CTN      how far family N of class C and table T is complete, 8 bytes: see family.go
//	log/anchor      sequence 8 and hash 32 bytes of the last log entry that was dropped
const (
	metaFormat  = "format"
	metaCreated = "created"
	metaNode    = "node"
	metaSession = "session"
)

// Format is the version of the file format that this package makes and reads. No release wrote
// earlier versions.
const Format = 4

// lastReader is, by format, the last commit that reads files of an older format.
var lastReader = map[uint32]string{1: "fca33ea", 2: "fca33ea", 3: "be42011"}

// metaBucket reads and writes values with their CRC.
type metaBucket struct{ b *bbolt.Bucket }

func metaOf(bt *bbolt.Tx) *metaBucket { return &metaBucket{bt.Bucket(bucketNames[bucketMeta])} }

func (tx *Tx) meta() *metaBucket { return &metaBucket{tx.bucket(bucketMeta)} }

// get returns nil when there is no such key.
func (m *metaBucket) get(key []byte) ([]byte, error) {
	v := m.b.Get(key)
	if v == nil {
		return nil, nil
	}
	b, err := checkCRC(key, v)
	if err != nil {
		return nil, damaged("meta "+string(key), err)
	}
	return b, nil
}

func (m *metaBucket) put(key, value []byte) error {
	return m.b.Put(key, withCRC(key, bytes.Clone(value)))
}

// checkMeta checks every value of meta. A damaged setting, mark or list of pending rows must not
// pass for a missing one, since then others would see what they must not.
func (tx *Tx) checkMeta() error {
	c := tx.bucket(bucketMeta).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if _, err := checkCRC(k, v); err != nil {
			return damaged(fmt.Sprintf("meta %q", k), err)
		}
	}
	return nil
}

// Setting reads a setting; ok is false when it was never set.
func (tx *Tx) Setting(name string) (value string, ok bool, err error) {
	b, err := tx.meta().get([]byte("setting/" + name))
	return string(b), b != nil, err
}

// SetSetting stores a setting; the log keeps the old value. Error: a *TooLargeError when the name
// is longer than MaxText, or the value than MaxRecord.
func (tx *WriteTx) SetSetting(name, value string) error {
	if err := nameFits("a setting", name); err != nil {
		return err
	}
	if len(value) > MaxRecord {
		return &TooLargeError{"a setting", len(value), MaxRecord}
	}
	old, ok, err := tx.Setting(name)
	if err != nil || ok && old == value {
		return err
	}
	tx.touch()
	tx.entry.Settings = append(tx.entry.Settings, Setting{Name: name, Old: old})
	return tx.meta().put([]byte("setting/"+name), []byte(value))
}

// nameFits refuses a name that is too long for a key of meta.
func nameFits(what, name string) error {
	if len(name) > MaxText {
		return &TooLargeError{"the name of " + what, len(name), MaxText}
	}
	return nil
}

func codeKey(kind byte, text string) []byte {
	return append([]byte{'c', 'o', 'd', 'e', '/', kind}, text...)
}

// Code returns the one-byte number that a text has within a kind, 0 when it has none.
func (tx *Tx) Code(kind byte, text string) (byte, error) {
	b, err := tx.meta().get(codeKey(kind, text))
	if err != nil || b == nil {
		return 0, err
	}
	return b[0], nil
}

// GiveCode is Code, but gives a text without a number the next one, from 1 on. No number is ever
// given to a second text. Error: a *TooLargeError when the text needs a number and is longer than
// MaxText.
func (tx *WriteTx) GiveCode(kind byte, text string) (byte, error) {
	code, err := tx.Code(kind, text)
	if err != nil || code != 0 {
		return code, err
	}
	if err := nameFits("a code", text); err != nil {
		return 0, err
	}
	codes, err := tx.Codes(kind)
	if err != nil {
		return 0, err
	}
	last := byte(0)
	for _, c := range codes {
		last = max(last, c)
	}
	if last == 255 {
		return 0, fmt.Errorf("no number is left for %q", text)
	}
	tx.touch()
	return last + 1, tx.meta().put(codeKey(kind, text), []byte{last + 1})
}

// Codes lists the numbers of a kind that texts have.
func (tx *Tx) Codes(kind byte) ([]byte, error) {
	prefix := codeKey(kind, "")
	m := tx.meta()
	c := m.b.Cursor()
	var codes []byte
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		b, err := m.get(k)
		if err != nil {
			return nil, err
		}
		codes = append(codes, b...)
	}
	return codes, nil
}

// CodeText returns the text that has a number, "" for the number 0. Error: a *DamageError when no
// text has it.
func (tx *Tx) CodeText(kind, code byte) (string, error) {
	prefix := codeKey(kind, "")
	m := tx.meta()
	c := m.b.Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		b, err := m.get(k)
		if err != nil {
			return "", err
		}
		if len(b) == 1 && b[0] == code {
			return string(k[len(prefix):]), nil
		}
	}
	if code == 0 {
		return "", nil
	}
	return "", damaged(fmt.Sprintf("code %d of kind %d", code, kind), "no text has this number")
}

// Next returns the next number under a name, from 1 on. It never returns a number twice.
func (tx *WriteTx) Next(name string) (uint64, error) {
	if err := nameFits("a count", name); err != nil {
		return 0, err
	}
	key := []byte("count/" + name)
	b, err := tx.meta().get(key)
	if err != nil {
		return 0, err
	}
	n := uint64(1)
	if len(b) == 8 {
		n += binary.BigEndian.Uint64(b)
	}
	tx.touch()
	return n, tx.meta().put(key, key8(n))
}

// nodeNo reads the number of this node.
func (m *metaBucket) nodeNo() (uint64, error) {
	no, err := m.get([]byte(metaNode))
	if err == nil && len(no) != 8 {
		err = damaged("meta node", errShort)
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(no), nil
}

// Node returns the identity of a node by its number; 0 means this node.
func (tx *Tx) Node(no uint64) (id [16]byte, err error) {
	if no == 0 {
		no = tx.db.nodeNo
	}
	b, err := tx.meta().get(append([]byte("node/"), key8(no)...))
	if err == nil && len(b) != 16 {
		err = ErrNotFound
	}
	if err != nil {
		return id, err
	}
	return [16]byte(b), nil
}

// checkFormat refuses a file that is not ours or has another format.
func checkFormat(bt *bbolt.Tx) error {
	f, err := formatOf(bt)
	switch {
	case err != nil:
		return err
	case f > Format:
		return fmt.Errorf("%w: it has format %d, and this program reads format %d; use the program that wrote it, "+
			"or a later one",
			ErrNewer, f, Format)
	case f < Format:
		return fmt.Errorf("%w: it has format %d, and this program reads format %d; commit %s of the source is the "+
			"last one that reads it: export what is in it with that, and import that into a new file",
			ErrOlder, f, Format, lastReader[f])
	}
	return nil
}

// formatOf returns the format of a file. Error: ErrNotOurs.
func formatOf(bt *bbolt.Tx) (uint32, error) {
	b := bt.Bucket(bucketNames[bucketMeta])
	if b == nil {
		return 0, ErrNotOurs
	}
	v, err := (&metaBucket{b}).get([]byte(metaFormat))
	if err != nil {
		return 0, err
	}
	if len(v) != 4 { // "meta" alone is no proof that it is ours
		return 0, ErrNotOurs
	}
	return binary.BigEndian.Uint32(v), nil
}

// Format returns the version of the file's format.
func (tx *Tx) Format() (int, error) {
	f, err := formatOf(tx.bolt)
	return int(f), err
}

// putFormat stores the present format.
func (m *metaBucket) putFormat() error {
	return m.put([]byte(metaFormat), binary.BigEndian.AppendUint32(nil, Format))
}

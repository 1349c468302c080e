package kv

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// A blob is an uploaded file. Bucket blob holds
//
//	'c', blob id 8, chunk 4    64 KiB of the file, less in the last chunk, then the CRC-32C
//	'h', SHA-256 32            the id of the blob with this content, 8 bytes
//	'i', blob id 8             BlobInfo
//
// Equal content is stored once, with a count of its uses. A blob that is being written is listed as
// a stage until a record uses it.
const (
	chunkSize = 64 << 10
	// spillSize is how many bytes a BlobWriter keeps in memory and writes in one transaction.
	spillSize = 8 << 20
)

// BlobInfo describes a stored blob.
type BlobInfo struct {
	Unknown
	Size uint64   `kv:"1"`
	SHA  [32]byte `kv:"2"`
	Uses uint64   `kv:"3"` // how many records refer to it
}

var blobCodec = Fields[BlobInfo]()

func blobChunkKey(id uint64, chunk uint32) []byte {
	return binary.BigEndian.AppendUint32(append([]byte{'c'}, key8(id)...), chunk)
}

func blobInfoKey(id uint64) []byte { return append([]byte{'i'}, key8(id)...) }

func blobHashKey(sha []byte) []byte { return append([]byte{'h'}, sha...) }

func (tx *Tx) blobInfo(id uint64) (*BlobInfo, error) {
	key := blobInfoKey(id)
	v := tx.bucket(bucketBlob).Get(key)
	if v == nil {
		return nil, ErrNotFound
	}
	b, err := checkCRC(key, v)
	info := new(BlobInfo)
	if err == nil {
		err = blobCodec.Decode(b, info)
	}
	if err != nil {
		return nil, damaged(fmt.Sprintf("blob %d", id), err)
	}
	return info, nil
}

func (tx *WriteTx) putBlobInfo(id uint64, info *BlobInfo) error {
	key := blobInfoKey(id)
	return tx.bucket(bucketBlob).Put(key, withCRC(key, blobCodec.Append(nil, info)))
}

// readChunk returns a chunk where it lies in the map.
func (tx *Tx) readChunk(id uint64, chunk uint32) ([]byte, error) {
	key := blobChunkKey(id, chunk)
	v := tx.bucket(bucketBlob).Get(key)
	if v == nil {
		return nil, ErrNotFound
	}
	b, err := checkCRC(key, v)
	if err != nil {
		return nil, damaged(fmt.Sprintf("blob %d, chunk %d", id, chunk), err)
	}
	return b, nil
}

// Blob describes a blob. Error: ErrNotFound when there is none.
func (tx *Tx) Blob(id uint64) (*BlobInfo, error) { return tx.blobInfo(id) }

// BlobReader reads a blob in short transactions, so that a slow reader blocks nothing. It is an
// io.ReaderAt.
type BlobReader struct {
	db   *DB
	id   uint64
	size int64
}

// OpenBlob returns a reader of a blob whose size in bytes is that of its BlobInfo. When the blob is
// deleted meanwhile, reading fails with ErrNotFound.
func (db *DB) OpenBlob(id uint64, size int64) *BlobReader { return &BlobReader{db, id, size} }

// Size returns the size in bytes.
func (r *BlobReader) Size() int64 { return r.size }

// ReadAt implements io.ReaderAt.
func (r *BlobReader) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	for n < len(p) && off < r.size {
		got := 0
		err := r.db.View(func(tx *Tx) error {
			for range 16 { // a megabyte a transaction
				b, err := tx.readChunk(r.id, uint32(off/chunkSize))
				if err != nil {
					return err
				}
				at := int(off % chunkSize)
				if at > len(b) {
					return damaged(fmt.Sprintf("blob %d", r.id), errShort)
				}
				c := copy(p[n+got:], b[at:])
				got += c
				off += int64(c)
				if n+got == len(p) || off >= r.size || c == 0 {
					break
				}
			}
			return nil
		})
		n += got
		if err != nil {
			return n, err
		}
		if got == 0 {
			return n, damaged(fmt.Sprintf("blob %d", r.id), "a chunk is too short")
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// A BlobWriter stores a file. It writes all but the last megabytes in transactions of its own; they
// stay pending until Store makes them part of the transaction that refers to the blob. A BlobWriter
// is used by one goroutine, and must be ended by Store in a transaction that is committed, or by
// Abort.
type BlobWriter struct {
	db    *DB
	ctx   context.Context
	hash  hash.Hash
	size  int64
	id    uint64 // once something has been spilled
	stage uint64
	full  uint32 // chunks that are in the file
	buf   []byte // what follows them
}

// NewBlob returns a BlobWriter for a new file.
func (db *DB) NewBlob(ctx context.Context) *BlobWriter {
	return &BlobWriter{db: db, ctx: ctx, hash: sha256.New()}
}

// Write appends to the file. Errors are those of Update.
func (w *BlobWriter) Write(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(w.buf) >= spillSize {
			if err := w.spill(); err != nil {
				return n, err
			}
		}
		part := p[n:min(len(p), n+spillSize-len(w.buf))]
		w.hash.Write(part)
		w.buf = append(w.buf, part...)
		w.size += int64(len(part))
		n += len(part)
	}
	return len(p), nil
}

// Size returns the number of bytes written so far.
func (w *BlobWriter) Size() int64 { return w.size }

// spill moves the full chunks from the buffer to the file.
func (w *BlobWriter) spill() error {
	chunks := len(w.buf) / chunkSize
	id, stage := w.id, w.stage
	err := w.db.run(&job{ctx: w.ctx, quiet: true, fn: func(tx *WriteTx) (err error) {
		id, stage = w.id, w.stage
		tx.touch()
		if id == 0 {
			if id, stage, err = tx.beginBlob(); err != nil {
				return err
			}
		}
		return tx.putChunks(id, w.full, w.buf[:chunks*chunkSize])
	}})
	if err != nil {
		return err
	}
	w.id, w.stage = id, stage
	w.full += uint32(chunks)
	w.buf = append(w.buf[:0], w.buf[chunks*chunkSize:]...)
	return nil
}

// beginBlob takes the next blob id and lists it as pending.
func (tx *WriteTx) beginBlob() (id, stage uint64, err error) {
	if id, err = tx.bucket(bucketBlob).NextSequence(); err != nil {
		return 0, 0, err
	}
	if stage, err = tx.newStage(); err != nil {
		return 0, 0, err
	}
	return id, stage, tx.putStage(&stageInfo{id: stage, kind: pendingBlob, next: id})
}

func (tx *WriteTx) putChunks(id uint64, first uint32, b []byte) error {
	bucket := tx.bucket(bucketBlob)
	bucket.FillPercent = fillAppend
	for len(b) > 0 {
		part := b[:min(len(b), chunkSize)]
		b = b[len(part):]
		key := blobChunkKey(id, first)
		value := append(make([]byte, 0, len(part)+crcLen), part...)
		if err := bucket.Put(key, withCRC(key, value)); err != nil {
			return err
		}
		first++
	}
	return nil
}

// ReadAt reads what was written so far, as io.ReaderAt does.
func (w *BlobWriter) ReadAt(p []byte, off int64) (n int, err error) {
	stored := int64(w.full) * chunkSize
	if off < stored {
		if n, err = w.db.OpenBlob(w.id, stored).ReadAt(p, off); err != nil && err != io.EOF {
			return n, err
		}
		off += int64(n)
	}
	if n < len(p) && off >= stored && off-stored < int64(len(w.buf)) {
		n += copy(p[n:], w.buf[off-stored:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Store makes the blob part of the transaction: when that is committed, one more record uses the
// blob that is returned. If the same content already exists, that is the existing blob. Further
// calls in the same transaction count further records.
func (w *BlobWriter) Store(tx *WriteTx) (id uint64, info *BlobInfo, err error) {
	tx.touch()
	sha := w.hash.Sum(nil)
	bucket := tx.bucket(bucketBlob)
	if known := bucket.Get(blobHashKey(sha)); known != nil {
		b, err := checkCRC(blobHashKey(sha), known)
		if err != nil || len(b) != 8 {
			return 0, nil, damaged("hash of a blob", errSum)
		}
		id = binary.BigEndian.Uint64(b)
		if info, err = tx.blobInfo(id); err != nil {
			return 0, nil, err
		}
		info.Uses++
		if w.id != 0 {
			if err := tx.purgeStage(w.stage); err != nil {
				return 0, nil, err
			}
		}
		return id, info, tx.putBlobInfo(id, info)
	}
	stage := w.stage
	if id = w.id; id == 0 {
		if id, stage, err = tx.beginBlob(); err != nil {
			return 0, nil, err
		}
	}
	if err := tx.putChunks(id, w.full, w.buf); err != nil {
		return 0, nil, err
	}
	if err := tx.dropStage(stage); err != nil {
		return 0, nil, err
	}
	key := blobHashKey(sha)
	if err := bucket.Put(key, withCRC(key, key8(id))); err != nil {
		return 0, nil, err
	}
	info = &BlobInfo{Size: uint64(w.size), SHA: [32]byte(sha), Uses: 1}
	return id, info, tx.putBlobInfo(id, info)
}

// Known returns the blob that has what was written so far as its content; ok is false if there is
// none.
func (w *BlobWriter) Known(tx *Tx) (id uint64, ok bool, err error) {
	key := blobHashKey(w.hash.Sum(nil))
	known := tx.bucket(bucketBlob).Get(key)
	if known == nil {
		return 0, false, nil
	}
	b, err := checkCRC(key, known)
	if err != nil || len(b) != 8 {
		return 0, false, damaged("hash of a blob", errSum)
	}
	return binary.BigEndian.Uint64(b), true, nil
}

// Abort gives up the file.
func (w *BlobWriter) Abort() error {
	w.buf = nil
	if w.id == 0 {
		return nil
	}
	return w.db.giveUp(w.stage)
}

// DropBlob says that one record less uses a blob. Without uses the blob is deleted, in the
// background when it is large. Error: ErrNotFound.
func (tx *WriteTx) DropBlob(id uint64) error {
	tx.touch()
	info, err := tx.blobInfo(id)
	if err != nil {
		return err
	}
	if info.Uses--; info.Uses > 0 {
		return tx.putBlobInfo(id, info)
	}
	bucket := tx.bucket(bucketBlob)
	if err := bucket.Delete(blobHashKey(info.SHA[:])); err != nil {
		return err
	}
	if err := bucket.Delete(blobInfoKey(id)); err != nil {
		return err
	}
	stage, err := tx.newStage()
	if err != nil {
		return err
	}
	garbage := &stageInfo{id: stage, kind: garbageBlob, next: id}
	if info.Size > purgeChunks*chunkSize {
		tx.job.after = append(tx.job.after, tx.db.kickPurger)
		return tx.putStage(garbage)
	}
	return tx.purgeBlob(garbage)
}

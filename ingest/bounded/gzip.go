package bounded

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"

	"nightjar/internal/problem"
)

const (
	unpackBlock  = 64 << 10 // bytes that are unpacked at a time
	recentBlocks = 8        // blocks after InMemory that are kept for readers that go back a little
)

// IsGzip reports whether a file begins as RFC 1952 says.
func IsGzip(head []byte) bool { return bytes.HasPrefix(head, []byte("\x1f\x8b")) }

// Gunzip returns the file inside a compressed one. It unpacks the file once, from beginning to end,
// which checks length and checksum; more than maxUnpacked bytes are refused. It keeps the first
// InMemory bytes. The rest is unpacked again if it is read after something that is further behind;
// maxUnpacking limits how often.
func Gunzip(f File) (File, error) {
	u, out, err := openGzip(f)
	if err != nil {
		return f, err
	}
	for u.size < 0 {
		if u.next*unpackBlock > maxUnpacked {
			return f, Refuse(Problem{Reason: fmt.Sprintf(
				"the gzip file unpacks to more than %d bytes", int64(maxUnpacked))})
		}
		if err := u.unpack(); err != nil {
			return f, err
		}
	}
	if u.size > maxUnpacked {
		return f, Refuse(Problem{Reason: fmt.Sprintf(
			"the gzip file unpacks to more than %d bytes", int64(maxUnpacked))})
	}
	if f.Budget != nil {
		f.Budget.bytes = maxUnpacking * u.size
	}
	out.Size = u.size
	return out, nil
}

// GunzipLazily returns the file inside a compressed one, for a preview or a header. It unpacks only
// the beginning. The Size of a large file is then the most that may be unpacked, and reading finds
// its end.
func GunzipLazily(f File) (File, error) {
	u, out, err := openGzip(f)
	for err == nil && u.size < 0 && len(u.head) < InMemory/unpackBlock {
		err = u.unpack()
	}
	if err != nil {
		return f, err
	}
	if out.Size = lookBytes; u.size >= 0 {
		out.Size = u.size
	}
	return out, nil
}

func openGzip(f File) (*unpacked, File, error) {
	u := &unpacked{packed: f, size: -1}
	if err := u.rewind(); err != nil {
		return nil, f, err
	}
	if err := u.unpack(); err != nil {
		return nil, f, err
	}
	if u.size == 0 {
		return nil, f, Refuse(Problem{Reason: "the gzip file holds nothing"})
	}
	out := f
	if i := len(f.Name) - 3; i > 0 && strings.EqualFold(f.Name[i:], ".gz") {
		out.Name = f.Name[:i]
	}
	out.Content = u
	return u, out, nil
}

// unpacked serves the bytes of a compressed file at any place. Reading them in order is cheap.
type unpacked struct {
	packed File
	in     *gzip.Reader
	next   int64    // the block that in returns next
	size   int64    // of the whole file; -1 if not yet known
	head   [][]byte // the first blocks, up to InMemory
	recent [recentBlocks][]byte
	holds  [recentBlocks]int64 // numbers of the blocks in recent; 0 for none, because block 0 is in head
}

func (u *unpacked) rewind() error {
	content := io.NewSectionReader(u.packed.Content, 0, u.packed.Size)
	var err error
	if u.in == nil {
		u.in, err = gzip.NewReader(content)
	} else {
		err = u.in.Reset(content)
	}
	if u.next = 0; err != nil {
		return u.failed(err)
	}
	return nil
}

// failed tells a bad file from an error in reading the content.
func (u *unpacked) failed(err error) error {
	var corrupt flate.CorruptInputError
	var r *Refusal
	switch {
	case errors.As(err, &r):
		return err
	case errors.As(err, &corrupt), errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Refuse(Problem{Reason: "the gzip file is damaged: " + err.Error()})
	}
	return fmt.Errorf("ingest: unpacking %s: %w", problem.Clip(u.packed.Name), err)
}

// unpack unpacks the next block. At the end of the file it sets size.
func (u *unpacked) unpack() error {
	number := u.next
	var b []byte
	switch at := number % recentBlocks; {
	case number < InMemory/unpackBlock && number < int64(len(u.head)):
		b = u.head[number][:unpackBlock]
	case number < InMemory/unpackBlock:
		b = make([]byte, unpackBlock)
	default:
		if u.recent[at] == nil {
			u.recent[at] = make([]byte, unpackBlock)
		}
		b, u.holds[at] = u.recent[at][:unpackBlock], 0
	}
	n, err := io.ReadFull(u.in, b)
	if err == io.EOF || err == io.ErrUnexpectedEOF && n > 0 && u.ended() {
		u.size, err = number*unpackBlock+int64(n), nil
	}
	if err != nil {
		u.next = 1 << 62 // the position is not known: begin again
		return u.failed(err)
	}
	if err := u.packed.Budget.Unpack(n); err != nil {
		u.next = 1 << 62
		return err
	}
	u.next++
	switch {
	case number < int64(len(u.head)):
	case number < InMemory/unpackBlock:
		u.head = append(u.head, b[:n])
	default:
		u.recent[number%recentBlocks], u.holds[number%recentBlocks] = b[:n], number
	}
	return nil
}

// ended reports whether the packed data is complete. io.ReadFull returns io.ErrUnexpectedEOF at the
// end and for a truncated file.
func (u *unpacked) ended() bool {
	var b [1]byte
	_, err := u.in.Read(b[:])
	return err == io.EOF
}

// block returns a block of unpackBlock bytes; the last one is shorter, and those after the end are
// empty.
func (u *unpacked) block(number int64) ([]byte, error) {
	for {
		switch at := number % recentBlocks; {
		case number < int64(len(u.head)):
			return u.head[number], nil
		case u.holds[at] == number && number > 0:
			return u.recent[at], nil
		case u.size >= 0 && number*unpackBlock >= u.size:
			return nil, nil
		case number < u.next:
			if err := u.rewind(); err != nil {
				return nil, err
			}
		}
		if err := u.unpack(); err != nil {
			return nil, err
		}
	}
}

// ReadAt reads unpacked bytes.
func (u *unpacked) ReadAt(p []byte, offset int64) (int, error) {
	for n := 0; ; {
		if n == len(p) {
			return n, nil
		}
		b, err := u.block((offset + int64(n)) / unpackBlock)
		if err != nil {
			return n, err
		}
		at := int((offset + int64(n)) % unpackBlock)
		if at >= len(b) {
			return n, io.EOF
		}
		n += copy(p[n:], b[at:])
	}
}

// SizeUpTo returns the size of the file, or offset if the file is larger. If Size was only a bound
// and the end is found, it sets Size.
func (f *File) SizeUpTo(offset int64) (int64, error) {
	if u, ok := f.Content.(*unpacked); ok && f.Size != u.size {
		if u.size < 0 && offset > 0 {
			if _, err := u.block((offset - 1) / unpackBlock); err != nil {
				return 0, err
			}
		}
		if u.size < 0 {
			return offset, nil
		}
		f.Size = u.size
	}
	return min(f.Size, offset), nil
}

// TooLong returns the refusal of a file whose end was not found in all that may be unpacked;
// otherwise nil.
func (f *File) TooLong() error {
	if u, ok := f.Content.(*unpacked); ok && u.size < 0 {
		return f.Budget.TooMuch(bytesText(lookBytes))
	}
	return nil
}

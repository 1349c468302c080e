package bounded

import (
	"fmt"
	"io"

	"nightjar/internal/problem"
)

// headBytes is how much of a file a format may look at to recognise it.
const headBytes = 8192

// File is what was uploaded: random access to its bytes, never loaded whole unless small. Name is
// used in messages and, for a spectrum that gives no date anywhere else, for the date that some
// archives write into it. Content must serve Size bytes and may be read from several places in
// turn, but not at the same time.
type File struct {
	Name    string
	Size    int64
	Content io.ReaderAt

	Budget *Budget // what reading it may still cost; nil bounds nothing
}

// ReadHead reads a file's first bytes, at most headBytes.
func ReadHead(f File) ([]byte, error) {
	head := make([]byte, max(0, min(f.Size, headBytes)))
	return head, ReadFull(f, head, 0)
}

// ReadFull reads len(b) bytes at an offset. Fewer there are an error of the content, as the caller
// checked the size.
func ReadFull(f File, b []byte, offset int64) error {
	n, err := f.Content.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if u, ok := f.Content.(*unpacked); ok && err == io.EOF && f.Budget != nil && f.Budget.purpose != "" {
		// its Size was a bound
		return Refuse(Problem{Reason: fmt.Sprintf("the file ends within the data: it unpacks to %d bytes", u.size)})
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("ingest: reading %s at byte %d: %w", problem.Clip(f.Name), offset, err)
}

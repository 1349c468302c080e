package bounded

import (
	"fmt"
	"io"

	"nightjar/internal/problem"
)

// headBytes is how much of a file is read to recognise its format.
const headBytes = 8192

// File is an uploaded file: random access to its bytes, which are not all loaded into memory. Name
// is used in messages, and for the date that some archives put into it, if a spectrum has no other.
// Content must serve Size bytes. It may be read at any place, but not concurrently.
type File struct {
	Name    string
	Size    int64
	Content io.ReaderAt

	Budget *Budget // what reading it may still cost; nil for no limits
}

// ReadHead reads the first bytes of a file, at most headBytes.
func ReadHead(f File) ([]byte, error) {
	head := make([]byte, max(0, min(f.Size, headBytes)))
	return head, ReadFull(f, head, 0)
}

// ReadFull reads len(b) bytes at an offset. The caller has checked the size, so if there are fewer,
// the content is at fault and not the file.
func ReadFull(f File, b []byte, offset int64) error {
	n, err := f.Content.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if u, ok := f.Content.(*unpacked); ok && err == io.EOF && f.Budget != nil && f.Budget.purpose != "" {
		// the Size was only a bound
		return Refuse(Problem{Reason: fmt.Sprintf("the file ends within the data: it unpacks to %d bytes", u.size)})
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("ingest: reading %s at byte %d: %w", problem.Clip(f.Name), offset, err)
}

package table

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"nightjar/ingest/bounded"
)

// Lines reads a text file line by line, in memory that does not grow with the file. A line ends
// with LF, CRLF, CR or the end of the file. A byte order mark at the beginning is dropped.
type Lines struct {
	r          io.Reader
	buf        []byte // buf[start:end] has been read and not yet returned
	start, end int
	left       int64 // bytes that r has yet to return
	atEnd      bool  // r has no more bytes
	afterCR    bool  // the last line ended with CR, so that an LF belongs to it
	Lenient    bool  // comment lines need not be UTF-8 and are then read as ISO 8859-1
	Number     int   // of the line that Next returned last, from 1
}

// NewLines reads a file from the beginning.
func NewLines(f bounded.File) *Lines {
	return &Lines{r: io.NewSectionReader(f.Content, 0, f.Size), left: f.Size, buf: make([]byte, 64<<10)}
}

// Next returns the next line without its end; io.EOF comes after the last. The caller may change
// the line, which is valid until the next call. A line that is too long or is not UTF-8 text is
// refused.
func (l *Lines) Next() ([]byte, error) {
	i, high := l.start, byte(0)
	for {
		for ; i < l.end; i++ {
			c := l.buf[i]
			if c > '\r' {
				high |= c
				continue
			}
			switch c {
			case '\n':
				if l.afterCR && i == l.start {
					l.start++
					l.afterCR = false
					continue
				}
				return l.take(i, i+1, high)
			case '\r':
				line, err := l.take(i, i+1, high)
				l.afterCR = true
				return line, err
			case 0:
				return nil, bounded.Refuse(bounded.Problem{Line: l.Number + 1, Reason: "not text: a NUL byte"})
			}
		}
		if l.end-l.start > bounded.MaxLine {
			return nil, bounded.Refuse(bounded.Problem{Line: l.Number + 1,
				Reason: fmt.Sprintf("the line is longer than %d bytes", bounded.MaxLine)})
		}
		if l.atEnd {
			if l.start == l.end {
				return nil, io.EOF
			}
			return l.take(l.end, l.end, high)
		}
		read := i - l.start
		if err := l.fill(); err != nil {
			return nil, err
		}
		i = l.start + read
	}
}

// take returns the line up to end; the next line begins at next.
func (l *Lines) take(end, next int, high byte) ([]byte, error) {
	line := l.buf[l.start:end]
	l.start, l.afterCR = next, false
	l.Number++
	if len(line) > bounded.MaxLine {
		return nil, bounded.Refuse(bounded.Problem{Line: l.Number,
			Reason: fmt.Sprintf("the line is longer than %d bytes", bounded.MaxLine)})
	}
	if high < utf8.RuneSelf {
		return line, nil
	}
	if l.Number == 1 {
		line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	}
	if !utf8.Valid(line) {
		if _, comment := commentText(line); comment && l.Lenient {
			return fromLatin1(line), nil
		}
		return nil, bounded.Refuse(bounded.Problem{Line: l.Number, Reason: "not text: not valid UTF-8"})
	}
	return line, nil
}

// fromLatin1 converts ISO 8859-1, in which old files have the names of observers, to UTF-8.
func fromLatin1(text []byte) []byte {
	var out []byte
	for _, c := range text {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

// fill reads more bytes into the buffer.
func (l *Lines) fill() error {
	switch {
	case l.start > 0:
		copy(l.buf, l.buf[l.start:l.end])
		l.start, l.end = 0, l.end-l.start
	case l.end == len(l.buf):
		l.buf = append(l.buf, make([]byte, len(l.buf))...) // bounded: Next refuses a line beyond MaxLine
	}
	n, err := l.r.Read(l.buf[l.end:])
	l.end += n
	l.left -= int64(n)
	if err == io.EOF && l.left == 0 {
		l.atEnd = true
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("ingest: reading line %d: %w", l.Number+1, err)
	}
	return nil
}

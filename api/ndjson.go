package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"nightjar/api/wire"
	"nightjar/archive"
	"nightjar/internal/jsontext"
	"nightjar/internal/problem"
)

// lineBuffer is up to how many bytes a line of a stream takes no share of the memory of bodies.
const lineBuffer = 64 << 10

// nextLine gives the lines of a stream that hold something, each a JSON object, with their numbers.
// What is wrong with a line is added to p.
type nextLine struct {
	r    *request
	b    *bufio.Reader
	line int
	most int64
	full string     // why the line cannot be read, "" if it can
	csv  *csvReader // gives the lines, where the body is CSV
}

// lines reads the body as lines of JSON, or as CSV whose columns table knows.
func (r *request) lines(table csvTable) *nextLine {
	l := &nextLine{r: r, most: r.api.o.MaxLine}
	if r.isLocal() {
		l.most = max(l.most, ownLine)
	}
	if media, _ := r.mediaType(); media == typeCSV {
		l.csv = newCSVReader(r, l.most, table)
	} else {
		l.b = bufio.NewReaderSize(r.Body, lineBuffer)
	}
	return l
}

// ownLine is how many bytes a line may have at least that comes through the control socket.
const ownLine = 64 << 20

// next gives the next line, which is valid until the one after it.
func (l *nextLine) next() (text []byte, err error) {
	for {
		if l.csv != nil {
			l.r.releaseTo(l.csv.body.kept)
			if text, l.line, err = l.csv.next(); err == nil {
				l.full = l.r.tooFull(text)
			}
			return text, err
		}
		l.r.release()
		if text, err = l.read(); err != nil {
			return nil, err
		}
		l.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			l.full = l.r.tooFull(text)
			return text, nil
		}
	}
}

// object reads a line as an object; what is wrong is added to p.
func (l *nextLine) object(text []byte, p *problem.List) (in wire.Input, ok bool) {
	if l.full != "" {
		p.Add("", "JSON parse error - %s", l.full)
		return in, false
	}
	j, err := jsontext.Parse(text)
	if err != nil {
		p.Add("", "JSON parse error - %s", jsontext.Reason(err))
		return in, false
	}
	v := wire.OfJSON(j)
	if in, ok = v.Object(); !ok {
		p.Add("", "%s", v.NotObject())
	}
	return in, ok
}

// isRows says that the body is a stream of rows: lines of JSON, or CSV.
func (r *request) isRows() bool {
	media, _ := r.mediaType()
	return media == typeNDJSON || media == typeCSV
}

// importDatums takes a stream of datums, one JSON object a line or as CSV. A target may also be
// given by target_name.
func importDatums(r *request) (*answer, error) {
	refuse, err := refusesDuplicates(r, "skip")
	if err != nil {
		return nil, err
	}
	lines := r.lines(&datumTable{find: r.access.TargetNamed})
	var plain plainLines
	result, err := r.access.AddDatums(r.Context(), refuse, func() (archive.DatumInput, int, error) {
		text, err := lines.next()
		if err != nil {
			return archive.DatumInput{}, lines.line, err
		}
		if len(text) < longText {
			if d, ok := plain.read(text); ok {
				return d, lines.line, nil
			}
		}
		return lines.datum(text), lines.line, nil
	})
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.IntMember("created", int64(result.Created))
		w.IntMember("duplicate", int64(result.Duplicate))
		writeRejected(w, result.Rejected, result.More)
		w.Key("upload")
		w.Ref(result.Upload)
		w.TextMember("message", "Data successfully uploaded.")
	})
}

// importTargets takes a stream of targets, one JSON object a line or as CSV.
func importTargets(r *request) (*answer, error) {
	var table targetTable
	lines := r.lines(&table)
	result, err := r.access.AddTargets(r.Context(), func() (*archive.TargetInput, int, error) {
		text, err := lines.next()
		if err != nil {
			return nil, lines.line, err
		}
		p := new(problem.List)
		in, ok := lines.object(text, p)
		if !ok {
			return &archive.TargetInput{List: *p}, lines.line, nil
		}
		return targetInput(in, false), lines.line, nil
	})
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *wire.Writer) {
		w.IntMember("created", int64(result.Created))
		writeRejected(w, result.Rejected, result.More)
		if lines.csv != nil {
			table.writeNotes(w)
		}
		w.TextMember("message", "Targets successfully uploaded.")
	})
}

// writeRejected writes how many lines were left out, and why the first of them were.
func writeRejected(w *wire.Writer, list []archive.RowProblem, more int) {
	w.IntMember("rejected", int64(len(list)+more))
	w.Key("problems")
	w.List(func() {
		for _, p := range list {
			w.Object(func() {
				w.IntMember("line", int64(p.Line))
				w.Key("errors")
				wire.WriteProblems(w, p.List)
			})
		}
	})
}

// read reads a line without its end; io.EOF after the last.
func (l *nextLine) read() ([]byte, error) {
	text, err := l.b.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
		return text, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	for long := []byte(nil); ; {
		if int64(len(long)+len(text)) > l.most {
			return nil, tooLongLine(l.most)
		}
		more, failed := l.r.grown(long, len(text), l.most)
		if failed != nil {
			return nil, failed
		}
		if long = append(more, text...); err == nil || errors.Is(err, io.EOF) {
			return long, nil
		}
		if text, err = l.b.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) &&
			!errors.Is(err, io.EOF) {
			return nil, err
		}
	}
}

func tooLongLine(most int64) error {
	return &httpError{status: http.StatusRequestEntityTooLarge,
		detail: fmt.Sprintf("A line, or a row, is longer than %d bytes.", most)}
}

// datum reads one datum of a stream.
func (l *nextLine) datum(text []byte) archive.DatumInput {
	var d archive.DatumInput
	in, ok := l.object(text, &d.List)
	if !ok {
		return d
	}
	for _, m := range in.Members {
		if m.Key == "target_name" && m.Value.Kind() == '"' {
			d = *datumInput(namedDatumFields, in)
			d.TargetName = strings.TrimSpace(m.Value.Text())
			return d
		}
	}
	return *datumInput(sentDatumFields, in)
}

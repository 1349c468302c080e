package api

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"nightjar/archive"
	"nightjar/auth"
)

const typeNDJSON = "application/x-ndjson"

// maxLine is how long one line of a stream of data may be.
const maxLine = 64 << 20

// nextLine gives the lines of a stream that hold something, each a JSON object, with their numbers. What is wrong with a line is added to p.
type nextLine struct {
	b    *bufio.Reader
	line int
}

func newLines(r io.Reader) *nextLine { return &nextLine{b: bufio.NewReaderSize(r, 1<<20)} }

func (l *nextLine) next() (text []byte, err error) {
	for {
		if text, err = readLine(l.b); err != nil {
			return nil, err
		}
		l.line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, nil
		}
	}
}

// object reads a line as an object; what is wrong is added to p.
func object(text []byte, p *auth.Problems) (in input, ok bool) {
	j, err := archive.ParseJSON(text)
	if err != nil {
		p.Add("", "JSON parse error - %s", strings.TrimPrefix(err.Error(), archive.ErrNotJSON.Error()+": "))
		return in, false
	}
	v := jsonValue(j)
	if in, ok = v.object(); !ok {
		p.Add("", "%s", v.notObject())
	}
	return in, ok
}

// importDatums takes a stream of data, one JSON object a line. A target may also be given by target_name.
func importDatums(r *request) (*answer, error) {
	refuse, err := refusesDuplicates(r, "skip")
	if err != nil {
		return nil, err
	}
	lines := newLines(r.Body)
	var plain plainLines
	result, err := r.access.AddData(r.Context(), refuse, func() (archive.DatumInput, int, error) {
		text, err := lines.next()
		if err != nil {
			return archive.DatumInput{}, lines.line, err
		}
		if d, ok := plain.read(text); ok {
			return d, lines.line, nil
		}
		return lineInput(text), lines.line, nil
	})
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *writer) {
		w.intMember("created", int64(result.Created))
		w.intMember("duplicate", int64(result.Duplicate))
		writeRejected(w, result.Rejected, result.More)
		w.key("upload")
		w.ref(result.Upload)
		w.textMember("message", "Data successfully uploaded.")
	})
}

// importTargets takes a stream of targets, one JSON object a line.
func importTargets(r *request) (*answer, error) {
	lines := newLines(r.Body)
	result, err := r.access.AddTargets(r.Context(), func() (*archive.TargetInput, int, error) {
		text, err := lines.next()
		if err != nil {
			return nil, lines.line, err
		}
		p := new(auth.Problems)
		in, ok := object(text, p)
		if !ok {
			return &archive.TargetInput{Problems: *p}, lines.line, nil
		}
		return targetInput(in, false), lines.line, nil
	})
	if err != nil {
		return nil, err
	}
	return r.object(http.StatusCreated, func(w *writer) {
		w.intMember("created", int64(result.Created))
		writeRejected(w, result.Rejected, result.More)
		w.textMember("message", "Targets successfully uploaded.")
	})
}

// writeRejected writes how many lines were left out, and why the first of them were.
func writeRejected(w *writer, list []archive.RowProblem, more int) {
	w.intMember("rejected", int64(len(list)+more))
	w.key("problems")
	w.list(func() {
		for _, p := range list {
			w.object(func() {
				w.intMember("line", int64(p.Line))
				w.key("errors")
				writeProblems(w, p.Problems)
			})
		}
	})
}

// readLine reads a line without its end; io.EOF after the last.
func readLine(b *bufio.Reader) ([]byte, error) {
	text, err := b.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
		return text, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	long := append([]byte(nil), text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = b.ReadSlice('\n')
		if long = append(long, text...); len(long) > maxLine {
			return nil, &httpError{status: http.StatusRequestEntityTooLarge, detail: fmt.Sprintf("A line is longer than %d bytes.", maxLine)}
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return long, nil
}

// lineInput reads one datum of a stream.
func lineInput(text []byte) archive.DatumInput {
	var d archive.DatumInput
	in, ok := object(text, &d.Problems)
	if !ok {
		return d
	}
	for _, m := range in.members {
		if m.Key == "target_name" && m.Value.Kind() == '"' {
			d = *datumInput(namedDatumFields, in)
			d.TargetName = strings.TrimSpace(m.Value.Text())
			return d
		}
	}
	return *datumInput(sentDatumFields, in)
}

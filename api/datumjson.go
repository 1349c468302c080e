package api

import (
	"strconv"
	"sync"

	"nightjar/api/wire"
	"nightjar/archive"
)

// writeDatum writes a datum with all its columns. It writes what writeRow makes of datumColumns, and is written out by hand, since lists of
// data are what nodes are asked for most.
func writeDatum(w *wire.Writer, v *archive.DatumView) {
	w.Sep()
	b := append(w.Buf, `{"data_product":`...)
	if v.Product == 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendUint(b, v.Product, 10)
	}
	b = wire.AppendText(append(b, `,"data_type":`...), v.Type)
	b = wire.AppendText(append(b, `,"source_name":`...), v.Source)
	b = wire.AppendText(append(b, `,"source_location":`...), v.Location)
	b = wire.AppendTime(append(b, `,"timestamp":"`...), v.Time)
	b = append(append(b, `","value":`...), v.Value...)
	b = strconv.AppendUint(append(b, `,"target":`...), v.Target, 10)
	b = strconv.AppendUint(append(b, `,"id":`...), v.ID, 10)
	w.Buf = append(b, '}')
}

// datumRows is rows for lists of data.
func datumRows(l *listWriter) archive.Out[archive.DatumView] {
	out := rows(l, datumColumns)
	if l.r.picked == nil {
		out.Row = func(v *archive.DatumView) error { writeDatum(&l.Writer, v); return l.enough() }
	}
	return out
}

// bodies keeps buffers of answers for use again.
var bodies = sync.Pool{New: func() any { b := make([]byte, 0, 32<<10); return &b }}

// maxKept is the largest buffer that is kept; what is longer than that is sent as a stream.
const maxKept = 2 * flushAt

func newBody() []byte { return (*bodies.Get().(*[]byte))[:0] }

func freeBody(b []byte) {
	if cap(b) <= maxKept {
		bodies.Put(&b)
	}
}

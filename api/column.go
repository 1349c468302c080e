package api

import "nightjar/api/wire"

// column writes one member of a row. The columns of a resource are its fields that are not write-only,
// in the order in which they are answered.
type column[T any] struct {
	name  string
	write func(w *wire.Writer, v *T)
}

// writeRow writes an object of columns.
func writeRow[T any](w *wire.Writer, columns []column[T], v *T) {
	w.Open('{')
	writeColumns(w, columns, v)
	w.End('}')
}

func writeColumns[T any](w *wire.Writer, columns []column[T], v *T) {
	for i := range columns {
		w.Key(columns[i].name)
		columns[i].write(w, v)
	}
}

// names lists what columns are called.
func names[T any](columns []column[T]) []string {
	list := make([]string, len(columns))
	for i := range columns {
		list[i] = columns[i].name
	}
	return list
}

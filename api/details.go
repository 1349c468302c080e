package api

import (
	"context"
	"net/http"
	"nightjar/api/wire"
)

// getPart answers with one small object by its id.
func getPart[T any](r *request, get func(uint64) (T, error), write func(*wire.Writer, *T)) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	v, err := get(id)
	if err != nil {
		return nil, err
	}
	var w wire.Writer
	write(&w, &v)
	return &answer{status: http.StatusOK, body: w.Buf}, nil
}

// deleteByID deletes one object by its id.
func deleteByID(r *request, del func(context.Context, uint64) error) (*answer, error) {
	id, err := r.id()
	if err != nil {
		return nil, err
	}
	if err := del(r.Context(), id); err != nil {
		return nil, err
	}
	return noContent()
}

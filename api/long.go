package api

import (
	"time"

	"nightjar/internal/problem"
)

// maxLong is how many answers that are sent in parts may be on their way at a time, and ownLong how
// many of one user, or of the guests at one address. Each keeps a part of it and the ids of its
// rows, some megabytes, for as long as its reader takes, which may be hours.
const (
	maxLong = 64
	ownLong = maxLong / 4
)

var errManyLong = &problem.Error{Kind: problem.TooMany,
	Message: "Too many long answers are being read at once. Try again later, or ask for fewer " +
		"rows at a time.", RetryAfter: 10 * time.Second}

// takeLong takes the place of an answer that is sent in parts, before the first of them. Nobody
// waits for one, since whoever waits keeps as much.
func (r *request) takeLong() error {
	if r.long || r.isLocal() {
		return nil
	}
	if r.api.long.try(r.sender(), 1, maxLong, ownLong) != nil {
		return errManyLong
	}
	r.long = true
	return nil
}

func (r *request) endLong() {
	if r.long {
		r.api.long.give(r.sender(), 1)
		r.long = false
	}
}

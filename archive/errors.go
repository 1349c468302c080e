package archive

import (
	"errors"

	"nightjar/internal/problem"
)

// isRefusal says whether an error is an answer to the one who asked, rather than a failure of ours.
func isRefusal(err error) bool {
	if err == nil {
		return false
	}
	var refused *problem.Error
	var problems *problem.List
	return errors.As(err, &refused) || errors.As(err, &problems)
}

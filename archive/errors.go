package archive

import (
	"errors"

	"nightjar/auth"
)

// isRefusal says whether an error is an answer to the one who asked, rather than a failure of ours.
func isRefusal(err error) bool {
	if err == nil {
		return false
	}
	var refused *auth.Error
	var problems *auth.Problems
	return errors.As(err, &refused) || errors.As(err, &problems)
}

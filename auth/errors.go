package auth

import "nightjar/internal/problem"

// The refusals of credentials, in the words that clients of Django REST framework know.
var (
	ErrBadPassword   = &problem.Error{Kind: problem.Unauthenticated, Message: "Invalid username/password."}
	ErrBadToken      = &problem.Error{Kind: problem.Unauthenticated, Message: "Invalid token."}
	ErrReadOnlyToken = &problem.Error{Kind: problem.Forbidden, Message: "This token may only read."}
)

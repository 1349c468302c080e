package auth

// Limits of users, which package archive lists. Texts are in characters, the password in bytes.
const (
	MaxUserName   = 150
	MaxGroupName  = 150
	MaxTokenName  = 100
	MaxPassword   = 1024 // bounds the work that a guest can cause
	MaxMinted     = 16   // of token-auth's tokens, and of sessions, for each user
	MaxUserGroups = 1000 // that a user may be in
)

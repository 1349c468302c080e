package auth

// Limits of what is kept of users, for the list of all limits in package archive. Texts are in
// characters, the password in bytes.
const (
	MaxUserName   = maxUserName
	MaxGroupName  = maxGroupName
	MaxTokenName  = maxTokenName
	MaxPassword   = maxPassword
	MaxMinted     = maxMinted // of token-auth's tokens, and of sessions, for each user
	MaxUserGroups = 1000      // that a user may be in
)

// Package auth knows who is asking and decides what they may do: users, groups, passwords, tokens, sessions, and the one
// answer to "may this viewer do that?". It stores its records in kv, and knows nothing of what targets or data are: an
// object is, for it, who was granted what on it.
//
// # Who sees what
//
// Every decision is made by Policy, in policy.go. Superusers and the owner of the file may do everything. A target is seen by those to whom its
// access is open and by those who were granted view. What hangs on a target (products, datums, observations) is seen, in mode targets, by those
// who see the target; in mode objects, by those of them who hold it: its creator and the groups that were named with it.
// Guests see what is open, or nothing when the strategy is locked, and write nothing.
//
// Lists use the same rules as sets: Seers says for which grantees an object stands in a list, Viewer.Grantees in which lists a viewer looks.
//
// # What is kept how
//
// Passwords are kept as argon2id hashes (RFC 9106) with 19 MiB and two passes, no more than two being computed at a time. Tokens
// and sessions are random; only their SHA-256 is kept. A Basic credential that was verified is remembered for some minutes under a hash with a key that
// dies with the process, so that a script pays for argon2id once. Failed attempts are limited per account and address, in memory.
package auth

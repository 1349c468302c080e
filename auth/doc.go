// Package auth identifies viewers and decides what they may do. It has users, groups, passwords,
// tokens and sessions, and stores them in kv. It does not know targets or datums: an object is an
// [ACL], the grants on it.
//
// # Who sees what
//
// [Policy], in policy.go, makes every decision. Superusers and the owner of the file may do
// everything. A target is visible to viewers by its visibility, and to those with a grant to view
// it. The products, datums and observations of a target are visible, in mode targets, to everybody
// who sees the target; in mode objects, to those who hold the record, whether or not they see the
// target: its creator and the groups that were named with it. Guests see open targets and, in mode
// targets, what belongs to them, or nothing when the strategy is locked, and never write.
//
// Lists use the same rules as sets: [ACL.Seers] lists the grantees in whose sets an object is,
// [Viewer.Grantees] those in whose sets a viewer looks.
//
// # Credentials
//
// Passwords are stored as argon2id hashes (RFC 9106) with 19 MiB and two passes; at most two are
// computed at a time. Tokens and sessions are random; only their SHA-256 is stored. A verified
// Basic credential is cached for some minutes, under a hash whose key only this process has, so
// that a script pays for argon2id once. Failed logins are limited per account and address, in
// memory.
//
// # When rights end
//
// Signing in identifies the viewer at that moment. [Auth.Current] looks up the viewer and the
// policy again, and every transaction that writes, or continues a read, decides by its result: once
// a right is withdrawn and the answer sent, no further transaction uses it.
//
// # Caches
//
//	what                        until
//	tokens, and their viewers   a user, a group's membership or a token changes (Table.Changes);
//	                            the token expires
//	Basic credentials           the user's name or stored password differs from the record, which
//	                            is compared at each use; five minutes without use; 10,000 others
//	the policy                  LoadPolicy, which every change of a setting calls before it is
//	                            answered. It only refuses early; transactions read the settings
//	failed attempts             five minutes after the first; 100,000 accounts and addresses
//	when tokens were used       the process ends; no right depends on it
package auth

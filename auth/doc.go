// Package auth knows who is asking and decides what they may do: users, groups, passwords, tokens,
// sessions, and the one answer to "may this viewer do that?". It stores its records in kv, and
// knows nothing of what targets or data are: an object is, for it, who was granted what on it.
//
// # Who sees what
//
// Every decision is made by Policy, in policy.go. Superusers and the owner of the file may do
// everything. A target is seen by those to whom its visibility is open and by those who were
// granted view. What hangs on a target (products, datums, observations) is seen, in mode targets,
// by those who see the target; in mode objects, by those of them who hold it: its creator and the
// groups that were named with it. Guests see what is open, or nothing when the strategy is locked,
// and write nothing.
//
// Lists use the same rules as sets: Seers says for which grantees an object stands in a list,
// Viewer.Grantees in which lists a viewer looks.
//
// # What is kept how
//
// Passwords are kept as argon2id hashes (RFC 9106) with 19 MiB and two passes, no more than two
// being computed at a time. Tokens and sessions are random; only their SHA-256 is kept. A Basic
// credential that was verified is remembered for some minutes under a hash with a key that dies
// with the process, so that a script pays for argon2id once. Failed attempts are limited per
// account and address, in memory.
//
// # When rights end
//
// Signing in says who asks at that moment. Auth.Current looks the viewer and the policy up again,
// and every transaction that writes, or that reads on after another one, decides by what it gives:
// what was withdrawn and acknowledged stops everything that is not committed yet.
//
// # What is remembered
//
//	what                          until
//	tokens, and their viewers     a user, a group's membership or a token changes (Table.Changes); the
//	                              token expires
//	Basic credentials             the user's name or stored password is another one, compared with the
//	                              record at each use; five minutes without use; 10,000 others
//	the policy                    LoadPolicy, which every change of a setting calls before it is
//	                              answered. It refuses early; transactions read the settings themselves
//	failed attempts               five minutes after the first; 100,000 lists
//	when tokens were used         the process ends: no right depends on it
package auth

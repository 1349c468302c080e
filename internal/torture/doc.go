// Package torture treats a node badly and looks whether it kept its word. It writes to a node
// through the REST API as any client does, remembers what was acknowledged and when, and compares
// that afterwards with what the node holds. A Load writes, a Ledger remembers, a Node is a server
// in a process of its own, and Kill puts them together: it kills the server in the middle of its
// work, again and again.
//
// `nightjar torture` runs Kill on the user's own machine. The tests of this package are those of
// the promises in docs/run/reliability.md; they use the program as a user has it, as a process on a
// file. It imports none of our packages: what it knows of a node is the wire.
package torture

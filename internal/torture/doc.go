// Package torture treats a node badly and checks that it keeps its promises. A [Load] writes to the
// node through the REST API, a [Ledger] remembers what was acknowledged and when, and
// [Ledger.Check] compares that with what the node has afterwards. A [Node] is a server in a process
// of its own. [Kill] puts them together: it kills the server in the middle of its work, again and
// again.
//
// `nightjar torture` runs Kill on the user's own machine. The tests of this package are the tests
// of the promises in docs/run/reliability.md; they use the program as a user has it, as a process
// on a file.
//
// The package imports none of ours: all that it knows of a node is the API. So it has a [Client] of
// its own, which signs in over the network; that of internal/client asks as the owner of the file.
// And it starts programs, because the node of internal/node runs in this process and cannot be
// killed alone.
package torture

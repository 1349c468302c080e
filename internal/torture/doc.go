// Package torture treats a node badly and checks that it keeps its promises. A [Load] writes to the
// node through the REST API, a [Ledger] remembers what was acknowledged and when, and
// [Ledger.Check] compares that with what the node has afterwards. A [Node] is a server in a process
// of its own. [Kill] puts them together: it kills the server in the middle of its work, again and
// again.
//
// `nightjar torture` runs Kill on the user's own machine. The tests of this package are the tests
// of the promises in docs/run/reliability.md; they use the program as users do, as a process on a
// file.
//
// The package imports no other package of this module and knows only the API of a node. It has a
// [Client] of its own, which signs in over the network, because internal/client asks as the owner
// of the file. It starts processes, because a node of internal/node cannot be killed alone.
package torture

// Package cli is the command line of Nightjar.
//
// # Commands are clients
//
// Most commands are clients of the REST API, as the pages and users' scripts are. They act as the
// owner of the file, who may do everything. If a server runs on the file, they send their requests
// to it; otherwise to a node in this process (client.go). So a feature is built once, in the API.
// The exceptions are serve, restore, export --salvage, inspect, torture, version, and verify when
// no server runs.
//
// # Flags
//
// cli.go has the table of commands. Flags are bound to variables whose values are the defaults
// (flags.go). urfave/cli treats flags after an argument as arguments, so args.go moves the flags to
// the front, and refuses unknown ones.
//
// # Output
//
// Results go to standard output, notes to standard error. An error is one line on standard error,
// with exit status 1.
package cli

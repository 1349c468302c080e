// Package cli is the command line: what the program nightjar does when it is called, and the place where a node is put together.
//
// Every command but serve, restore, verify (of a file that nobody serves) and version is a client of the REST API, as the
// pages and everybody's scripts are. It speaks as the owner of the file, who may do everything: over the control socket beside the file when a server runs
// on it, else with the same handler in this process (connect.go). So a capability is built once, in the API, and a command is
// what asks for it and prints the answer.
//
// urfave/cli takes flags that follow an argument for arguments, so arrange puts the flags first, and refuses those that no
// command knows.
//
// Errors are one line on standard error, and the exit status is 1. What a command was asked for goes to standard output; what is said about it
// goes to standard error.
package cli

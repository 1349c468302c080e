// Package cli is the command line: what the program nightjar does when it is called. Package node
// puts nodes together.
//
// Every command but serve, restore, verify (of a file that nobody serves), inspect, torture and
// version is a client of the REST API, as the pages and everybody's scripts are. It speaks as the
// owner of the file, who may do everything: to the server that runs on the file, else to a node in
// this process (client.go). So a capability is built once, in the API, and a command asks for it
// and prints the answer.
//
// cli.go has the table of commands. The flags of a command are bound to variables whose values are
// the defaults (flags.go). urfave/cli takes flags that follow an argument for arguments, so
// args.go puts the flags first, and refuses those that no command knows.
//
// Errors are one line on standard error, and the exit status is 1. What a command was asked for
// goes to standard output; what is said about it goes to standard error.
package cli

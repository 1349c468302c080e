// Package bounded reads files that nobody has checked: within limits of memory and time, and with
// words for what is wrong in them.
//
// A [File] is random access to bytes. [File.Metered] gives its readers a [Budget], which [Gunzip]
// and the readers of images spend; what costs more is refused. [Bounds] lists all limits. They hold
// for everybody: nothing is allocated because a header says so. With these, the reading of one file
// raises the memory of a process by less than 200 MB, and a look into it by less than 64 MB,
// whatever the file holds; a preview or a header takes at most ten seconds of one core.
//
// What is wrong with a file is a [Problem] with its place. A reader that cannot go on returns one
// as an error ([Refuse]), which tells a bad file from content that could not be read.
package bounded

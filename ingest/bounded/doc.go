// Package bounded reads untrusted files within limits of memory and time, and has the types that
// describe what is wrong with them.
//
// A [File] is random access to bytes. [File.Metered] gives its readers a [Budget], which [Gunzip]
// and the readers of images charge; a file that costs more is refused. [Bounds] lists all limits,
// which are the same for all users. Nothing is allocated because a header says so. Within these
// limits, reading a file raises the memory of a process by less than 200 MB, and a preview or a
// header by less than 64 MB and ten seconds of one core, whatever the file holds.
//
// A [Problem] says what is wrong with a file, and where. A reader that cannot go on returns one as
// an error, made by [Refuse]. Other errors are failures to read the content.
package bounded

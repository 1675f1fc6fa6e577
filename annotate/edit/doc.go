// Package edit changes the annotations of a data set through its journal.
//
// A request says what to do with one instance: the line of a patch file, or what a command
// asks for. Requests that are applied together count together or not at all. They are
// checked against the instance as it is when the journal is locked: whoever comes second
// edits what the first one left, or, having named the version they had seen, is told of the
// conflict.
//
// A view is the instances of one array as they are now: the rows of the data set, with the
// journal's changes.
package edit

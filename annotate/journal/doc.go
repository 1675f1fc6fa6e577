// Package journal keeps the edits of annotations beside a data set, whose own files are
// never changed.
//
// Words:
//
//   - An entry is one change of one instance: who made it, when, and the state of the
//     instance before and after. An instance that did not exist, or does not any longer, has
//     no state.
//   - A group is the entries of one command: they count together or not at all. A merge, an
//     import of many objects and an undo are one group each.
//   - The journal is the file of all entries. It only grows: to undo is to append a group
//     that puts the states before the undone group back.
//   - The version of an instance is the number of the entry that changed it last, 0 for an
//     instance as it was converted. An edit that was made against another version is a
//     conflict.
//
// On disk:
//
//	DATASET/annotations/journal.jsonl   a header line, then one line an entry
//	DATASET/annotations/head.json       how far the journal was written when a command ended
//	DATASET/annotations/lock            locked while someone reads or appends
//
// A line is a JSON object whose last member is "sum", the SHA-256, in hexadecimal, of the
// sum of the line before (nothing for the first line) and the line's own bytes in front of
// `,"sum":`. So a changed, missing or moved line is found, and head.json tells a journal
// that was cut short at the end of a line. What follows the last whole group, as a process
// killed while it appended leaves it, is not part of the journal; the next append removes it.
package journal

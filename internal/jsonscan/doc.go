// Package jsonscan reads JSON (RFC 8259) that is larger than memory, or larger than one would like to decode
// through reflection: annotation files of millions of numbers.
//
// Words:
//
//   - A value is an object, an array, a string, a number, true, false or null; its extent is
//     its bytes from the first to the last, without white space around it.
//   - A [Cursor] reads values from bytes in memory, front to back. To skip a value checks all of it; to skim
//     it only finds its end, for what is checked elsewhere or at another time.
//   - A [Reader] is a cursor over a window that moves through a stream.
//
// Offsets are in bytes from the beginning of the stream. What breaks the grammar is a *[SyntaxError] with
// the offset. Text is read as UTF-8, and what is none becomes U+FFFD, as encoding/json has it. A key
// that an object has twice is handed out twice.
package jsonscan

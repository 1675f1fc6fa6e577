// Package pickle reads the part of Python's pickle format that numpy files of plain data
// use, and writes such files. Nothing in a pickle is run: the reader knows a handful of
// globals, all of numpy's, and refuses a pickle that names another.
//
// The words it uses are those of Python's pickletools: an opcode works on a stack; a memo
// keeps values for later; a mark tells where the items of a tuple, list or dictionary begin;
// a global is a function or class by module and name; reduce calls one.
//
// Values are Go's: nil, bool, int64, float64, string, []byte, Tuple, *List, *Dict, *Array and
// *DType.
package pickle

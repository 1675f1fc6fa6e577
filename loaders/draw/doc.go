// Package draw says which items a training run sees and in what order. It reads nothing:
// everything in it is a pure function of a seed, an epoch and a position.
//
// Words:
//
//   - An item is what a batch is made of: a crop, a tile, a question. Items are numbered
//     from 0 in the order of the data set.
//   - An epoch is one pass over all items. Its order gives the item at each position.
//   - A step takes one batch for every rank from the order, rank by rank; a rank's batches are
//     shared out to its workers in turn.
//   - A state is the position from which a run goes on. It is of the global order, so any
//     number of ranks and workers may take it up.
//
// The order, and the random numbers of an item, are defined by the formulas in this package
// and nothing else, no generator of the standard library among them: another program, or a
// later version of this one, draws the same batches.
package draw

// Package batch draws batches of crops and tiles, or of questions with their images, from data sets and
// reads them ahead.
//
// Words:
//
//   - A crop is a box at a random place; a tile is a box of a grid that covers every sample.
//     Both have an extent along the spatial axes of the sample (Z, Y, X or Y, X) and take in
//     all channels. Where a box is larger than the sample, it begins at the sample's first
//     element and what lies past the last one holds the array's fill value.
//   - A centre is an element of an instance at which a foreground crop is centred. Centres come
//     from the runs in the instances table: no voxel is read to choose a crop.
//   - A whole item is a question and the image of the sample that it is about, encoded as it was
//     converted or decoded to one size.
//   - A tensor holds one array of all items of a batch: (N, C, Z, Y, X), or without the axes
//     that the array lacks. Label arrays are merged over channels to instance ids, int32.
//   - A [Transform] is what becomes of elements and labels between the data set and a tensor. What
//     is random in it depends on the seed, the epoch and the position of an item.
//   - The memory of a [Loader] is that of its batches, from when they are begun until the consumer
//     asks for the next, of the buffers they are read with, and of chunks that are kept because a
//     later box may want another part of them. It waits for the consumer rather than hold more.
//
// What a batch holds is decided by package draw; this package finds out where that lies and
// reads it.
package batch

// Package publish makes a revision of a data set: a data set of its own, whose instances are
// those of its parent as a journal changed them.
//
// A revision is a folder that any reader opens like its parent. Its manifest names the
// parent and how much of the journal was published. The shards that did not change are the
// parent's files under a second name (hard links) where the file system has such a thing,
// else copies. The journal is kept in annotations/history, so that a revision says itself
// who changed what; its own journal begins empty. The same parent and journal give the same
// bytes.
//
// Columns of instances that a source added are kept as they are, but for those that follow
// from masks and are known here: measurements, pieces, holes, touching and shared_voxels are
// computed anew where masks changed. The chunks of label arrays
// are not drawn anew: the manifest lists the arrays whose masks changed, and loaders takes
// their labels from the masks.
package publish

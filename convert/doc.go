// Package convert turns a source into a data set: it plans the shards, writes them and
// commits them. What is particular to a source lives in a package below it.
//
// The words of this package:
//
//   - A Plan lists every shard of the data set to be and what goes into each. It is made
//     from headers alone and is a pure function of the source and the options.
//   - A Task writes one shard. Tasks of one stage do not depend on each other; a task may
//     read the facts of earlier stages.
//   - Facts are what a task learned in passing and a later stage needs: the runs of an
//     instance within the chunks of one shard, say. They let every voxel be decoded once.
//   - A chain is a run of tasks that read neighbouring parts of the same arrays. One
//     Session serves a chain in order, so that a source chunk cut by a shard boundary
//     need not be decoded twice. A session of a single task gives the same bytes.
//   - A receipt (rows, bytes, sha256) says that a task is done.
//
// Data moves one way:
//
//	Source.Plan -> Execute: Session.Run per task -> receipts, facts -> Commit: cards, manifest
//
// Until Commit has renamed manifest.json into place the destination is not a data set.
// Everything else an unfinished conversion needs lies in the folder .micropq beside it.
package convert

// Package arrowflight serves batches of data sets over Arrow Flight.
//
// Words:
//
//   - A set is a data set under the name by which clients ask for it.
//   - A request says what to draw: data sets, their weights and the sampling options. As JSON it is
//     the command of a flight descriptor and the ticket of a stream; see [Request].
//   - A ticket holds all that a stream depends on but the data. The server keeps nothing between
//     calls, so any server of the same data sets answers it, also after a restart.
//   - A piece is a record batch that holds some rows of a batch that is larger than a message may
//     be. Its application metadata says which; see [Piece].
//   - A share is the part of the server's memory that a stream reserves when it begins and gives back
//     when it ends.
//
// A slow client slows its own stream by the flow control of gRPC: the loader of a stream waits with its
// share full. docs/serving.md describes the protocol for clients in other languages.
package arrowflight

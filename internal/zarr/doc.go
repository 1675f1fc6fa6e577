// Package zarr reads zarr v2 and v3 arrays from a store (zarr.readthedocs.io: "Zarr storage
// specification version 2", zarr-specs.readthedocs.io: "Zarr core specification 3.0").
//
// An array is cut into chunks of one shape; each chunk is an object of its own, encoded by
// a chain of codecs. A chunk at the far edge is as large as the others; a chunk whose object
// is absent holds the fill value. Elements are handed out little-endian whatever their order
// in the store.
package zarr

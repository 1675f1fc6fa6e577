// Package labelfile exchanges annotations as label images: each element holds the id of the
// instance it belongs to, 0 for none. It writes and reads TIFF (to 32 bit), PNG (16 bit),
// .npy and zarr version 2.
//
// A label image holds one id an element. Where objects overlap the higher id is kept and the
// others lose voxels, as where micropq merges channels; that, and ids that the elements
// cannot hold, are refused unless losses are allowed.
//
// Images are drawn and read row by row: memory follows the runs of the objects and not the
// elements of the image.
package labelfile

// Package tiffio reads TIFF and BigTIFF files (TIFF 6.0, the BigTIFF design, and the
// extensions that microscopy uses), by region and in bounded memory.
//
// Words:
//
//   - A directory (IFD) is a table of tags in the file; a page is the image that it
//     describes. Pages form a chain; a page may have more directories below it (SubIFDs),
//     mostly smaller copies of itself, the levels of a pyramid.
//   - A sample is one number of a pixel. Samples are chunky (RGBRGB) or planar (RR GG BB).
//   - A segment is what is compressed on its own: a strip or a tile, of one plane where
//     samples are planar.
//   - A band is what is decoded and cached as one: a run of rows in one column of segments.
//     Of a large strip it is a part, which is decoded in passing while the strip is read
//     from its beginning; of small strips it is several.
//   - A series is the N-D array that one or several pages mean together, as OME-XML or an
//     ImageJ description say, along axes out of TCZYX.
//
// Data moves one way: bytes of the file -> decompressed segment -> predictor undone ->
// little-endian samples in a band -> region.
//
// Values are given as they are stored: indices of a palette stay indices, WhiteIsZero is not
// inverted, rows are not turned by Orientation. What they mean is told by the Page. The one
// exception is JPEG in YCbCr, which is given as RGB. What cannot be read is refused with an
// *UnsupportedError that names it.
package tiffio

// Package qupath exchanges annotations as GeoJSON (RFC 7946) in the dialect of QuPath: a
// collection of features, each with an objectType, a classification and measurements.
//
// Coordinates are pixels, x then y, in corner coordinates, so an outline runs along pixel
// edges; RFC 7946 means degrees by them, and QuPath does not. Outer rings are written
// counter-clockwise and holes clockwise in the sense of RFC 7946 3.1.6, that is with Y pointing
// up. A mask of several pieces is a MultiPolygon. In a volume each plane of an object is a
// feature of its own, whose geometry has a plane (c, z, t) as QuPath writes it.
//
// The id of an instance is kept twice: in the feature's id, a UUID of version 8 (RFC 9562)
// whose last 62 bits it is, which QuPath keeps, and in properties.metadata. A feature with
// neither, as QuPath makes them, is an object without an id.
package qupath

// Package store reads named objects from where a source or a data set lies: a directory,
// a zip archive read in place, or either of them behind an HTTP(S) URL.
//
// An object is an immutable run of bytes under a key; keys are slash-separated and
// relative ("volumes/raw/.zarray"). A Store never writes and is safe for concurrent use.
//
// Whatever a location holds, a key means one object below it: keys with empty, "." or ".."
// segments are refused, links of a directory are followed only inside of it, and an archive
// with an entry that climbs out is not opened at all. Sizes that an archive or a server
// claims are checked before memory is taken for them. Where a reader fails it returns dst
// as it was given.
//
// Requests that fail for a passing reason are sent again, and a range that breaks off goes
// on where it broke. A remote object that was opened (an archive, a Reader) must stay the
// same until it is closed: another ETag, Last-Modified or size is a *ChangedError.
package store

import (
	"context"
	"errors"
	"io/fs"
)

// ErrNotExist is what Stat and the readers return, wrapped, for a key without an object.
var ErrNotExist = fs.ErrNotExist

// ErrNoList is what List returns, wrapped, for a store that cannot enumerate its objects,
// such as a plain HTTP directory.
var ErrNoList = errors.New("the store cannot list its objects")

// Info describes an object.
type Info struct {
	Key  string
	Size int64 // decoded size in bytes: what Get returns
	// Stored is the size in the store, smaller than Size for a deflated zip entry.
	Stored int64
}

// Store reads objects.
type Store interface {
	// Stat describes the object at key.
	Stat(ctx context.Context, key string) (Info, error)
	// Get appends the whole object to dst and returns the result. It fails before it
	// allocates when the object is larger than limit bytes, and when a checksum that the
	// store keeps (a zip entry's CRC) disagrees.
	Get(ctx context.Context, key string, dst []byte, limit int64) ([]byte, error)
	// GetRange appends n bytes of the object from off. The range must lie within it.
	GetRange(ctx context.Context, key string, off, n int64, dst []byte) ([]byte, error)
	// List describes all objects whose key begins with prefix ("" or ending in "/"),
	// sorted by key, with their full keys.
	List(ctx context.Context, prefix string) ([]Info, error)
	// String is the location for people, as in an error message.
	String() string
	Close() error
}

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
)

// Sentinels for errors.Is. Each is wrapped with the location and the key or entry it is about.
var (
	// ErrInvalidKey is a key that is empty, absolute, or has an empty, "." or ".." segment.
	ErrInvalidKey = errors.New("invalid key")
	// ErrNoRange is a server that answers a range request with the whole object.
	ErrNoRange = errors.New("the server does not answer range requests; " +
		"download the object, or serve it by a server that does")
	// ErrUnsafeName is a zip entry whose name leads out of the archive.
	ErrUnsafeName = errors.New("the entry's name leads out of the archive")
	// ErrDuplicate is a zip entry whose name another entry has too.
	ErrDuplicate = errors.New("two entries have this name")
	// ErrUnsupported is a zip entry that is encrypted or packed by another method than deflate.
	ErrUnsupported = errors.New("unsupported")
)

// RangeError is a range that leaves its object.
type RangeError struct {
	Key          string
	Off, N, Size int64 // in bytes
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("%s: %d bytes from %d leave the object of %d bytes", e.Key, e.N, e.Off, e.Size)
}

// TooLargeError is an object larger than its reader allows.
type TooLargeError struct {
	Key         string
	Size, Limit int64 // in bytes; Size is -1 where the server does not tell it
}

func (e *TooLargeError) Error() string {
	if e.Size < 0 {
		return fmt.Sprintf("%s: larger than the %d bytes allowed", e.Key, e.Limit)
	}
	return fmt.Sprintf("%s: %d bytes, larger than the %d allowed", e.Key, e.Size, e.Limit)
}

// ChecksumError is a zip entry whose bytes disagree with the CRC-32 of the archive's directory.
type ChecksumError struct {
	Archive, Key string
	Want, Got    uint32
}

func (e *ChecksumError) Error() string {
	return fmt.Sprintf("%s: entry %q is damaged: its CRC-32 is %08x, the archive says %08x; fetch the archive again",
		e.Archive, e.Key, e.Got, e.Want)
}

// ArchiveError is a zip archive that cannot be trusted, or one entry of it that cannot be read.
type ArchiveError struct {
	Archive string
	Entry   string // as the archive spells it; "" when the archive as a whole is meant
	Err     error
}

func (e *ArchiveError) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("%s: bad zip archive: %v", e.Archive, e.Err)
	}
	return fmt.Sprintf("%s: entry %q: %v", e.Archive, e.Entry, e.Err)
}

func (e *ArchiveError) Unwrap() error { return e.Err }

// ChangedError is a remote object that is no longer the one that was opened.
type ChangedError struct {
	URL       string
	What      string // "size", "ETag" or "Last-Modified"
	Want, Got string
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s: the object changed while it was read: its %s was %s and is %s; start again",
		e.URL, e.What, e.Want, e.Got)
}

// StatusError is an HTTP answer that is no success. It is ErrNotExist for 404 and 410, and
// fs.ErrPermission for 401 and 403.
type StatusError struct {
	Code int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.Code, http.StatusText(e.Code))
}

// Is makes errors.Is see what the status means.
func (e *StatusError) Is(target error) bool {
	switch e.Code {
	case http.StatusNotFound, http.StatusGone:
		return target == fs.ErrNotExist
	case http.StatusUnauthorized, http.StatusForbidden:
		return target == fs.ErrPermission
	}
	return false
}

// IsTransport reports errors of getting at bytes, which say nothing about the bytes.
func IsTransport(err error) bool {
	var (
		path    *fs.PathError
		network net.Error
		status  *StatusError
		changed *ChangedError
	)
	return errors.As(err, &path) || errors.As(err, &network) || errors.As(err, &status) || errors.As(err, &changed) ||
		errors.Is(err, fs.ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

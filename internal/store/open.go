package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options says how remote stores are read. The zero value works.
type Options struct {
	Client       *http.Client  // default: one of the store's own, like http.DefaultClient
	MaxRetries   int           // of a request that fails for a passing reason; default 5, negative: none
	Backoff      time.Duration // before the first retry, doubled for each further one; default 200 ms
	StallTimeout time.Duration // a request that brings no byte for so long has failed; default 60 s
	MaxRequests  int           // under way at one time; default 16
	UserAgent    string        // default "micropq"
}

// withDefaults fills in what is left out.
func (o Options) withDefaults() Options {
	if o.MaxRetries == 0 {
		o.MaxRetries = 5
	}
	if o.Backoff <= 0 {
		o.Backoff = 200 * time.Millisecond
	}
	if o.StallTimeout <= 0 {
		o.StallTimeout = time.Minute
	}
	if o.MaxRequests <= 0 {
		o.MaxRequests = 16
	}
	if o.UserAgent == "" {
		o.UserAgent = "micropq"
	}
	return o
}

// Open opens the store at a location:
//
//   - a directory;
//   - a zip archive, whatever its name;
//   - a file:// URL of one of these;
//   - an http:// or https:// URL of a zip archive (its path ends in .zip, or the object ends
//     as an archive does), or else of a directory.
//
// Whether a directory behind a URL exists shows only when a key is read. A local location
// that does not exist is an error that wraps fs.ErrNotExist.
func Open(ctx context.Context, location string, o Options) (Store, error) {
	scheme, rest, isURL := strings.Cut(location, "://")
	if !isURL {
		return openLocal(ctx, location)
	}
	switch strings.ToLower(scheme) {
	case "http", "https":
		return openURL(ctx, location, o)
	case "file":
		name, err := fileURLPath(location)
		if err != nil {
			return nil, err
		}
		return openLocal(ctx, name)
	}
	return nil, fmt.Errorf("%s://%s: scheme %q is not supported; give a directory, a zip archive, or a file, http or https URL",
		scheme, withoutSecrets(rest), scheme)
}

func openLocal(ctx context.Context, name string) (Store, error) {
	if name == "" {
		return nil, errors.New("the location is empty; give a directory, a zip archive or a URL")
	}
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missingLocation(name)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case info.IsDir():
		return openDir(name)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: neither a directory nor a zip archive but a %v", name, info.Mode().Type())
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return openArchive(ctx, &fileSource{File: f, length: info.Size()}, name, false)
}

// missingLocation says what was tried in full, since a relative path hides where it began.
func missingLocation(name string) error {
	tried, err := filepath.Abs(name)
	if err != nil {
		tried = name
	}
	return fmt.Errorf("%s: %w: no directory and no zip archive at %s", name, fs.ErrNotExist, tried)
}

// fileURLPath is the path of a file URL (RFC 8089).
func fileURLPath(location string) (string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return "", fmt.Errorf("%q is not a valid file URL: %w", location, err)
	}
	if u.Host != "" && u.Host != "localhost" {
		return "", fmt.Errorf("%q names the host %q; a file URL has three slashes: file:///path", location, u.Host)
	}
	name := filepath.FromSlash(u.Path)
	if drive := strings.TrimPrefix(name, `\`); filepath.VolumeName(drive) != "" {
		name = drive
	}
	return name, nil
}

// fileSource is an archive in a file.
type fileSource struct {
	*os.File
	length int64
}

func (f *fileSource) size() int64 { return f.length }

func (f *fileSource) readAt(ctx context.Context, p []byte, off int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return readFull(f.File, p, off)
}

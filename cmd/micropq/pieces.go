package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unsafe"

	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/loaders"
)

// pieces cuts a region into boxes of at most budget bytes, at the borders of chunks so that
// none is decoded twice: first along Z, then Y, then T and C, never along X or the
// instances of masks. A chunk's worth of rows is the smallest piece.
func pieces(r loaders.Region, chunk []int, axes string, itemSize int, budget int64) iter.Seq[loaders.Region] {
	return func(yield func(loaders.Region) bool) {
		var cut func(r loaders.Region) bool
		cut = func(r loaders.Region) bool {
			if int64(r.Elements()*itemSize) > budget {
				for _, axis := range "ZYTC" {
					k := strings.IndexRune(axes, axis)
					if k < 0 {
						continue
					}
					if at := middle(r.Origin[k], r.Shape[k], chunk[k]); at > 0 {
						return cut(part(r, k, 0, at)) && cut(part(r, k, at, r.Shape[k]))
					}
				}
			}
			return yield(r)
		}
		cut(r)
	}
}

// middle is the border of a chunk nearest below the middle of n elements from origin, or
// else the first border, relative to origin; 0 when there is none inside.
func middle(origin, n, chunk int) int {
	at := (origin+n/2)/chunk*chunk - origin
	if at <= 0 {
		at += chunk
	}
	if at >= n {
		return 0
	}
	return at
}

// part is r from lo to hi along axis k, relative to r.
func part(r loaders.Region, k, lo, hi int) loaders.Region {
	out := loaders.Region{Origin: append([]int(nil), r.Origin...), Shape: append([]int(nil), r.Shape...)}
	out.Origin[k] += lo
	out.Shape[k] = hi - lo
	return out
}

// writeBox writes the elements of a box to their places in a file that holds an array of the
// shape in C order from base on.
func writeBox(w io.WriterAt, base int64, shape []int, box loaders.Region, itemSize int, data []byte) error {
	// run bytes lie together in the file over the axes from outer on.
	run, stride, outer := itemSize, int64(itemSize), len(shape)
	for outer > 0 {
		outer--
		run *= box.Shape[outer]
		base += int64(box.Origin[outer]) * stride
		stride *= int64(shape[outer])
		if box.Shape[outer] != shape[outer] {
			break
		}
	}
	return writeRuns(w, base, stride, shape[:outer], box, run, data)
}

// writeRuns writes a run at every position of the outer axes, whose innermost has the stride.
func writeRuns(w io.WriterAt, base, stride int64, shape []int, box loaders.Region, run int, data []byte) error {
	strides := make([]int64, len(shape))
	for k := len(shape) - 1; k >= 0; k-- {
		strides[k] = stride
		base += int64(box.Origin[k]) * stride
		stride *= int64(shape[k])
	}
	for i := range nd.Elements(box.Shape[:len(shape)]) {
		at := base
		for k, left := len(shape)-1, i; k >= 0; k-- {
			at += int64(left%box.Shape[k]) * strides[k]
			left /= box.Shape[k]
		}
		if _, err := w.WriteAt(data[i*run:(i+1)*run], at); err != nil {
			return err
		}
	}
	return nil
}

// elements sees bytes, whose memory comes from make and is aligned, as elements.
func elements[T bool | uint32 | int64](b []byte) []T {
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

// output is a file that gets its name when it is whole. Standard output, and what is no file, such as
// a pipe or /dev/null, go through a temporary file as well: nothing is written when reading fails.
type output struct {
	path   string // "-" for standard output
	file   *os.File
	copied bool // finish copies the file rather than rename it
}

func createOutput(path string) (*output, error) {
	if path != "-" {
		// A file behind a link is replaced, not the link.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	info, err := os.Stat(path)
	switch {
	case path == "-" || err == nil && !info.IsDir() && !info.Mode().IsRegular():
		f, err := os.CreateTemp("", "micropq-output-*")
		return &output{path, f, true}, err
	case err == nil && info.IsDir():
		return nil, usagef("-o %s is a folder: want a file", path)
	}
	dir, name := filepath.Split(path)
	if _, err := os.Stat(filepath.Clean(dir)); errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("-o %s: there is no folder %s", path, dir)
	}
	// Not CreateTemp, whose files nobody else may read.
	part := fmt.Sprintf("%s.%s.%d.part", dir, name, os.Getpid())
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	return &output{path, f, false}, err
}

// finish gives the file its name, or copies it to where files have none.
func (o *output) finish(stdout io.Writer) error {
	if o.copied {
		return errors.Join(o.copyTo(stdout), o.abort())
	}
	err := o.file.Close()
	if err == nil {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(o.file.Name()))
	}
	return nil
}

func (o *output) copyTo(w io.Writer) (err error) {
	if o.path != "-" {
		device, err := os.OpenFile(o.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, device.Close()) }()
		w = device
	}
	if _, err = o.file.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(w, o.file)
	}
	return err
}

// abort removes the file.
func (o *output) abort() error { return errors.Join(o.file.Close(), os.Remove(o.file.Name())) }

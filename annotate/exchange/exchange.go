package exchange

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/micropq/micropq/internal/mask"
	"github.com/micropq/micropq/schemas"
)

// Canvas is the array that masks lie in.
type Canvas struct {
	Sample, Array string
	Axes          string // ZYX or YX
	Z, Y, X       int    // extents; Z is 1 where Axes has none
	// PixelSizeUM are micrometres per element along Axes, nil where they are not known.
	PixelSizeUM []float64
}

// Flat reports whether the canvas is an image, not a volume.
func (c *Canvas) Flat() bool { return !strings.Contains(c.Axes, "Z") }

// Shape is the extents along Axes.
func (c *Canvas) Shape() []int {
	if c.Flat() {
		return []int{c.Y, c.X}
	}
	return []int{c.Z, c.Y, c.X}
}

// Box is the whole canvas.
func (c *Canvas) Box() schemas.BBox {
	return schemas.BBox{Z1: int32(c.Z), Y1: int32(c.Y), X1: int32(c.X)}
}

// Measurement is a number that some formats keep with an object.
type Measurement struct {
	Name  string
	Value float64
}

// Object is an annotated object.
type Object struct {
	ID           int64  // 0 where a format gives none
	Class        string // "" for none
	Status       string // review status, "" for none
	Mask         mask.Mask
	Measurements []Measurement // written by the formats that have a place for them
}

// Options say how objects are written.
type Options struct {
	Lossy bool // leave out what the format cannot hold
}

// Report says what was written.
type Report struct {
	Objects int      `json:"objects"` // written, in whole or in part
	Lost    int64    `json:"lost"`    // voxels that the format cannot hold
	Notes   []string `json:"notes,omitempty"`
}

// Format reads and writes the objects of one canvas.
type Format interface {
	// Name is what the command line calls the format.
	Name() string
	// Matches reports whether a file of this (lower-case) name is of the format by custom.
	Matches(name string) bool
	// Write makes the file at path, which does not exist. Nothing is left where it fails, or
	// Export removes it. Objects have masks inside the canvas, and ids that differ.
	Write(ctx context.Context, path string, c *Canvas, objects []Object, o Options) (Report, error)
	// Read reads the objects of a file made for the canvas.
	Read(ctx context.Context, path string, c *Canvas) ([]Object, error)
}

// Sentinels for errors.Is.
var (
	// ErrInput is a file that cannot be read as annotations of the canvas.
	ErrInput = errors.New("cannot read annotations")
	// ErrLossy is what a format cannot hold.
	ErrLossy = errors.New("the format cannot hold this")
)

// LossError says what a format cannot hold.
type LossError struct {
	Format string
	Lost   int64  // voxels; 0 where that is no question of voxels
	Reason string // and what to do
}

func (e *LossError) Error() string {
	if e.Lost == 0 {
		return fmt.Sprintf("%v: %s: %s", ErrLossy, e.Format, e.Reason)
	}
	return fmt.Sprintf("%v: %s: %s; --lossy leaves out %d voxels", ErrLossy, e.Format, e.Reason, e.Lost)
}

// Unwrap makes errors.Is see [ErrLossy].
func (e *LossError) Unwrap() error { return ErrLossy }

// Find is the format of a name, or, with an empty one, the format that a file's name tells.
func Find(formats []Format, name, file string) (Format, error) {
	base := strings.ToLower(filepath.Base(filepath.Clean(file)))
	var names []string
	for _, f := range formats {
		if f.Name() == name || name == "" && f.Matches(base) {
			return f, nil
		}
		names = append(names, f.Name())
	}
	if name != "" {
		return nil, fmt.Errorf("format %q: want one of %s", name, strings.Join(names, ", "))
	}
	return nil, fmt.Errorf("%s: the name tells no format: name one of %s", file, strings.Join(names, ", "))
}

// Export writes objects to a file, or, for zarr, a folder, which appears whole or not at
// all. A file that is there is replaced, a folder is not.
func Export(ctx context.Context, f Format, path string, c *Canvas, objects []Object, o Options) (r Report, err error) {
	if err := check(c, objects); err != nil {
		return r, err
	}
	if fi, err := os.Stat(path); err == nil && !fi.Mode().IsRegular() {
		return r, fmt.Errorf("%s is there already and is no file: name another, or remove it", path)
	}
	dir, err := os.MkdirTemp(filepath.Dir(filepath.Clean(path)), ".micropq-export-*")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	part := filepath.Join(dir, filepath.Base(filepath.Clean(path)))
	if r, err = f.Write(ctx, part, c, objects, o); err != nil {
		return r, err
	}
	return r, os.Rename(part, path)
}

// Create writes a new file through a buffer.
func Create(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}

// check reports objects that no format takes.
func check(c *Canvas, objects []Object) error {
	seen := make(map[int64]bool, len(objects))
	for i := range objects {
		o := &objects[i]
		b := o.Mask.BBox()
		switch {
		case o.ID < 1:
			return fmt.Errorf("instance id %d: ids are positive", o.ID)
		case seen[o.ID]:
			return fmt.Errorf("instance id %d is taken twice", o.ID)
		case len(o.Mask) == 0:
			return fmt.Errorf("instance %d has no mask", o.ID)
		case int(b.Z1) > c.Z || int(b.Y1) > c.Y || int(b.X1) > c.X:
			return fmt.Errorf("instance %d leaves its array of shape %v: its box is %v", o.ID, c.Shape(), b)
		}
		seen[o.ID] = true
	}
	return nil
}

// Import reads the objects of a file, sorted by id, those without one last.
func Import(ctx context.Context, f Format, path string, c *Canvas) ([]Object, error) {
	objects, err := f.Read(ctx, path, c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	seen := make(map[int64]bool, len(objects))
	for i := range objects {
		o := &objects[i]
		switch {
		case len(o.Mask) == 0:
			return nil, fmt.Errorf("%w: %s: object %d has no pixel inside the array of shape %v", ErrInput, path, i+1, c.Shape())
		case o.ID < 0:
			return nil, fmt.Errorf("%w: %s: object %d has id %d: ids are positive", ErrInput, path, i+1, o.ID)
		case o.ID > 0 && seen[o.ID]:
			return nil, fmt.Errorf("%w: %s: id %d is taken twice", ErrInput, path, o.ID)
		}
		seen[o.ID] = true
	}
	slices.SortStableFunc(objects, func(a, b Object) int {
		switch {
		case a.ID == b.ID:
			return 0
		case a.ID == 0 || b.ID != 0 && a.ID > b.ID:
			return 1
		}
		return -1
	})
	return objects, nil
}

// ReadLimited reads a file of text that is held whole, up to a limit.
func ReadLimited(path string) ([]byte, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if fi.Size() > maxText {
		return nil, fmt.Errorf("%w: %d bytes: files of up to %d are read", ErrInput, fi.Size(), int64(maxText))
	}
	return os.ReadFile(path)
}

// maxText holds some million instances as JSON.
const maxText = 2 << 30

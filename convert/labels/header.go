package labels

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/store"
	"github.com/micropq/micropq/schemas"
)

// Readable reports whether files with an extension, such as .tif, are read.
func Readable(ext string) bool {
	return slices.Contains([]string{".tif", ".tiff", ".png"}, strings.ToLower(ext))
}

// header is what the header of a file says.
type header struct {
	key      string
	axes     string // YX or CYX, or more where the file holds more
	shape    []int
	dtype    schemas.DType
	channels []string  // names that the file gives, nil for none
	pixelUM  []float64 // micrometres along Y and X, nil where unknown
	whyNot   string    // why pixelUM is nil
	reader   func(ctx context.Context, s store.Store) arrays.Source
}

// openHeader reads the header of a file.
func openHeader(ctx context.Context, s store.Store, key string) (*header, error) {
	if strings.EqualFold(path.Ext(key), ".png") {
		return openPNG(ctx, s, key)
	}
	return openTIFF(ctx, s, key)
}

// source is the picture as the source of an array; ctx bounds the reads.
func (p *header) source(ctx context.Context, s store.Store) arrays.Source { return p.reader(ctx, s) }

func (p *header) channelCount() int {
	if c := strings.IndexByte(p.axes, 'C'); c >= 0 {
		return p.shape[c]
	}
	return 1
}

// plane is the height and width.
func (p *header) plane() (hw [2]int) {
	copy(hw[:], p.shape[len(p.shape)-2:])
	return hw
}

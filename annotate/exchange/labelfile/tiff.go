package labelfile

import (
	"context"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/schemas"
)

// TIFF is a grey image, one page a plane.
type TIFF struct {
	DType       schemas.DType // of the elements, unsigned; "" for the smaller of uint16 and uint32 that holds the ids
	Description string        // of the first page, "" for one that gives the shape in tifffile's way
	Software    string
}

// Name implements exchange.Format.
func (TIFF) Name() string { return "tif" }

// Matches implements exchange.Format.
func (TIFF) Matches(name string) bool {
	return strings.HasSuffix(name, ".tif") || strings.HasSuffix(name, ".tiff")
}

// Write implements exchange.Format.
func (f TIFF) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (exchange.Report, error) {
	d, err := NewDrawing(f.Name(), c, objects, o.Lossy, typesOf(f.DType, schemas.Uint16, schemas.Uint32)...)
	if err != nil {
		return exchange.Report{}, err
	}
	return d.Report(), writeTIFF(ctx, path, d, f)
}

// Read implements exchange.Format.
func (TIFF) Read(ctx context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	return read(ctx, path, c)
}

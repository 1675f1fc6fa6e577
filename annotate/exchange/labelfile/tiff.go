package labelfile

import (
	"context"
	"strings"

	"github.com/micropq/micropq/annotate/exchange"
	"github.com/micropq/micropq/schemas"
)

// TIFF is a grey image of 16 or 32 bits, one page a plane.
type TIFF struct{}

// Name implements exchange.Format.
func (TIFF) Name() string { return "tif" }

// Matches implements exchange.Format.
func (TIFF) Matches(name string) bool {
	return strings.HasSuffix(name, ".tif") || strings.HasSuffix(name, ".tiff")
}

// Write implements exchange.Format.
func (f TIFF) Write(ctx context.Context, path string, c *exchange.Canvas, objects []exchange.Object, o exchange.Options) (exchange.Report, error) {
	d, err := NewDrawing(f.Name(), c, objects, o.Lossy, schemas.Uint16, schemas.Uint32)
	if err != nil {
		return exchange.Report{}, err
	}
	return d.Report(), writeTIFF(ctx, path, d)
}

// Read implements exchange.Format.
func (TIFF) Read(ctx context.Context, path string, c *exchange.Canvas) ([]exchange.Object, error) {
	return read(ctx, path, c)
}

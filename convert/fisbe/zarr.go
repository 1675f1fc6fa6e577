package fisbe

import (
	"github.com/micropq/micropq/convert/arrays"
	"github.com/micropq/micropq/internal/nd"
	"github.com/micropq/micropq/internal/zarr"
)

// zarrSource is a zarr array as the source of a conversion.
type zarrSource struct{ *zarr.Array }

func (z zarrSource) Reader(schedule []nd.Region, budget int64, onObject func(key string, off int64, encoded []byte)) (arrays.Reader, error) {
	return z.NewReader(zarr.ReaderOptions{Budget: budget, Schedule: schedule, OnObject: onObject})
}
